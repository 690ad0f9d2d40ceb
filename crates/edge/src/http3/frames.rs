//! What a client's stream carries, on its way to `h3`: `h3` waits for whole frames however long they say they are, and takes an empty DATA
//! frame for the end of a body. Here frames are bounded as they begin, those of unknown types are dropped, and DATA becomes frames of what is there.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

/// Frame types (RFC 9114 §7.2). Those of HTTP/2 that were not taken over are errors, which `h3` knows.
const DATA: u64 = 0x0;
const KNOWN: [u64; 9] = [0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9];
const MAX_PUSH_ID: u64 = 0xd;
/// The one type of unidirectional stream that has frames (§6.2.1).
const CONTROL: u64 = 0x0;

/// A frame other than DATA is longer than is allowed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame is too long")]
pub(super) struct TooLong;

/// Cuts bytes into frames.
#[derive(Debug)]
pub(super) struct Frames {
    state: State,
    /// The beginning of a number, or of a frame's two.
    head: Vec<u8>,
    max: u64,
    out: VecDeque<Bytes>,
}

#[derive(Debug)]
enum State {
    /// At the type of a unidirectional stream.
    Type,
    /// At a frame's type and length.
    Head,
    /// In DATA.
    Data(u64),
    /// In a frame that is passed on whole.
    Whole(BytesMut, u64),
    /// In a frame that is dropped.
    Unknown(u64),
    /// A stream that has no frames.
    Plain,
}

// === impl Frames ===

impl Frames {
    /// Those of a request.
    pub(super) fn of_request(max: u64) -> Self {
        Self { state: State::Head, head: Vec::new(), max, out: VecDeque::new() }
    }

    /// Those of a unidirectional stream, which says first of which type it is.
    pub(super) fn of_unidirectional(max: u64) -> Self {
        Self { state: State::Type, ..Self::of_request(max) }
    }

    /// Takes what has arrived.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Type => self.stream_type(&mut bytes),
                State::Head => self.frame(&mut bytes)?,
                State::Data(left) => {
                    let data = take(&mut bytes, left);
                    let mut frame = BytesMut::with_capacity(data.len() + 9);
                    put(&mut frame, DATA);
                    put(&mut frame, data.len() as u64);
                    frame.put_slice(data);
                    self.out.push_back(frame.freeze());
                    self.end();
                }
                State::Whole(frame, left) => {
                    frame.put_slice(take(&mut bytes, left));
                    self.end();
                }
                State::Unknown(left) => {
                    take(&mut bytes, left);
                    self.end();
                }
                State::Plain => {
                    self.out.push_back(Bytes::copy_from_slice(bytes));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The next bytes for `h3`.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    /// Whether a stream may end here.
    pub(super) fn is_whole(&self) -> bool {
        self.head.is_empty() && !matches!(self.state, State::Data(_) | State::Whole(..) | State::Unknown(_))
    }

    fn stream_type(&mut self, bytes: &mut &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            *bytes = rest;
            self.head.push(*byte);
            if let Some((kind, _)) = number(&self.head) {
                self.out.push_back(std::mem::take(&mut self.head).into());
                self.state = if kind == CONTROL { State::Head } else { State::Plain };
                return;
            }
        }
    }

    fn frame(&mut self, bytes: &mut &[u8]) -> Result<(), TooLong> {
        while let Some((byte, rest)) = bytes.split_first() {
            *bytes = rest;
            self.head.push(*byte);
            let Some((kind, length)) = head(&self.head) else { continue };
            self.head.clear();
            self.state = match kind {
                DATA => State::Data(length),
                kind if KNOWN.contains(&kind) || kind == MAX_PUSH_ID => {
                    if length > self.max {
                        return Err(TooLong);
                    }
                    let mut frame = BytesMut::new();
                    put(&mut frame, kind);
                    put(&mut frame, length);
                    State::Whole(frame, length)
                }
                _ => State::Unknown(length),
            };
            self.end();
            return Ok(());
        }
        Ok(())
    }

    /// Goes on to the next frame where nothing is left of this one.
    fn end(&mut self) {
        let (State::Data(left) | State::Whole(_, left) | State::Unknown(left)) = &self.state else { return };
        if *left == 0
            && let State::Whole(frame, _) = std::mem::replace(&mut self.state, State::Head)
        {
            self.out.push_back(frame.freeze());
        }
    }
}

/// As much of the bytes as is left of the frame.
fn take<'b>(bytes: &mut &'b [u8], left: &mut u64) -> &'b [u8] {
    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    let (taken, rest) = bytes.split_at(n);
    *bytes = rest;
    *left -= n as u64;
    taken
}

fn head(bytes: &[u8]) -> Option<(u64, u64)> {
    let (kind, used) = number(bytes)?;
    let (length, _) = number(&bytes[used..])?;
    Some((kind, length))
}

