//! What a consumer outside names a leased message by.

use base64_simd::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// One delivery of one message. Nobody can guess another's: it has the message's id in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseId {
    pub(crate) sequence: i64,
    pub(crate) id: Uuid,
    pub(crate) attempts: u32,
}

const LENGTH: usize = 8 + 16 + 4;

// === impl LeaseId ===

impl LeaseId {
    /// `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        let bytes: [u8; LENGTH] = bytes.try_into().ok()?;
        let (sequence, rest) = bytes.split_first_chunk::<8>()?;
        let (id, attempts) = rest.split_first_chunk::<16>()?;
        Some(Self {
            sequence: i64::from_be_bytes(*sequence),
            id: Uuid::from_bytes(*id),
            attempts: u32::from_be_bytes(attempts.try_into().ok()?),
        })
    }
}

impl std::fmt::Display for LeaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sequence, id, attempts } = self;
        let bytes = [&sequence.to_be_bytes()[..], id.as_bytes(), &attempts.to_be_bytes()].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode_to_string(bytes))
    }
}
