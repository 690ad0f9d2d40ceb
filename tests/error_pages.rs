//! What a client sees when a Worker fails.

use harness::{Dev, Project};

const THROWS: &str = r#"
    interface Visitor { name: string }

    function greet(visitor: Visitor | undefined): string {
      return visitor!.name;
    }

    export default {
      async fetch(request: Request): Promise<Response> {
        const { pathname } = new URL(request.url);
        if (pathname === "/null") return null as unknown as Response;
        if (pathname === "/string") throw "just text";
        if (pathname === "/cause") {
          try { greet(undefined); } catch (cause) { throw new Error("no greeting", { cause }); }
        }
        if (pathname === "/escape") throw new Error("<script>alert(1)</script>");
        return new Response(greet(undefined));
      },
    };
"#;

fn project() -> Project {
    Project::empty()
        .file("wrangler.toml", "name = \"throws\"\nmain = \"src/index.ts\"\ncompatibility_date = \"2026-01-01\"\n")
        .file("src/index.ts", THROWS)
}

#[tokio::test]
async fn a_browser_gets_a_page_that_shows_the_source() {
    let project = project();
    let dev = Dev::start(&project).await;
    let answer = dev.get("/").header("accept", "text/html,application/xhtml+xml").send().await;
    assert_eq!(answer.status(), 500);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let page = harness::text(answer).await;
    let shown = without_tags(&page);
    for wanted in ["1101", "Cannot read properties of undefined", "src/index.ts:5", "return visitor!.name;"] {
        assert!(shown.contains(wanted), "no {wanted:?} in the page:\n{page}");
    }
    // A link opens the file where it is.
    let file = project.join("src/index.ts");
    assert!(page.contains(&file.display().to_string()), "no link to {} in:\n{page}", file.display());

    let page = harness::text(dev.get("/cause").header("accept", "text/html").send().await).await;
    let shown = without_tags(&page);
    for wanted in ["no greeting", "Caused by", "Cannot read properties of undefined", "src/index.ts:5"] {
        assert!(shown.contains(wanted), "no {wanted:?} in the page:\n{page}");
    }
    dev.line("caused by TypeError: Cannot read properties of undefined").await;

    let page = harness::text(dev.get("/escape").header("accept", "text/html").send().await).await;
    assert!(!page.contains("<script>alert(1)"), "the message is not escaped:\n{page}");
}

/// What a page reads like.
fn without_tags(page: &str) -> String {
    page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect()
}

#[tokio::test]
async fn others_get_text() {
    let project = project();
    let mut dev = Dev::start(&project).await;
    let cases = [
        ("/", "Cannot read properties of undefined"),
        ("/null", "did not resolve to 'Response'"),
        ("/string", "just text"),
    ];
    for (path, wanted) in cases {
        let answer = dev.get(path).header("accept", "*/*").send().await;
        assert_eq!(answer.status(), 500, "{path}");
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"), "{path}");
        let text = harness::text(answer).await;
        assert!(text.contains(wanted), "{path}: {text}");
    }
    // The terminal shows the stack with the positions of the source, not of the bundle.
    dev.line("src/index.ts:5").await;
    dev.line("just text").await;
    dev.assert_alive();
}

#[tokio::test]
async fn pass_through_on_exception_goes_to_the_origin() {
    let origin = harness::Origin::start(|_| async { harness::Origin::text("from the origin") }).await;
    let project = Project::worker(
        r#"
        export default {
          async fetch(request, env, ctx) {
            ctx.passThroughOnException();
            throw new Error("fell over");
          },
        };
        "#,
    );
    // In dev the origin is the host that the request names.
    let dev = Dev::start(&project).await;
    let answer = dev.get("/").header("host", &origin.address().to_string()).send().await;
    assert_eq!(answer.status(), 200);
    assert_eq!(harness::text(answer).await, "from the origin");
}
