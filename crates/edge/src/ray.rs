//! Ray ids: the name of one request, in its headers, its error page and the logs.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

/// A `CF-Ray`: 16 hexadecimal digits and the colo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ray {
    id: u64,
    colo: Arc<str>,
}

// === impl Ray ===

impl Ray {
    pub fn new(colo: Arc<str>) -> Self {
        Self { id: fastrand::u64(..), colo }
    }

    /// The digits alone, as error pages show them.
    pub fn id(&self) -> String {
        format!("{:016x}", self.id)
    }

    pub fn header(&self) -> HeaderValue {
        // Hexadecimal and an IATA code: always a legal value.
        HeaderValue::from_maybe_shared(bytes::Bytes::from(self.to_string()))
            .unwrap_or_else(|_| HeaderValue::from_static("0000000000000000"))
    }
}

impl fmt::Display for Ray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.id, self.colo)
    }
}
