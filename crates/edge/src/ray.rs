//! Ray ids: the name of one request, in its headers, its error page and the logs.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;

/// A `CF-Ray`: 16 hexadecimal digits, a hyphen, and the colo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ray(HeaderValue);

const DIGITS: usize = 16;

// === impl Ray ===

impl Ray {
    pub fn new(colo: &str) -> Self {
        let mut text = Vec::with_capacity(DIGITS + 1 + colo.len());
        let number = fastrand::u64(..);
        text.extend((0..DIGITS).rev().map(|digit| b"0123456789abcdef"[(number >> (4 * digit)) as usize % 16]));
        text.push(b'-');
        text.extend_from_slice(colo.as_bytes());
        // Hexadecimal and an IATA code: always a legal value.
        Self(HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static("0000000000000000")))
    }

    /// One that another process of this server has given.
    pub(crate) fn known(text: &str) -> Option<Self> {
        let (digits, colo) = text.split_once('-')?;
        let legal = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && !colo.is_empty();
        HeaderValue::from_str(text).ok().filter(|_| legal).map(Self)
    }

    /// The digits alone, as error pages show them.
    pub fn id(&self) -> String {
        self.to_string().chars().take(DIGITS).collect()
    }

    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for Ray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}
