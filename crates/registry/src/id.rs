//! Names that nobody chooses, and points in time.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp(pub i64);

// === impl Stamp ===

impl Stamp {
    pub fn now() -> Self {
        Self(Utc::now().timestamp_millis())
    }
}

/// As the platform's API writes it: RFC 3339 in UTC, with microseconds.
impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = DateTime::<Utc>::from_timestamp_millis(self.0).unwrap_or_default();
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// 32 hexadecimal digits, as accounts and namespaces are named.
pub fn new_hex_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// 32 hexadecimal digits that are always the same for a domain (a UUID of version 5, RFC 9562 section 5.5).
pub fn domain_hex_id(domain: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, domain.as_bytes()).simple().to_string()
}

/// As versions, deployments and databases are named.
pub fn new_uuid() -> String {
    uuid::Uuid::new_v4().hyphenated().to_string()
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Refused(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}
