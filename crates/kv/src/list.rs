//! Pages of keys, and the cursors between them.

use crate::{Error, Operation, limits};

#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    pub prefix: Option<String>,
    /// At most so many keys; at most and by default 1000.
    pub limit: Option<i64>,
    /// From the page before.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order of their UTF-8 bytes.
    pub keys: Vec<Listed>,
    /// Where the next page begins; `None`: this is the last one.
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// Seconds since the epoch.
    pub expiration: Option<u64>,
    /// JSON text.
    pub metadata: Option<String>,
}

// === impl ListOptions ===

impl ListOptions {
    pub(crate) fn limit(&self) -> Result<usize, Error> {
        let refused = |reason: String| Err(Error::refused(Operation::Get, 400, reason));
        match self.limit {
            None => Ok(limits::LIST),
            Some(limit) if limit < 1 => {
                refused(format!("Invalid key_count_limit of {limit}. Please specify an integer greater than 0."))
            }
            Some(limit) if limit > limits::LIST as i64 => refused(format!(
                "Invalid key_count_limit of {limit}. Please specify an integer less than {}.",
                limits::LIST
            )),
            Some(limit) => Ok(limit as usize),
        }
    }

    pub(crate) fn prefix(&self) -> Result<&str, Error> {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        limits::check_length(Operation::Get, prefix)?;
        Ok(prefix)
    }

    /// The key that the page comes after.
    pub(crate) fn after(&self) -> Result<Option<Vec<u8>>, Error> {
        let Some(cursor) = self.cursor.as_deref().filter(|cursor| !cursor.is_empty()) else { return Ok(None) };
        let key = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(cursor);
        key.map(Some).map_err(|_| Error::refused(Operation::Get, 400, "Invalid cursor."))
    }
}

/// The cursor for what comes after `key`.
pub(crate) fn cursor(key: &str) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(key)
}
