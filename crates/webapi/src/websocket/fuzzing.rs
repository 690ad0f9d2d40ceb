//! What a fuzz target enters by, with what holds of any frames.

use bytes::BytesMut;

use super::frame::{Decoder, Event, Violation};
use super::{Budget, Close, Deflate, Role, encode, extension};

/// What WebSockets hold together at most here.
const BUDGET: usize = 64 << 20;

/// Reads frames, whole and in pieces: the same comes of both. What was read is written and read again.
pub fn check(server: bool, offers: Option<&str>, piece: usize, bytes: &[u8]) {
    let role = if server { Role::Server } else { Role::Client };
    let deflate = offers.and_then(|offers| extension::accept(offers, offers)).map(|(deflate, _)| deflate);
    let whole = decode(role, deflate, bytes.len().max(1), bytes);
    assert_eq!(decode(role, deflate, piece.max(1), bytes), whole);
    // What this end writes is for the other one.
    let (sender, mut out) = (if server { Role::Client } else { Role::Server }, BytesMut::new());
    for event in &whole.0 {
        match event {
            Seen::Text(text) => encode::message(sender, deflate, true, text.as_bytes(), &mut out),
            Seen::Binary(payload) => encode::message(sender, deflate, false, payload, &mut out),
            Seen::Close(close) => encode::close(sender, close, &mut out),
            Seen::Ping(payload) => encode::pong(sender, payload, &mut out),
            Seen::Pong => encode::ping(sender, &mut out),
        }
    }
    let (again, violation) = decode(role, deflate, 4096, &out);
    assert_eq!(violation, None);
    assert_eq!(again.len(), whole.0.len());
    for (again, before) in again.iter().zip(&whole.0) {
        match (again, before) {
            (Seen::Pong, Seen::Ping(_)) | (Seen::Ping(_), Seen::Pong) => {}
            (again, before) => assert_eq!(again, before),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Close),
}

fn decode(role: Role, deflate: Option<Deflate>, piece: usize, bytes: &[u8]) -> (Vec<Seen>, Option<Violation>) {
    let mut decoder = Decoder::new(role, deflate, Budget::new(BUDGET));
    let (mut input, mut seen) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) => seen.push(match event {
                    Event::Text(text, _) => Seen::Text(text),
                    Event::Binary(payload, _) => Seen::Binary(payload.to_vec()),
                    Event::Ping(payload) => Seen::Ping(payload.to_vec()),
                    Event::Pong => Seen::Pong,
                    Event::Close(close) => Seen::Close(close),
                }),
                Err(violation) => return (seen, Some(violation)),
            }
        }
    }
    (seen, None)
}
