//! Hostile Workers and their clients: what is unpacked without end, floods of WebSockets, and ways into the network around the server.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use harness::socket::tungstenite::Message;
use harness::{Neighbour, Origin, Served, Socket, text};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::mirror;

/// 512 MiB of nothing, packed.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..512 {
        encoder.write_all(&[0; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

const UNPACKING: &str = r#"
    const kept = [];
    export default {
      async fetch(request, env) {
        const { pathname, searchParams } = new URL(request.url);
        const packed = pathname.startsWith("/fetched") ? (await fetch(searchParams.get("from"))).body : request.body.pipeThrough(new DecompressionStream("gzip"));
        if (pathname.endsWith("whole")) return new Response(`${(await new Response(packed).arrayBuffer()).byteLength}`);
        if (pathname.endsWith("text")) return new Response(`${(await new Response(packed).text()).length}`);
        if (pathname.endsWith("kept")) { for await (const chunk of packed) kept.push(chunk); return new Response("kept"); }
        if (pathname.endsWith("through")) return new Response(packed);
        let bytes = 0;
        for await (const chunk of packed) bytes += chunk.byteLength;
        return new Response(String(bytes));
      },
    };
"#;

#[tokio::test]
async fn what_unpacks_without_end_is_stopped() {
    let bomb = bomb();
    let sent = bomb.clone();
    let origin = Origin::start(move |_| {
        let sent = sent.clone();
        async move {
            let mut answer = Origin::text(sent);
            answer.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
            answer
        }
    })
    .await;
    let mut served = mirror("[outbound]\nallow_private = true\n").await;
    served.upload("unpacking", json!({ "limits": { "cpu_ms": 5000 } }), UNPACKING).await;
    let neighbour = Neighbour::start(&served).await;
    let before = served.resident_mib();
    let from = origin.url("/bomb");
    for way in ["whole", "text", "kept"] {
        for path in [format!("/sent/{way}"), format!("/fetched/{way}?from={from}")] {
            let answer = served.request("POST", "unpacking", &path).body(bomb.clone()).await;
            let status = answer.status().as_u16();
            let told = text(answer).await;
            // The memory of its isolate ends it, or the bound of a body that is read as a whole.
            assert!(status == 503 && told == "error code: 1102" || status == 500, "{path}: {status} {told:.200}");
            neighbour.answers().await;
            let now = served.resident_mib();
            assert!(now < before + 700, "{path}: {before} MiB resident, then {now}");
        }
    }
    // What only passes through takes its time and no memory.
    for path in ["/sent/counted".to_owned(), format!("/fetched/counted?from={from}")] {
        assert_eq!(
            text(served.request("POST", "unpacking", &path).body(bomb.clone()).await).await,
            (512 << 20).to_string()
        );
        neighbour.answers().await;
    }
    // Nothing unpacks by itself what a client says is packed, neither for a Worker nor for the API.
    let packed = served.request("POST", "hello", "/").header("content-encoding", "gzip").body(&b"\x1f\x8b"[..]).await;
    assert!(text(packed).await.contains("body=\u{1f}\u{fffd}>"));
    let request = served.api("POST", &format!("/accounts/{}/storage/kv/namespaces", served.account));
    let refused = request.header("content-encoding", "gzip").body(bomb[..bomb.len().min(900_000)].to_vec()).await;
    assert_eq!(refused.status(), 400);
    neighbour.was_calm().await;
    served.assert_alive();
}

const ECHO: &str = r#"
    export default {
      fetch(request) {
        if (request.headers.get("upgrade") !== "websocket") return new Response("plain");
        const { 0: client, 1: server } = new WebSocketPair();
        server.accept();
        server.addEventListener("message", ({ data }) => server.send(data));
        return new Response(null, { status: 101, webSocket: client });
      },
    };
"#;

/// A frame of a client, with a mask of zeros; `announced` may be more than there is.
fn masked(head: u8, payload: &[u8], announced: u64) -> Vec<u8> {
    [&[head, 0x80 | 127], announced.to_be_bytes().as_slice(), &[0; 4], payload].concat()
}

async fn handshake(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    let request = "GET / HTTP/1.1\r\nHost: echo.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("an answer"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    stream
}

/// The code with which the server closes, after whatever it says before.
async fn close_code(stream: &mut TcpStream) -> Option<u16> {
    let mut all = Vec::new();
    let _ = tokio::time::timeout(harness::PATIENCE, stream.read_to_end(&mut all)).await.expect("the end in time");
    let at = all.windows(2).rposition(|two| two[0] == 0x88 && two[1] >= 2)?;
    Some(u16::from_be_bytes([*all.get(at + 2)?, *all.get(at + 3)?]))
}

#[tokio::test]
async fn floods_of_websockets_end_their_own_connections() {
    let mut served = Served::start().await;
    served.upload("echo", json!({}), ECHO).await;
    let neighbour = Neighbour::start(&served).await;
    let before = served.resident_mib();

    // Many at once, which all work.
    let mut many = Vec::new();
    for _ in 0..300 {
        many.push(Socket::open(served.http(), "/", &[("host", "echo.localhost")]).await.expect("a WebSocket"));
    }
    for (nth, socket) in many.iter_mut().enumerate() {
        socket.send(format!("{nth}")).await;
    }
    for (nth, socket) in many.iter_mut().enumerate() {
        assert_eq!(socket.text().await, nth.to_string());
    }
    neighbour.answers().await;

    // Frames that announce what never comes take no memory.
    let mut announced = Vec::new();
    for length in [32 << 20, 1 << 40, i64::MAX as u64] {
        for _ in 0..20 {
            let mut stream = handshake(served.http()).await;
            let _ = stream.write_all(&masked(0x82, &[0; 100], length)).await;
            announced.push(stream);
        }
    }
    neighbour.answers().await;
    // A length with its highest bit, and fragments without end.
    let mut stream = handshake(served.http()).await;
    let _ = stream.write_all(&masked(0x82, b"", u64::MAX)).await;
    assert!(matches!(close_code(&mut stream).await, Some(1002 | 1009) | None));
    let mut stream = handshake(served.http()).await;
    let piece = vec![0; 1 << 20];
    for nth in 0..64 {
        let head = if nth == 0 { 0x02 } else { 0x00 };
        if stream.write_all(&masked(head, &piece, piece.len() as u64)).await.is_err() {
            break;
        }
    }
    assert!(matches!(close_code(&mut stream).await, Some(1009) | None));
    // Empty fragments and pings, to a server whose answers nobody reads.
    for bytes in [[masked(0x01, b"", 0), masked(0x00, b"", 0).repeat(1000)].concat(), masked(0x89, b"", 0).repeat(1000)]
    {
        let mut stream = handshake(served.http()).await;
        for _ in 0..500 {
            if !matches!(tokio::time::timeout(harness::PATIENCE / 8, stream.write_all(&bytes)).await, Ok(Ok(()))) {
                break;
            }
        }
        announced.push(stream);
        neighbour.answers().await;
    }
    // Messages whose echo nobody takes.
    let mut stream = handshake(served.http()).await;
    let message = masked(0x82, &piece, piece.len() as u64);
    for _ in 0..200 {
        if !matches!(tokio::time::timeout(harness::PATIENCE / 8, stream.write_all(&message)).await, Ok(Ok(()))) {
            break;
        }
    }
    neighbour.answers().await;
    let after = served.resident_mib();
    assert!(after < before + 400, "{before} MiB resident, then {after}");
    // The Worker itself serves on, as do the sockets from before.
    drop((announced, stream));
    many[0].send(Message::text("still")).await;
    assert_eq!(many[0].text().await, "still");
    assert_eq!(served.text("echo", "/").await, "plain");
    neighbour.was_calm().await;
    served.assert_alive();
}

/// Tries each place in each way, and tells those that were not refused.
const REACHING: &str = r#"
    import { connect } from "cloudflare:sockets";
    import net from "node:net";

    const ways = {
      fetch: (host, port) => fetch(`http://${host}:${port}/fetch`),
      tls: (host, port) => fetch(`https://${host}:${port}/tls`),
      post: (host, port) => fetch(`http://${host}:${port}/post`, { method: "POST", body: "x", redirect: "manual" }),
      upgrade: (host, port) => fetch(`http://${host}:${port}/upgrade`, { headers: { upgrade: "websocket" } }),
      connect: (host, port) => connect({ hostname: host, port }).opened,
      address: (host, port) => connect(`${host}:${port}`).opened,
      starttls: (host, port) => connect({ hostname: host, port }, { secureTransport: "on" }).opened,
      socket: (host, port) => new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://${host}:${port}/socket`);
        socket.addEventListener("open", resolve);
        socket.addEventListener("error", () => reject(new Error("refused")));
        socket.addEventListener("close", () => reject(new Error("refused")));
      }),
      node: (host, port) => new Promise((resolve, reject) => {
        const socket = net.connect({ host: host.replace(/^\[|\]$/g, ""), port });
        socket.on("connect", resolve);
        socket.on("error", reject);
      }),
    };

    export default {
      async fetch(request) {
        const { host, ports } = await request.json();
        const reached = [], refusals = {};
        for (const port of ports) {
          await Promise.all(Object.keys(ways).map(async (way) => {
            try {
              await ways[way](host, port);
              reached.push(`${way} ${host}:${port}`);
            } catch (error) {
              refusals[way] = String(error?.message ?? error);
            }
          }));
        }
        return Response.json({ reached, refusals });
      },
    };
