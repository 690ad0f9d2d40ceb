use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use webapi::body::Outgoing;

use super::dev::{DevError, Frame, Summary};
use super::*;

fn headers(accept: &str) -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, accept.parse().expect("a value"))])
}

async fn read(response: Response) -> (StatusCode, String, String) {
    let (parts, Outgoing { reader, .. }) = response.into_parts();
    let kind = parts.headers[CONTENT_TYPE].to_str().expect("text").to_owned();
    let body = reader.read_all(1 << 20).await.expect("a body");
    (parts.status, kind, String::from_utf8(body.to_vec()).expect("text"))
}

#[test]
fn the_audience_is_told_by_accept() {
    for (accept, expected) in [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Audience::Browser),
        ("application/json, text/html", Audience::Json),
        ("*/*", Audience::Text),
        ("text/plain, text/html;q=0.1", Audience::Text),
        ("", Audience::Text),
    ] {
        assert_eq!(Audience::of(&headers(accept)), expected, "{accept}");
    }
}

#[tokio::test]
async fn platform_errors_are_a_page_or_a_line() {
    let ray = Ray::new("NRT");
    let client: IpAddr = "203.0.113.9".parse().expect("an address");
    for (error, status, code) in [
        (EdgeError::WorkerThrew, 500, "1101"),
        (EdgeError::ResourceLimits, 503, "1102"),
        (EdgeError::SameZoneFetch, 404, "1042"),
        (EdgeError::DailyLimit, 429, "1027"),
        (EdgeError::OriginDns, 530, "1016"),
        (EdgeError::OriginDown, 521, "521"),
    ] {
        let (got, kind, text) = read(respond(error, Audience::Json, &ray, &client)).await;
        assert_eq!((got.as_u16(), kind.as_str()), (status, "text/plain; charset=UTF-8"));
        assert_eq!(text, format!("error code: {code}"));
        let (got, kind, page) = read(respond(error, Audience::Browser, &ray, &client)).await;
        assert_eq!((got.as_u16(), kind.as_str()), (status, "text/html; charset=UTF-8"));
        for expected in [code, &ray.id(), "203.0.113.9", &error.to_string()] {
            assert!(page.contains(expected), "no {expected} in {page}");
        }
    }
}

fn hostile() -> DevError {
    let frame = |function: Option<&str>, file: &str, internal| Frame {
        function: function.map(str::to_owned),
        file: file.to_owned(),
        line: 2,
        column: 7,
        snippet: vec![
            (1, "// <script>alert(1)</script>".to_owned()),
            (2, "throw new Error(\"é\")".to_owned()),
            (3, String::new()),
        ],
        internal,
    };
    DevError {
        name: "Type<b>Error".to_owned(),
        message: "</p><script>alert('x')</script> & more".to_owned(),
        frames: vec![
            frame(Some("<img onerror=x>"), "/home/me/a \"b\"/src/in dex.ts", false),
            frame(None, "skerry:internal", true),
            frame(None, "node_modules/x.js", true),
        ],
        cause: Some(Box::new(DevError {
            name: String::new(),
            message: "the <cause>".to_owned(),
            frames: Vec::new(),
            cause: None,
        })),
    }
}

#[tokio::test]
async fn the_dev_page_escapes_everything_and_links_files() {
    let sent = HeaderMap::from_iter([("x-evil".parse().expect("name"), "<svg onload=1>".parse().expect("value"))]);
    let request = Summary { method: "GET", url: "http://localhost/?<q>", headers: &sent };
    let ray = Ray::new("NRT");
    let page = |editor| {
        let response =
            dev::respond(StatusCode::INTERNAL_SERVER_ERROR, &hostile(), &request, Audience::Browser, &ray, editor);
        assert!(
            response.headers()["content-security-policy"].to_str().expect("text").starts_with("default-src 'none'")
        );
        read(response)
    };
    let (_, _, html) = page(dev::VSCODE).await;
    for danger in ["<script", "<img", "<svg", "<b>Error", "<q>", "<cause>"] {
        assert!(!html.contains(danger), "{danger} in {html}");
    }
    assert!(html.contains("href=\"vscode://file/home/me/a%20%22b%22/src/in%20dex.ts:2:7\""), "{html}");
    assert!(html.contains("2 internal frames") && html.contains("Caused by"), "{html}");
    // A template that is script makes no link.
    let (_, _, html) = page("javascript:alert('{file}')").await;
    assert!(!html.contains("javascript:"), "{html}");
}

#[tokio::test]
async fn machines_get_the_dev_error_as_data() {
    let sent = HeaderMap::new();
    let request = Summary { method: "GET", url: "http://localhost/", headers: &sent };
    let ray = Ray::new("NRT");
    let respond = |audience| {
        read(dev::respond(StatusCode::INTERNAL_SERVER_ERROR, &hostile(), &request, audience, &ray, dev::VSCODE))
    };
    let (status, kind, json) = respond(Audience::Json).await;
    assert_eq!((status.as_u16(), kind.as_str()), (500, "application/json"));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["error"]["stack"][0]["line"], 2);
    assert_eq!(json["error"]["cause"]["message"], "the <cause>");
    let (_, _, text) = respond(Audience::Text).await;
    assert!(text.starts_with("Type<b>Error: </p>"), "{text}");
    assert!(
        text.contains("\n    at <img onerror=x> (/home/me/a \"b\"/src/in dex.ts:2:7)\n    at skerry:internal:2:7"),
        "{text}"
    );
    assert!(text.contains("\ncaused by the <cause>\n"), "{text}");
}

#[test]
fn times_are_civil() {
    let at = |seconds| html::utc(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(at(0), "1970-01-01 00:00:00 UTC");
    assert_eq!(at(951_782_399), "2000-02-28 23:59:59 UTC");
    assert_eq!(at(951_782_400), "2000-02-29 00:00:00 UTC");
    assert_eq!(at(1_795_446_245), "2026-11-23 15:04:05 UTC");
    assert_eq!(at(4_107_542_400), "2100-03-01 00:00:00 UTC");
}
