//! R2 buckets of a host: wrangler makes and fills them, Workers see the same, and the other way round.

use bytes::Bytes;
use futures::stream;
use harness::{Project, Served, body_of};
use serde_json::{Value, json};

const WORKER: &str = r#"
    export default {
      async fetch(request, { FILES }) {
        const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
        if (request.method === "PUT") {
          await FILES.put(key, request.body, { httpMetadata: request.headers, customMetadata: { by: "worker" } });
          return new Response("stored");
        }
        const object = await FILES.get(key);
        if (object === null) return new Response("nothing", { status: 404 });
        const headers = new Headers();
        object.writeHttpMetadata(headers);
        return new Response(object.body, { headers });
      },
    };
"#;
const BOUND: &str = "[[r2_buckets]]\nbinding = \"FILES\"\nbucket_name = \"files\"";

fn code(answer: &Value) -> u64 {
    answer["errors"][0]["code"].as_u64().unwrap_or_else(|| panic!("no code in {answer}"))
}

async fn bucket(served: &Served, name: &str) {
    let (status, made) = served.ask("POST", "/r2/buckets", &json!({ "name": name }).to_string()).await;
    assert_eq!(status, 200, "{made}");
}

#[tokio::test]
async fn wrangler_and_a_worker_share_a_bucket() {
    let served = Served::start().await;
    let project = Project::named("files", BOUND, WORKER);
    // Wrangler would make the bucket itself.
    let deploy = ["deploy", "--x-provision=false"];
    let refused = served.wrangler(project.path(), &deploy).await.refused().text();
    assert!(refused.contains("R2 bucket 'files' not found") && refused.contains("10085"), "{refused}");

    let r2 = async |args: &[&str]| served.wrangler(project.path(), &[&["r2"][..], args].concat()).await;
    r2(&["bucket", "create", "files", "--storage-class", "Standard"]).await.ok();
    let listed = r2(&["bucket", "list"]).await.ok().stdout;
    assert!(listed.contains("files") && listed.contains("creation_date"), "{listed}");
    served.wrangler(project.path(), &["deploy"]).await.ok();

    let bytes: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    project.write("photo.bin", &bytes);
    let put = ["object", "put", "files/a/photo é.bin", "--file", "photo.bin", "--remote"];
    let about = ["--content-type", "image/x-test", "--cache-control", "max-age=60"];
    r2(&[&put[..], &about[..]].concat()).await.ok();
    let answer = served.request("GET", "files", "/a%2Fphoto%20%C3%A9.bin").send().await;
    assert_eq!(answer.headers()["content-type"], "image/x-test");
    assert_eq!(answer.headers()["cache-control"], "max-age=60");
    assert_eq!(body_of(answer).await, bytes);

    served.request("PUT", "files", "/note").header("content-type", "text/x-note").body("from the Worker").await;
    let got = r2(&["object", "get", "files/note", "--pipe", "--remote"]).await.ok().stdout;
    assert_eq!(got, "from the Worker");
    r2(&["object", "get", "files/a/photo é.bin", "--file", "back.bin", "--remote"]).await.ok();
    assert!(std::fs::read(project.join("back.bin")).expect("the file") == bytes);

    let info: Value =
        serde_json::from_str(&r2(&["bucket", "info", "files", "--json"]).await.ok().stdout).expect("JSON");
    assert_eq!((&info["object_count"], &info["default_storage_class"]), (&json!("2"), &json!("Standard")));
    assert!(info["bucket_size"].as_str().is_some_and(|size| size.starts_with("3.15 MB")), "{info}");

    let refused = r2(&["bucket", "delete", "files"]).await.refused().text();
    assert!(refused.contains("not empty") && refused.contains("10008"), "{refused}");
    r2(&["object", "delete", "files/a/photo é.bin", "--remote"]).await.ok();
    r2(&["object", "delete", "files/note", "--remote"]).await.ok();
    assert_eq!(served.request("GET", "files", "/note").send().await.status(), 404);
    r2(&["bucket", "delete", "files"]).await.ok();
    assert_eq!(served.request("GET", "files", "/note").send().await.status(), 500);
}

