//! examples/ab-test in front of a real origin server, as its README says.

use harness::{Dev, Origin, Project, body_of, text};
use http_body_util::BodyExt;

async fn site() -> Origin {
    Origin::start(|request| async move {
        let (path, method) = (request.uri().path().to_owned(), request.method().clone());
        let body = request.into_body().collect().await.expect("a whole body").to_bytes();
        let mut response = match path.as_str() {
            "/home-a" => Origin::text("home A"),
            "/home-b" => Origin::text("home B"),
            "/form" => Origin::text(format!("{method} {}", body.len())),
            _ => {
                let mut missing = Origin::text(format!("no {path}"));
                *missing.status_mut() = http::StatusCode::NOT_FOUND;
                missing
            }
        };
        response.headers_mut().insert("x-site", "origin".parse().expect("a header value"));
        response
    })
    .await
}

#[tokio::test]
async fn splits_the_home_page_and_nothing_else() {
    let site = site().await;
    let project = Project::copy_of("examples/ab-test");
    let dev = Dev::flags(&project, &["--var", &format!("ORIGIN:{}", site.url(""))]).await;

    // New visitors: some see A, some B, each with a cookie for 30 days.
    let mut seen = [0, 0];
    for _ in 0..40 {
        let answer = dev.get("/").send().await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-site"], "origin");
        let cookie = answer.headers()["set-cookie"].to_str().expect("a cookie").to_owned();
        let home = text(answer).await;
        let variant = usize::from(home == "home B");
        assert_eq!(home, ["home A", "home B"][variant]);
        assert!(cookie.starts_with(["ab-home=a;", "ab-home=b;"][variant]), "{cookie} for {home}");
        assert!(cookie.contains("Max-Age=2592000"), "{cookie}");
        seen[variant] += 1;
    }
    // 40 visitors all on one side: once in 2^39 runs.
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");

    // Known visitors stay where they were, with no new cookie.
    for (cookie, home) in [("ab-home=a", "home A"), ("theme=dark; ab-home=b", "home B")] {
        for _ in 0..8 {
            let answer = dev.get("/").header("cookie", cookie).send().await;
            assert!(answer.headers().get("set-cookie").is_none());
            assert_eq!(text(answer).await, home);
        }
    }

    // All else passes through: methods, bodies, statuses, headers.
    let answer = dev.request("POST", "/form").body(vec![b'x'; 1_000_000]).await;
    assert_eq!(answer.headers()["x-site"], "origin");
    assert_eq!(text(answer).await, "POST 1000000");
    let answer = dev.get("/nowhere?x=1").send().await;
    assert_eq!(answer.status(), 404);
    assert_eq!(body_of(answer).await, "no /nowhere");
    let last = site.seen().pop().expect("the origin was asked");
    assert_eq!(last.path, "/nowhere?x=1");
}
