//! D1: one SQLite database per D1 database, with what the platform allows, limits and reports of it.
//! <https://developers.cloudflare.com/d1/>

mod connection;
mod counts;
mod database;
mod error;
mod export;
mod import;
mod json;
mod split;
mod value;

pub use connection::{Imported, Meta, Output};
pub use counts::{Counts, Done};
pub use database::{Bookmark, Database, Databases};
pub use error::{Error, Failed};
pub use export::ExportOptions;
pub use json::{ResultsFormat, meta as meta_json, outputs as outputs_json};
pub use split::split;
pub use value::{Statement, Value};

#[cfg(test)]
mod tests;