"#;

#[tokio::test]
async fn no_worker_reaches_into_the_network_of_the_server() {
    // Whoever is let in is counted, and told something.
    let entered = Arc::new(AtomicUsize::new(0));
    let mut ports = Vec::new();
    for address in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
        let Ok(listener) = TcpListener::bind(address).await else { continue };
        ports.push(listener.local_addr().unwrap().port());
        let entered = entered.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                entered.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ninside").await;
            }
        });
    }
    let mut served = mirror("").await;
    ports.extend([served.http().port(), served.api_address().port()]);
    served.upload("reaching", json!({ "compatibility_flags": ["nodejs_compat"] }), REACHING).await;
    let neighbour = Neighbour::start(&served).await;
    let before = super::met(&served).await;
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    let inside = [
        // Loopback as it is written, and as it may be: by parts, in one number, in octal and hexadecimal, in letters that become digits.
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "0x0",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}",
        "%31%32%37.0.0.1",
        // Names of this machine, and names that its resolver may have.
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "localhost.localdomain",
        "ip6-localhost",
        "ip6-loopback",
        hostname.as_str(),
        // IPv6, and IPv4 within it.
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        // Where clouds tell machines their secrets.
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "2852039166",
        "metadata.google.internal",
    ];
    for host in inside {
        let asked = json!({ "host": host, "ports": ports }).to_string();
        let told = text(served.request("POST", "reaching", "/").body(asked).await).await;
        let told: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{host}: {told}"));
        assert_eq!(told["reached"], json!([]), "{host}");
        neighbour.answers().await;
    }
    // Private and other special networks are refused by their address, before anything is sent there.
    for host in [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "169.254.1.1",
    ] {
        let asked = json!({ "host": host, "ports": [80] }).to_string();
        let told: Value =
            serde_json::from_str(&text(served.request("POST", "reaching", "/").body(asked).await).await).unwrap();
        assert_eq!(told["reached"], json!([]), "{host}");
        let why = told["refusals"]["fetch"].as_str().unwrap();
        assert!(why.contains("is not a public address"), "{host}: {why}");
    }
    assert_eq!(entered.load(Ordering::Relaxed), 0, "somebody was let in");
    assert_eq!(super::met(&served).await, before + 1, "a Worker was met from inside");
    neighbour.was_calm().await;
    served.assert_alive();
}

/// A message that inflates to far more than it is (permessage-deflate), to a Worker that would take it.
#[tokio::test]
async fn messages_that_inflate_without_end_close_their_socket() {
    let mut served = Served::start().await;
    let source =
        ECHO.replace("status: 101,", "status: 101, headers: { 'sec-websocket-extensions': 'permessage-deflate' },");
    served.upload("echo", json!({}), &source).await;
    let neighbour = Neighbour::start(&served).await;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..256 {
        encoder.write_all(&[0; 1 << 20]).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let mut stream = TcpStream::connect(served.http()).await.expect("the server accepts");
    let request = "GET / HTTP/1.1\r\nHost: echo.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let _ = stream.write_all(&masked(0xc2, &packed, packed.len() as u64)).await;
    assert!(matches!(close_code(&mut stream).await, Some(1009) | None));
    neighbour.was_calm().await;
    served.assert_alive();
}
