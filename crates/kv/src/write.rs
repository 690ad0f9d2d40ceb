//! Changes of a namespace, checked before they are made.

use bytes::Bytes;

use crate::{Error, Operation, limits};

/// A checked change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub(crate) key: String,
    /// `None` deletes.
    pub(crate) value: Option<Bytes>,
    pub(crate) metadata: Option<String>,
    pub(crate) expiration: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub struct PutOptions {
    /// Seconds since the epoch.
    pub expiration: Option<i64>,
    /// Seconds; goes before `expiration`.
    pub expiration_ttl: Option<i64>,
    /// JSON text.
    pub metadata: Option<String>,
}

/// A `put` that lacks only its value.
#[derive(Clone, Debug)]
pub struct Put {
    key: String,
    metadata: Option<String>,
    expiration: Option<u64>,
}

// === impl Put ===

impl Put {
    /// Checks everything but the value. `now` is in seconds since the epoch.
    pub(crate) fn new(key: &str, options: PutOptions, now: u64) -> Result<Self, Error> {
        limits::check_key(Operation::Put, key)?;
        let expiration = limits::expiration(options.expiration_ttl, options.expiration, now)?;
        if let Some(metadata) = &options.metadata {
            limits::check_metadata(metadata)?;
        }
        Ok(Self { key: key.to_owned(), metadata: options.metadata, expiration })
    }

    pub fn value(self, value: impl Into<Bytes>) -> Result<Write, Error> {
        let value = value.into();
        limits::check_value(value.len() as u64)?;
        Ok(Write { key: self.key, value: Some(value), metadata: self.metadata, expiration: self.expiration })
    }
}

// === impl Write ===

impl Write {
    /// Bytes that are kept of it; none where it deletes.
    pub(crate) fn size(&self) -> u64 {
        let metadata = self.metadata.as_ref().map_or(0, String::len);
        self.value.as_ref().map_or(0, |value| (limits::ENTRY + self.key.len() + metadata + value.len()) as u64)
    }

    pub fn delete(key: &str) -> Result<Self, Error> {
        limits::check_key(Operation::Delete, key)?;
        Ok(Self { key: key.to_owned(), value: None, metadata: None, expiration: None })
    }
}
