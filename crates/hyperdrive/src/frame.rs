//! Cuts a stream into PostgreSQL's messages: a byte that says what it is, a length that counts itself, a body.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use bytes::{Buf, Bytes, BytesMut};

/// A message of so many bytes or fewer comes whole; of a longer one the beginning, and then the rest as it arrives. So no message takes
/// more memory than this, however long it is.
pub(crate) const WHOLE: usize = 64 * 1024;

/// PostgreSQL's own bound.
const LONGEST: usize = 0x3fff_ffff;

const HEADER: usize = 5;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Begin(Frame),
    /// More of the message that began last.
    Rest(Bytes),
}

/// A message, or the beginning of a long one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) tag: u8,
    /// With its header.
    pub(crate) bytes: Bytes,
    pub(crate) is_whole: bool,
}

/// A length that no message has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid message length")]
pub(crate) struct Malformed;

#[derive(Debug, Default)]
pub(crate) struct Framer {
    /// Bytes of the message that began last which have not come yet.
    rest: usize,
}

// === impl Framer ===

impl Framer {
    /// The next piece of what has come; `None`: there is none yet.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Piece>, Malformed> {
        if self.rest > 0 {
            let part = self.rest.min(buffer.len());
            self.rest -= part;
            return Ok((part > 0).then(|| Piece::Rest(buffer.split_to(part).freeze())));
        }
        let Some(mut header) = buffer.get(..HEADER) else { return Ok(None) };
        let tag = header.get_u8();
        let length = usize::try_from(header.get_i32()).map_err(|_| Malformed)?;
        if !(HEADER - 1..=LONGEST).contains(&length) {
            return Err(Malformed);
        }
        let total = length + 1;
        let here = total.min(WHOLE);
        if buffer.len() < here {
            return Ok(None);
        }
        self.rest = total - here;
        Ok(Some(Piece::Begin(Frame { tag, bytes: buffer.split_to(here).freeze(), is_whole: total == here })))
    }

    /// Whether nothing of a message is missing.
    pub(crate) fn is_between(&self) -> bool {
        self.rest == 0
    }
}

// === impl Frame ===

impl Frame {
    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }
}

/// The text up to a zero byte, and what comes after it.
pub(crate) fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], &length.to_be_bytes()[..], body].concat()
    }

    #[test]
    fn messages_come_whole_however_they_arrive() {
        let stream = [message(b'Q', b"select 1\0"), message(b'S', b""), message(b'X', b"")].concat();
        let (mut framer, mut buffer, mut tags) = (Framer::default(), BytesMut::new(), Vec::new());
        for byte in stream {
            buffer.extend_from_slice(&[byte]);
            while let Some(Piece::Begin(frame)) = framer.next(&mut buffer).unwrap() {
                assert!(frame.is_whole);
                tags.push(frame.tag);
            }
        }
        assert_eq!((tags.as_slice(), buffer.len()), (&b"QSX"[..], 0));
    }

    #[test]
    fn a_long_one_comes_in_parts() {
        let long = message(b'd', &vec![7; 3 * WHOLE]);
        let mut buffer = BytesMut::from(&[long.as_slice(), &message(b'S', b"")].concat()[..]);
        let mut framer = Framer::default();
        let Ok(Some(Piece::Begin(first))) = framer.next(&mut buffer) else { panic!("no beginning") };
        assert_eq!((first.tag, first.is_whole, first.bytes.len()), (b'd', false, WHOLE));
        assert!(!framer.is_between());
        let Ok(Some(Piece::Rest(rest))) = framer.next(&mut buffer) else { panic!("no rest") };
        assert_eq!(WHOLE + rest.len(), long.len());
        assert!(matches!(framer.next(&mut buffer), Ok(Some(Piece::Begin(Frame { tag: b'S', .. })))));
        assert_eq!(framer.next(&mut buffer), Ok(None));
    }

    #[test]
    fn lengths_that_can_not_be_are_refused() {
        for length in [0_u32, 3, 0x4000_0000, 0xffff_ffff] {
            let mut buffer = BytesMut::from(&[&b"Q"[..], &length.to_be_bytes(), b"xxxx"].concat()[..]);
            assert_eq!(Framer::default().next(&mut buffer), Err(Malformed), "{length:x}");
        }
    }
}
