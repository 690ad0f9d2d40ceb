//! Messages as frames (RFC 6455 §5): each is one.

use bytes::{BufMut, BytesMut};

use super::deflate;
use super::frame::{BINARY, CLOSE, MAX_CONTROL, PING, PONG, RSV1, TEXT, xor};
use super::{Close, Deflate, Role};

/// Puts a text or binary message into `out` as one frame.
pub(super) fn message(role: Role, deflate: Option<Deflate>, text: bool, payload: &[u8], out: &mut BytesMut) {
    let opcode = if text { TEXT } else { BINARY };
    match deflate.and_then(|deflate| deflate::compress(deflate, payload)) {
        Some(compressed) => write(role, RSV1 | opcode, &compressed, out),
        None => write(role, opcode, payload, out),
    }
}

pub(super) fn pong(role: Role, payload: &[u8], out: &mut BytesMut) {
    write(role, PONG, payload, out);
}

pub(super) fn ping(role: Role, out: &mut BytesMut) {
    write(role, PING, &[], out);
}

pub(super) fn close(role: Role, close: &Close, out: &mut BytesMut) {
    if close.code == Close::NO_STATUS {
        return write(role, CLOSE, &[], out);
    }
    let mut payload = Vec::with_capacity(2 + close.reason.len());
    payload.extend_from_slice(&close.code.to_be_bytes());
    let fits = (0..=MAX_CONTROL - 2).rev().find(|&end| close.reason.is_char_boundary(end)).unwrap_or(0);
    payload.extend_from_slice(&close.reason.as_bytes()[..fits]);
    write(role, CLOSE, &payload, out);
}

/// `first`: the opcode and the reserved bits.
fn write(role: Role, first: u8, payload: &[u8], out: &mut BytesMut) {
    out.reserve(14 + payload.len());
    out.put_u8(0x80 | first);
    let masked = if role == Role::Client { 0x80 } else { 0 };
    match payload.len() {
        length @ 0..=125 => out.put_u8(masked | length as u8),
        length @ 126..=0xFFFF => {
            out.put_u8(masked | 126);
            out.put_u16(length as u16);
        }
        length => {
            out.put_u8(masked | 127);
            out.put_u64(length as u64);
        }
    }
    if role == Role::Server {
        return out.put_slice(payload);
    }
    // A mask that can't be foreseen keeps a Worker from writing what a proxy on the way takes for HTTP (§10.3).
    let mask = random_mask();
    out.put_slice(&mask);
    let begin = out.len();
    out.put_slice(payload);
    xor(mask, 0, &mut out[begin..]);
}

fn random_mask() -> [u8; 4] {
    let mut mask = [0; 4];
    if let Err(error) = getrandom::fill(&mut mask) {
        tracing::error!(%error, "no randomness for a WebSocket frame's mask");
    }
    mask
}
