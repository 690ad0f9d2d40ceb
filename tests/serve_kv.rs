//! KV namespaces of a host: wrangler makes and fills them, Workers see the same, and the other way round.

use harness::{Project, Served, body_of};
use serde_json::{Value, json};

const WORKER: &str = r#"
    export default {
      async fetch(request, { KV }) {
        const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
        if (request.method === "PUT") {
          await KV.put(key, await request.text(), { metadata: { by: "worker" } });
          return new Response("stored");
        }
        const { value, metadata } = await KV.getWithMetadata(key);
        return Response.json([value, metadata]);
      },
    };
"#;

/// Makes a namespace with wrangler, and gives its id.
async fn create(served: &Served, project: &Project, title: &str) -> String {
    let made = served.wrangler(project.path(), &["kv", "namespace", "create", title]).await.ok().text();
    let (_, listed) = served.ask("GET", "/storage/kv/namespaces", "").await;
    let namespaces = listed["result"].as_array().expect("a list");
    let found = namespaces.iter().find(|namespace| namespace["title"] == title).expect("the namespace");
    let id = found["id"].as_str().expect("an id").to_owned();
    assert!(made.contains(&id), "{made}");
    id
}

/// A namespace made without wrangler.
async fn namespace(served: &Served, title: &str) -> String {
    let (status, made) = served.ask("POST", "/storage/kv/namespaces", &json!({ "title": title }).to_string()).await;
    assert_eq!(status, 200, "{made}");
    made["result"]["id"].as_str().expect("an id").to_owned()
}

fn code(answer: &Value) -> u64 {
    answer["errors"][0]["code"].as_u64().unwrap_or_else(|| panic!("no code in {answer}"))
}

