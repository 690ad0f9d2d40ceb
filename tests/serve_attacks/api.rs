//! Hostile requests to the API by someone who has a token: whatever comes, the answer is the API's own and never the server's fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::wire::raw;
use harness::{Neighbour, Part, Request, Served, eventually, form, text};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::mirror;

const MODULE: &str = "application/javascript+module";
const HELLO: &[u8] = b"export default { fetch() { return new Response('uploaded'); } };";

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
async fn answered(what: &str, request: Request, body: Vec<u8>) -> u16 {
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

/// Uploads that are refused, and what is said of each.
#[tokio::test]
async fn hostile_uploads_are_refused_and_leave_nothing() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    let before = served.resident_mib();
    let path = format!("/accounts/{}/workers/scripts/upload", served.account);
    let least = json!({ "main_module": "index.js", "compatibility_date": "2026-01-01" }).to_string();
    let metadata: Part<'_> = ("metadata", "application/json", least.as_bytes());
    let main: Part<'_> = ("index.js", MODULE, HELLO);

    let deep = format!("{{\"main_module\":{}", "[".repeat(100_000));
    let deep_binding =
        json!({ "main_module": "index.js", "bindings": (0..100).fold(json!(1), |inner, _| json!([inner])) })
            .to_string();
    let many: Vec<String> = (0..3000).map(|n| format!("m{n}.js")).collect();
    let many: Vec<Part<'_>> =
        [metadata, main].into_iter().chain(many.iter().map(|name| (name.as_str(), MODULE, b"".as_slice()))).collect();
    let bindings: Vec<Value> =
        (0..1001).map(|n| json!({ "name": format!("B{n}"), "type": "plain_text", "text": "x" })).collect();
    let metadatas: Vec<(&str, String)> = vec![
        ("no JSON", "main_module=index.js".into()),
        ("nothing", String::new()),
        ("a list", "[]".into()),
        ("lists in lists", deep),
        ("a deep binding", deep_binding),
        ("no main module", json!({ "compatibility_date": "2026-01-01" }).to_string()),
        ("a main module that is none", json!({ "main_module": "other.js" }).to_string()),
        ("a main module above", json!({ "main_module": "../index.js" }).to_string()),
        ("a main module of another type", json!({ "main_module": 1 }).to_string()),
        ("too many bindings", json!({ "main_module": "index.js", "bindings": bindings }).to_string()),
        ("a binding twice", json!({ "main_module": "index.js", "bindings": [bindings[0], bindings[0]] }).to_string()),
        ("a binding without a type", json!({ "main_module": "index.js", "bindings": [{ "name": "X" }] }).to_string()),
        ("another's namespace", json!({ "main_module": "index.js", "bindings": [{ "name": "X", "type": "kv_namespace", "namespace_id": "../../x" }] }).to_string()),
        ("a bucket above", json!({ "main_module": "index.js", "bindings": [{ "name": "X", "type": "r2_bucket", "bucket_name": "../x" }] }).to_string()),
        ("a part that is not there", json!({ "main_module": "index.js", "bindings": [{ "name": "X", "type": "wasm_module", "part": "../x" }] }).to_string()),
        ("migrations without a tag", json!({ "main_module": "index.js", "migrations": { "steps": [{ "new_sqlite_classes": ["X"] }] } }).to_string()),
        ("a date that is none", json!({ "main_module": "index.js", "compatibility_date": "tomorrow" }).to_string()),
        ("a date far ahead", json!({ "main_module": "index.js", "compatibility_date": "9999-01-01" }).to_string()),
        ("flags that are none", json!({ "main_module": "index.js", "compatibility_date": "2026-01-01", "compatibility_flags": vec!["x"; 10_000] }).to_string()),
        ("a limit below zero", json!({ "main_module": "index.js", "limits": { "cpu_ms": -1 } }).to_string()),
        ("assets without a token", json!({ "main_module": "index.js", "assets": { "jwt": "a.b.c" } }).to_string()),
    ];
    let mut forms: Vec<(String, Vec<u8>)> = metadatas
        .iter()
        .map(|(what, text)| ((*what).to_owned(), form(&[("metadata", "application/json", text.as_bytes()), main])))
        .collect();
    for (what, parts) in [
        ("3000 modules", many.as_slice()),
        ("no parts", &[]),
        ("no metadata", &[main]),
        ("no module", &[metadata]),
        ("metadata that is no text", &[("metadata", "application/json", &[0xff, 0xfe]), main]),
        ("a part without a name", &[metadata, main, ("", MODULE, b"")]),
        ("a module of no type", &[metadata, main, ("x", "application/x-unknown", b"")]),
        ("a module of another type", &[metadata, ("index.js", "application/octet-stream", HELLO)]),
        ("code that is none", &[metadata, ("index.js", MODULE, b"export default {")]),
        ("code that is no text", &[metadata, ("index.js", MODULE, &[0xff; 100])]),
        (
            "WebAssembly that is none",
            &[
                metadata,
                ("index.js", MODULE, b"import './x.wasm'; export default {}"),
                ("x.wasm", "application/wasm", b"\0asm\x01\0\0\0\xff\xff\xff"),
            ],
        ),
        (
            "JSON that is none",
            &[
                metadata,
                ("index.js", MODULE, b"import './x.json'; export default {}"),
                ("x.json", "application/json", b"{"),
            ],
        ),
        ("a file of the machine", &[metadata, ("index.js", MODULE, b"import '/etc/passwd'; export default {}")]),
        ("a file above", &[metadata, ("index.js", MODULE, b"import '../../../../etc/passwd'; export default {}")]),
        ("a file by its URL", &[metadata, ("index.js", MODULE, b"import 'file:///etc/passwd'; export default {}")]),
        (
            "code from elsewhere",
            &[metadata, ("index.js", MODULE, b"import 'https://example.com/x.js'; export default {}")],
        ),
        (
            "the runtime's own ops",
            &[metadata, ("index.js", MODULE, b"import * as ops from 'skerry:ops'; export default {}")],
        ),
        ("code without an end", &[metadata, ("index.js", MODULE, b"for (;;); export default {}")]),
        (
            "code that takes all memory",
            &[
                metadata,
                ("index.js", MODULE, b"const a = []; for (;;) a.push(new Array(1e6).fill(1)); export default {}"),
            ],
        ),
    ] as [(&str, &[Part<'_>]); 19]
    {
        forms.push((what.to_owned(), form(parts)));
    }
    let whole = form(&[metadata, main]);
    forms.push(("a form cut short".into(), whole[..whole.len() - 30].to_vec()));
    forms.push(("another boundary".into(), String::from_utf8_lossy(&whole).replace("--edge", "--other").into_bytes()));
    forms.push((
        "a head without an end".into(),
        format!("--edge\r\ncontent-disposition: form-data; name=\"{}", "x".repeat(4 << 20)).into_bytes(),
    ));
    forms.push(("a head of many lines".into(), format!("--edge\r\n{}", "x: y\r\n".repeat(1 << 20)).into_bytes()));
    forms.push(("a beginning without an end".into(), vec![b'-'; 4 << 20]));
    forms.push(("a part without headers".into(), b"--edge\r\n\r\nx\r\n--edge--\r\n".to_vec()));
    forms.push((
        "a hundred thousand parts".into(),
        [
            b"--edge\r\ncontent-disposition: form-data; name=\"m\"\r\n\r\n\r\n".repeat(100_000).as_slice(),
            b"--edge--\r\n",
        ]
        .concat(),
    ));
    for (what, body) in forms {
        let request = served.api("PUT", &path).header("content-type", "multipart/form-data; boundary=edge");
        let status = answered(&what, request, body).await;
        assert!((400..500).contains(&status), "{what} gave {status}");
    }
    for kind in
        ["multipart/form-data", "multipart/form-data; boundary=", "application/json", "multipart/mixed; boundary=edge"]
    {
        let status = answered(kind, served.api("PUT", &path).header("content-type", kind), whole.clone()).await;
        assert!((400..500).contains(&status), "{kind} gave {status}");
    }
    assert_eq!(served.request("GET", "upload", "/").send().await.status(), 404);
    assert_eq!(served.ask("GET", "/workers/scripts/upload/settings", "").await.0, 404);
    let after = served.resident_mib();
    assert!(after < before + 400, "{before} MiB resident, then {after}");
    neighbour.was_calm().await;
    served.assert_alive();
}

/// Names are names: a module's or a class's leads nowhere on the disk.
#[tokio::test]
async fn names_lead_nowhere() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    let path = format!("/accounts/{}/workers/scripts/names", served.account);
    let listed = |folder: &std::path::Path| {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let before = (listed(served.folder()), listed(served.folder().parent().unwrap()).len());
    let long = "x".repeat(2000);
    let least = json!({ "main_module": "index.js", "compatibility_date": "2026-01-01" }).to_string();
    for name in [
        "../../../evil.js",
        "/tmp/evil.js",
        "/etc/passwd",
        "..",
        ".",
        "a\0b.js",
        "a//../b.js",
        "..\\..\\evil.js",
        "file:///tmp/evil.js",
        "C:\\evil.js",
        "node:fs",
        "cloudflare:workers",
        "skerry:ops",
        "\u{202e}sj.x",
        "%2e%2e%2fevil.js",
        "index.js",
        &long,
    ] {
        let parts: [Part<'_>; 3] = [
            ("metadata", "application/json", least.as_bytes()),
            ("index.js", MODULE, HELLO),
            (name, MODULE, b"export default 'evil';"),
        ];
        let request = served.api("PUT", &path).header("content-type", "multipart/form-data; boundary=edge");
        answered(name, request, form(&parts)).await;
        let source = format!(
            "import evil from {name:?}; export default {{ fetch() {{ return new Response(String(evil)); }} }};"
        );
        let parts: [Part<'_>; 3] = [parts[0], ("index.js", MODULE, source.as_bytes()), parts[2]];
        let request = served.api("PUT", &path).header("content-type", "multipart/form-data; boundary=edge");
        answered(name, request, form(&parts)).await;
    }
    for (nth, class) in
        ["../../../evil", "/tmp/evil", "a\0b", "..", "%2e%2e", "a/../../b", &long].into_iter().enumerate()
    {
        let worker = format!("class-{nth}");
        let metadata = json!({
            "main_module": "index.js", "compatibility_date": "2026-01-01",
            "bindings": [{ "name": "O", "type": "durable_object_namespace", "class_name": class }],
            "migrations": { "new_tag": "v1", "steps": [{ "new_sqlite_classes": [class] }] },
        });
        let source = format!(
            "import {{ DurableObject }} from 'cloudflare:workers';
             class Evil extends DurableObject {{ put() {{ return this.ctx.storage.put('a', 1).then(() => 'kept'); }} }}
             export {{ Evil as {} }};
             export default {{ async fetch(_, env) {{ try {{ return new Response(await env.O.getByName('x').put()); }} catch (e) {{ return new Response('failed'); }} }} }};",
            json!(class)
        );
        let metadata = metadata.to_string();
        let parts: [Part<'_>; 2] =
            [("metadata", "application/json", metadata.as_bytes()), ("index.js", MODULE, source.as_bytes())];
        let path = format!("/accounts/{}/workers/scripts/{worker}", served.account);
        let request = served.api("PUT", &path).header("content-type", "multipart/form-data; boundary=edge");
        if answered(class, request, form(&parts)).await == 200 {
            served.ask("POST", &format!("/workers/scripts/{worker}/subdomain"), r#"{"enabled":true}"#).await;
            let told = served.text(&worker, "/").await;
            assert!(told == "kept" || told == "failed", "{class:.40}: {told}");
        }
    }
    for name in ["..", "../x", "/tmp/x", "a/b", "A", "", "a\0b"] {
        for (path, key) in [("/r2/buckets", "name"), ("/d1/database", "name")] {
            let (status, body) = served.ask("POST", path, &json!({ key: name }).to_string()).await;
            assert!(
                (400..500).contains(&status) || (path == "/d1/database" && status == 200),
                "{path} {name:?}: {status} {body}"
            );
        }
    }
    assert_eq!(
        (listed(served.folder()), listed(served.folder().parent().unwrap()).len() >= before.1),
        (before.0, true)
    );
    for path in ["/tmp/evil", "/tmp/evil.js", "/tmp/x"] {
        assert!(!std::path::Path::new(path).exists(), "{path} was written");
    }
    assert_eq!(
        listed(&served.folder().join("skerry-data/do"))
            .iter()
            .filter(|name| name.contains("..") || name.contains('/'))
            .count(),
        0
    );
    neighbour.was_calm().await;
    served.assert_alive();
}

/// What an account sends at once is read into memory a few bodies at a time, and nobody else waits for it.
#[tokio::test]
async fn an_accounts_uploads_take_turns() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    let before = served.resident_mib();
    let head = format!(
        "PUT /client/v4/accounts/{}/workers/scripts/slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: 60000000\r\n\
         Content-Type: multipart/form-data; boundary=edge\r\n\r\n--edge\r\ncontent-disposition: form-data; name=\"m\"\r\n\r\n",
        served.account, served.token
    );
    let (read, piece) = (Arc::new(AtomicUsize::new(0)), vec![b'x'; 1 << 20]);
    let mut sending = Vec::new();
    for _ in 0..16 {
        let (head, piece, read, address) = (head.clone(), piece.clone(), read.clone(), served.api_address());
        sending.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("the server accepts");
            stream.write_all(head.as_bytes()).await.expect("sent");
            for _ in 0..40 {
                stream.write_all(&piece).await.expect("sent");
            }
            read.fetch_add(1, Ordering::Relaxed);
            // And then nothing, without leaving.
            std::future::pending::<()>().await;
        }));
    }
    eventually(|| async { read.load(Ordering::Relaxed) >= 4 }).await;
    let (account, token) = served.another_account_called("third").await;
    let large =
        format!("// {}\nexport default {{ fetch() {{ return new Response('third'); }} }};", "x".repeat(2 << 20));
    served.upload_as(&account, &token, "third", json!({}), &large).await;
    assert_eq!(text(served.request_to("GET", "third.third.localhost", "/").send().await).await, "third");
    let (read, after) = (read.load(Ordering::Relaxed), served.resident_mib());
    assert_eq!(read, 4, "so many of 16 bodies were read");
    assert!(after < before + 400, "{before} MiB resident, then {after}");
    // Small requests of the account need no turn.
    assert_eq!(served.ask("GET", "/workers/scripts", "").await.0, 200);
    served.upload("small", json!({}), "export default { fetch() { return new Response('small'); } };").await;
    for sending in sending {
        sending.abort();
    }
    neighbour.was_calm().await;
    served.assert_alive();
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
