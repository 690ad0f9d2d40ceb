//! The WebSocket protocol, after what the Autobahn test suite asks of a server: over a raw connection its families 1 to 7 and some of 12 and 13
//! (framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, compression), with `ws` its families 9, 10, 12 and 13 (sizes, fragments,
//! many messages, terms of compression).

use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use harness::{Dev, Project};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const ECHO: &str = r#"
    import { DurableObject } from "cloudflare:workers";
    export class Sleeper extends DurableObject {
      fetch() {
        const [client, server] = Object.values(new WebSocketPair());
        this.ctx.acceptWebSocket(server);
        return new Response(null, { status: 101, webSocket: client });
      }
      webSocketMessage(socket, message) { socket.send(message); }
    }
    export default {
      async fetch(request, env) {
        const url = new URL(request.url);
        if (url.pathname === "/sleeper") return env.SLEEPER.get(env.SLEEPER.idFromName("one")).fetch(request);
        if (url.pathname === "/new") {
          const socket = new WebSocket(url.searchParams.get("to").replace("http", "ws"));
          const before = [socket.extensions, socket.protocol];
          await new Promise((resolve) => { socket.onopen = resolve; });
          const text = "again and again ".repeat(1000);
          const echoed = new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(data === text); });
          socket.send(text);
          const same = await echoed;
          socket.close(1000);
          return Response.json({ before, after: [socket.extensions, socket.protocol], same });
        }
        if (url.pathname === "/fetch") {
          const headers = { Upgrade: "websocket", "Sec-WebSocket-Extensions": url.searchParams.get("offer") };
          const response = await fetch(url.searchParams.get("to"), { headers });
          response.webSocket.accept();
          response.webSocket.close(1000);
          return Response.json(response.headers.get("Sec-WebSocket-Extensions"));
        }
        const [client, server] = Object.values(new WebSocketPair());
        server.accept();
        server.addEventListener("message", ({ data }) => server.send(data));
        const wanted = url.searchParams.get("wanted");
        return new Response(null, { status: 101, webSocket: client, headers: wanted ? { "Sec-WebSocket-Extensions": wanted } : {} });
      },
    };
"#;

const CONFIG: &str = r#"
compatibility_flags = ["web_socket_auto_reply_to_close"]
[[durable_objects.bindings]]
name = "SLEEPER"
class_name = "Sleeper"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Sleeper"]
"#;

const OFFER: &str = "permessage-deflate; client_max_window_bits";
const AGREED: &str = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

struct Raw {
    stream: TcpStream,
    extensions: Option<String>,
}

impl Raw {
    async fn open(dev: &Dev, path: &str, offer: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(dev.address()).await.unwrap();
        let offer = offer.map(|offer| format!("Sec-WebSocket-Extensions: {offer}\r\n")).unwrap_or_default();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n",
            dev.address()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.expect("the whole head"));
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        let extensions = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("Sec-WebSocket-Extensions").then(|| value.to_owned())
        });
        Self { stream, extensions }
    }

    async fn send(&mut self, bytes: &[u8]) {
        // A server that has closed already takes no more.
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next frame: its first byte and what it holds.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let first = self.stream.read_u8().await.expect("a frame");
            let length = match self.stream.read_u8().await.unwrap() {
                126 => self.stream.read_u16().await.unwrap().into(),
                127 => self.stream.read_u64().await.unwrap(),
                short => short.into(),
            };
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.unwrap();
            (first, payload)
        };
        tokio::time::timeout(harness::PATIENCE, read).await.expect("a frame in time")
    }
}

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    out.extend(mask);
    out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
    out
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 1024);
    Compress::new(Compression::best(), false).compress_vec(bytes, &mut out, FlushCompress::Sync).unwrap();
    assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]));
    out.truncate(out.len() - 4);
    out
}

/// What a compressed message holds, with a window of this size.
fn inflated(bytes: &[u8], window_bits: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024 * 1024);
    let bytes = [bytes, &[0, 0, 0xFF, 0xFF]].concat();
    let mut inflate = Decompress::new_with_window_bits(false, window_bits);
    inflate.decompress_vec(&bytes, &mut out, FlushDecompress::Sync).expect("deflate data");
    out
}

