//! An HTTP/1.1 client for one server: each request on a connection of its own, bodies as streams.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use futures::Stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::PATIENCE;

/// The body of a request that a test sends.
pub type Sent = UnsyncBoxBody<Bytes, Infallible>;

/// A response whose body has not been read yet.
pub type Answer = http::Response<Incoming>;

/// A request in the making.
pub struct Request {
    address: SocketAddr,
    builder: http::request::Builder,
    has_host: bool,
}

// === impl Request ===

impl Request {
    pub fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        Self { address, builder: http::Request::builder().method(method).uri(path), has_host: false }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.has_host |= name.eq_ignore_ascii_case("host");
        self.builder = self.builder.header(name, value);
        self
    }

    /// Sends it without a body.
    pub async fn send(self) -> Answer {
        self.body("").await
    }

    /// Sends it with a body of known length.
    pub async fn body(self, body: impl Into<Bytes>) -> Answer {
        self.finish(Full::new(body.into()).boxed_unsync()).await
    }

    /// Sends it with a body in chunks.
    pub async fn stream(self, chunks: impl Stream<Item = Bytes> + Send + 'static) -> Answer {
        use futures::StreamExt;
        let frames = chunks.map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
        self.finish(BodyExt::boxed_unsync(StreamBody::new(frames))).await
    }

    async fn finish(self, body: Sent) -> Answer {
        let host = self.address.to_string();
        let builder = if self.has_host { self.builder } else { self.builder.header("host", host) };
        let request = builder.body(body).expect("a valid request");
        let answer = async {
            let stream = TcpStream::connect(self.address).await.expect("the server accepts");
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("an HTTP connection");
            // Ends with the response's body, or when the test drops it.
            tokio::spawn(connection);
            sender.send_request(request).await
        };
        timeout(PATIENCE, answer).await.expect("an answer in time").expect("an answer")
    }
}

/// Asks a server that may die at any moment, on a connection that is kept.
pub struct Client {
    address: SocketAddr,
    sender: Option<SendRequest<Sent>>,
}

// === impl Client ===

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// GETs a path. `None`: there was no whole answer of status 200.
    pub async fn try_text(&mut self, path: &str) -> Option<String> {
        timeout(PATIENCE, self.attempt(path)).await.ok()?
    }

    async fn attempt(&mut self, path: &str) -> Option<String> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.address).await.ok()?;
            let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        let sender = self.sender.as_mut()?;
        sender.ready().await.ok()?;
        let request = http::Request::builder().uri(path).header("host", self.address.to_string());
        let request = request.body(Full::new(Bytes::new()).boxed_unsync()).ok()?;
        let answer = sender.send_request(request).await.ok().filter(|answer| answer.status() == 200)?;
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        String::from_utf8(body.to_vec()).ok()
    }
}

/// The whole body.
pub async fn body_of(answer: Answer) -> Bytes {
    timeout(PATIENCE, answer.into_body().collect()).await.expect("a body in time").expect("a whole body").to_bytes()
}

/// The whole body as text.
pub async fn text(answer: Answer) -> String {
    String::from_utf8(body_of(answer).await.to_vec()).expect("a body of text")
}