#[tokio::test]
async fn wrangler_and_a_worker_share_a_namespace() {
    let served = Served::start().await;
    let empty = Project::empty();
    let id = create(&served, &empty, "notes").await;
    let listed = served.wrangler(empty.path(), &["kv", "namespace", "list"]).await.ok().stdout;
    let listed: Value = serde_json::from_str(&listed).expect("a list");
    assert_eq!(listed, json!([{ "id": id, "title": "notes", "supports_url_encoding": true }]));

    let project = Project::named("notes", &format!("[[kv_namespaces]]\nbinding = \"KV\"\nid = \"{id}\""), WORKER);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let key = async |args: &[&str]| {
        let args = [&["kv", "key"][..], args, &["--binding", "KV", "--remote"]].concat();
        served.wrangler(project.path(), &args).await.ok().stdout
    };
    key(&["put", "greeting/é", "hello", "--ttl", "3600", "--metadata", r#"{"by":"me"}"#]).await;
    assert_eq!(served.text("notes", "/greeting%2F%C3%A9").await, r#"["hello",{"by":"me"}]"#);
    let put = served.request("PUT", "notes", "/answer").body("from the Worker").await;
    assert_eq!(put.status(), 200);
    assert!(key(&["get", "answer"]).await.contains("from the Worker"));
    let listed: Value = serde_json::from_str(&key(&["list", "--prefix", "greet"]).await).expect("a list");
    assert_eq!((&listed[0]["name"], &listed[0]["metadata"]), (&json!("greeting/é"), &json!({ "by": "me" })));
    assert!(listed[0]["expiration"].as_u64().is_some() && listed[1].is_null(), "{listed}");
    key(&["delete", "answer"]).await;
    assert_eq!(served.text("notes", "/answer").await, "[null,null]");

    // A file's bytes are not text.
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    project.write("file.bin", &bytes);
    key(&["put", "file", "--path", "file.bin"]).await;
    let path = format!("/accounts/{}/storage/kv/namespaces/{id}/values/file", served.account);
    assert_eq!(body_of(served.api("GET", &path).send().await).await, bytes);

    let bulk = async |args: &[&str]| {
        let args = [&["kv", "bulk"][..], args, &["--namespace-id", id.as_str(), "--remote"]].concat();
        served.wrangler(project.path(), &args).await
    };
    project.write(
        "pairs.json",
        r#"[{"key":"b1","value":"one","metadata":{"n":1}},{"key":"b2","value":"dHdv","base64":true},{"key":"b3","value":"three","expiration_ttl":60}]"#,
    );
    bulk(&["put", "pairs.json"]).await.ok();
    assert_eq!(served.text("notes", "/b1").await, r#"["one",{"n":1}]"#);
    assert_eq!(served.text("notes", "/b2").await, r#"["two",null]"#);
    project.write("keys.json", r#"["b1","b2","b4"]"#);
    let got = bulk(&["get", "keys.json"]).await.ok().stdout;
    assert!(got.contains(r#""b1": "one""#) && got.contains(r#""b2": "two""#) && got.contains(r#""b4": null"#), "{got}");
    bulk(&["delete", "keys.json", "--force"]).await.ok();
    assert_eq!(served.text("notes", "/b1").await, "[null,null]");
    assert_eq!(served.text("notes", "/b3").await, r#"["three",null]"#);
    // Nothing of a file with a pair that can't be is written.
    project.write("pairs.json", r#"[{"key":"fine","value":"x"},{"key":"..","value":"x"}]"#);
    let refused = bulk(&["put", "pairs.json"]).await.refused().text();
    assert!(refused.contains("10023"), "{refused}");
    assert_eq!(served.text("notes", "/fine").await, "[null,null]");
}

#[tokio::test]
async fn a_namespace_is_renamed_and_deleted_with_what_is_in_it() {
    let served = Served::start().await;
    let id = namespace(&served, "old").await;
    let project = Project::named("notes", &format!("[[kv_namespaces]]\nbinding = \"KV\"\nid = \"{id}\""), WORKER);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    served.request("PUT", "notes", "/k").body("v").await;
    assert_eq!(served.text("notes", "/k").await, r#"["v",{"by":"worker"}]"#);

    let (status, taken) = served.ask("POST", "/storage/kv/namespaces", r#"{"title":"old"}"#).await;
    assert_eq!((status, code(&taken)), (400, 10014));
    let rename = ["kv", "namespace", "rename", "old", "--new-name", "new"];
    served.wrangler(project.path(), &rename).await.ok();
    let (_, got) = served.ask("GET", &format!("/storage/kv/namespaces/{id}"), "").await;
    assert_eq!(got["result"]["title"], "new");

    served.wrangler(project.path(), &["kv", "namespace", "delete", "--namespace-id", &id, "-y"]).await.ok();
    let (status, gone) = served.ask("GET", &format!("/storage/kv/namespaces/{id}/keys"), "").await;
    assert_eq!((status, code(&gone)), (404, 10013));
    // The Worker still runs, and finds nothing; a new version can't be bound to it.
    assert_eq!(served.request("GET", "notes", "/k").send().await.status(), 500);
    let refused = served.wrangler(project.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("10041") && refused.contains(&id), "{refused}");
    // The title can be had again.
    assert_ne!(namespace(&served, "new").await, id);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let served = Served::start().await;
    for number in 0..101 {
        namespace(&served, &format!("n{number:03}")).await;
    }
    let empty = Project::empty();
    let listed = served.wrangler(empty.path(), &["kv", "namespace", "list"]).await.ok().stdout;
    let listed: Vec<Value> = serde_json::from_str(&listed).expect("a list");
    let titles: Vec<_> = listed.iter().map(|namespace| namespace["title"].as_str().unwrap_or_default()).collect();
    assert_eq!((titles.len(), titles[0], titles[100]), (101, "n000", "n100"));
    let list = "/storage/kv/namespaces?per_page=10&page=11&order=title&direction=desc";
    let (_, page) = served.ask("GET", list, "").await;
    assert_eq!(page["result"][0]["title"], "n000");
    assert_eq!(page["result_info"]["total_count"], 101);

    let id = listed[0]["id"].as_str().expect("an id");
    let pairs: Vec<Value> = (0..2100).map(|n| json!({ "key": format!("k{n:04}"), "value": "v" })).collect();
    let bulk = format!("/storage/kv/namespaces/{id}/bulk");
    let (status, put) = served.ask("PUT", &bulk, &Value::from(pairs).to_string()).await;
    assert_eq!((status, &put["result"]["successful_key_count"]), (200, &json!(2100)), "{put}");
    let keys =
        served.wrangler(empty.path(), &["kv", "key", "list", "--namespace-id", id, "--remote"]).await.ok().stdout;
    let keys: Vec<Value> = serde_json::from_str(&keys).expect("a list");
    assert_eq!((keys.len(), &keys[2099]["name"]), (2100, &json!("k2099")));
    let (_, page) = served.ask("GET", &format!("/storage/kv/namespaces/{id}/keys?limit=2&prefix=k20"), "").await;
    assert_eq!(page["result"], json!([{ "name": "k2000" }, { "name": "k2001" }]));
    let cursor = page["result_info"]["cursor"].as_str().expect("a cursor");
    let (_, page) =
        served.ask("GET", &format!("/storage/kv/namespaces/{id}/keys?limit=1000&prefix=k20&cursor={cursor}"), "").await;
    assert_eq!((&page["result_info"]["count"], &page["result_info"]["cursor"]), (&json!(98), &json!("")));
}

#[tokio::test]
async fn hostile_requests_are_refused_and_other_accounts_see_nothing() {
    let mut served = Served::start().await;
    let id = namespace(&served, "n").await;
    let base = format!("/storage/kv/namespaces/{id}");
    // Keys are anybody's text, and never a file's name.
    for key in ["a%2F..%2Fb", "%00", "%E2%98%83", "..%2F..%2Fregistry.sqlite", "a%25b", "%20"] {
        let (status, put) = served.ask("PUT", &format!("{base}/values/{key}"), key).await;
        assert_eq!(status, 200, "{key}: {put}");
        let path = format!("/accounts/{}{base}/values/{key}", served.account);
        assert_eq!(body_of(served.api("GET", &path).send().await).await, key);
    }
    let (_, keys) = served.ask("GET", &format!("{base}/keys"), "").await;
    let names: Vec<_> = keys["result"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["\0", " ", "../../registry.sqlite", "a%b", "a/../b", "☃"]);

    let long = "x".repeat(513);
    let large = "x".repeat((25 << 20) + 1);
    let huge = "x".repeat(27 << 20);
    let metadata = format!(r#"[{{"key":"k","value":"v","metadata":"{}"}}]"#, "m".repeat(2000));
    let many = Value::from((0..10_001).map(|n| json!({ "key": n.to_string(), "value": "" })).collect::<Vec<_>>());
    let cases: &[(&str, String, &str, u16, u64)] = &[
        ("PUT", "/values/.".into(), "v", 400, 10023),
        ("PUT", "/values/%2E%2E".into(), "v", 400, 10023),
        ("PUT", format!("/values/{long}"), "v", 414, 10030),
        ("PUT", "/values/%FF".into(), "v", 400, 7003),
        ("PUT", "/values/k".into(), &large, 413, 10024),
        ("PUT", "/values/k".into(), &huge, 413, 10024),
        ("PUT", "/values/k?expiration_ttl=59".into(), "v", 400, 10034),
        ("PUT", "/values/k?expiration=1".into(), "v", 400, 10033),
        ("PUT", "/values/k?expiration_ttl=soon".into(), "v", 400, 10029),
        ("GET", "/values/nothing".into(), "", 404, 10009),
        ("GET", "/metadata/nothing".into(), "", 404, 10009),
        ("GET", "/keys?cursor=%21%21".into(), "", 400, 10029),
        ("GET", "/keys?limit=0".into(), "", 400, 10028),
        ("GET", "/keys?limit=1001".into(), "", 400, 10028),
        ("PUT", "/bulk".into(), "{}", 400, 10029),
        ("PUT", "/bulk".into(), &metadata, 413, 10024),
        ("PUT", "/bulk".into(), &many.to_string(), 413, 10024),
        ("PUT", "/bulk".into(), r#"[{"key":"k","value":"%","base64":true}]"#, 400, 10012),
        ("POST", "/bulk/get".into(), r#"{"keys":[]}"#, 400, 10029),
        ("POST", "/bulk/delete".into(), "nonsense", 400, 10029),
        ("PUT", "".into(), r#"{"title":""}"#, 400, 10019),
    ];
    for (method, path, body, status, expected) in cases {
        let (found, answer) = served.ask(method, &format!("{base}{path}"), body).await;
        assert_eq!((found, code(&answer)), (*status, *expected), "{method} {path}: {answer}");
    }
    let (status, page) = served.ask("GET", "/storage/kv/namespaces?page=0", "").await;
    assert_eq!((status, code(&page)), (400, 10007));

    // A form: in any order, and only what belongs there.
    let form = |parts: &[(&str, &str)]| {
        let part = |(name, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        parts.iter().map(part).collect::<String>() + "--b--\r\n"
    };
    let send = async |body: String| {
        let path = format!("/accounts/{}{base}/values/form", served.account);
        let request = served.api("PUT", &path).header("content-type", "multipart/form-data; boundary=b");
        request.body(body).await.status().as_u16()
    };
    assert_eq!(send(form(&[("metadata", r#"{"a":1}"#), ("value", "v")])).await, 200);
    let (_, metadata) = served.ask("GET", &format!("{base}/metadata/form"), "").await;
    assert_eq!(metadata["result"], json!({ "a": 1 }));
    assert_eq!(send(form(&[("metadata", "{")])).await, 400);
    assert_eq!(send(form(&[("value", "v"), ("metadata", "{")])).await, 400);
    assert_eq!(send(form(&[("value", "v"), ("value", "w")])).await, 400);
    assert_eq!(send(form(&[("value", "v"), ("other", "w")])).await, 400);
    assert_eq!(send("nonsense".into()).await, 400);
    assert_eq!(send(form(&[("value", &huge)])).await, 413);

    // Another account has none of it, and can't be bound to it.
    let (account, token) = served.another_account().await;
    for (method, path) in [("GET", ""), ("DELETE", ""), ("GET", "/keys"), ("GET", "/values/%20"), ("PUT", "/values/k")]
    {
        let path = format!("/accounts/{account}{base}{path}");
        let (status, answer) = served.ask_as(&token, method, &path, "{}").await;
        assert_eq!((status, code(&answer)), (404, 10013), "{method} {path}");
    }
    let own = format!("/accounts/{}{base}", served.account);
    assert_eq!(served.ask_as(&token, "GET", &own, "").await.0, 403);
    served.assert_alive();
}

#[tokio::test]
async fn acknowledged_values_survive_sigkill() {
    let mut served = Served::start().await;
    let id = namespace(&served, "n").await;
    for number in 0..50 {
        let path = format!("/storage/kv/namespaces/{id}/values/k{number}");
        assert_eq!(served.ask("PUT", &path, &format!("value {number}")).await.0, 200);
    }
    served.kill().await;
    served.again().await;
    let wanted = json!({ "keys": (0..50).map(|number| format!("k{number}")).collect::<Vec<_>>() });
    let (_, got) = served.ask("POST", &format!("/storage/kv/namespaces/{id}/bulk/get"), &wanted.to_string()).await;
    for number in 0..50 {
        assert_eq!(got["result"]["values"][format!("k{number}")], format!("value {number}"));
    }
}
