//! examples/kv-cache in front of a real origin server, as its README says.

use harness::{Dev, Origin, Project, skerry, text};

#[tokio::test]
async fn keeps_pages_and_nothing_else() {
    let site = Origin::start(|request| async move {
        let path = request.uri().path().to_owned();
        let mut response = Origin::text(format!("<p>{path}</p>"));
        let kind = if path == "/data" { "application/json" } else { "text/html; charset=utf-8" };
        response.headers_mut().insert("content-type", kind.parse().expect("a header value"));
        if path == "/welcome" {
            response.headers_mut().insert("set-cookie", "visitor=1".parse().expect("a header value"));
        }
        response
    })
    .await;
    let project = Project::copy_of("examples/kv-cache");
    let dev = Dev::flags(&project, &["--var", &format!("ORIGIN:{}", site.url(""))]).await;

    let cached = async |path: &str| {
        let answer = dev.get(path).send().await;
        assert_eq!(answer.status(), 200);
        let cached = answer.headers()["x-cache"].to_str().expect("text").to_owned();
        let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
        let path = path.split('?').next().expect("a path");
        assert_eq!(text(answer).await, format!("<p>{path}</p>"));
        (cached, kind)
    };
    let html = "text/html; charset=utf-8".to_owned();
    assert_eq!(cached("/").await, ("MISS".into(), html.clone()));
    // The page is written once the visitor has it.
    let mut again = cached("/").await;
    for _ in 0..50 {
        if again.0 == "HIT" {
            break;
        }
        again = cached("/").await;
    }
    assert_eq!(again, ("HIT".into(), html));
    let asked = site.seen().len();
    cached("/").await;
    assert_eq!(site.seen().len(), asked, "a hit asks nobody");
    assert_eq!(cached("/?page=2").await.0, "MISS");

    for path in ["/data", "/welcome"] {
        cached(path).await;
        assert_eq!(cached(path).await.0, "MISS", "{path}");
    }
    let answer = dev.get("/").header("cookie", "session=1").send().await;
    assert!(answer.headers().get("x-cache").is_none());

    // From another process, while this one runs.
    let listed = skerry(project.path(), &["kv", "key", "list", "--binding", "PAGES"]).await.ok();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(listed[0]["name"], "/");
    assert_eq!(listed[0]["metadata"]["type"], "text/html; charset=utf-8");
    assert!(listed[0]["expiration"].is_u64(), "{listed}");
    skerry(project.path(), &["kv", "key", "delete", "/", "--binding", "PAGES"]).await.ok();
    assert_eq!(cached("/").await.0, "MISS");
}
