//! Frames from hostile and honest peers, ends that come and go, and the two together over a connection in memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio_util::sync::CancellationToken;

use super::encode;
use super::frame::{Decoder, Event, Violation};
use super::*;

fn decoder() -> Decoder {
    Decoder::new(Role::Server, None, Budget::new(usize::MAX))
}

/// A client's frame.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xFA, 0x21, 0x3D];
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
    out.extend(mask);
    out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
    out
}

/// Everything that `bytes` hold, given `piece` bytes at a time.
fn decode(bytes: &[u8], piece: usize) -> Result<Vec<String>, Violation> {
    let mut decoder = decoder();
    let mut input = BytesMut::new();
    let mut events = Vec::new();
    for chunk in bytes.chunks(piece) {
        input.extend_from_slice(chunk);
        while let Some(event) = decoder.decode(&mut input)? {
            events.push(match event {
                Event::Text(text, _) => format!("text {text}"),
                Event::Binary(bytes, _) => format!("binary {}", bytes.len()),
                Event::Ping(payload) => format!("ping {}", payload.len()),
                Event::Pong => "pong".to_owned(),
                Event::Close(Close { code, reason }) => format!("close {code} {reason}"),
            });
        }
    }
    Ok(events)
}

fn violation(bytes: &[u8]) -> u16 {
    decode(bytes, bytes.len()).expect_err("a violation").code
}

#[test]
fn frames_may_come_in_any_pieces() {
    let mut bytes = masked(0x81, "Hello ☃".as_bytes());
    bytes.extend(masked(0x01, "frag".as_bytes()));
    bytes.extend(masked(0x89, b"in between"));
    bytes.extend(masked(0x00, "men".as_bytes()));
    bytes.extend(masked(0x80, "ted".as_bytes()));
    bytes.extend(masked(0x82, &[7; 300]));
    bytes.extend(masked(0x82, &[7; 70_000]));
    bytes.extend(masked(0x8A, b""));
    bytes.extend(masked(0x88, b"\x03\xe8bye"));
    let expected =
        ["text Hello ☃", "ping 10", "text fragmented", "binary 300", "binary 70000", "pong", "close 1000 bye"];
    for piece in [1, 2, 3, 5, 7, 64, 4096, bytes.len()] {
        assert_eq!(decode(&bytes, piece).unwrap(), expected, "{piece} bytes at a time");
    }
}

