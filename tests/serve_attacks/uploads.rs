//! Hostile uploads to the API: forms that are none, names that would lead somewhere, and many large ones at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Neighbour, Part, eventually, form, text};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::api::answered;
use super::mirror;

const MODULE: &str = "application/javascript+module";
const HELLO: &[u8] = b"export default { fetch() { return new Response('uploaded'); } };";

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
