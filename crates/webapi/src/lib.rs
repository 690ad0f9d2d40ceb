//! The web standards as Workers have them: JavaScript in `js/`, which goes into the startup snapshot, and the native ops
//! under it. Nothing here knows about Workers, their handlers or their bindings.

pub mod base64;
mod behavior;
pub mod body;
mod budget;
pub mod compression;
pub mod crypto;
pub mod encoding;
pub mod fetch;
pub mod headers;
pub mod html_rewriter;
pub mod inspect;
pub mod json;
pub mod sockets;
pub mod structured_clone;
pub mod url;
pub mod urlpattern;
pub mod views;
pub mod websocket;

pub use behavior::Behavior;
use include_dir::{Dir, include_dir};
use isolate::Op;

/// The standards' JavaScript, one file each; in the runtime a file is the module `skerry:/webapi/<path>`.
pub static JS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/js");

/// The native functions that [`JS`] imports from `skerry:ops`.
pub fn ops() -> Vec<Op> {
    [
        base64::OPS,
        body::OPS,
        compression::OPS,
        crypto::OPS,
        crypto::aes::OPS,
        crypto::derive::OPS,
        crypto::digest::OPS,
        crypto::keys::OPS,
        crypto::parts::OPS,
        crypto::rsa_oaep::OPS,
        crypto::sign::OPS,
        encoding::OPS,
        fetch::OPS,
        html_rewriter::OPS,
        json::OPS,
        inspect::OPS,
        sockets::OPS,
        structured_clone::OPS,
        url::OPS,
        urlpattern::OPS,
        websocket::OPS,
    ]
    .concat()
}
