//! What `skerry dev` prints: each request, and every line of the console with its place in the source.

use harness::{Dev, Project};

#[tokio::test]
async fn requests_and_console_lines() {
    let project = Project::empty()
        .file("wrangler.toml", "name = \"talks\"\nmain = \"src/index.ts\"\ncompatibility_date = \"2026-01-01\"\n")
        .file("src/log.ts", "export function say(what: unknown): void {\n  console.log('said', what);\n}\n")
        .file(
            "src/index.ts",
            r#"import { say } from "./log";
            type Shape = { deep: { list: number[]; map: Map<string, Set<number>> } };
            export default {
              async fetch(request: Request): Promise<Response> {
                const shape: Shape = { deep: { list: [1, 2, 3], map: new Map([["k", new Set([1])]]) } };
                say(shape);
                console.error(new TypeError("as an object"));
                console.warn("%s is %d", "answer", 42, "extra");
                return new Response("x", { status: 418 });
              },
            };
            "#,
        );
    let dev = Dev::start(&project).await;
    let answer = dev.request("PUT", "/some/path?q=1").body("x").await;
    assert_eq!(answer.status(), 418);

    // METHOD path status, milliseconds of wall and of CPU.
    let line = dev.line("/some/path").await;
    for wanted in ["PUT", "418", "ms", "CPU"] {
        assert!(line.contains(wanted), "no {wanted:?} in {line:?}");
    }
    // As Node and Chrome show values, with the line of the TypeScript that asked.
    let line = dev.line("said").await;
    assert!(line.contains("{ deep: { list: [ 1, 2, 3 ], map: Map(1) { 'k' => [Set] } } }"), "{line:?}");
    assert!(dev.output().contains("src/log.ts:2"), "no place of the console.log in:\n{}", dev.output());
    // Stacks in the text are in terms of the sources too.
    dev.line("TypeError: as an object").await;
    dev.line("at Object.fetch (src/index.ts:7:").await;
    dev.line("answer is 42 extra").await;
}

#[tokio::test]
async fn several_workers_are_told_apart_by_host() {
    let answer =
        |name: &str| Project::named(name, "", &format!("export default {{ fetch: () => new Response('{name}') }};"));
    let (one, two) = (answer("one"), answer("two"));
    let dev = Dev::with(&[], &[one.path(), two.path()]).await;
    let port = dev.address().port();
    for name in ["one", "two"] {
        let host = format!("{name}.localhost:{port}");
        assert!(dev.output().contains(&format!("http://{host}")), "{host} is not announced:\n{}", dev.output());
        assert_eq!(harness::text(dev.get("/").header("host", &host).send().await).await, name);
    }
    let unknown = dev.get("/").header("host", &format!("three.localhost:{port}")).send().await;
    assert_eq!(unknown.status(), 404);
    let text = harness::text(unknown).await;
    assert!(text.contains("one.localhost") && text.contains("two.localhost"), "{text}");
}

#[tokio::test]
async fn a_busy_port_is_told_plainly() {
    let project = Project::worker("export default { fetch: () => new Response('x') };");
    let dev = Dev::start(&project).await;
    let port = dev.address().port().to_string();
    let path = project.path().to_str().unwrap();
    let refused = harness::skerry(project.path(), &["dev", "--port", &port, path]).await.refused();
    assert!(refused.stderr.contains(&port) && refused.stderr.contains("in use"), "{}", refused.stderr);
}
