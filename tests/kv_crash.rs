//! `kill -9` under load: every acknowledged write is there afterwards, and none is torn.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Dev, Project};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const WRITERS: usize = 8;
const KEYS: usize = 4;
const ROUNDS: u64 = 4;

/// A value says which write it is of, and repeats it to a length of its own, so that a torn one shows.
const WORKER: &str = r#"
    const value = (n) => `${n};`.repeat(1 + (n * 7919) % 3000);
    export default {
      async fetch(request, { KV }) {
        const [, key, n] = new URL(request.url).pathname.split("/");
        if (n !== undefined) {
          await KV.put(key, value(Number(n)), { metadata: Number(n) });
          return new Response("acknowledged");
        }
        const { value: found, metadata } = await KV.getWithMetadata(key);
        if (found === null) return new Response("none");
        return new Response(found === value(metadata) ? String(metadata) : `torn: ${metadata}, ${found.slice(0, 100)}`);
      },
    };
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_sigkill() {
    let project = Project::configured("[[kv_namespaces]]\nbinding = \"KV\"\nid = \"n\"\n", WORKER);
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    let mut attempted: HashMap<String, u64> = HashMap::new();
    for round in 0..ROUNDS {
        let mut dev = Dev::flags(&project, &["--log-level", "warn"]).await;
        check(&dev, &acknowledged, &attempted).await;
        let address = dev.address();
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let stop = stop.clone();
            writers.spawn(async move {
                let mut last = Vec::new();
                for n in 1.. {
                    let (key, n) = (format!("w{writer}-{}", n % KEYS as u64), round * 1_000_000 + n);
                    let path = format!("/{key}/{n}");
                    let known = !stop.load(Ordering::Relaxed) && put(address, &path).await;
                    last.push((key, n, known));
                    if !known {
                        break;
                    }
                }
                last
            });
        }
        tokio::time::sleep(Duration::from_millis(400 + 150 * round)).await;
        dev.kill().await;
        stop.store(true, Ordering::Relaxed);
        let mut made = 0;
        for (key, n, known) in writers.join_all().await.into_iter().flatten() {
            attempted.insert(key.clone(), n);
            if known {
                made += 1;
                acknowledged.insert(key, n);
            }
        }
        assert!(made > WRITERS, "no load: {made} writes in round {round}");
    }
    check(&Dev::start(&project).await, &acknowledged, &attempted).await;
}

/// Each key has the last write that was acknowledged, or the one that was on its way when the process died.
async fn check(dev: &Dev, acknowledged: &HashMap<String, u64>, attempted: &HashMap<String, u64>) {
    for (key, attempted) in attempted {
        let found = dev.text(&format!("/{key}")).await;
        let known = acknowledged.get(key).copied();
        let of = |n: u64| found == n.to_string();
        let fine = of(*attempted) || known.map_or(found == "none", of);
        assert!(fine, "{key}: {known:?} was acknowledged, {attempted} attempted, and there is {found}");
    }
}

/// Whether the write was acknowledged. The server may die at any point.
async fn put(address: std::net::SocketAddr, path: &str) -> bool {
    let Ok(stream) = TcpStream::connect(address).await else { return false };
    let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await else {
        return false;
    };
    tokio::spawn(connection);
    let request = http::Request::get(path).header("host", "localhost").body(String::new()).expect("a request");
    let Ok(answer) = sender.send_request(request).await else { return false };
    let whole = answer.status() == 200;
    let Ok(body) = answer.into_body().collect().await else { return false };
    whole && body.to_bytes() == "acknowledged"
}
