//! `fetch` over TLS: whom it trusts, and HTTP/2 where the origin speaks it.

use harness::{Dev, Origin, Project};
use http::Version;

const WORKER: &str = r#"
    export default {
      async fetch(request, env) {
        const results = await Promise.all(Array.from({ length: 8 }, async (_, i) => {
          try {
            const response = await fetch(`${env.ORIGIN}/${i}`, { method: "POST", body: "x".repeat(100_000) });
            return await response.text();
          } catch (error) {
            return `refused: ${error.message}`;
          }
        }));
        return Response.json(results);
      },
    };
"#;

#[tokio::test]
async fn only_trusted_origins_and_in_http_2() {
    let (origin, certificate) = Origin::start_tls(|request| async move {
        use http_body_util::BodyExt;
        let path = request.uri().path().to_owned();
        let length = request.into_body().collect().await.expect("a whole body").to_bytes().len();
        Origin::text(format!("{path} {length}"))
    })
    .await;
    let project = Project::worker(WORKER).file("ca.pem", certificate);
    let variable = format!("ORIGIN:https://localhost:{}", origin.address().port());
    let flags = ["--var", &variable];

    let wary = Dev::flags(&project, &flags).await;
    let results = wary.json("/").await;
    for result in results.as_array().expect("a list") {
        assert!(result.as_str().is_some_and(|text| text.starts_with("refused: ")), "an unknown certificate: {result}");
    }
    assert!(origin.seen().is_empty());
    drop(wary);

    let trust = project.join("ca.pem").display().to_string();
    let dev = Dev::environment(&[("SSL_CERT_FILE", &trust)], &flags, &[project.path()]).await;
    let expected: Vec<_> = (0..8).map(|i| format!("/{i} 100000")).collect();
    for _ in 0..2 {
        assert_eq!(dev.json("/").await, serde_json::json!(expected));
    }
    let seen = origin.seen();
    assert_eq!(seen.len(), 16);
    assert!(seen.iter().all(|seen| seen.version == Version::HTTP_2), "{seen:?}");
    let mut connections: Vec<_> = seen[8..].iter().map(|seen| seen.connection).collect();
    connections.dedup();
    assert_eq!(connections.len(), 1, "one HTTP/2 connection carries many requests: {connections:?}");
}