/// What comes back: frames as they are, or a Close with this code.
enum Expected {
    Frames(Vec<(u8, Vec<u8>)>),
    Close(u16),
}

use Expected::{Close, Frames};

fn text(text: &str) -> Expected {
    Frames(vec![(0x81, text.into())])
}

fn cases() -> Vec<(&'static str, Vec<Vec<u8>>, Expected)> {
    let mut cases = Vec::new();
    for length in [0usize, 125, 126, 127, 128, 65_535, 65_536] {
        let payload = vec![b'*'; length];
        cases.push(("1.1 text", vec![frame(0x81, &payload)], Frames(vec![(0x81, payload.clone())])));
        cases.push(("1.2 binary", vec![frame(0x82, &payload)], Frames(vec![(0x82, payload)])));
    }
    let pongs = (0..8).map(|i| (0x8A, vec![b'0' + i])).collect();
    let pings = (0..8).map(|i| frame(0x89, &[b'0' + i])).collect::<Vec<_>>().concat();
    cases.extend([
        ("2.1 an empty ping", vec![frame(0x89, b"")], Frames(vec![(0x8A, vec![])])),
        ("2.4 a full ping", vec![frame(0x89, &[0xFE; 125])], Frames(vec![(0x8A, vec![0xFE; 125])])),
        ("2.5 too long a ping", vec![frame(0x89, &[0xFE; 126])], Close(1002)),
        ("2.7 pongs unasked", vec![frame(0x8A, b""), frame(0x8A, b"x"), frame(0x81, b"on")], text("on")),
        ("2.10 pings", vec![pings], Frames(pongs)),
        ("3.1 RSV3", vec![frame(0x91, b"x")], Close(1002)),
        ("3.2 RSV2", vec![frame(0xA1, b"x")], Close(1002)),
        ("3.4 RSV1", vec![frame(0xC1, b"x")], Close(1002)),
        ("3.7 all of them in a Close", vec![frame(0xF8, b"")], Close(1002)),
    ]);
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push(("4 a reserved opcode", vec![frame(0x80 | opcode, b"x")], Close(1002)));
    }
    let fragments = [frame(0x01, b"frag"), frame(0x00, b"men"), frame(0x80, b"ted")];
    let between = [frame(0x01, b"frag"), frame(0x89, b"?"), frame(0x80, b"ment")];
    let mut both = vec![(0x8A, b"?".to_vec())];
    both.push((0x81, b"fragment".to_vec()));
    cases.extend([
        ("5.1 a ping in pieces", vec![frame(0x09, b"a"), frame(0x80, b"b")], Close(1002)),
        ("5.2 a pong in pieces", vec![frame(0x0A, b"a"), frame(0x80, b"b")], Close(1002)),
        ("5.3 fragments", fragments.to_vec(), text("fragmented")),
        ("5.5 fragments byte by byte", fragments.concat().chunks(1).map(<[u8]>::to_vec).collect(), text("fragmented")),
        ("5.6 a ping between fragments", between.to_vec(), Frames(both)),
        ("5.9 a continuation of nothing", vec![frame(0x80, b"x"), frame(0x81, b"y")], Close(1002)),
        ("5.12 a continuation of nothing", vec![frame(0x00, b"x"), frame(0x81, b"y")], Close(1002)),
        ("5.18 a message within a message", vec![frame(0x01, b"x"), frame(0x81, b"y")], Close(1002)),
        ("6.1 empty fragments", vec![frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")], text("")),
        ("6.2 a character in two frames", vec![frame(0x01, b"\xE2\x98"), frame(0x80, b"\x83")], text("☃")),
        ("6.22 a non-character", vec![frame(0x81, "\u{FFFF}".as_bytes())], text("\u{FFFF}")),
    ]);
    let invalid: [&[u8]; 9] = [
        b"\xCE\xBA\xED\xA0\x80edited",
        b"\xF4\x90\x80\x80",
        b"\xF8\x88\x80\x80\x80",
        b"\xC0\xAF",
        b"\xE0\x80\xAF",
        b"\xED\xBF\xBF",
        b"\x80",
        b"\xFF",
        b"\xE2\x98",
    ];
    for bytes in invalid {
        cases.push(("6 no UTF-8", vec![frame(0x81, bytes)], Close(1007)));
    }
    let close = |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes()[..], reason].concat());
    let closed = |code: u16, reason: &[u8]| Frames(vec![(0x88, [&code.to_be_bytes()[..], reason].concat())]);
    cases.extend([
        ("7.1 a message after a Close", vec![close(1000, b""), frame(0x81, b"x")], closed(1000, b"")),
        ("7.3 a Close without a code", vec![frame(0x88, b"")], Frames(vec![(0x88, vec![])])),
        ("7.3 half a code", vec![frame(0x88, b"\x03")], Close(1002)),
        ("7.3 a reason", vec![close(1000, b"Hello World!")], closed(1000, b"Hello World!")),
        ("7.3 the longest reason", vec![close(1000, &[b'*'; 123])], closed(1000, &[b'*'; 123])),
        ("7.3 too long a reason", vec![close(1000, &[b'*'; 124])], Close(1002)),
        ("7.5 a reason that is not UTF-8", vec![close(1000, b"\xCE\xBA\xED\xA0\x80")], Close(1007)),
    ]);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        cases.push(("7.7 a good code", vec![close(code, b"")], closed(code, b"")));
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(("7.9 a bad code", vec![close(code, b"")], Close(1002)));
    }
    cases
}

