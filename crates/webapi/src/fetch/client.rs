//! The HTTP client: one pool, HTTP/1.1 and HTTP/2 by ALPN, connecting under a [`Policy`].

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tower_service::Service;

use super::Policy;
use crate::body::HttpBody;

pub(super) type Client = legacy::Client<Connector, HttpBody>;

/// What a response's headers may take: past it the connection is dropped.
const MAX_HEADER_BYTES: usize = 256 * 1024;
const MAX_HEADERS: usize = 512;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0}")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("DNS lookup of {0} found no address.")]
    Dns(String, #[source] Option<io::Error>),
    #[error("{0} is not a public address, and this server's policy for outbound requests allows no other.")]
    Denied(String),
    #[error("TLS handshake failed: {0}")]
    Tls(rustls::Error),
    #[error("no connection within {} seconds.", .0.as_secs())]
    Timeout(Duration),
}

/// What a client's connections may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocols {
    Any,
    Http1,
}

pub(super) fn build(policy: Policy, authorities: Vec<CertificateDer<'static>>, protocols: Protocols) -> Client {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(policy.idle_timeout)
        .pool_max_idle_per_host(policy.max_idle_per_host)
        .http1_max_headers(MAX_HEADERS)
        .http1_max_buf_size(MAX_HEADER_BYTES)
        .http2_max_header_list_size(MAX_HEADER_BYTES as u32)
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(Duration::from_secs(30));
    builder.build(Connector::new(policy, authorities, protocols))
}

/// Connects to `http:` and `https:` authorities, within the policy's time and addresses.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: Tcp,
    /// Made when first needed: reading the machine's CA store takes longer than starting a Worker.
    tls: Arc<OnceLock<HttpsConnector<Tcp>>>,
    authorities: Arc<Vec<CertificateDer<'static>>>,
    protocols: Protocols,
    timeout: Duration,
}

/// TCP to addresses that the policy allows.
#[derive(Clone)]
pub(super) struct Tcp {
    http: HttpConnector<Resolver>,
    policy: Arc<Policy>,
}

/// DNS whose answers the policy has seen: what is not allowed is not connected to.
#[derive(Clone)]
struct Resolver {
    system: GaiResolver,
    policy: Arc<Policy>,
}

type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

// === impl Connector ===

impl Connector {
    fn new(policy: Policy, authorities: Vec<CertificateDer<'static>>, protocols: Protocols) -> Self {
        let timeout = policy.connect_timeout;
        let tcp = Tcp::new(policy);
        Self { tcp, tls: Arc::default(), authorities: Arc::new(authorities), protocols, timeout }
    }

    async fn connect(mut self, uri: Uri) -> Result<Stream, ConnectError> {
        if uri.scheme() != Some(&http::uri::Scheme::HTTPS) {
            return Ok(MaybeHttpsStream::Http(self.tcp.call(uri).await?));
        }
        let mut tls = match self.tls.get() {
            Some(tls) => tls.clone(),
            None => {
                let (tcp, authorities, protocols) = (self.tcp.clone(), self.authorities.clone(), self.protocols);
                let made = tokio::task::spawn_blocking(move || https(tcp, &authorities, protocols)).await;
                let made = made.map_err(|error| ConnectError::Lost(error.into()))?;
                self.tls.get_or_init(|| made).clone()
            }
        };
        tls.call(uri).await.map_err(ConnectError::of)
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Connecting<Stream, ConnectError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (this, timeout) = (self.clone(), self.timeout);
        Box::pin(async move {
            tokio::time::timeout(timeout, this.connect(uri)).await.unwrap_or(Err(ConnectError::Timeout(timeout)))
        })
    }
}

fn https(tcp: Tcp, authorities: &[CertificateDer<'static>], protocols: Protocols) -> HttpsConnector<Tcp> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls_config(authorities)).https_only().enable_http1();
    match protocols {
        Protocols::Any => builder.enable_http2().wrap_connector(tcp),
        Protocols::Http1 => builder.wrap_connector(tcp),
    }
}

pub(super) fn tls_config(authorities: &[CertificateDer<'static>]) -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots(authorities))
        .with_no_client_auth()
}

/// The machine's CA store (which `SSL_CERT_FILE` and `SSL_CERT_DIR` replace), else Mozilla's; and what the operator
/// trusts besides.
fn roots(authorities: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "a CA certificate of this machine could not be read");
    }
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots.add_parsable_certificates(authorities.iter().cloned());
    roots
}

// === impl Tcp ===

impl Tcp {
    pub(super) fn new(policy: Policy) -> Self {
        let policy = Arc::new(policy);
        let mut http =
            HttpConnector::new_with_resolver(Resolver { system: GaiResolver::new(), policy: policy.clone() });
        http.enforce_http(false);
        http.set_nodelay(true);
        Self { http, policy }
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.policy.allows(address)
    }
}

impl Service<Uri> for Tcp {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response, ConnectError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // The inner connector resolves names only: an address given as such is checked here.
        let host = uri.host().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let Ok(address) = literal
            && !self.policy.allows(address)
        {
            return Box::pin(std::future::ready(Err(ConnectError::Denied(address.to_string()))));
        }
        let connecting = self.http.call(uri);
        Box::pin(async move { connecting.await.map_err(|error| ConnectError::of(error.into())) })
    }
}

// === impl Resolver ===

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response, ConnectError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.to_string();
        let policy = self.policy.clone();
        // RFC 6761 §6.3: these names are this machine's, whatever its resolver thinks of them.
        let local = host == "localhost" || host.ends_with(".localhost");
        let lookup = (!local).then(|| self.system.call(name));
        Box::pin(async move {
            let found: Vec<SocketAddr> = match lookup {
                None => vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()],
                Some(lookup) => match lookup.await {
                    Ok(found) => found.collect(),
                    Err(error) => return Err(ConnectError::Dns(host, Some(error))),
                },
            };
            if found.is_empty() {
                return Err(ConnectError::Dns(host, None));
            }
            let allowed: Vec<_> = found.into_iter().filter(|a| policy.allows(a.ip())).collect();
            if allowed.is_empty() {
                return Err(ConnectError::Denied(host));
            }
            Ok(allowed.into_iter())
        })
    }
}

// === impl ConnectError ===

impl ConnectError {
    /// The system's number for what went wrong.
    pub(crate) fn errno(&self) -> i32 {
        const EACCES: i32 = 13;
        const ECONNREFUSED: i32 = 111;
        const ETIMEDOUT: i32 = 110;
        match self {
            ConnectError::Denied(_) => EACCES,
            ConnectError::Timeout(_) => ETIMEDOUT,
            ConnectError::Lost(error) => {
                let mut cause: Option<&dyn std::error::Error> = Some(&**error);
                while let Some(error) = cause {
                    if let Some(number) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
                        return number;
                    }
                    cause = error.source();
                }
                ECONNREFUSED
            }
            ConnectError::Dns(..) | ConnectError::Tls(_) => ECONNREFUSED,
        }
    }

    /// Finds the reason worth telling inside a connector's error.
    pub(super) fn of(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
        while let Some(cause) = source {
            match cause.downcast_ref::<ConnectError>() {
                Some(Self::Dns(host, _)) => return Self::Dns(host.clone(), None),
                Some(Self::Denied(host)) => return Self::Denied(host.clone()),
                Some(Self::Tls(error)) => return Self::Tls(error.clone()),
                _ => {}
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Self::Tls(tls.clone());
            }
            // An `io::Error` hides what it wraps from `source()`.
            source = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => cause.source(),
            };
        }
        Self::Lost(error)
    }
}
