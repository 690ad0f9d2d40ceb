//! Workers KV: namespaces of keys and values that every location reads from its own replica. A write is visible at once
//! where it was made and elsewhere after replication; the last write wins. No JavaScript and no HTTP here.
//!
//! https://developers.cloudflare.com/kv/

mod clock;
mod error;
pub mod limits;
mod list;
mod log;
mod namespace;
mod place;
mod sqlite;
mod store;
mod write;

pub use clock::Clock;
pub use error::{Error, Operation};
pub use list::{ListOptions, Listed, Page};
pub use log::{Log, Version};
pub use namespace::{Entry, Found, Namespace};
pub use place::{Colo, Place};
pub use sqlite::Sqlite;
pub use store::Store;
pub use write::{Put, PutOptions, Write};

#[cfg(test)]
mod tests;