#[tokio::test]
async fn frames_are_taken_as_the_protocol_has_it() {
    let project = Project::configured(CONFIG, ECHO);
    let dev = Dev::start(&project).await;
    for (what, pieces, expected) in cases() {
        let mut raw = Raw::open(&dev, "/", None).await;
        assert_eq!(raw.extensions, None);
        for piece in &pieces {
            raw.send(piece).await;
        }
        match expected {
            Frames(frames) => {
                for expected in frames {
                    assert!(raw.frame().await == expected, "{what}: {:02x?}", pieces.first());
                }
            }
            Close(code) => assert_closed(&mut raw, code, what).await,
        }
    }
}

async fn assert_closed(raw: &mut Raw, code: u16, what: &str) {
    let (first, payload) = raw.frame().await;
    assert_eq!((first, payload.get(..2)), (0x88, Some(&code.to_be_bytes()[..])), "{what}");
    let mut rest = Vec::new();
    let _ = raw.stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"", "{what}");
}

#[tokio::test]
async fn messages_are_compressed_where_both_sides_can() {
    let project = Project::configured(CONFIG, ECHO);
    let dev = Dev::start(&project).await;
    let narrow = "permessage-deflate; server_max_window_bits=9";
    let offers = [
        ("/", OFFER, Some(AGREED.to_owned()), 15),
        ("/sleeper", OFFER, Some(AGREED.to_owned()), 15),
        ("/", narrow, Some(format!("{AGREED}; server_max_window_bits=9")), 9),
        ("/", "permessage-deflate; bogus, permessage-deflate", Some(AGREED.to_owned()), 15),
        ("/", "permessage-deflate; server_max_window_bits=7", None, 15),
        ("/", "x-webkit-deflate-frame", None, 15),
        ("/?wanted=nonsense", OFFER, None, 15),
    ];
    let message = "compress me, please; ".repeat(2000);
    for (path, offer, agreed, window) in offers {
        let mut raw = Raw::open(&dev, path, Some(offer)).await;
        assert_eq!(raw.extensions, agreed, "{path} {offer}");
        raw.send(&frame(0x81, message.as_bytes())).await;
        let (first, payload) = raw.frame().await;
        if agreed.is_none() {
            assert!((first, payload) == (0x81, message.clone().into_bytes()), "{path} {offer}");
            continue;
        }
        assert_eq!(first, 0xC1, "{path} {offer}");
        assert!(payload.len() < 2000, "{} bytes", payload.len());
        assert!(inflated(&payload, window) == message.as_bytes(), "{path} {offer}");
        for length in [0, 1, 300, 16 * 1024, 100_000] {
            raw.send(&frame(0xC2, &deflated(&vec![7; length]))).await;
            let (first, payload) = raw.frame().await;
            let payload = if first & 0x40 == 0 { payload } else { inflated(&payload, window) };
            assert!(payload == vec![7; length], "{length} bytes to {path}");
        }
    }
    let off = Project::configured("compatibility_flags = [\"no_web_socket_compression\"]", ECHO);
    let dev = Dev::start(&off).await;
    assert_eq!(Raw::open(&dev, "/?wanted=permessage-deflate", Some(OFFER)).await.extensions, None);
}

