//! What a listener serves with, and how much it may be asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use accept::Drained;
use http::HeaderValue;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::stream::NOBODY;
use crate::{Geo, Handler, Listener};

/// What one listener serves with.
#[derive(Clone)]
pub struct Config {
    pub bounds: Bounds,
    /// HTTPS when given, plain HTTP otherwise.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Requests come from another process of this server, which knows this secret and says whose they are.
    pub passed: Option<Arc<str>>,
    /// Where this server is, and where its clients are.
    pub geo: Arc<Geo>,
    /// How many connections are open: counted here, with those of other listeners that have the same count.
    pub connections: Arc<AtomicUsize>,
    /// What answers over HTTPS say of HTTP/3 (RFC 7838), where that is served.
    pub alt_svc: Option<HeaderValue>,
}

/// A connection that counts, until it is dropped.
pub(crate) struct Counted(Arc<AtomicUsize>);

/// How much a client may ask of the listener. Each default is the platform's published limit where there is one.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub max_connections: usize,
    /// Streams at a time on one connection of HTTP/2 or HTTP/3.
    pub max_streams: u32,
    /// Header fields of one request: past it, 431.
    pub max_headers: usize,
    /// All header bytes of one request: past it, 431.
    pub max_header_bytes: usize,
    /// Path and query: past it, 414.
    pub max_url: usize,
    /// Request body bytes: past it, 413.
    pub max_body: Option<u64>,
    /// From a connection's first byte (or the end of the request before) to the end of a request's headers.
    pub header_timeout: Duration,
    pub tls_timeout: Duration,
    /// A connection with no request.
    pub idle_timeout: Duration,
    /// A request body that is awaited and does not come.
    pub body_stall: Duration,
    /// A response that the client does not take.
    pub write_stall: Duration,
    /// What is in flight at a stop may take this long.
    pub drain: Duration,
}

// === impl Counted ===

impl Counted {
    pub(crate) fn one(of: &Arc<AtomicUsize>) -> Self {
        of.fetch_add(1, Ordering::Relaxed);
        Self(of.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Bounds ===

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_connections: 16 * 1024,
            max_streams: 128,
            max_headers: 256,
            max_header_bytes: 128 * 1024,
            max_url: 16 * 1024,
            max_body: Some(100 * 1024 * 1024),
            header_timeout: Duration::from_secs(60),
            tls_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            body_stall: Duration::from_secs(60),
            write_stall: Duration::from_secs(60),
            drain: Duration::from_secs(30),
        }
    }
}

/// Serves until `stop` fires, then lets what is in flight finish within `bounds.drain`.
pub async fn serve<H: Handler>(
    listener: impl Into<Listener>,
    config: Config,
    handler: Arc<H>,
    stop: CancellationToken,
) -> Drained {
    let config = Arc::new(config);
    let Bounds { max_connections, drain, .. } = config.bounds;
    accept::accept(listener.into(), max_connections, drain, stop, |stream, remote, ends| {
        let connection = Connection::new(stream, remote.unwrap_or(NOBODY), config.clone(), handler.clone());
        let counted = Counted::one(&config.connections);
        async move {
            let _counted = counted;
            connection.serve(ends).await;
        }
    })
    .await
}