#[tokio::test]
async fn a_bucket_is_configured() {
    let served = Served::start().await;
    bucket(&served, "files").await;
    let project = Project::empty();
    let r2 = async |args: &[&str]| served.wrangler(project.path(), &[&["r2"][..], args].concat()).await;
    r2(&["bucket", "update", "storage-class", "files", "--storage-class", "InfrequentAccess"]).await.ok();
    let (_, info) = served.ask("GET", "/r2/buckets/files", "").await;
    assert_eq!(info["result"]["storage_class"], "InfrequentAccess");
    project.write("one.txt", "one");
    project.write("two.txt", "two");
    project.write("files.json", r#"[{"key":"x/one","file":"one.txt"},{"key":"x/two","file":"two.txt"}]"#);
    r2(&["bulk", "put", "files", "--filename", "files.json", "--remote", "--force"]).await.ok();
    let (_, listed) = served.ask("GET", "/r2/buckets/files/objects?prefix=x/&per_page=1", "").await;
    assert_eq!((&listed["result"][0]["key"], &listed["result"][0]["size"]), (&json!("x/one"), &json!(3)));
    assert_eq!(listed["result"][0]["storage_class"], "InfrequentAccess");
    let cursor = listed["result_info"]["cursor"].as_str().expect("a cursor");
    let (_, rest) = served.ask("GET", &format!("/r2/buckets/files/objects?prefix=x/&cursor={cursor}"), "").await;
    assert_eq!((&rest["result"][0]["key"], &rest["result_info"]["is_truncated"]), (&json!("x/two"), &json!(false)));
    let (_, folded) = served.ask("GET", "/r2/buckets/files/objects?delimiter=/", "").await;
    assert_eq!((&folded["result"], &folded["result_info"]["delimited"]), (&json!([]), &json!(["x/"])));

    let rules = json!({ "rules": [{ "allowed": { "origins": ["https://example.com"], "methods": ["GET"] }, "maxAgeSeconds": 60 }] });
    project.write("cors.json", rules.to_string());
    let none = r2(&["bucket", "cors", "list", "files"]).await.refused().text();
    assert!(none.contains("10059"), "{none}");
    r2(&["bucket", "cors", "set", "files", "--file", "cors.json", "--force"]).await.ok();
    let listed = r2(&["bucket", "cors", "list", "files"]).await.ok().stdout;
    assert!(listed.contains("https://example.com") && listed.contains("60"), "{listed}");
    r2(&["bucket", "cors", "delete", "files", "--force"]).await.ok();
    assert_eq!(served.ask("GET", "/r2/buckets/files/cors", "").await.0, 404);
    project.write("cors.json", r#"{"rules":[{"allowed":{"origins":["*"],"methods":["FETCH"]}}]}"#);
    let refused = r2(&["bucket", "cors", "set", "files", "--file", "cors.json", "--force"]).await.refused().text();
    assert!(refused.contains("Unsupported method is FETCH"), "{refused}");
}

#[tokio::test]
async fn objects_are_streamed_and_read_in_part() {
    let served = Served::start().await;
    bucket(&served, "files").await;
    let object = format!("/accounts/{}/r2/buckets/files/objects/large", served.account);
    // 48 MiB of unknown length.
    let chunk = Bytes::from((0..=255).cycle().take(1 << 20).collect::<Vec<u8>>());
    let chunks = stream::iter(std::iter::repeat_n(chunk.clone(), 48));
    let put = served.api("PUT", &object).stream(chunks).await;
    assert_eq!(put.status(), 200);
    let whole = body_of(served.api("GET", &object).send().await).await;
    assert!(whole.len() == 48 << 20 && whole.chunks(1 << 20).all(|part| part == chunk));
    let part = served.api("GET", &object).header("range", "bytes=255-257").send().await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 255-257/{}", 48 << 20));
    assert_eq!(body_of(part).await, [255, 0, 1].as_slice());
}

#[tokio::test]
async fn hostile_requests_are_refused_and_other_accounts_see_nothing() {
    let mut served = Served::start().await;
    bucket(&served, "files").await;
    // Keys are anybody's text, and never a file's name.
    let keys = ["a/../b", "..%2F..%2Fregistry.sqlite", "%00", "%E2%98%83", "a//b/", "%20", "."];
    for key in keys {
        let (status, put) = served.ask("PUT", &format!("/r2/buckets/files/objects/{key}"), key).await;
        assert_eq!(status, 200, "{key}: {put}");
        let path = format!("/accounts/{}/r2/buckets/files/objects/{key}", served.account);
        assert_eq!(body_of(served.api("GET", &path).send().await).await, key);
    }
    let (_, listed) = served.ask("GET", "/r2/buckets/files/objects", "").await;
    let names: Vec<_> = listed["result"].as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap()).collect();
    assert_eq!(names, ["\0", " ", ".", "../../registry.sqlite", "a/../b", "a//b/", "☃"]);

    let long = "x".repeat(1025);
    let cases: &[(&str, String, &str, u16, u64)] = &[
        ("PUT", format!("/files/objects/{long}"), "v", 400, 10020),
        ("PUT", "/files/objects/%FF".into(), "v", 400, 7003),
        ("GET", "/files/objects/nothing".into(), "", 404, 10007),
        ("PUT", "/nothing/objects/k".into(), "v", 404, 10006),
        ("GET", "/nothing/objects/k".into(), "", 404, 10006),
        ("DELETE", "/nothing/objects/k".into(), "", 404, 10006),
        ("GET", "/nothing/objects".into(), "", 404, 10006),
        ("GET", "/nothing".into(), "", 404, 10006),
        ("DELETE", "/nothing".into(), "", 404, 10006),
        ("GET", "/files/objects?cursor=zz".into(), "", 400, 10029),
        ("GET", "/files/objects?per_page=0".into(), "", 400, 10022),
        ("POST", "".into(), r#"{"name":"files"}"#, 409, 10004),
        ("POST", "".into(), r#"{"name":"../x"}"#, 400, 10005),
        ("POST", "".into(), r#"{"name":"other","storageClass":"Cold"}"#, 400, 10029),
        ("POST", "".into(), "nonsense", 400, 10029),
        ("PATCH", "/files".into(), "", 400, 10029),
    ];
    for (method, path, body, status, expected) in cases {
        let (found, answer) = served.ask(method, &format!("/r2/buckets{path}"), body).await;
        assert_eq!((found, code(&answer)), (*status, *expected), "{method} {path}: {answer}");
    }
    let path = format!("/accounts/{}/r2/buckets", served.account);
    let eu = served.api("GET", &path).header("cf-r2-jurisdiction", "eu").send().await;
    assert_eq!(eu.status(), 400);
    let expires = format!("{path}/files/objects/k");
    let wrong = served.api("PUT", &expires).header("expires", "soon").body("v").await;
    assert_eq!(wrong.status(), 400);

    // Each account has buckets of its own, whatever they are called.
    let (account, token) = served.another_account().await;
    let others = format!("/accounts/{account}/r2/buckets");
    let (_, listed) = served.ask_as(&token, "GET", &others, "").await;
    assert_eq!(listed["result"]["buckets"], json!([]));
    let (status, answer) = served.ask_as(&token, "GET", &format!("{others}/files/objects/."), "").await;
    assert_eq!((status, code(&answer)), (404, 10006));
    assert_eq!(served.ask_as(&token, "POST", &others, r#"{"name":"files"}"#).await.0, 200);
    let (_, listed) = served.ask_as(&token, "GET", &format!("{others}/files/objects"), "").await;
    assert_eq!(listed["result"], json!([]));
    let question = json!({ "operationName": "getR2StorageMetrics",
        "variables": { "accountTag": served.account, "filter": { "bucketName": "files" } } });
    let (_, answer) = served.ask_as(&token, "POST", "/graphql", question.to_string()).await;
    assert_eq!(answer["data"], Value::Null);
    served.assert_alive();
}
