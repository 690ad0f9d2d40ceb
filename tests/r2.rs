//! R2: the example, what a Worker sees of buckets, large bodies, kill -9, the command line.

use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use harness::{Dev, Project, body_of, skerry, text};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

const BUCKET: &str = "[[r2_buckets]]\nbinding = \"BUCKET\"\nbucket_name = \"bucket\"\n";

/// Objects by path, with whatever metadata the request has.
const FILES: &str = r#"
    export default {
      async fetch(request, { BUCKET }) {
        const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
        if (request.method === "PUT") {
          const { etag } = await BUCKET.put(key, request.body, { httpMetadata: request.headers });
          return new Response(etag);
        }
        const object = await BUCKET.get(key, { range: request.headers });
        return object === null ? new Response(null, { status: 404 }) : new Response(object.body, { headers: { etag: object.etag } });
      },
    };
"#;

#[tokio::test]
async fn the_example_serves_files() {
    let project = Project::copy_of("examples/r2-files");
    let mut dev = Dev::start(&project).await;
    assert_eq!(dev.get("/a/b.md").send().await.status(), 404);
    for method in ["POST", "DELETE", "PATCH"] {
        let answer = dev.request(method, "/a/b.md").send().await;
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.headers()["allow"], "GET, PUT");
    }
    let large: Vec<u8> = (0..8_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let put = dev.request("PUT", "/large").body(large.clone()).await;
    assert_eq!(put.status(), 201);
    let put = dev.request("PUT", "/a/b%20%C3%A9.md").header("content-type", "text/markdown").body("# Hello").await;
    assert_eq!(text(put).await, "Stored a/b é.md, 7 bytes\n");

    // The state outlives the process.
    dev.interrupt().await;
    dev.ended().await;
    let dev = Dev::start(&project).await;
    let got = dev.get("/a/b%20%C3%A9.md").send().await;
    assert_eq!((got.status().as_u16(), &got.headers()["content-type"]), (200, &"text/markdown".parse().unwrap()));
    assert_eq!(text(got).await, "# Hello");
    let got = dev.get("/large").send().await;
    assert_eq!(got.headers()["content-type"], "application/octet-stream");
    assert_eq!(got.headers()["content-length"], "8000000");
    assert!(body_of(got).await == large);
}

#[tokio::test]
async fn the_template_serves_files() {
    let folder = Project::empty();
    skerry(folder.path(), &["init", "files", "--template", "r2"]).await.ok();
    let dev = Dev::with(&[], &[&folder.join("files")]).await;
    let put = dev.request("PUT", "/x.txt").header("content-type", "text/plain").body("abc").await;
    assert_eq!(put.status(), 201);
    let got = dev.get("/x.txt").send().await;
    assert_eq!(got.headers()["content-type"], "text/plain");
    let etag = got.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(text(got).await, "abc");
    assert_eq!(dev.get("/x.txt").header("if-none-match", &etag).send().await.status(), 304);
    assert_eq!(dev.request("DELETE", "/x.txt").send().await.status(), 204);
    assert_eq!(dev.get("/x.txt").send().await.status(), 404);
}

/// Each line of `r2/cases.js` is tried and compared with what workerd and miniflare do.
#[tokio::test]
async fn a_worker_sees_what_the_platform_shows() {
    let cases = std::fs::read_to_string(harness::root().join("tests/r2/cases.js")).expect("the cases");
    let project = Project::configured(BUCKET, &cases);
    let dev = Dev::start(&project).await;
    let differences = dev.json("/").await;
    assert_eq!(differences, serde_json::json!([]), "{differences:#}");
}

/// A body passes from the client to the file and back in constant memory.
#[tokio::test]
async fn a_large_object_takes_little_memory() {
    const CHUNK: usize = 1 << 20;
    const CHUNKS: usize = 384;
    let project = Project::configured(BUCKET, FILES);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.request("PUT", "/small").body("x").await.status(), 200);
    let before = dev.resident_mib();
    let chunk = Bytes::from(vec![7; CHUNK]);
    let chunks = stream::iter(std::iter::repeat_n(chunk, CHUNKS));
    let length = (CHUNK * CHUNKS).to_string();
    let put = dev.request("PUT", "/large").header("content-length", &length).stream(chunks).await;
    assert_eq!(put.status(), 200);
    let got = dev.get("/large").send().await;
    assert_eq!(got.headers()["content-length"], length.as_str());
    let (mut body, mut read) = (got.into_body(), 0);
    while let Some(frame) = body.frame().await {
        let data = frame.expect("a chunk").into_data().expect("data");
        assert!(data.iter().all(|byte| *byte == 7));
        read += data.len();
    }
    assert_eq!(read, CHUNK * CHUNKS);
    let grown = dev.resident_mib().saturating_sub(before);
    assert!(grown < 100, "memory grew by {grown} MiB");
}