/// A variable-length integer, and how many bytes it takes (RFC 9000 §16).
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let length = 1 << (bytes.first()? >> 6);
    let bytes = bytes.get(..length)?;
    let value = bytes.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
    Some((value & (u64::MAX >> (66 - 8 * length)), length))
}

/// The shortest form of a number; none that is put is longer than 62 bits.
fn put(bytes: &mut BytesMut, value: u64) {
    match value {
        0..0x40 => bytes.put_u8(value as u8),
        0x40..0x4000 => bytes.put_u16(value as u16 | 0x4000),
        0x4000..0x4000_0000 => bytes.put_u32(value as u32 | 0x8000_0000),
        _ => bytes.put_u64(value | 0xc000_0000_0000_0000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out for these bytes, which arrive in pieces of `size`.
    fn cut(mut frames: Frames, bytes: &[u8], size: usize) -> Result<(Vec<u8>, bool), TooLong> {
        let mut out = Vec::new();
        for piece in bytes.chunks(size) {
            frames.push(piece)?;
            while let Some(bytes) = frames.next() {
                out.extend_from_slice(&bytes);
            }
        }
        Ok((out, frames.is_whole()))
    }

    #[test]
    fn frames_are_passed_on_however_they_arrive() {
        // HEADERS, DATA with nothing in it, one of an unknown type (0x21), DATA.
        let bytes = [&b"\x01\x03abc"[..], b"\x00\x00", b"\x21\x02xx", b"\x00\x40\x05hello"].concat();
        let whole = (b"\x01\x03abc\x00\x05hello".to_vec(), true);
        assert_eq!(cut(Frames::of_request(100), &bytes, 100), Ok(whole));
        let in_bytes = (b"\x01\x03abc\x00\x01h\x00\x01e\x00\x01l\x00\x01l\x00\x01o".to_vec(), true);
        assert_eq!(cut(Frames::of_request(100), &bytes, 1), Ok(in_bytes));
        for end in [1, 3, 6, 8, 9, 12, 14] {
            let whole = cut(Frames::of_request(100), &bytes[..end], 2).unwrap().1;
            assert!(!whole, "{end}");
        }
    }

    /// The frames in what came out, with DATA joined.
    fn read(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut frames: Vec<(u64, Vec<u8>)> = Vec::new();
        while let Some((kind, used)) = number(bytes) {
            let (length, more) = number(&bytes[used..]).expect("whole frames");
            let (payload, rest) = bytes[used + more..].split_at(usize::try_from(length).expect("short"));
            match frames.last_mut().filter(|(last, _)| (*last, kind) == (DATA, DATA)) {
                Some((_, data)) => data.extend_from_slice(payload),
                None => frames.push((kind, payload.to_vec())),
            }
            bytes = rest;
        }
        frames
    }

    #[test]
    fn any_bytes_come_to_the_same_however_they_arrive() {
        let mut random = fastrand::Rng::with_seed(29);
        for _ in 0..20_000 {
            // Mostly small numbers, as types and lengths are.
            let bytes: Vec<u8> = (0..random.usize(..80))
                .map(|_| if random.u8(..8) == 0 { random.u8(..) } else { random.u8(..10) })
                .collect();
            let whole = cut(Frames::of_request(40), &bytes, 1000);
            for size in [1, 3, 17] {
                match (&whole, cut(Frames::of_request(40), &bytes, size)) {
                    (Ok((whole, ended)), Ok((pieces, end))) => {
                        assert_eq!((read(whole), ended), (read(&pieces), &end), "{bytes:?}");
                    }
                    (whole, pieces) => assert_eq!(whole.is_err(), pieces.is_err(), "{bytes:?}"),
                }
            }
        }
    }

    #[test]
    fn long_frames_are_refused_as_they_begin() {
        // A HEADERS frame that says it has 2^60 bytes; DATA may.
        let long = b"\x01\xd0\x00\x00\x00\x00\x00\x00\x00";
        assert_eq!(cut(Frames::of_request(1000), long, 1), Err(TooLong));
        let data = b"\x00\xd0\x00\x00\x00\x00\x00\x00\x00x";
        assert_eq!(cut(Frames::of_request(1000), data, 3), Ok((b"\x00\x01x".to_vec(), false)));
        // SETTINGS on a control stream.
        assert_eq!(cut(Frames::of_unidirectional(1000), b"\x00\x04\x44\x00", 1), Err(TooLong));
    }

    #[test]
    fn unidirectional_streams_have_frames_where_their_type_does() {
        let control = b"\x00\x04\x02\x01\x00\x0d\x01\x07";
        assert_eq!(cut(Frames::of_unidirectional(100), control, 3), Ok((control.to_vec(), true)));
        let encoder = b"\x02\x04\xff\xff\xff";
        assert_eq!(cut(Frames::of_unidirectional(1), encoder, 2), Ok((encoder.to_vec(), true)));
        let reserved = b"\x40\x40anything";
        assert_eq!(cut(Frames::of_unidirectional(1), reserved, 1), Ok((reserved.to_vec(), true)));
    }
}
