//! A real HTTP server for Workers to fetch from; it remembers what it was asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub type OriginBody = UnsyncBoxBody<Bytes, Infallible>;

/// What the origin was asked: the start of each request, and how many connections it came over.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: http::HeaderMap,
    /// Counts connections from 0.
    pub connection: usize,
}

pub struct Origin {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    listening: JoinHandle<()>,
}

// === impl Origin ===

impl Origin {
    /// Serves `handler` over HTTP/1.1.
    pub async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(http::Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = http::Response<OriginBody>> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let listening = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (handler, record) = (handler.clone(), Arc::clone(&record));
                let service = service_fn(move |request: http::Request<Incoming>| {
                    record.lock().expect("no panic while it is held").push(Seen {
                        method: request.method().to_string(),
                        path: request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned(),
                        headers: request.headers().clone(),
                        connection,
                    });
                    let answer = handler(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                tokio::spawn(async move {
                    // A client that goes away is not this server's business.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, seen, listening }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while it is held").clone()
    }

    /// A whole response of text.
    pub fn text(body: impl Into<Bytes>) -> http::Response<OriginBody> {
        http::Response::new(Full::new(body.into()).boxed_unsync())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
