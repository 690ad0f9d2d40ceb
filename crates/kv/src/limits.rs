//! What the platform takes: https://developers.cloudflare.com/kv/platform/limits/

use crate::{Error, Operation};

/// UTF-8 bytes of a key.
pub const KEY: usize = 512;
pub const VALUE: usize = 25 * 1024 * 1024;
/// Bytes of the metadata's JSON text.
pub const METADATA: usize = 1024;
/// What an entry takes besides, in a namespace's size.
pub const ENTRY: usize = 64;
/// Keys of one `get`.
pub const BULK_KEYS: usize = 100;
/// Bytes of all values of one `get`.
pub const BULK_VALUES: usize = 25 * 1024 * 1024;
/// Keys of one page of a list.
pub const LIST: usize = 1000;
/// Seconds.
pub const MIN_CACHE_TTL: i64 = 30;
/// Seconds.
pub const MIN_EXPIRATION_TTL: i64 = 60;

/// Whether `key` can be a key.
pub fn check_key(operation: Operation, key: &str) -> Result<(), Error> {
    match key {
        "" => Err(Error::EmptyKey),
        "." | ".." => Err(Error::DotKey(key.to_owned())),
        _ => check_length(operation, key),
    }
}

/// As [`check_key`], in the words of a `get` of many keys.
pub fn check_bulk_key(key: &str) -> Result<(), Error> {
    let refused = |reason: String| Err(Error::refused(Operation::GetBulk, 400, reason));
    match key {
        "" => refused("Key names must not be empty".into()),
        "." | ".." => refused(format!("Illegal key name \"{key}\". Please use a different name.")),
        _ => check_length(Operation::GetBulk, key),
    }
}

pub(crate) fn check_length(operation: Operation, key: &str) -> Result<(), Error> {
    if key.len() <= KEY {
        return Ok(());
    }
    let reason = format!("UTF-8 encoded length of {} exceeds key length limit of {KEY}.", key.len());
    Err(Error::refused(operation, 414, reason))
}

/// Whether reads may be cached for `seconds`.
pub fn check_cache_ttl(operation: Operation, seconds: i64) -> Result<(), Error> {
    if seconds >= MIN_CACHE_TTL {
        return Ok(());
    }
    let reason = format!("Invalid cache_ttl of {seconds}. Cache TTL must be at least {MIN_CACHE_TTL}.");
    Err(Error::refused(operation, 400, reason))
}

/// Whether a value of `length` bytes fits.
pub fn check_value(length: u64) -> Result<(), Error> {
    if length <= VALUE as u64 {
        return Ok(());
    }
    Err(Error::refused(Operation::Put, 413, format!("Value length of {length} exceeds limit of {VALUE}.")))
}

/// The owner's quota has no room for a write.
pub(crate) fn no_room() -> Error {
    Error::refused(Operation::Put, 413, "The storage limit of the account is exceeded.")
}

pub(crate) fn check_metadata(json: &str) -> Result<(), Error> {
    if json.len() <= METADATA {
        return Ok(());
    }
    let reason = format!("Metadata length of {} exceeds limit of {METADATA}.", json.len());
    Err(Error::refused(Operation::Put, 413, reason))
}

/// When an entry expires, in seconds since the epoch. The time to live goes before the time.
pub(crate) fn expiration(ttl: Option<i64>, expiration: Option<i64>, now: u64) -> Result<Option<u64>, Error> {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let refused = |reason: String| Err(Error::refused(Operation::Put, 400, reason));
    let at = match (ttl, expiration) {
        (Some(ttl), _) if ttl <= 0 => {
            return refused(format!("Invalid expiration_ttl of {ttl}. Please specify integer greater than 0."));
        }
        (Some(ttl), _) if ttl < MIN_EXPIRATION_TTL => {
            return refused(format!(
                "Invalid expiration_ttl of {ttl}. Expiration TTL must be at least {MIN_EXPIRATION_TTL}."
            ));
        }
        (Some(ttl), _) => now.saturating_add(ttl),
        (None, Some(at)) if at <= now => {
            return refused(format!(
                "Invalid expiration of {at}. Please specify integer greater than the current number of seconds since \
                 the UNIX epoch."
            ));
        }
        (None, Some(at)) if at < now.saturating_add(MIN_EXPIRATION_TTL) => {
            return refused(format!(
                "Invalid expiration of {at}. Expiration times must be at least {MIN_EXPIRATION_TTL} seconds in the future."
            ));
        }
        (None, Some(at)) => at,
        (None, None) => return Ok(None),
    };
    Ok(Some(at.unsigned_abs()))
}
