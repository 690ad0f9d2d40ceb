//! The checksums of an object: computed as its bytes come in, compared with those that the client gave.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crc_fast::CrcAlgorithm;
use digest::DynDigest;
use serde::{Deserialize, Serialize};

use crate::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Crc32,
    Crc32c,
    Crc64Nvme,
}

/// What a client says that the checksums are.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    checksums: Checksums,
    /// One that comes behind the body.
    pub trailer: Option<(Algorithm, Trailer)>,
    /// One to know, whatever it is.
    pub wanted: Option<Algorithm>,
}

/// A checksum that is not known before the body has come.
#[derive(Clone, Debug, Default)]
pub struct Trailer(Arc<OnceLock<Vec<u8>>>);

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
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crc32: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crc32c: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crc64nvme: Option<Vec<u8>>,
    /// Of an object made of parts: the checksum of theirs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub composite: Option<Composite>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composite {
    pub algorithm: Algorithm,
    pub value: Vec<u8>,
    pub parts: usize,
}

/// The running digests of a body: MD5 always, the others where a client gave or wants them.
pub struct Digests {
    running: Vec<Running>,
}

struct Running {
    algorithm: Algorithm,
    digest: Box<dyn DynDigest + Send>,
    expected: Option<Vec<u8>>,
    trailer: Option<Trailer>,
}

// === impl Algorithm ===

impl Algorithm {
    pub const ALL: [Self; 8] =
        [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512, Self::Crc32, Self::Crc32c, Self::Crc64Nvme];

    fn digest(self) -> Box<dyn DynDigest + Send> {
        use digest::Digest;
        match self {
            Self::Md5 => Box::new(md5::Md5::new()),
            Self::Sha1 => Box::new(sha1::Sha1::new()),
            Self::Sha256 => Box::new(sha2::Sha256::new()),
            Self::Sha384 => Box::new(sha2::Sha384::new()),
            Self::Sha512 => Box::new(sha2::Sha512::new()),
            Self::Crc32 => Box::new(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc)),
            Self::Crc32c => Box::new(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi)),
            Self::Crc64Nvme => Box::new(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme)),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
        })
    }
}

// === impl Trailer ===

impl Trailer {
    /// Says what the checksum is, once, before the body ends.
    pub fn set(&self, value: Vec<u8>) {
        let _ = self.0.set(value);
    }
}

// === impl Expected ===

impl Expected {
    pub fn set(&mut self, algorithm: Algorithm, value: Vec<u8>) {
        *self.checksums.place(algorithm) = Some(value);
    }
}

impl From<Checksums> for Expected {
    fn from(checksums: Checksums) -> Self {
        Self { checksums, ..Self::default() }
    }
}

// === impl Checksums ===

impl Checksums {
    pub fn of(&self, algorithm: Algorithm) -> Option<&[u8]> {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha1 => &self.sha1,
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Sha384 => &self.sha384,
            Algorithm::Sha512 => &self.sha512,
            Algorithm::Crc32 => &self.crc32,
            Algorithm::Crc32c => &self.crc32c,
            Algorithm::Crc64Nvme => &self.crc64nvme,
        }
        .as_deref()
    }

    pub(crate) fn place(&mut self, algorithm: Algorithm) -> &mut Option<Vec<u8>> {
        match algorithm {
            Algorithm::Md5 => &mut self.md5,
            Algorithm::Sha1 => &mut self.sha1,
            Algorithm::Sha256 => &mut self.sha256,
            Algorithm::Sha384 => &mut self.sha384,
            Algorithm::Sha512 => &mut self.sha512,
            Algorithm::Crc32 => &mut self.crc32,
            Algorithm::Crc32c => &mut self.crc32c,
            Algorithm::Crc64Nvme => &mut self.crc64nvme,
        }
    }
}

// === impl Digests ===

impl Digests {
    pub fn new(expected: Expected) -> Self {
        let Expected { mut checksums, mut trailer, wanted } = expected;
        let mut running = Vec::new();
        for algorithm in Algorithm::ALL {
            let trailer = trailer.take_if(|(known, _)| *known == algorithm).map(|(_, trailer)| trailer);
            let expected = checksums.place(algorithm).take();
            let needed = algorithm == Algorithm::Md5 || wanted == Some(algorithm);
            if needed || expected.is_some() || trailer.is_some() {
                running.push(Running { algorithm, digest: algorithm.digest(), expected, trailer });
            }
        }
        Self { running }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        for Running { digest, .. } in &mut self.running {
            digest.update(bytes);
        }
    }

    /// The checksums, when all that were given are right.
    pub fn finish(self) -> Result<Checksums, Error> {
        let mut checksums = Checksums::default();
        for Running { algorithm, digest, expected, trailer } in self.running {
            let actual = digest.finalize().into_vec();
            let trailer = trailer.map(|Trailer(trailer)| trailer.get().cloned().unwrap_or_default());
            let wrong = expected.into_iter().chain(trailer).find(|expected| *expected != actual);
            if let Some(provided) = wrong {
                return Err(Error::BadDigest { algorithm, provided, actual });
            }
            *checksums.place(algorithm) = Some(actual);
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

/// The checksum of an object made of parts, each with its checksum and its size: for CRC-64/NVME that of the whole, for the others
/// that of the parts' checksums. https://developers.cloudflare.com/r2/api/s3/api/#checksum-types
pub(crate) fn multipart_checksum(algorithm: Algorithm, parts: &[(&[u8], u64)]) -> Checksums {
    let mut checksums = Checksums::default();
    if algorithm == Algorithm::Crc64Nvme {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let whole = parts.iter().fold(0, |whole, (part, size)| {
            crc_fast::checksum_combine(CrcAlgorithm::Crc64Nvme, whole, number(part), *size)
        });
        checksums.crc64nvme = Some(whole.to_be_bytes().to_vec());
        return checksums;
    }
    let mut digest = algorithm.digest();
    parts.iter().for_each(|(part, _)| digest.update(part));
    checksums.composite = Some(Composite { algorithm, value: digest.finalize().into_vec(), parts: parts.len() });
    checksums
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
