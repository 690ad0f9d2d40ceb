//! The accept loop: a bounded number of connections, and a stop that lets requests finish.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, Ends};
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

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they did not finish in time.
    pub cut: usize,
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
    let (listener, config) = (listener.into(), Arc::new(config));
    let room = Arc::new(Semaphore::new(config.bounds.max_connections));
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        // Without room the kernel's backlog holds newcomers, which is all the backpressure that TCP has.
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = async {
                let permit = room.clone().acquire_owned().await;
                (listener.accept().await, permit)
            } => accepted,
        };
        let (Ok((stream, remote)), permit) = accepted else {
            if let (Err(error), _) = accepted {
                pause_after(&error).await;
            }
            continue;
        };
        let connection = Connection::new(stream, remote, config.clone(), handler.clone());
        let ends = Ends { stop: stop.clone(), cut: cut.clone() };
        let counted = Counted::one(&config.connections);
        tasks.spawn(async move {
            let _permit = (permit, counted);
            connection.serve(ends).await;
        });
    }
    drop(listener);
    tasks.close();
    let finished = tokio::time::timeout(config.bounds.drain, tasks.wait()).await.is_ok();
    let left = if finished { 0 } else { tasks.len() };
    cut.cancel();
    tasks.wait().await;
    Drained { cut: left }
}

/// A connection that died in the backlog concerns nobody; being out of descriptors passes, but not at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections for the moment");
    tokio::time::sleep(Duration::from_millis(200)).await;
}
