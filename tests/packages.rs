//! Packages of npm that people build Workers with, bundled and used: `packages/index.js` has a path for each.

use std::time::Duration;

use harness::browser::Browser;
use harness::{Dev, PATIENCE, Project, skerry};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

/// The Worker, with the packages of `tests/node_modules`, which `.ci/setup test` installs.
fn project() -> Project {
    let project = Project::copy_of("tests/packages");
    std::os::unix::fs::symlink(harness::root().join("tests/node_modules"), project.join("node_modules")).unwrap();
    project
}

/// What GraphQL answers.
async fn ask(dev: &Dev, query: &str, accept: &str) -> String {
    let asked = dev.request("POST", "/graphql").header("content-type", "application/json").header("accept", accept);
    let answer = asked.body(json!({ "query": query }).to_string()).await;
    timeout(PATIENCE, harness::text(answer)).await.expect("an answer that ends")
}

#[tokio::test]
async fn each_does_what_it_is_for() {
    let project = project();
    let dev = Dev::start(&project).await;

    assert_eq!(dev.json("/hono/users/12?q=x").await, json!({ "id": "12", "query": "x" }));
    let missing = dev.get("/hono/users/ab").header("origin", "https://example.com").send().await;
    assert_eq!(missing.status(), 404);
    let headers = missing.headers();
    assert_eq!(headers["access-control-allow-origin"], "https://example.com");
    assert_eq!(headers["x-took"], "some");
    assert_eq!(dev.text("/hono/stream").await, "abc");
    assert_eq!(dev.text("/hono/throws").await, "caught: of a handler");

    assert_eq!(dev.json("/itty/hello/me?a=1").await, json!({ "name": "me", "a": "1" }));
    assert_eq!(dev.json("/itty/hello").await, json!({ "name": "nobody" }));

    let refused = "ERR_JWS_SIGNATURE_VERIFICATION_FAILED";
    let tokens = json!({
        "HS256": 1, "encrypted": true,
        "RS256": "RS256", "PS256": "PS256", "ES256": "ES256", "EdDSA": "EdDSA",
        "RS256 of another": refused, "PS256 of another": refused, "ES256 of another": refused, "EdDSA of another": refused,
    });
    assert_eq!(dev.json("/jose").await, tokens);

    let small = json!({
        "good": { "name": "Ada", "mail": "ada@example.com", "age": 36 },
        "wrong": ["name", "mail"],
        "uuid": [true, 4, "cfbff0d1-9375-5685-968c-48ce8b15ae17"],
        "nanoid": [21, 100, true],
    });
    assert_eq!(dev.json("/small").await, small);

    let notes =
        json!({ "made": [{ "text": "one" }, { "text": "two" }], "done": [["two", true]], "both": [{ "n": 2 }] });
    assert_eq!(dev.json("/drizzle").await, notes);

    let html = dev.text("/react").await;
    assert!(
        html.starts_with("<!DOCTYPE html><html><head></head><body><h1 class=\"t\">Hello &amp; &lt;you&gt;</h1>"),
        "{html}"
    );
    assert!(html.contains("<b>late</b>") && html.ends_with("</body></html>"), "{html}");

    let wasm = json!({ "xxhash": ["97d20ab2", "72bde45ec1d81ee1", true], "photon": [4, 8, [80, 78, 71]] });
    assert_eq!(dev.json("/wasm").await, wasm);
}

#[tokio::test]
async fn graphql_is_served() {
    let project = project();
    let dev = Dev::start(&project).await;
    let plain = "application/json";
    assert_eq!(ask(&dev, "{ hello(name: \"you\") }", plain).await, r#"{"data":{"hello":"Hello, you!"}}"#);
    assert_eq!(ask(&dev, "mutation { add(a: 1, b: 2) }", plain).await, r#"{"data":{"add":3}}"#);
    let refused = ask(&dev, "{ nothing }", plain).await;
    assert!(refused.contains("Cannot query field"), "{refused}");
    let events = ask(&dev, "subscription { count(to: 2) }", "text/event-stream").await;
    assert!(events.contains(r#"{"data":{"count":1}}"#) && events.contains(r#"{"data":{"count":2}}"#), "{events}");
}

#[tokio::test]
async fn the_aws_sdk_runs_in_a_worker() {
    let project = project();
    let dev = Dev::flags(&project, &["--r2-port", "0"]).await;
    let line = dev.line("S3 API on ").await;
    let endpoint = line.split_once(" on ").unwrap().1.to_owned();
    let made = skerry(project.path(), &["r2", "token", "create", "--permission", "read-write"]).await.ok().stdout;
    let field = |name: &str| made.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (id, secret) = (field("Access key id:"), field("Secret access key:"));
    let path = format!("/s3?endpoint={endpoint}&accessKeyId={id}&secretAccessKey={secret}");
    assert_eq!(dev.json(&path).await, json!(["through the SDK", "text/plain", "through the SDK", "through the SDK"]));
}

#[tokio::test]
async fn an_echo_is_heard_by_ws_and_by_a_browser() {
    let project = project();
    let dev = Dev::start(&project).await;
    let script = project.join("echo.mjs");
    let run = Command::new("node").arg(script).arg(dev.url("/echo").replace("http", "ws")).kill_on_drop(true).output();
    let run = timeout(PATIENCE + Duration::from_secs(10), run).await.expect("ws ends").unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    let heard: Value =
        serde_json::from_str(told.trim()).unwrap_or_else(|_| panic!("{told}{}", String::from_utf8_lossy(&run.stderr)));
    assert_eq!(heard, json!(["permessage-deflate", 1000, [1, 2, 3], 4001, "enough"]));

    let browser = Browser::start().await;
    let mut page = browser.open(&dev.url("/page")).await;
    page.until("window.heard?.length === 6").await;
    let heard = page.evaluate("window.heard").await;
    assert_eq!(heard[0], 1000);
    assert_eq!(heard[1], json!([1, 2, 3]));
    assert!(heard[2].as_str().is_some_and(|extensions| extensions.contains("permessage-deflate")), "{heard}");
    assert_eq!((&heard[3], &heard[4], &heard[5]), (&json!(4001), &json!("enough"), &json!(true)));
}
