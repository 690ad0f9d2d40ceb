//! examples/hello-api as its README says.

use harness::{Dev, Project, skerry, wrangler};
use serde_json::json;

#[tokio::test]
async fn greets_and_tells_the_time() {
    let project = Project::copy_of("examples/hello-api");
    let dev = Dev::flags(&project, &["--local-colo", "NRT"]).await;

    let answer = dev.get("/api/hello").send().await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(harness::text(answer).await, r#"{"message":"Hello from the edge!"}"#);

    let time = dev.json("/api/time").await;
    assert_eq!(time["location"], "NRT");
    let text = time["time"].as_str().expect("a time");
    let year = text.get(..4).and_then(|year| year.parse::<u32>().ok());
    assert!(year.is_some_and(|year| year >= 2025) && text.ends_with('Z') && text.len() == 24, "{text}");

    for path in ["/", "/api", "/api/hello/"] {
        let answer = dev.get(path).send().await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(harness::text(answer).await, json!({ "error": "Not Found" }).to_string(), "{path}");
    }
}

#[tokio::test]
async fn is_a_project_for_skerry_and_for_wrangler() {
    for example in [
        "examples/hello-api",
        "examples/ab-test",
        "examples/r2-files",
        "examples/kv-cache",
        "examples/counter",
        "examples/rate-limiter",
        "examples/job-queue",
    ] {
        let project = Project::copy_of(example);
        skerry(project.path(), &["check"]).await.ok();
        wrangler(project.path(), &["deploy", "--dry-run", "--outdir", "dist"]).await.ok();
    }
}
