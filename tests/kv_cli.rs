//! `skerry kv` on the state that `skerry dev` uses, while it runs and before it ever did.

use harness::{Dev, Project, skerry};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[kv_namespaces]]
binding = "KV"
id = "deployed"
preview_id = "local"

[[env.staging.kv_namespaces]]
binding = "KV"
"#;

const WORKER: &str = r#"
    export default {
      async fetch(request, { KV }) {
        const key = new URL(request.url).pathname.slice(1);
        if (request.method === "PUT") await KV.put(key, request.body);
        return Response.json(await KV.getWithMetadata(key));
      },
    };
"#;

fn entry(value: &str, metadata: Value) -> Value {
    json!({ "value": value, "metadata": metadata, "cacheStatus": null })
}

#[tokio::test]
async fn keys_are_shared_with_a_running_dev() {
    let project = Project::configured(CONFIG, WORKER);
    let kv = async |args: &[&str]| skerry(project.path(), &[&["kv", "key"], args].concat()).await;
    let said = kv(&["put", "greeting", "hello", "--binding", "KV", "--metadata", r#"{"by": "cli"}"#]).await.ok();
    assert!(said.stdout.contains("Writing the value \"hello\" to key \"greeting\""), "{}", said.stdout);

    let dev = Dev::start(&project).await;
    assert_eq!(dev.json("/greeting").await, entry("hello", json!({ "by": "cli" })));
    dev.request("PUT", "/by-worker").body("naïve").await;
    assert_eq!(kv(&["get", "by-worker", "--binding", "KV"]).await.ok().stdout, "naïve");
    assert_eq!(kv(&["get", "by-worker", "--text", "--namespace-id", "local"]).await.ok().stdout, "naïve\n");
    project.write("page.html", "<h1>");
    kv(&["put", "page", "--path", "page.html", "--binding", "KV", "--ttl", "3600"]).await.ok();
    assert_eq!(dev.json("/page").await["value"], "<h1>");
    let listed = kv(&["list", "--binding", "KV", "--prefix", "p"]).await.ok().stdout;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert!(listed[0]["name"] == "page" && listed[0]["expiration"].is_u64(), "{listed}");
    kv(&["delete", "greeting", "--binding", "KV"]).await.ok();
    assert_eq!(dev.json("/greeting").await["value"], Value::Null);

    // Other namespaces: the deployment's id, and the one that has no id yet.
    for flags in [&["--preview", "false"][..], &["--env", "staging"]] {
        let args = [&["get", "page", "--binding", "KV"], flags].concat();
        assert!(kv(&args).await.refused().stderr.contains("there is no key \"page\""));
    }
    kv(&["put", "k", "v", "--binding", "KV", "--env", "staging"]).await.ok();
    let namespaces = skerry(project.path(), &["kv", "namespace", "list"]).await.ok().stdout;
    let namespaces: Value = serde_json::from_str(&namespaces).expect("JSON");
    assert_eq!(namespaces, json!([{ "id": "KV", "title": "KV" }, { "id": "local", "title": "KV" }]));
}

#[tokio::test]
async fn many_keys_from_a_file() {
    let entries: Vec<_> = (0..2500).map(|n| json!({ "key": format!("k{n:04}"), "value": n.to_string() })).collect();
    let project = Project::empty()
        .file("many.json", Value::from(entries).to_string())
        .file("some.json", r#"["k0007", { "name": "bytes" }, "none"]"#)
        .file(
            "odd.json",
            r#"[{ "key": "bytes", "value": "aGk=", "base64": true, "metadata": [1], "expiration_ttl": 60 }]"#,
        )
        .file("bad.json", r#"[{ "key": "fine", "value": "x" }, { "key": "bad", "value": 1 }]"#);
    let kv = async |args: &[&str]| skerry(project.path(), &[&["kv"], args].concat()).await;
    let bulk =
        async |args: &[&str]| kv(&[&["bulk"], args, &["--namespace-id", "n", "--persist-to", "state"]].concat()).await;
    let count = async || {
        let listed = kv(&["key", "list", "--namespace-id", "n", "--persist-to", "state"]).await.ok().stdout;
        serde_json::from_str::<Vec<Value>>(&listed).expect("JSON").len()
    };
    let put = bulk(&["put", "many.json"]).await.ok();
    assert!(put.stdout.contains("Success!") && put.stderr.contains("2500 of 2500"), "{}", put.text());
    bulk(&["put", "odd.json"]).await.ok();
    assert_eq!(count().await, 2501);
    let got: Value = serde_json::from_str(&bulk(&["get", "some.json"]).await.ok().stdout).expect("JSON");
    assert_eq!(got, json!({ "k0007": { "value": "7" }, "bytes": { "value": "hi" }, "none": { "value": null } }));

    let refused = bulk(&["put", "bad.json"]).await.refused();
    assert!(refused.stderr.contains("item 1") && refused.stderr.contains("Nothing was written"), "{}", refused.stderr);
    bulk(&["delete", "some.json", "--force"]).await.ok();
    assert_eq!(count().await, 2499);
}

#[tokio::test]
async fn mistakes_are_told() {
    let project = Project::configured(CONFIG, WORKER);
    let cases: [(&[&str], &str); 6] = [
        (&["put", "k", "v"], "--binding"),
        (&["put", "k", "v", "--binding", "KV", "--namespace-id", "n"], "cannot be used with"),
        (&["put", "k", "--binding", "KV"], "--path"),
        (&["put", "k", "v", "--binding", "NO"], "there are: KV"),
        (&["put", "k", "v", "--binding", "KV", "--ttl", "5"], "Expiration TTL must be at least 60."),
        (&["put", "k", "v", "--binding", "KV", "--metadata", "{"], "--metadata is no JSON"),
    ];
    for (args, expected) in cases {
        let refused = skerry(project.path(), &[&["kv", "key"], args].concat()).await.refused();
        assert!(refused.stderr.contains(expected), "{args:?}: {}", refused.stderr);
    }
}
