//! Which bytes of an object are wanted.

use crate::Error;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    /// From an offset, to the end or for a length.
    From { offset: u64, length: Option<u64> },
    /// The last bytes.
    Suffix(u64),
    /// A `Range` header. One that can't be understood, or asks for several ranges, means the whole object.
    Header(String),
}

/// A range as it was resolved against an object's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    pub offset: u64,
    pub length: u64,
}

// === impl Range ===

impl Range {
    pub fn resolve(&self, size: u64) -> Result<Bytes, Error> {
        let (offset, length) = match self {
            Self::From { offset, length } => (*offset, length.unwrap_or(size.saturating_sub(*offset))),
            Self::Suffix(suffix) => (size.saturating_sub(*suffix), (*suffix).min(size)),
            Self::Header(header) => match parse_header(header, size) {
                Some(bytes) => (bytes.offset, bytes.length),
                None => return Ok(Bytes { offset: 0, length: size }),
            },
        };
        if offset > size || length == 0 {
            return Err(Error::InvalidRange);
        }
        Ok(Bytes { offset, length: length.min(size - offset) })
    }
}

/// RFC 9110 §14.1.2, one range of bytes that the object has.
fn parse_header(header: &str, size: u64) -> Option<Bytes> {
    let (unit, range) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    if first.is_empty() {
        let suffix = number(last)?.min(size);
        return (suffix > 0).then_some(Bytes { offset: size - suffix, length: suffix });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    (first <= last && first < size).then(|| Bytes { offset: first, length: last.min(size - 1) - first + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &Range, size: u64) -> Option<(u64, u64)> {
        range.resolve(size).ok().map(|bytes| (bytes.offset, bytes.length))
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        assert_eq!(of(&Range::From { offset: 2, length: None }, 10), Some((2, 8)));
        assert_eq!(of(&Range::From { offset: 2, length: Some(100) }, 10), Some((2, 8)));
        assert_eq!(of(&Range::From { offset: 11, length: Some(1) }, 10), None);
        assert_eq!(of(&Range::From { offset: 0, length: Some(0) }, 10), None);
        assert_eq!(of(&Range::Suffix(3), 10), Some((7, 3)));
        assert_eq!(of(&Range::Suffix(30), 10), Some((0, 10)));
        assert_eq!(of(&Range::Suffix(0), 10), None);
    }

    #[test]
    fn headers_that_make_no_sense_mean_the_whole() {
        let header = |text: &str| of(&Range::Header(text.into()), 10);
        assert_eq!(header("bytes=2-4"), Some((2, 3)));
        assert_eq!(header("bytes=2-"), Some((2, 8)));
        assert_eq!(header("Bytes = 2-400"), Some((2, 8)));
        assert_eq!(header("bytes=-4"), Some((6, 4)));
        for whole in ["bytes=4-2", "bytes=1-2,4-5", "lines=1-2", "bytes=99-", "bytes", "bytes=+1-2", "bytes=-0"] {
            assert_eq!(header(whole), Some((0, 10)), "{whole}");
        }
    }
}
