//! Requests as they come from the network: through the edge, into a Worker that looks at every header, and back.

#![no_main]

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use edge::{Bounds, Config, Geo, Request, Response};
use fuzz::{Subject, subject};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The headers come back as they came; what is the edge's own says what the edge says.
const WORKER: &str = r#"
    export default { fetch({ headers, method }) {
      const copy = new Headers(headers);
      for (const [name, value] of copy) {
        if (headers.get(name) !== value && name !== "set-cookie") throw new Error(`${name}: ${value}`);
      }
      for (const name of ["connection", "transfer-encoding", "te", "trailer", "keep-alive", "cf-ew-via", "true-client-ip", "cf-worker"]) {
        if (headers.has(name)) throw new Error(`${name} came through`);
      }
      for (const [name, value] of [["cf-connecting-ip", "127.0.0.1"], ["x-real-ip", "127.0.0.1"], ["accept-encoding", "gzip, br"]]) {
        if (headers.get(name) !== value) throw new Error(`${name}: ${headers.get(name)}`);
      }
      for (const name of ["content-encoding", "content-length", "host", "upgrade"]) copy.delete(name);
      return new Response("done", { headers: copy });
    } };
"#;

struct Handler(&'static Subject);

impl edge::Handler for Handler {
    async fn handle(&self, request: Request) -> Response {
        self.0.fetch(request.method, request.headers, request.body).await
    }
}

fn address(subject: &'static Subject) -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        subject.run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("its address");
            let config = Config {
                bounds: Bounds { idle_timeout: Duration::from_millis(200), ..Bounds::default() },
                tls: None,
                passed: None,
                alt_svc: None,
                geo: Arc::new(Geo::new(Some("NRT"), &[]).expect("a colo")),
                connections: Arc::default(),
            };
            tokio::spawn(edge::serve(listener, config, Arc::new(Handler(subject)), CancellationToken::new()));
            address
        })
    })
}

// What follows the request line. A peer that sends no more than that is answered, or its connection ends.
fuzz_target!(|bytes: &[u8]| {
    let subject = subject(WORKER);
    let address = address(subject);
    let answer = subject.run(async {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let mut answer = Vec::new();
        let request = [b"POST / HTTP/1.1\r\nhost: fuzz.example\r\n", bytes].concat();
        // The edge may close before it has read all.
        if stream.write_all(&request).await.is_ok() && stream.shutdown().await.is_ok() {
            let _ = stream.read_to_end(&mut answer).await;
        }
        answer
    });
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answer));
    let failed = answer.starts_with(b"HTTP/1.1 5");
    assert!(!failed, "{}", String::from_utf8_lossy(&answer));
});
