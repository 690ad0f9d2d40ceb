//! What `env` holds: vars, JSON, secrets, and modules of text, data and WebAssembly.

use harness::{Dev, Project};
use serde_json::json;

/// `(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))`
const ADD_WASM: &[u8] = &[
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f, 0x03, 0x02,
    0x01, 0x00, 0x07, 0x07, 0x01, 0x03, b'a', b'd', b'd', 0x00, 0x00, 0x0a, 0x09, 0x01, 0x07, 0x00, 0x20, 0x00, 0x20,
    0x01, 0x6a, 0x0b,
];

#[tokio::test]
async fn vars_json_and_secrets() {
    let project = Project::configured(
        r#"
        [vars]
        TEXT = "plain"
        NUMBER = 42
        OBJECT = { deep = { list = [1, "two", true] } }
        SHADOWED = "from the config"

        [env.staging.vars]
        TEXT = "staging"
        "#,
        r#"
        import { env as imported } from "cloudflare:workers";
        export default {
          async fetch(request, env) {
            return Response.json({ ...env, imported: imported.TEXT });
          },
        };
        "#,
    )
    .file(".dev.vars", "API_KEY=\"s3cret\"\nSHADOWED=from the secrets\n# a comment\nMULTI='one\\ntwo'\n")
    .file(".dev.vars.staging", "API_KEY=staging-secret\n");

    let dev = Dev::start(&project).await;
    let env = dev.json("/").await;
    assert_eq!(env["TEXT"], "plain");
    assert_eq!(env["imported"], "plain");
    assert_eq!(env["NUMBER"], 42);
    assert_eq!(env["OBJECT"], json!({ "deep": { "list": [1, "two", true] } }));
    assert_eq!(env["API_KEY"], "s3cret");
    assert_eq!(env["SHADOWED"], "from the secrets");
    assert!(!dev.output().contains("s3cret"), "a secret was printed:\n{}", dev.output());
    drop(dev);

    let dev = Dev::flags(&project, &["--env", "staging", "--var", "EXTRA:a:b"]).await;
    let env = dev.json("/").await;
    assert_eq!(env["TEXT"], "staging");
    assert_eq!(env["API_KEY"], "staging-secret");
    assert_eq!(env["EXTRA"], "a:b");
    assert!(env.get("NUMBER").is_none(), "vars are not inherited by an environment: {env}");
}

#[tokio::test]
async fn each_load_is_a_version() {
    let source = "export default { fetch: (request, env) => Response.json(env.VERSION) };";
    let project = Project::configured("[version_metadata]\nbinding = \"VERSION\"\n", source);
    let dev = Dev::start(&project).await;
    let version = dev.json("/").await;
    assert_eq!((version["id"].as_str().map(str::len), &version["tag"]), (Some(36), &json!("")), "{version}");
    let time = version["timestamp"].as_str().expect("a time");
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    assert_eq!(dev.json("/").await, version);
}

#[tokio::test]
async fn modules_of_text_data_and_wasm() {
    let project = Project::worker(
        r#"
        import page from "./page.html";
        import bytes from "./blob.bin";
        import add from "./add.wasm";
        import words from "./words.txt";
        import json from "./data.json";
        export default {
          async fetch() {
            const instance = await WebAssembly.instantiate(add);
            return Response.json({
              page, words, json,
              bytes: bytes instanceof ArrayBuffer && [...new Uint8Array(bytes)],
              wasm: add instanceof WebAssembly.Module,
              sum: instance.exports.add(40, 2),
            });
          },
        };
        "#,
    )
    .file("page.html", "<h1>Hello</h1>")
    .file("words.txt", "naïve ☃")
    .file("data.json", "{\"a\": [1, null]}")
    .file("blob.bin", [0u8, 255, 128])
    .file("add.wasm", ADD_WASM);
    let dev = Dev::start(&project).await;
    assert_eq!(
        dev.json("/").await,
        json!({
            "page": "<h1>Hello</h1>", "words": "naïve ☃", "json": { "a": [1, null] },
            "bytes": [0, 255, 128], "wasm": true, "sum": 42,
        })
    );
}

#[tokio::test]
async fn service_worker_blobs_are_globals() {
    let project = Project::configured(
        "[text_blobs]\nPAGE = \"page.html\"\n[data_blobs]\nBYTES = \"blob.bin\"\n[wasm_modules]\nADD = \"add.wasm\"",
        r#"
        addEventListener("fetch", (event) => {
          const { add } = new WebAssembly.Instance(ADD).exports;
          event.respondWith(new Response(`${PAGE} ${new Uint8Array(BYTES)} ${add(1, 2)}`));
        });
        "#,
    )
    .file("page.html", "<p>")
    .file("blob.bin", [1u8, 2])
    .file("add.wasm", ADD_WASM);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/").await, "<p> 1,2 3");
}
