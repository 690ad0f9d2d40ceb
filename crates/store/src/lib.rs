//! The embedded engines under the services: durable, in one process, with nothing else installed. Nothing here knows what
//! a service keeps in them.

pub mod quota;
pub mod sql;
pub mod sqlite;

pub use rusqlite;
