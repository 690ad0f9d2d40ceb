//! The way to another process of this server: HTTP/1.1 over its Unix socket, on connections that are used again.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use webapi::body::HttpBody;

/// Connections that nobody uses are kept so long, which is less than the other side keeps them.
const IDLE: Duration = Duration::from_secs(20);
const MOST_IDLE: usize = 64;
/// What an answer of ours may have at most.
const MAX_HEADERS: usize = 1024;
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Clones are the same way.
#[derive(Clone, Debug)]
pub struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    idle: Mutex<VecDeque<(Instant, SendRequest<HttpBody>)>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    #[error("the process can't be reached: {0}")]
    Connect(#[from] std::io::Error),
    #[error("the process has not answered: {0}")]
    Lost(#[from] hyper::Error),
}

// === impl Link ===

impl Link {
    pub fn new(path: PathBuf) -> Self {
        Self(Arc::new(Inner { path, idle: Mutex::default() }))
    }

    /// Sends a request whose headers are as the other side shall see them. Dropping the future, or the answer's body, ends its connection.
    pub async fn send(&self, mut request: Request<HttpBody>) -> Result<Response<Incoming>, Unanswered> {
        loop {
            let (mut sender, used) = match self.idle() {
                Some(sender) => (sender, true),
                None => (self.connect().await?, false),
            };
            match sender.try_send_request(request).await {
                Ok(response) => {
                    self.keep(sender);
                    return Ok(response);
                }
                Err(mut failed) => match failed.take_message() {
                    // The connection had ended before anything was sent on it.
                    Some(unsent) if used => request = unsent,
                    _ => return Err(failed.into_error().into()),
                },
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<HttpBody>, Unanswered> {
        let stream = UnixStream::connect(&self.0.path).await?;
        let mut builder = http1::Builder::new();
        builder.max_headers(MAX_HEADERS).max_buf_size(MAX_HEADER_BYTES);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to another process ended");
            }
        });
        Ok(sender)
    }

    fn idle(&self) -> Option<SendRequest<HttpBody>> {
        let mut idle = self.connections();
        idle.retain(|(since, sender)| since.elapsed() < IDLE && sender.is_ready());
        idle.pop_back().map(|(_, sender)| sender)
    }

    /// Once the answer has been read, the connection may carry another.
    fn keep(&self, mut sender: SendRequest<HttpBody>) {
        let this = self.clone();
        tokio::spawn(async move {
            if sender.ready().await.is_err() {
                return;
            }
            let mut idle = this.connections();
            if idle.len() < MOST_IDLE {
                idle.push_back((Instant::now(), sender));
            }
        });
    }

    fn connections(&self) -> MutexGuard<'_, VecDeque<(Instant, SendRequest<HttpBody>)>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
