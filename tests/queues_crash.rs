//! `kill -9` under load: every message that was acknowledged to its sender is delivered, however often the process ends.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use harness::{Dev, Project, eventually};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const SENDERS: usize = 8;
const ROUNDS: u64 = 3;

/// Keeps the numbers that it is given.
const WORKER: &str = r#"
    export default {
      async fetch(request, { Q, SEEN }) {
        const n = new URL(request.url).pathname.slice(1);
        if (n !== "seen") {
          await Q.send(Number(n));
          return new Response("acknowledged");
        }
        const seen = [];
        let page = { list_complete: false };
        while (!page.list_complete) {
          page = await SEEN.list({ cursor: page.cursor });
          for (const { name } of page.keys) seen.push(Number(name));
        }
        return Response.json(seen);
      },
      async queue(batch, { SEEN }) {
        await Promise.all(batch.messages.map(({ body }) => SEEN.put(String(body), "")));
      },
    };
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_messages_are_delivered_after_sigkill() {
    let config = "[[kv_namespaces]]\nbinding = \"SEEN\"\nid = \"seen\"\n[[queues.producers]]\nbinding = \"Q\"\nqueue = \"q\"\n\
                  [[queues.consumers]]\nqueue = \"q\"\nmax_batch_size = 20\nmax_batch_timeout = 0\n";
    let project = Project::configured(config, WORKER);
    let mut acknowledged: HashSet<u64> = HashSet::new();
    for round in 0..ROUNDS {
        let mut dev = Dev::flags(&project, &["--log-level", "warn"]).await;
        let address = dev.address();
        let mut senders = tokio::task::JoinSet::new();
        for sender in 0..SENDERS as u64 {
            senders.spawn(async move {
                let mut known = Vec::new();
                let first = (round * 100 + sender) * 1_000_000;
                for n in first.. {
                    if !send(address, n).await {
                        break;
                    }
                    known.push(n);
                }
                known
            });
        }
        tokio::time::sleep(Duration::from_millis(400 + 100 * round)).await;
        dev.kill().await;
        let before = acknowledged.len();
        acknowledged.extend(senders.join_all().await.into_iter().flatten());
        assert!(acknowledged.len() > before + SENDERS, "no load in round {round}");
    }
    let dev = Dev::flags(&project, &["--log-level", "warn"]).await;
    eventually(|| async {
        let seen: HashSet<u64> = serde_json::from_value(dev.json("/seen").await).expect("numbers");
        acknowledged.is_subset(&seen)
    })
    .await;
}

/// Whether the message was acknowledged. The server may die at any point.
async fn send(address: SocketAddr, n: u64) -> bool {
    let Ok(stream) = TcpStream::connect(address).await else { return false };
    let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await else {
        return false;
    };
    tokio::spawn(connection);
    let request =
        http::Request::get(format!("/{n}")).header("host", "localhost").body(String::new()).expect("a request");
    let Ok(answer) = sender.send_request(request).await else { return false };
    let whole = answer.status() == 200;
    let Ok(body) = answer.into_body().collect().await else { return false };
    whole && body.to_bytes() == "acknowledged"
}
