//! The port of the API: a bounded number of HTTP/1.1 connections, none of which may stand still for ever.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use futures::StreamExt;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

/// Bytes of a request that are read though nobody wants them, and how long.
const READ_ON: usize = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// How much a client may ask of the listener.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) max_connections: usize,
    pub(crate) max_headers: usize,
    /// Bytes of a request's line and headers together.
    pub(crate) max_header_bytes: usize,
    /// Until a request's headers are there; also what a connection may idle.
    pub(crate) header_timeout: Duration,
    /// A body that is awaited and does not come.
    pub(crate) body_stall: Duration,
    /// An answer that the client does not take.
    pub(crate) write_stall: Duration,
    /// What is in flight at a stop may take this long.
    pub(crate) drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_headers: 100,
            max_header_bytes: 128 * 1024,
            header_timeout: Duration::from_secs(30),
            body_stall: Duration::from_secs(60),
            write_stall: Duration::from_secs(60),
            drain: Duration::from_secs(30),
        }
    }
}

/// Serves until `stop` fires, then lets what is in flight finish within `bounds.drain`.
pub(crate) async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(bounds.max_connections));
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        // Without room the kernel's backlog holds newcomers.
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = async {
                let permit = room.clone().acquire_owned().await;
                (listener.accept().await, permit)
            } => accepted,
        };
        let (stream, permit) = match accepted {
            (Ok((stream, _)), Ok(permit)) => (stream, permit),
            (Err(error), _) => {
                // Out of descriptors, say: it passes, but not at once.
                tracing::warn!(%error, "the API cannot accept connections for the moment");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            (_, Err(_)) => break,
        };
        let (router, bounds, stop, cut) = (router.clone(), bounds.clone(), stop.clone(), cut.clone());
        tasks.spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = connection(stream, router, &bounds, stop) => {}
                () = cut.cancelled() => {}
            }
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(bounds.drain, tasks.wait()).await.is_err() {
        cut.cancel();
        tasks.wait().await;
    }
}

async fn connection(stream: TcpStream, router: Router, bounds: &Bounds, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let patience = bounds.body_stall;
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let request = request.map(|body| Body::new(Awaited { body: Some(body), patience, stalled: None }));
        router.clone().call(request)
    });
    let stream = Impatient { stream, patience: bounds.write_stall, stalled: None };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_headers(bounds.max_headers)
        .max_buf_size(bounds.max_header_bytes)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the API ended");
    }
}

/// Passes what is ready; what is awaited for too long is an error.
fn within<T>(
    polled: Poll<T>,
    patience: Duration,
    stalled: &mut Option<Pin<Box<Sleep>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, io::Error>> {
    if let Poll::Ready(done) = polled {
        *stalled = None;
        return Poll::Ready(Ok(done));
    }
    let timer = stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
    ready!(timer.as_mut().poll(cx));
    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
}

/// A request's body that fails where it stalls. What of it nobody wanted is read on: a client that still sends sees its answer
/// only then.
struct Awaited {
    /// There until the end.
    body: Option<Incoming>,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Awaited {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        match ready!(within(polled, this.patience, &mut this.stalled, cx)) {
            Ok(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Err(_) => {
                this.body = None;
                Poll::Ready(Some(Err("the body has stalled".into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !http_body::Body::is_end_stream(body));
        if let (Some(body), Ok(runtime)) = (left, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async { tokio::time::timeout(PATIENCE, read_on(body)).await });
        }
    }
}

/// Reads what nobody wants, up to a bound.
async fn read_on(body: Incoming) {
    let mut chunks = Body::new(body).into_data_stream();
    let mut left = READ_ON;
    while let Some(Ok(chunk)) = chunks.next().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            return;
        }
    }
}

/// A stream that fails when what is written to it is not taken for too long.
struct Impatient {
    stream: TcpStream,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        within(written, this.patience, &mut this.stalled, cx).map(|written| written.and_then(|written| written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        within(written, this.patience, &mut this.stalled, cx).map(|written| written.and_then(|written| written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn start(bounds: Bounds) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let endless = || async {
            Body::from_stream(futures::stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[0; 65536]))))
        };
        let whole = |body: Result<Bytes, axum::extract::rejection::BytesRejection>| async move {
            body.map_or_else(|error| error.body_text(), |body| format!("{} bytes", body.len()))
        };
        let router = Router::new()
            .route("/whole", post(whole))
            .route("/endless", get(endless))
            .route("/none", post(|| async {}));
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, router, bounds, stop.clone()));
        (address, stop)
    }

    /// Sends bytes and reads until the server closes.
    async fn raw(address: SocketAddr, bytes: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(bytes.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(Duration::from_secs(10), reading).await.expect("the server closes");
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn what_stands_still_is_ended() {
        let short = Duration::from_millis(300);
        let bounds = Bounds {
            header_timeout: short,
            body_stall: short,
            write_stall: short,
            max_connections: 2,
            ..Bounds::default()
        };
        let (address, _stop) = start(bounds).await;
        // Two take all the room with headers that never end, and a third has its turn when they are cut.
        let slow = [raw(address, "GET /endless HTTP/1.1\r\nHost: a\r\n"), raw(address, "")];
        let turn = raw(address, "POST /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
        let (slow, turn) = tokio::join!(futures::future::join_all(slow), turn);
        assert!(slow.iter().all(|answer| !answer.contains("200 OK")), "{slow:?}");
        assert!(turn.ends_with("3 bytes"), "{turn}");
        let stalled = raw(address, "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").await;
        assert!(stalled.contains("the body has stalled"), "{stalled}");
        // A body that nobody wants is read all the same, and the connection goes on.
        let length = 4 << 20;
        let head = format!("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let behind = "POST /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab";
        let both = raw(address, &format!("{head}{}{behind}", "x".repeat(length))).await;
        assert!(both.starts_with("HTTP/1.1 200 OK") && both.ends_with("2 bytes"), "{both}");
        // What is never taken ends, and with it its room.
        let mut untaken = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
            untaken.push(stream);
        }
        let turn =
            raw(address, "POST /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\na").await;
        assert!(turn.ends_with("1 bytes"), "{turn}");
        drop(untaken);
    }
}