#[tokio::test]
async fn compressed_messages_come_in_all_forms() {
    let project = Project::configured(CONFIG, ECHO);
    let dev = Dev::start(&project).await;
    let hello = deflated(b"Hello Hello Hello");
    let (one, two) = hello.split_at(4);
    let expected = || Frames(vec![(0x81, b"Hello Hello Hello".to_vec())]);
    let fragments = vec![frame(0x41, one), frame(0x89, b"?"), frame(0x00, b""), frame(0x80, two)];
    let with_pong = Frames(vec![(0x8A, b"?".to_vec()), (0x81, b"Hello Hello Hello".to_vec())]);
    // RFC 7692 §7.2.3.3 and §7.2.3.4 have these.
    let stored = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    let bomb = deflated(&vec![0; 64 * 1024 * 1024]);
    let cases = [
        ("in one frame", vec![frame(0xC1, &hello)], expected()),
        ("byte by byte", frame(0xC1, &hello).chunks(1).map(<[u8]>::to_vec).collect(), expected()),
        ("in fragments", fragments, with_pong),
        ("not at all", vec![frame(0x81, b"plain")], text("plain")),
        ("in a stored block", vec![frame(0xC1, stored)], text("Hello")),
        ("in a last block", vec![frame(0xC1, last)], text("Hello")),
        ("a bomb", vec![frame(0xC2, &bomb)], Close(1009)),
        ("garbage", vec![frame(0xC1, &[0xFF; 16])], Close(1002)),
        ("not UTF-8", vec![frame(0xC1, &deflated(b"\xFF\xFE"))], Close(1007)),
        ("a ping", vec![frame(0xC9, b"x")], Close(1002)),
        ("a continuation", vec![frame(0x41, one), frame(0xC0, two)], Close(1002)),
        ("RSV2", vec![frame(0xA1, &hello)], Close(1002)),
    ];
    for (what, pieces, expected) in cases {
        let mut raw = Raw::open(&dev, "/", Some(OFFER)).await;
        for piece in pieces {
            raw.send(&piece).await;
        }
        match expected {
            Frames(frames) => {
                for expected in frames {
                    assert_eq!(raw.frame().await, expected, "{what}");
                }
            }
            Close(code) => assert_closed(&mut raw, code, what).await,
        }
    }
}

#[tokio::test]
async fn a_worker_offers_compression_as_a_client() {
    let project = Project::configured(CONFIG, ECHO);
    let dev = Dev::start(&project).await;
    let there = format!("http://{}/", dev.address());
    let heard = dev.json(&format!("/new?to={there}")).await;
    let expected = serde_json::json!({ "before": ["", ""], "after": [AGREED, null], "same": true });
    assert_eq!(heard, expected);
    assert_eq!(dev.json(&format!("/fetch?to={there}&offer=permessage-deflate")).await, AGREED);
    assert_eq!(dev.json(&format!("/fetch?to={there}&offer=x-foo")).await, serde_json::Value::Null);
}

#[tokio::test]
async fn messages_of_all_sizes_come_back_under_all_terms() {
    let project = Project::configured(CONFIG, ECHO);
    let dev = Dev::start(&project).await;
    let script = harness::root().join("tests/websockets/messages.mjs");
    let packages = harness::root().join("tests/package.json");
    let address = dev.url("").replace("http", "ws");
    let run = Command::new("node").arg(script).arg(address).arg(packages).kill_on_drop(true).output();
    let run = tokio::time::timeout(Duration::from_secs(240), run).await.expect("ws ends").unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{run:?}"));
    assert_eq!(told["failed"], serde_json::json!([]));
    assert_eq!(told["cases"], 114);
}
