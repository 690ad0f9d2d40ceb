//! Hostile requests to the API by someone who has a token: whatever comes, the answer is the API's own and never the server's fault.

use harness::wire::raw;
use harness::{Neighbour, Request, Served, text};
use serde_json::{Value, json};

use super::mirror;

/// An account with one of each thing, and the paths of the API with those things in place of their parameters.
struct Account {
    served: Served,
    routes: Vec<(String, String)>,
}

impl Account {
    async fn new() -> Self {
        let served = mirror("[[zones]]\nname = \"example.com\"\n").await;
        let made = async |path: &str, body: Value| {
            let (status, body) = served.ask("POST", path, &body.to_string()).await;
            assert_eq!(status, 200, "{path}: {body}");
            body["result"].clone()
        };
        let namespace =
            made("/storage/kv/namespaces", json!({ "title": "kept" })).await["id"].as_str().unwrap().to_owned();
        let database = made("/d1/database", json!({ "name": "kept" })).await["uuid"].as_str().unwrap().to_owned();
        made("/r2/buckets", json!({ "name": "kept" })).await;
        let (_, versions) = served.ask("GET", "/workers/scripts/hello/versions", "").await;
        let version = versions["result"]["items"][0]["id"].as_str().unwrap().to_owned();
        let zones: Value = serde_json::from_str(&text(served.api("GET", "/zones").send().await).await).unwrap();
        let zone = zones["result"][0]["id"].as_str().unwrap().to_owned();
        let known = [
            ("{account}", served.account.as_str()),
            ("{script}", "hello"),
            ("{namespace}", &namespace),
            ("{database}", &database),
            ("{bucket}", "kept"),
            ("{version}", &version),
            ("{zone}", &zone),
            ("{key}", "key"),
            ("{*key}", "key"),
            ("{secret}", "SECRET"),
        ];
        let description = text(served.api_without("GET", "/openapi.json").send().await).await;
        let description: Value = serde_json::from_str(&description).unwrap();
        let mut routes = Vec::new();
        for (path, methods) in description["paths"].as_object().unwrap() {
            let path = known.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
            // What is deleted would be gone for the others: each that has a name of its own is asked to delete another.
            let other = path
                .replace("/hello", "/other")
                .replace("/kept", "/other")
                .replace(&namespace, &"0".repeat(32))
                .replace(&database, &version);
            for method in methods.as_object().unwrap().keys() {
                let path = if method == "delete" { &other } else { &path };
                routes.push((method.to_uppercase(), path.clone()));
            }
        }
        assert!(routes.len() > 80, "{}", routes.len());
        Self { served, routes }
    }

    fn request(&self, method: &str, path: &str) -> Request {
        self.served.api(method, path)
    }
}

/// No request is the server's failure, and what is refused is refused in an envelope, but where a path's answers are bytes.
pub(super) async fn answered(what: &str, request: Request, body: Vec<u8>) -> u16 {
    let answer = request.body(body).await;
    let status = answer.status().as_u16();
    let is_json =
        answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let body = harness::body_of(answer).await;
    let shown = String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned();
    assert!(status < 500, "{what} gave {status}: {shown}");
    if status >= 400 {
        assert!(is_json, "{what} gave {status}: {shown}");
        let body: Value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{what}: {error}: {shown}"));
        assert!(
            body["success"] == false && body["errors"][0]["code"].is_u64() && body["errors"][0]["message"].is_string(),
            "{what}: {body}"
        );
    }
    status
}

