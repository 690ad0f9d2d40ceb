//! WebSockets (RFC 6455, https://websockets.spec.whatwg.org/): sockets as pairs of ends within the process, the protocol
//! on the network, and the ops under the `WebSocket` class. An end may be in an isolate, at a client's connection, or with
//! whoever keeps it for a Durable Object that sleeps.

mod connect;
mod deflate;
mod encode;
mod extension;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
pub mod ops;
mod pipe;
mod relay;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use crate::budget::{Budget, Charge};
pub use connect::{Opened, connect};
pub use extension::{Deflate, accept};
pub use handshake::{accept_key, asks_for_one, extensions, is_upgrade};
pub use ops::{Compression, OPS};
pub use pipe::{Gate, Incoming, Inlet, Outlet, Socket, pair};
pub use relay::{Role, relay};

/// The largest message that is taken from the network:
/// <https://developers.cloudflare.com/workers/platform/limits/#websocket-limits>
pub const MAX_MESSAGE: usize = 32 * 1024 * 1024;

/// What goes through a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Binary(Bytes),
    /// The sender sends nothing after it.
    Close(Close),
}

/// A Close frame's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// 1005 stands for a frame without one (RFC 6455 §7.4.1).
    pub code: u16,
    /// At most 123 bytes on the network.
    pub reason: String,
}

// === impl Message ===

impl Message {
    /// Its size in memory, about.
    fn weight(&self) -> usize {
        const RECORD: usize = 64;
        RECORD
            + match self {
                Self::Text(text) => text.len(),
                Self::Binary(bytes) => bytes.len(),
                Self::Close(close) => close.reason.len(),
            }
    }
}

// === impl Close ===

impl Close {
    /// A Close frame without a code.
    pub const NO_STATUS: u16 = 1005;

    pub fn none() -> Self {
        Self { code: Self::NO_STATUS, reason: String::new() }
    }

    /// Whether this code may stand in a frame (RFC 6455 §7.4.1 and §7.4.2).
    pub fn is_sendable(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}
