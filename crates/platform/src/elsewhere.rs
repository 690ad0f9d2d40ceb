//! Where each account has a process of its own: hosts of this server that another of its processes answers for.

use futures::future::BoxFuture;

/// The way to the other processes of this server.
pub trait Elsewhere: Send + Sync {
    /// Whether the host is one of this server's.
    fn has(&self, host: &str) -> bool;

    /// Sends the request to whoever answers for its host. It never leaves the server.
    fn pass(&self, request: edge::Request) -> BoxFuture<'static, edge::Response>;
}
