//! The checksums of an object: computed as its bytes come in, compared with those that the client gave.

use std::fmt;

use digest::DynDigest;
use serde::{Deserialize, Serialize};

use crate::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// What a client says that the checksums are.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub md5: Option<Vec<u8>>,
    pub sha1: Option<Vec<u8>>,
    pub sha256: Option<Vec<u8>>,
    pub sha384: Option<Vec<u8>>,
    pub sha512: Option<Vec<u8>>,
}

/// The checksums that are known of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksums {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub md5: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha1: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha384: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha512: Option<Vec<u8>>,
}

/// The running digests of a body: MD5 always, the others where a client gave them.
pub(crate) struct Digests {
    running: Vec<Running>,
}

struct Running {
    algorithm: Algorithm,
    digest: Box<dyn DynDigest + Send>,
    expected: Option<Vec<u8>>,
}

// === impl Algorithm ===

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

// === impl Digests ===

impl Digests {
    pub(crate) fn new(expected: Expected) -> Self {
        use digest::Digest;
        let Expected { md5, sha1, sha256, sha384, sha512 } = expected;
        let mut running = vec![Running { algorithm: Algorithm::Md5, digest: Box::new(md5::Md5::new()), expected: md5 }];
        let mut add = |algorithm, digest, expected: Option<Vec<u8>>| {
            if expected.is_some() {
                running.push(Running { algorithm, digest, expected });
            }
        };
        add(Algorithm::Sha1, Box::new(sha1::Sha1::new()), sha1);
        add(Algorithm::Sha256, Box::new(sha2::Sha256::new()), sha256);
        add(Algorithm::Sha384, Box::new(sha2::Sha384::new()), sha384);
        add(Algorithm::Sha512, Box::new(sha2::Sha512::new()), sha512);
        Self { running }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for Running { digest, .. } in &mut self.running {
            digest.update(bytes);
        }
    }

    /// The checksums, when all that were given are right.
    pub(crate) fn finish(self) -> Result<Checksums, Error> {
        let mut checksums = Checksums::default();
        for Running { algorithm, digest, expected } in self.running {
            let actual = digest.finalize().into_vec();
            if let Some(provided) = expected.filter(|expected| *expected != actual) {
                return Err(Error::BadDigest { algorithm, provided, actual });
            }
            let place = match algorithm {
                Algorithm::Md5 => &mut checksums.md5,
                Algorithm::Sha1 => &mut checksums.sha1,
                Algorithm::Sha256 => &mut checksums.sha256,
                Algorithm::Sha384 => &mut checksums.sha384,
                Algorithm::Sha512 => &mut checksums.sha512,
            };
            *place = Some(actual);
        }
        Ok(checksums)
    }
}

/// The ETag of an object made of parts: the MD5 of their MD5s, and how many they were.
pub(crate) fn multipart_etag<'a>(md5s: impl ExactSizeIterator<Item = &'a [u8]>) -> String {
    use digest::Digest;
    let count = md5s.len();
    let mut whole = md5::Md5::new();
    md5s.for_each(|md5| Digest::update(&mut whole, md5));
    format!("{}-{count}", hex(&whole.finalize()))
}

/// Lower case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)] as char).collect()
}

/// The bytes that hexadecimal digits stand for.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<_>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| (high << 4 | low) as u8).collect())
}
