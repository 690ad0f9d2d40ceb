//! The ports of the API and of the figures: what of a request's body is awaited, and how long.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use accept::{Bounds, Port, within};
use axum::Router;
use axum::body::{Body, Bytes};
use futures::StreamExt;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

/// A body that is awaited and does not come.
const STALL: Duration = Duration::from_secs(60);
/// Bytes of a request that are read though nobody wants them, and how long.
const READ_ON: usize = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers at this port, on at most so many connections, until `stop` fires; what was begun is finished.
pub(crate) async fn serve(listener: impl Port, router: Router, max_connections: usize, stop: CancellationToken) {
    let bounds = Bounds { max_connections, ..Bounds::default() };
    serve_within(listener, router, bounds, STALL, stop).await;
}

async fn serve_within(
    listener: impl Port,
    router: Router,
    bounds: Bounds,
    patience: Duration,
    stop: CancellationToken,
) {
    let answer = move |request: http::Request<Incoming>| {
        let request = request.map(|body| Body::new(Awaited { body: Some(body), patience, stalled: None }));
        let mut router = router.clone();
        async move {
            let Ok(answer) = router.call(request).await.map_err(|never: Infallible| match never {});
            answer
        }
    };
    accept::serve(listener, bounds, stop, answer).await;
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);

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
        tokio::spawn(serve_within(listener, router, bounds, SHORT, stop.clone()));
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
        let bounds = Bounds { header_timeout: SHORT, write_stall: SHORT, max_connections: 2, ..Bounds::default() };
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
