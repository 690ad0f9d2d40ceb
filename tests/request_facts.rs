//! What the platform tells a Worker about the request: `request.cf` and the `CF-*` headers.

use harness::{Dev, Project};

const FACTS: &str = r#"
    export default {
      async fetch(request) {
        return Response.json({ cf: request.cf, headers: Object.fromEntries(request.headers), url: request.url });
      },
    };
"#;

#[tokio::test]
async fn cf_tells_where_the_client_is() {
    let project = Project::worker(FACTS);
    let dev = Dev::flags(&project, &["--local-colo", "NRT"]).await;
    let facts = dev.json("/").await;
    let cf = &facts["cf"];
    assert_eq!(cf["colo"], "NRT");
    assert_eq!(cf["country"], "JP");
    assert_eq!(cf["continent"], "AS");
    assert_eq!(cf["timezone"], "Asia/Tokyo");
    assert_eq!(cf["httpProtocol"], "HTTP/1.1");
    // Strings, as the platform has them; asn and clientTcpRtt are numbers.
    for key in ["city", "region", "latitude", "longitude", "asOrganization", "postalCode"] {
        assert!(cf[key].is_string(), "cf.{key} is {}", cf[key]);
    }
    let latitude: f64 = cf["latitude"].as_str().unwrap().parse().expect("a latitude");
    assert!((35.0..37.0).contains(&latitude), "NRT is near Tokyo, not at {latitude}");
    assert!(cf["asn"].is_u64() && cf["clientTcpRtt"].is_u64(), "{cf}");
    assert!(cf.get("tlsVersion").is_some(), "{cf}");
    assert_eq!(facts["headers"]["cf-ipcountry"], "JP");
}

#[tokio::test]
async fn headers_tell_who_asks_and_cannot_be_forged() {
    let project = Project::worker(FACTS);
    let dev = Dev::start(&project).await;
    let answer = dev
        .get("/path?x=1")
        .header("host", "shop.example:1234")
        .header("cf-connecting-ip", "6.6.6.6")
        .header("cf-ray", "forged")
        .header("cf-ipcountry", "XX")
        .header("x-own", "kept")
        .send()
        .await;
    let ray_out = answer.headers().get("cf-ray").map(|ray| ray.to_str().unwrap().to_owned());
    let facts: serde_json::Value = serde_json::from_str(&harness::text(answer).await).unwrap();
    assert_eq!(facts["url"], "http://shop.example:1234/path?x=1");
    let headers = &facts["headers"];
    assert_eq!(headers["cf-connecting-ip"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert!(headers["x-forwarded-for"].as_str().is_some_and(|chain| chain.ends_with("127.0.0.1")), "{headers}");
    assert_ne!(headers["cf-ipcountry"], "XX");
    assert_eq!(headers["x-own"], "kept");
    let ray = headers["cf-ray"].as_str().expect("a ray id");
    assert!(ray.len() >= 16 && ray[..16].chars().all(|c| c.is_ascii_hexdigit()), "cf-ray is {ray}");
    if let Some(out) = ray_out {
        assert!(out.starts_with(&ray[..16]), "the response's ray {out} is not the request's {ray}");
    }
}
