//! A port that speaks plain HTTP/1.1.

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::impatient::Impatient;
use crate::{Drained, Ends, Listener, accept};

/// How much a client may ask of the port.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub max_connections: usize,
    /// Header fields of one request.
    pub max_headers: usize,
    /// Bytes of a request's line and headers together.
    pub max_header_bytes: usize,
    /// Until a request's headers are there; also what a connection may idle.
    pub header_timeout: Duration,
    /// An answer that the client does not take.
    pub write_stall: Duration,
    /// What is in flight at a stop may take this long.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_headers: 128,
            max_header_bytes: 128 * 1024,
            header_timeout: Duration::from_secs(60),
            write_stall: Duration::from_secs(60),
            drain: Duration::from_secs(30),
        }
    }
}

/// Connections that carry bytes both ways.
pub trait Port: Listener<Stream: AsyncRead + AsyncWrite + Unpin> {}

impl<L: Listener<Stream: AsyncRead + AsyncWrite + Unpin>> Port for L {}

/// Answers requests until `stop` fires, then lets what is in flight finish within `bounds.drain`. Connections may be upgraded.
pub async fn serve<L, S, F, B>(listener: L, bounds: Bounds, stop: CancellationToken, answer: S) -> Drained
where
    L: Port,
    S: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let (max_connections, drain) = (bounds.max_connections, bounds.drain);
    accept(listener, max_connections, drain, stop, |stream, _, ends| {
        connection(stream, bounds.clone(), ends, answer.clone())
    })
    .await
}

async fn connection<F, B>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    bounds: Bounds,
    ends: Ends,
    answer: impl Fn(Request<Incoming>) -> F + Send + 'static,
) where
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let service = service_fn(|request| {
        let answered = answer(request);
        async { Ok::<_, Infallible>(answered.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_headers(bounds.max_headers)
        .max_buf_size(bounds.max_header_bytes)
        .serve_connection(TokioIo::new(Impatient::new(stream, bounds.write_stall)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = ends.cut.cancelled() => return,
        () = ends.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = ends.cut.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
