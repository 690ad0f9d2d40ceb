//! Projects as people have them, deployed with the stock wrangler: what create-cloudflare makes, a Hono app, a React site that Vite builds.

use std::time::Duration;

use harness::browser::Browser;
use harness::{PATIENCE, Project, Served, text};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

/// A project of the repository, with the packages of `tests/node_modules`.
fn project(folder: &str) -> Project {
    let project = Project::copy_of(folder);
    std::os::unix::fs::symlink(harness::root().join("tests/node_modules"), project.join("node_modules")).unwrap();
    project
}

/// `.ci/setup test` has run create-cloudflare itself, as `npm create cloudflare` does.
#[tokio::test]
async fn what_create_cloudflare_makes_is_deployed() {
    let served = Served::start().await;
    let project = project("tests/node_modules/.create-cloudflare/hello");
    served.wrangler(project.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("hello", "/").await, "Hello World!");
    // Its configuration asks for source maps: an exception names the line as it was written.
    project.write(
        "src/index.js",
        "// One line.\nexport default {\n\tfetch() {\n\t\tthrow new Error('thrown');\n\t},\n};\n",
    );
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let tail = served.wrangler_running(project.path(), &["tail", "--format", "json"]);
    let told = async {
        while !tail.output().contains("thrown") {
            assert_eq!(served.text("hello", "/").await, "error code: 1101");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("the exception is told of");
}

#[tokio::test]
async fn a_hono_app_is_deployed() {
    let served = Served::start().await;
    let project = project("tests/serve_projects/hono");
    let told = served.wrangler(project.path(), &["deploy"]).await.ok().text();
    assert!(told.contains("NOTES"), "{told}");

    let first = served.request("GET", "notes", "/").send().await;
    let headers = first.headers();
    assert_eq!(headers["set-cookie"], "visits=1; Path=/; HttpOnly");
    assert_eq!(
        (&headers["x-frame-options"], &headers["x-content-type-options"]),
        (&"SAMEORIGIN".parse().unwrap(), &"nosniff".parse().unwrap())
    );
    assert_eq!(text(first).await, "Notes, visit 1");
    let again = served.request("GET", "notes", "/").header("cookie", "visits=1").send().await;
    assert_eq!(text(again).await, "Notes, visit 2");

    let page = served.request("GET", "notes", "/page").send().await;
    let etag = page.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(text(page).await, "<main><h1>Notes</h1><p>&lt;escaped&gt;</p></main>");
    let same = served.request("GET", "notes", "/page").header("if-none-match", &etag).send().await;
    assert_eq!(same.status(), 304);
    assert_eq!(served.text("notes", "/stream").await, "abc");

    let put = |authorization: &'static str, body: &'static str| {
        let request = served.request("PUT", "notes", "/notes/first").header("content-type", "application/json");
        request.header("authorization", authorization).body(body)
    };
    // ada:secret
    let ada = "Basic YWRhOnNlY3JldA==";
    assert_eq!(put("Basic YWRhOndyb25n", r#"{"text":"a note"}"#).await.status(), 401);
    let refused = put(ada, r#"{"text":1}"#).await;
    assert_eq!((refused.status().as_u16(), text(refused).await.as_str()), (422, "a note has a text"));
    assert_eq!(put(ada, r#"{"text":"a note"}"#).await.status(), 201);
    let get = async |path: &str| serde_json::from_str::<Value>(&served.text("notes", path).await).unwrap();
    assert_eq!(get("/notes/first").await, json!({ "text": "a note" }));
    assert_eq!(get("/notes").await, json!(["first"]));
    assert_eq!(get("/notes/Second").await, json!({ "error": "not found" }));
}

#[tokio::test]
async fn a_react_site_that_vite_builds_is_deployed() {
    let served = Served::start().await;
    let project = project("tests/serve_projects/vite");
    let vite = Command::new("node")
        .args(["node_modules/vite/bin/vite.js", "build"])
        .current_dir(project.path())
        .env("NO_COLOR", "1")
        .kill_on_drop(true)
        .output();
    let built = timeout(PATIENCE * 3, vite).await.expect("Vite ends").expect("node runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    // wrangler finds what the plugin made of its configuration.
    let told = served.wrangler(project.path(), &["deploy"]).await.ok().text();
    assert!(told.contains("Using redirected Wrangler configuration"), "{told}");

    let home = served.text("site", "/").await;
    let script = home.split('"').find(|part| part.starts_with("/assets/index-") && part.ends_with(".js"));
    let asset = served.request("GET", "site", script.expect("a script in the page")).send().await;
    assert_eq!(
        (asset.status().as_u16(), &asset.headers()["content-type"]),
        (200, &"text/javascript; charset=utf-8".parse().unwrap())
    );
    let get = async |path: &str| {
        let answer = served.request("GET", "site", path).send().await;
        (answer.status().as_u16(), text(answer).await)
    };
    assert_eq!(get("/api/place").await, (200, r#"{"place":"told by the Worker"}"#.into()));
    assert_eq!(get("/api/nothing").await, (404, r#"{"error":"no such path of the API"}"#.into()));
    assert_eq!(get("/api/page").await, (200, home.clone()));

    // A path of the page's own router; the Worker is asked by the page.
    let browser = Browser::start().await;
    let mut page = browser.open(&format!("http://site.localhost:{}/some/where", served.http().port())).await;
    page.until("document.querySelector('#told')?.innerText === 'told by the Worker'").await;
    assert_eq!(page.evaluate("document.querySelector('h1').innerText").await, "At /some/where");
    assert_eq!(page.evaluate("getComputedStyle(document.querySelector('main')).color").await, "rgb(1, 2, 3)");
    page.evaluate("document.querySelector('button').click()").await;
    page.until("document.querySelector('button').innerText === '1'").await;
}
