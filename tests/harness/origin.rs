//! A real HTTP server for Workers to fetch from, with TLS where asked; it remembers what it was asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub type OriginBody = UnsyncBoxBody<Bytes, Infallible>;

/// What the origin was asked: the start of each request, and how many connections it came over.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub version: http::Version,
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
        Self::listen(handler, None).await
    }

    /// Serves `handler` over TLS as `localhost`, HTTP/2 or 1.1 as the client prefers.
    /// Returns its certificate too, in PEM, for those who should trust it.
    pub async fn start_tls<H, F>(handler: H) -> (Self, String)
    where
        H: Fn(http::Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = http::Response<OriginBody>> + Send + 'static,
    {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a key for the certificate");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let origin = Self::listen(handler, Some(TlsAcceptor::from(Arc::new(config)))).await;
        (origin, made.cert.pem())
    }

    async fn listen<H, F>(handler: H, tls: Option<TlsAcceptor>) -> Self
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
                        version: request.version(),
                        headers: request.headers().clone(),
                        connection,
                    });
                    let answer = handler(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let tls = tls.clone();
                // A client that goes away, or that refuses the certificate, is not this server's business.
                tokio::spawn(async move {
                    let Some(tls) = tls else {
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                        return;
                    };
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let wants_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let io = TokioIo::new(stream);
                    if wants_http2 {
                        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
                    } else {
                        let _ = http1::Builder::new().serve_connection(io, service).await;
                    }
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
