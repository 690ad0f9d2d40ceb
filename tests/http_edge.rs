//! The HTTP that clients speak: versions, keep-alive, bounds, and clients that misbehave.

use harness::{Dev, PATIENCE, Project};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const WORKER: &str = r#"
    export default {
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/204") return new Response(null, { status: 204 });
        if (pathname === "/cookies") {
          const headers = new Headers();
          headers.append("set-cookie", "a=1");
          headers.append("set-cookie", "b=2");
          return new Response("x", { headers, statusText: "Fine" });
        }
        return new Response(`${request.method} ${pathname} ${request.cf.httpProtocol} ${(await request.text()).length}`);
      },
    };
"#;

/// Writes bytes on a fresh connection and reads until the server closes it.
async fn raw(dev: &Dev, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(dev.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    timeout(PATIENCE, reading).await.expect("the server closes in time").expect("bytes");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let project = Project::worker(WORKER);
    let dev = Dev::start(&project).await;
    let pipelined = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\
                     HEAD /c HTTP/1.1\r\nHost: x\r\n\r\nGET /204 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = raw(&dev, pipelined.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert!(answer.contains("GET /a HTTP/1.1 0") && answer.contains("POST /b HTTP/1.1 3"), "{answer}");
    assert!(!answer.contains("HEAD /c HTTP/1.1 0"), "a HEAD response has no body: {answer}");
    assert!(answer.contains("HTTP/1.1 204 No Content"), "{answer}");
    let answer = raw(&dev, b"GET /old HTTP/1.0\r\nHost: x\r\n\r\n").await;
    assert!(answer.contains("GET /old HTTP/1.0 0"), "{answer}");
}

#[tokio::test]
async fn http_2_with_prior_knowledge() {
    let project = Project::worker(WORKER);
    let dev = Dev::start(&project).await;
    let output = tokio::process::Command::new("curl")
        .args(["-sS", "--http2-prior-knowledge", "--max-time", "20", "-d", "four", "-w", " %{http_version}"])
        .arg(dev.url("/two"))
        .output()
        .await
        .expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "POST /two HTTP/2 4 2", "{output:?}");
}

#[tokio::test]
async fn response_headers_keep_their_shape() {
    let project = Project::worker(WORKER);
    let dev = Dev::start(&project).await;
    let answer = dev.get("/cookies").send().await;
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(answer.headers()["content-type"], "text/plain;charset=UTF-8");
    assert_eq!(answer.headers()["content-length"], "1");
}

#[tokio::test]
async fn nonsense_and_excess_are_refused() {
    let project = Project::worker(WORKER);
    let mut dev = Dev::start(&project).await;
    let many = "x-filler: y\r\n".repeat(5000);
    let long = format!("x-long: {}\r\n", "y".repeat(1024 * 1024));
    let target = "a".repeat(1024 * 1024);
    for (what, bytes) in [
        ("not HTTP", b"\x16\x03\x01hello\r\n\r\n".to_vec()),
        ("a bad length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_vec()),
        ("two lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec()),
        ("many headers", format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n").into_bytes()),
        ("a long header", format!("GET / HTTP/1.1\r\nHost: x\r\n{long}\r\n").into_bytes()),
        ("a long target", format!("GET /{target} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()),
    ] {
        let mut stream = TcpStream::connect(dev.address()).await.unwrap();
        // The server may well hang up before it has read all of it.
        let _ = stream.write_all(&bytes).await;
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap_or_else(|_| panic!("{what}: no end"));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
        dev.assert_alive();
    }
    assert_eq!(dev.text("/still").await, "GET /still HTTP/1.1 0");
}
