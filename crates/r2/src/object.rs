//! What is known of an object besides its bytes.

use serde::{Deserialize, Serialize};

use crate::{Body, ByteRange, Checksums, Error};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    /// Unique to this upload of the key.
    pub version: String,
    pub size: u64,
    /// Without quotes: the MD5, or for an object made of parts the MD5 of theirs and their count.
    pub etag: String,
    /// Milliseconds since the epoch.
    pub uploaded: i64,
    pub checksums: Checksums,
    pub http: HttpMetadata,
    pub custom: Vec<(String, String)>,
    pub storage_class: StorageClass,
    /// The MD5 of the customer's key that it is encrypted with.
    pub key_md5: Option<String>,
}

/// An object with its bytes, or with those that were asked for.
#[derive(Debug)]
pub struct ObjectBody {
    pub object: Object,
    pub range: ByteRange,
    /// How many parts the object was made of.
    pub parts: usize,
    /// `None`: a condition did not hold.
    pub body: Option<Body>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpMetadata {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub content_type: Option<String>,
    #[serde(rename = "language", skip_serializing_if = "Option::is_none", default)]
    pub content_language: Option<String>,
    #[serde(rename = "disposition", skip_serializing_if = "Option::is_none", default)]
    pub content_disposition: Option<String>,
    #[serde(rename = "encoding", skip_serializing_if = "Option::is_none", default)]
    pub content_encoding: Option<String>,
    #[serde(rename = "cache", skip_serializing_if = "Option::is_none", default)]
    pub cache_control: Option<String>,
    /// Milliseconds since the epoch.
    #[serde(rename = "expiry", skip_serializing_if = "Option::is_none", default)]
    pub cache_expiry: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageClass {
    #[default]
    Standard,
    InfrequentAccess,
}

// === impl HttpMetadata ===

impl HttpMetadata {
    /// About what it takes on the wire.
    pub(crate) fn weight(&self) -> usize {
        let Self { content_type, content_language, content_disposition, content_encoding, cache_control, .. } = self;
        [content_type, content_language, content_disposition, content_encoding, cache_control]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum()
    }
}

// === impl StorageClass ===

impl StorageClass {
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::InfrequentAccess => "InfrequentAccess",
        }
    }
}

impl std::str::FromStr for StorageClass {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "Standard" | "STANDARD" => Ok(Self::Standard),
            "InfrequentAccess" | "STANDARD_IA" => Ok(Self::InfrequentAccess),
            _ => Err(Error::InvalidStorageClass),
        }
    }
}
