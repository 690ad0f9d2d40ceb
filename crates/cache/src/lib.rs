//! The HTTP cache of a location: what may be stored and for how long (RFC 9111, as Cloudflare applies it), the answers
//! to conditional and range requests, and a bounded store in memory and files. It knows HTTP's messages, no sockets.

mod answer;
mod file;
mod front;
mod head;
mod index;
mod policy;
mod store;

pub use answer::{Answer, answer};
pub use front::{Ask, AskError, Fetched, Front, Mode, Origin, Served, Stream, StreamError};
pub use head::{Entry, Head, Key};
pub use policy::{Forced, Lifetime, Refusal, has_static_extension, lifetime};
pub use store::{Limits, Store};

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch: the cache's clock.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Why a body could not be stored or read back. The cache may forget, so nobody but a log hears of most.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("a cache file can't be read or written: {0}")]
    Io(#[from] std::io::Error),
    #[error("a cache file is not whole")]
    Torn,
    /// The body that was to be stored broke off.
    #[error("{0}")]
    Body(#[source] StreamError),
}
