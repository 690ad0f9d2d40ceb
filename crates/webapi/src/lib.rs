//! TBD
pub mod body;
pub mod fetch;
pub mod base64;
pub mod crypto;
pub mod encoding;
pub mod structured_clone;
pub mod url;
mod views;