#[test]
fn what_the_protocol_forbids_is_found() {
    assert_eq!(violation(&[0x81, 0x01, b'x']), 1002, "not masked");
    assert_eq!(violation(&masked(0xC1, b"x")), 1002, "a reserved bit");
    assert_eq!(violation(&masked(0x83, b"x")), 1002, "an unknown opcode");
    assert_eq!(violation(&masked(0x8B, b"x")), 1002, "an unknown control opcode");
    assert_eq!(violation(&masked(0x80, b"x")), 1002, "a continuation of nothing");
    assert_eq!(violation(&[masked(0x01, b"a"), masked(0x81, b"b")].concat()), 1002, "a message within a message");
    assert_eq!(violation(&masked(0x09, b"x")), 1002, "a ping in pieces");
    assert_eq!(violation(&masked(0x89, &[0; 126])), 1002, "a long ping");
    assert_eq!(violation(&masked(0x88, b"\x03")), 1002, "half a code");
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert_eq!(violation(&masked(0x88, &code.to_be_bytes())), 1002, "the code {code}");
    }
    assert_eq!(violation(&masked(0x88, b"\x03\xe8\xff")), 1007, "a reason that is not UTF-8");
    assert_eq!(violation(&masked(0x81, b"\xff")), 1007, "a text that is not UTF-8");
    assert_eq!(violation(&[0x82, 0xFE, 0, 5, 0, 0, 0, 0]), 1002, "a length in too long a form");
    assert_eq!(
        violation(&[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        1002,
        "a length with its first bit set"
    );
    assert_eq!(
        violation(&[0x82, 0xFF, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0]),
        1009,
        "a message over the limit, announced"
    );
}

#[test]
fn a_message_in_pieces_is_bounded_as_one() {
    let mut decoder = decoder();
    let piece = masked(0x02, &vec![0; 1024 * 1024]);
    let more = masked(0x00, &vec![0; 1024 * 1024]);
    let mut input = BytesMut::from(&piece[..]);
    assert!(decoder.decode(&mut input).unwrap().is_none());
    for _ in 1..32 {
        input.extend_from_slice(&more);
        assert!(decoder.decode(&mut input).unwrap().is_none());
    }
    input.extend_from_slice(&masked(0x80, b"x"));
    assert_eq!(decoder.decode(&mut input).unwrap_err().code, 1009);
}

#[test]
fn large_messages_are_charged_until_they_are_taken() {
    let budget = Budget::new(1024 * 1024);
    let message = masked(0x82, &vec![0; 600 * 1024]);
    let mut first = Decoder::new(Role::Server, None, budget.clone());
    let event = first.decode(&mut BytesMut::from(&message[..])).unwrap();
    let mut second = Decoder::new(Role::Server, None, budget.clone());
    assert_eq!(second.decode(&mut BytesMut::from(&message[..])).unwrap_err().code, 1013);
    drop(event);
    let mut third = Decoder::new(Role::Server, None, budget);
    assert!(third.decode(&mut BytesMut::from(&message[..])).unwrap().is_some());
}

#[test]
fn what_a_client_writes_a_server_reads() {
    for length in [0, 1, 7, 8, 125, 126, 65_535, 65_536, 200_000] {
        let mut out = BytesMut::new();
        encode::message(Role::Client, None, false, &vec![9; length], &mut out);
        assert_eq!(decode(&out, 1000).unwrap(), [format!("binary {length}")]);
    }
    let mut out = BytesMut::new();
    // A reason is cut where a character ends.
    encode::close(Role::Client, &Close { code: 4000, reason: "ä".repeat(100) }, &mut out);
    assert_eq!(decode(&out, 1000).unwrap(), [format!("close 4000 {}", "ä".repeat(61))]);
    let mut out = BytesMut::new();
    encode::close(Role::Client, &Close::none(), &mut out);
    assert_eq!(decode(&out, 1000).unwrap(), ["close 1005 "]);
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

#[tokio::test]
async fn an_end_learns_what_became_of_the_other() {
    let (one, other) = pair();
    one.outlet.send(text("a"), None, None);
    one.outlet.send(Close { code: 1000, reason: String::new() }.into(), None, None);
    one.outlet.send(text("after the Close"), None, None);
    drop(one);
    assert_eq!(other.inlet.next().await, Incoming::Message(text("a")));
    assert!(matches!(other.inlet.next().await, Incoming::Message(Message::Close(_))));
    assert_eq!(other.inlet.next().await, Incoming::Gone);
    other.outlet.gone().await;
    assert!(other.outlet.is_closed());

    let (one, other) = pair();
    one.outlet.send(text("a"), None, None);
    one.outlet.fail("broken".into());
    assert_eq!(other.inlet.next().await, Incoming::Message(text("a")));
    assert_eq!(other.inlet.next().await, Incoming::Failed("broken".into()));
}

#[tokio::test]
async fn a_gate_holds_a_message_and_those_after_it() {
    let (one, other) = pair();
    let (open, opened) = tokio::sync::oneshot::channel::<()>();
    let gate: Gate = Box::pin(async move {
        let _ = opened.await;
        Ok(())
    });
    one.outlet.send(text("held"), Some(gate), None);
    one.outlet.send(text("behind it"), None, None);
    assert!(tokio::time::timeout(Duration::from_millis(20), other.inlet.next()).await.is_err());
    open.send(()).unwrap();
    assert_eq!(other.inlet.next().await, Incoming::Message(text("held")));
    assert_eq!(other.inlet.next().await, Incoming::Message(text("behind it")));

    let gate: Gate = Box::pin(std::future::ready(Err(isolate::JsError::error("not kept"))));
    one.outlet.send(text("never seen"), Some(gate), None);
    one.outlet.send(text("nor this"), None, None);
    assert_eq!(other.inlet.next().await, Incoming::Failed("not kept".into()));
}

#[tokio::test]
async fn a_full_direction_makes_its_sender_wait() {
    let (one, other) = pair();
    one.outlet.send(Message::Binary(Bytes::from(vec![0; 2 * 1024 * 1024])), None, None);
    let waits = one.outlet.room();
    tokio::pin!(waits);
    assert!(futures::poll!(&mut waits).is_pending());
    other.inlet.next().await;
    assert!(waits.await);
}

/// Both ends of a connection in memory, each relayed.
fn connection(deflate: Option<Deflate>) -> (Socket, Socket, CancellationToken) {
    let (a, b) = tokio::io::duplex(4096);
    let (client, client_end) = pair();
    let (server, server_end) = pair();
    let stop = CancellationToken::new();
    tokio::spawn(relay(a, Role::Client, deflate, client_end, CancellationToken::new()));
    tokio::spawn(relay(b, Role::Server, deflate, server_end, stop.clone()));
    (client, server, stop)
}

#[tokio::test]
async fn messages_cross_a_connection() {
    let deflate = |window_bits, peer_keeps_context| Some(Deflate { window_bits, peer_keeps_context });
    for deflate in [None, deflate(15, false), deflate(15, true), deflate(9, false), deflate(8, false)] {
        cross(deflate).await;
    }
}

async fn cross(deflate: Option<Deflate>) {
    let (client, server, _stop) = connection(deflate);
    let big = Message::Binary(Bytes::from(vec![5; 3 * 1024 * 1024]));
    for message in [text("hello"), big.clone(), text("")] {
        client.outlet.send(message.clone(), None, None);
        assert_eq!(server.inlet.next().await, Incoming::Message(message.clone()));
        server.outlet.send(message.clone(), None, None);
        assert_eq!(client.inlet.next().await, Incoming::Message(message));
    }
    let bye = Message::Close(Close { code: 4321, reason: "bye".into() });
    client.outlet.send(bye.clone(), None, None);
    assert_eq!(server.inlet.next().await, Incoming::Message(bye));
    // Half open: what comes before the answer still arrives.
    server.outlet.send(text("one more"), None, None);
    assert_eq!(client.inlet.next().await, Incoming::Message(text("one more")));
    let answer = Message::Close(Close { code: 1001, reason: "mine".into() });
    server.outlet.send(answer.clone(), None, None);
    assert_eq!(client.inlet.next().await, Incoming::Message(answer));
    client.outlet.gone().await;
    server.outlet.gone().await;
}

#[tokio::test]
async fn an_end_that_goes_breaks_the_connection() {
    let (client, server, _stop) = connection(None);
    drop(server);
    assert_eq!(client.inlet.next().await, Incoming::Gone);
}

#[tokio::test]
async fn a_stop_says_that_the_server_goes_away() {
    let (client, server, stop) = connection(None);
    stop.cancel();
    let away = Message::Close(Close { code: 1001, reason: "The server is going away.".into() });
    assert_eq!(client.inlet.next().await, Incoming::Message(away));
    assert_eq!(server.inlet.next().await, Incoming::Failed("The server is going away.".into()));
}

#[tokio::test]
async fn a_peer_that_breaks_the_protocol_is_told_so() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut peer, ours) = tokio::io::duplex(4096);
    let (server, server_end) = pair();
    tokio::spawn(relay(ours, Role::Server, None, server_end, CancellationToken::new()));
    peer.write_all(&masked(0x81, b"\xff\xfe")).await.unwrap();
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer[..4], [0x88, answer.len() as u8 - 2, 0x03, 0xEF], "a Close with 1007");
    assert_eq!(server.inlet.next().await, Incoming::Failed("A text message is not UTF-8.".into()));
}