/// Kill -9 under load, again and again: every acknowledged object is there, none is torn.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let project = Project::configured(BUCKET, FILES);
    let mut acknowledged: Vec<(String, usize)> = Vec::new();
    for round in 0..4_usize {
        let mut dev = Dev::start(&project).await;
        for (key, size) in &acknowledged {
            let got = dev.get(&format!("/{key}")).send().await;
            assert_eq!(got.status(), 200, "{key} is gone after round {round}");
            assert!(*body_of(got).await == *object(key, *size), "{key} is torn");
        }
        let address = dev.address();
        let mut clients = JoinSet::new();
        for client in 0..8 {
            clients.spawn(async move {
                let mut done = Vec::new();
                for count in 0.. {
                    // Such as lie in the index, and such as are files.
                    let size = [100, 20_000, 700_000][count % 3];
                    let key = format!("{round}-{client}-{count}");
                    let sent = put(address, &key, size).await;
                    if sent.is_none() {
                        break;
                    }
                    done.push((key, size));
                }
                done
            });
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        dev.kill().await;
        while let Some(done) = clients.join_next().await {
            acknowledged.extend(done.expect("a client"));
        }
        assert!(!acknowledged.is_empty(), "nothing was stored before the end");
    }
    // Nothing of uploads that were cut off is left.
    let dev = Dev::start(&project).await;
    assert_eq!(dev.get("/nothing").send().await.status(), 404);
    let incoming = project.join(".skerry/state/v1/r2/blobs/incoming");
    assert_eq!(std::fs::read_dir(incoming).expect("the folder").count(), 0);
}

fn object(key: &str, size: usize) -> Vec<u8> {
    key.bytes().cycle().take(size).collect()
}

/// `None`: the server went away before it answered.
async fn put(address: std::net::SocketAddr, key: &str, size: usize) -> Option<()> {
    use tokio::io::AsyncReadExt;
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let head = format!("PUT /{key} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&object(key, size)).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.starts_with("HTTP/1.1 200").then_some(())
}

#[tokio::test]
async fn the_command_line_works_on_what_dev_uses() {
    let project = Project::configured(BUCKET, FILES).file("a.txt", "from a file");
    let dev = Dev::start(&project).await;
    assert_eq!(dev.request("PUT", "/dir/x").body("from a Worker").await.status(), 200);
    let run = async |args: &[&str]| skerry(project.path(), args).await;

    let listed = run(&["r2", "bucket", "list"]).await.ok();
    assert_eq!(listed.stdout, "bucket\n");
    run(&["r2", "bucket", "create", "photos"]).await.ok();
    assert!(run(&["r2", "bucket", "create", "photos"]).await.refused().stderr.contains("already exists"));
    assert!(run(&["r2", "bucket", "create", "No!"]).await.refused().stderr.contains("not valid"));

    run(&["r2", "object", "put", "bucket/y", "--file", "a.txt", "--ct", "text/plain"]).await.ok();
    assert_eq!(dev.text("/y").await, "from a file");
    let printed = run(&["r2", "object", "get", "bucket/dir/x", "--pipe"]).await.ok();
    assert_eq!(printed.stdout, "from a Worker");
    run(&["r2", "object", "get", "bucket/dir/x"]).await.ok();
    assert_eq!(std::fs::read_to_string(project.join("x")).expect("the file"), "from a Worker");
    assert!(run(&["r2", "object", "get", "bucket/none"]).await.refused().stderr.contains("no object"));
    assert!(run(&["r2", "object", "get", "bucket"]).await.refused().stderr.contains("bucket and its key"));

    assert!(run(&["r2", "bucket", "delete", "bucket"]).await.refused().stderr.contains("not empty"));
    for key in ["bucket/y", "bucket/dir/x"] {
        run(&["r2", "object", "delete", key]).await.ok();
    }
    assert_eq!(dev.get("/y").send().await.status(), 404);
    run(&["r2", "bucket", "delete", "bucket"]).await.ok();
    run(&["r2", "bucket", "delete", "photos", "--local"]).await.ok();
    assert_eq!(run(&["r2", "bucket", "list"]).await.ok().stdout, "");
}