/// Every key that some body of the API has, each with this value.
fn everything(value: &Value) -> String {
    let keys = [
        "action",
        "annotations",
        "assets",
        "batch",
        "bindings",
        "bookmark",
        "buckets",
        "cron",
        "current_bookmark",
        "dump_options",
        "enabled",
        "environment",
        "etag",
        "expiration",
        "expiration_ttl",
        "filename",
        "filters",
        "hostname",
        "id",
        "init",
        "jwt",
        "key",
        "keys",
        "kind",
        "limits",
        "locationHint",
        "logpush",
        "manifest",
        "metadata",
        "migrations",
        "name",
        "observability",
        "operationName",
        "output_format",
        "override_scope",
        "params",
        "pattern",
        "previews_enabled",
        "primary_location_hint",
        "rules",
        "script",
        "service",
        "sql",
        "storageClass",
        "strategy",
        "tables",
        "tags",
        "tail_consumers",
        "text",
        "title",
        "type",
        "value",
        "variables",
        "versions",
        "withMetadata",
        "zone_id",
        "zone_name",
    ];
    Value::Object(keys.iter().map(|key| ((*key).to_owned(), value.clone())).collect()).to_string()
}

/// Bodies that no client means.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = "[".repeat(100_000);
    let mut bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("bytes", vec![0, 159, 146, 150, 0xff]),
        ("null", b"null".to_vec()),
        ("a number", b"1e999".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("a list", b"[]".to_vec()),
        ("an object", b"{}".to_vec()),
        ("half an object", b"{\"name\":".to_vec()),
        ("a list of numbers", json!(vec![0; 10_000]).to_string().into_bytes()),
        ("a list of nothing", json!(vec![Value::Null; 1000]).to_string().into_bytes()),
        ("a list of objects", json!(vec![json!({}); 1000]).to_string().into_bytes()),
        ("lists in lists", deep.clone().into_bytes()),
        ("objects in objects", "{\"a\":".repeat(100_000).into_bytes()),
        ("keys twice", b"{\"name\":\"a\",\"name\":\"b\",\"title\":1,\"title\":2}".to_vec()),
        ("the prototype", b"{\"__proto__\":{\"name\":\"x\"},\"constructor\":1}".to_vec()),
        ("half a surrogate", b"{\"name\":\"\\ud800\",\"title\":\"\\ud800\",\"sql\":\"\\ud800\"}".to_vec()),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("more than is taken", vec![b' '; 2 << 20]),
    ];
    let thirty = (0..30).fold(json!(1), |inner, _| json!({ "a": [inner] }));
    for (what, value) in [
        ("all null", Value::Null),
        ("all true", json!(true)),
        ("all -1", json!(-1)),
        ("all huge", json!(1e308)),
        ("all the largest", json!(u64::MAX)),
        ("all half", json!(0.5)),
        ("all empty", json!("")),
        ("all long", json!("x".repeat(10_000))),
        ("all with NUL", json!("a\0b")),
        ("all paths", json!("../../../etc/passwd")),
        ("all lists", json!([])),
        ("all lists of lists", json!([[], {}, null, 1, "x"])),
        ("all objects", json!({})),
        ("all nested", thirty),
    ] {
        bodies.push((what, everything(&value).into_bytes()));
        bodies.push((what, format!("[{}]", everything(&value)).into_bytes()));
    }
    bodies
}

#[tokio::test]
async fn no_body_is_the_servers_failure() {
    let mut account = Account::new().await;
    let neighbour = Neighbour::start(&account.served).await;
    let kinds = [
        "application/json",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=x",
    ];
    for (method, path) in account.routes.iter().filter(|(method, _)| method != "GET") {
        for (what, body) in bodies() {
            let request = account.request(method, path).header("content-type", "application/json");
            answered(&format!("{method} {path} with {what}"), request, body).await;
        }
        for kind in kinds {
            let request = account.request(method, path).header("content-type", kind);
            answered(&format!("{method} {path} as {kind}"), request, b"{\"a\":1}".to_vec()).await;
        }
        // Nothing is unpacked: what comes packed is not what it should be.
        let request =
            account.request(method, path).header("content-encoding", "gzip").header("content-type", "application/json");
        answered(&format!("{method} {path} packed"), request, vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).await;
        neighbour.answers().await;
    }
    assert!(account.served.text("hello", "/").await.contains("<GET "));
    neighbour.was_calm().await;
    account.served.assert_alive();
}

