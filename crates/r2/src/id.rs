//! Names that are made here and never from what a client sent.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::digests::hex;

/// Milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// 32 hexadecimal digits. The first ones tell the time, so that what is made later lies behind it in an index.
pub(crate) fn unique() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has a random source");
    bytes[..6].copy_from_slice(&now().to_be_bytes()[2..]);
    hex(&bytes)
}

/// The id of an upload: who knows it may add parts, so it is not to be guessed.
pub(crate) fn secret() -> String {
    let mut bytes = [0; 64];
    getrandom::fill(&mut bytes).expect("the system has a random source");
    hex(&bytes)
}