#[tokio::test]
async fn no_path_and_no_query_is_the_servers_failure() {
    let mut account = Account::new().await;
    let neighbour = Neighbour::start(&account.served).await;
    let long = "a".repeat(5000);
    let segments = [
        "%00",
        "%ff",
        "%",
        "%zz",
        "..",
        "%2e%2e",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "a%0d%0ab",
        "%F0%9F%92%A9",
        "'%20OR%201=1--",
        "*",
        "{script}",
        "-",
        "_",
        "%20",
        &long,
    ];
    let queries = [
        "page=-1&per_page=-1",
        "page=99999999999999999999",
        "page=1e3",
        "page=0&per_page=0",
        "per_page=18446744073709551615&page=18446744073709551615",
        "limit=-1",
        "limit=99999999999999999999",
        "limit=x",
        "cursor=x",
        "cursor=%00",
        "cursor=%ff",
        "cursor=//8=",
        "prefix=%00",
        "prefix=%ff",
        "delimiter=%00",
        "start_after=%ff",
        "before=-1",
        "before=x",
        "name=%00",
        "name=%ff",
        "force=x",
        "direction=x&order=x",
        "jurisdiction=x",
        "base64=x",
        "expiration=-1",
        "expiration_ttl=1e9",
        "expiration_ttl=0",
        "=",
        "&&&",
        "%",
        "%zz=%zz",
        "a[]=1",
    ];
    for (method, path) in &account.routes {
        for query in queries {
            answered(&format!("{method} {path}?{query}"), account.request(method, &format!("{path}?{query}")), vec![])
                .await;
        }
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        for (at, part) in parts.iter().enumerate() {
            // A parameter is whatever the description had in braces: each part is tried, the API's own words among them.
            for segment in segments {
                let mut parts = parts.clone();
                parts[at] = segment;
                let path = format!("/{}", parts.join("/"));
                answered(&format!("{method} {path:.200} for {part}"), account.request(method, &path), vec![]).await;
            }
        }
    }
    assert!(account.served.text("hello", "/").await.contains("<GET "));
    neighbour.was_calm().await;
    account.served.assert_alive();
}

/// HTTP itself, at the API's port.
#[tokio::test]
async fn the_apis_port_refuses_what_is_no_request() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    let authorized = format!("Host: a\r\nAuthorization: Bearer {}\r\n", served.token);
    let path = format!("/client/v4/accounts/{}/workers/scripts", served.account);
    let second = format!("GET {path} HTTP/1.1\r\n{authorized}\r\n");
    let huge = "b".repeat(1 << 20);
    for (what, bytes) in [
        (
            "two framings",
            format!(
                "POST {path}/x/subdomain HTTP/1.1\r\n{authorized}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}"
            ),
        ),
        (
            "a length with a sign",
            format!("POST {path}/x/subdomain HTTP/1.1\r\n{authorized}Content-Length: +5\r\n\r\n{second}"),
        ),
        ("a folded header", format!("GET {path} HTTP/1.1\r\n{authorized}X: a\r\n b\r\n\r\n{second}")),
        ("long headers", format!("GET {path} HTTP/1.1\r\n{authorized}X: {huge}\r\n\r\n")),
        ("many headers", format!("GET {path} HTTP/1.1\r\n{authorized}{}\r\n", "x: y\r\n".repeat(1000))),
        ("a long path", format!("GET /client/v4/{huge} HTTP/1.1\r\n{authorized}\r\n")),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
        ("TLS", "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03".into()),
    ] {
        let answer = raw(served.api_address(), &bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer:.300}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{what}: {answer:.300}");
    }
    assert_eq!(served.ask("GET", "/workers/scripts", "").await.0, 200);
    neighbour.was_calm().await;
    served.assert_alive();
}
