//! One client connection: TLS, which HTTP it speaks, and everything that may end it.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::HeaderValue;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use webapi::body::HttpBody;

use crate::geo::Location;
use crate::listener::{Bounds, Config};
use crate::socket::Socket;
use crate::{Handler, service};

/// How an HTTP/2 connection begins with prior knowledge (RFC 9113 §3.4). No HTTP/1 method is called PRI.
const HTTP2_PREFACE: &[u8] = b"PRI ";

/// Requests that a client may abandon on one connection beyond those it waits for: past it, it is a reset flood.
const ABANDONED_SLACK: u32 = 100;

pub(crate) struct Connection<H> {
    stream: Arc<TcpStream>,
    config: Arc<Config>,
    shared: Arc<Shared<H>>,
}

/// What the requests of one connection have in common.
pub(crate) struct Shared<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) config: Arc<Config>,
    pub(crate) info: Arc<Info>,
    pub(crate) activity: Arc<Activity>,
}

/// The client, as `request.cf` and the `CF-*` headers tell it.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    pub(crate) location: Location,
    pub(crate) address: HeaderValue,
    pub(crate) country: Option<HeaderValue>,
}

/// The session's protocol and cipher, under their OpenSSL names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tls {
    pub(crate) version: &'static str,
    pub(crate) cipher: &'static str,
}

/// What the connection is doing, for the timers that end it.
#[derive(Debug)]
pub(crate) struct Activity {
    start: Instant,
    in_flight: AtomicU32,
    finished: AtomicU32,
    abandoned: AtomicU32,
    /// Milliseconds from `start` to the last request's begin or end.
    last: AtomicU64,
    flooded: Notify,
    /// HTTP/2 responses being sent.
    sending: Mutex<Vec<Weak<Sending>>>,
}

/// One response body on HTTP/2, where a client may close the stream's window and keep the connection alive.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// When the last chunk was handed to the connection, in milliseconds from its start; 0 while a chunk is awaited
    /// from the response's own source.
    handed: AtomicU64,
}

// === impl Connection ===

impl<H: Handler> Connection<H> {
    pub(crate) fn new(stream: TcpStream, remote: SocketAddr, config: Arc<Config>, handler: Arc<H>) -> Self {
        // Small writes are whole responses here: waiting to fill a segment helps nobody.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let info = Info::new(remote, stream.local_addr().ok(), &config);
        let activity = Arc::new(Activity::new());
        let shared = Arc::new(Shared { handler, config: config.clone(), info: Arc::new(info), activity });
        Self { stream: Arc::new(stream), config, shared }
    }

    pub(crate) async fn serve(mut self, stop: CancellationToken) {
        let socket = Socket::new(self.stream.clone(), self.config.bounds.write_stall);
        match self.config.tls.clone() {
            Some(tls) => self.serve_tls(socket, tls, stop).await,
            None => self.serve_plain(socket, stop).await,
        }
    }

    async fn serve_plain(self, mut socket: Socket, stop: CancellationToken) {
        let first = tokio::select! {
            () = stop.cancelled() => return,
            first = tokio::time::timeout(self.config.bounds.header_timeout, first_bytes(&mut socket)) => first,
        };
        let Ok(Ok(ahead)) = first else { return };
        let http2 = ahead.starts_with(HTTP2_PREFACE);
        let socket = socket.unread(ahead);
        match http2 {
            true => self.http2(socket, stop).await,
            false => self.http1(socket, stop).await,
        }
    }

    async fn serve_tls(&mut self, socket: Socket, tls: Arc<rustls::ServerConfig>, stop: CancellationToken) {
        let handshake = TlsAcceptor::from(tls).accept(socket);
        let shaken = tokio::select! {
            () = stop.cancelled() => return,
            shaken = tokio::time::timeout(self.config.bounds.tls_timeout, handshake) => shaken,
        };
        let Ok(Ok(tls)) = shaken else { return };
        let session = tls.get_ref().1;
        let http2 = session.alpn_protocol() == Some(b"h2");
        let mut info = Info::new(self.shared.info.remote, self.shared.info.local, &self.config);
        info.tls = Some(Tls::of(session));
        let this = Self {
            stream: self.stream.clone(),
            config: self.config.clone(),
            shared: Arc::new(Shared {
                handler: self.shared.handler.clone(),
                config: self.config.clone(),
                info: Arc::new(info),
                activity: self.shared.activity.clone(),
            }),
        };
        match http2 {
            true => this.http2(tls, stop).await,
            false => this.http1(tls, stop).await,
        }
    }

    async fn http1(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, stop: CancellationToken) {
        let Bounds { max_headers, max_header_bytes, header_timeout, .. } = self.config.bounds;
        let shared = self.shared.clone();
        let service = service_fn(move |request| service::call(shared.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_headers(max_headers)
            .max_buf_size(max_header_bytes.max(8192))
            .serve_connection(TokioIo::new(io), service);
        // hyper sees a close only where it reads, which it does not while a request's body waits for its reader.
        let gone = async {
            Socket::closed(&self.stream).await;
            while self.shared.activity.in_flight() == 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        self.drive(connection, gone, stop).await;
    }

    async fn http2(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, stop: CancellationToken) {
        let Bounds { max_streams, max_header_bytes, .. } = self.config.bounds;
        let shared = self.shared.clone();
        let service = service_fn(move |request| service::call(shared.clone(), request));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(max_streams)
            .max_pending_accept_reset_streams(Some(32))
            .max_local_error_reset_streams(Some(128))
            .max_header_list_size(max_header_bytes as u32)
            .initial_stream_window_size(256 * 1024)
            .initial_connection_window_size(1024 * 1024)
            .max_send_buf_size(256 * 1024)
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            .serve_connection(TokioIo::new(io), service);
        let stalled = self.shared.activity.stalled_for(self.config.bounds.write_stall);
        self.drive(connection, stalled, stop).await;
    }

    /// Runs the connection until it ends, its client closes or stalls (`gone`), it idles or floods; a stop ends it gently.
    async fn drive<C>(&self, connection: C, gone: impl Future<Output = ()>, stop: CancellationToken)
    where
        C: Graceful,
    {
        let activity = &self.shared.activity;
        let mut connection = pin!(connection);
        let mut gone = pin!(gone);
        let mut idle = pin!(activity.idle_for(self.config.bounds.idle_timeout));
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, remote = %self.shared.info.remote, "connection ended");
                    }
                    return;
                }
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().finish();
                }
                () = gone.as_mut() => return,
                () = idle.as_mut() => return,
                () = activity.flooded.notified() => {
                    tracing::warn!(remote = %self.shared.info.remote, "connection cut: a flood of abandoned requests");
                    return;
                }
            }
        }
    }
}

/// hyper's connections, whose gentle end is an inherent method on each.
trait Graceful: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl<I, S> Graceful for http1::Connection<I, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = HttpBodyOut>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, E> Graceful for http2::Connection<I, S, E>
where
    S: hyper::service::HttpService<Incoming, ResBody = HttpBodyOut>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, HttpBodyOut>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

type HttpBodyOut = service::Watched<HttpBody>;

/// Reads until the protocol is certain: at once, for every HTTP/1 method there is.
async fn first_bytes(socket: &mut Socket) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4096];
    let mut filled = 0;
    loop {
        let n = socket.read(&mut bytes[filled..]).await?;
        filled += n;
        let known = filled.min(HTTP2_PREFACE.len());
        if n == 0 || filled >= HTTP2_PREFACE.len() || bytes[..known] != HTTP2_PREFACE[..known] {
            bytes.truncate(filled);
            return Ok(bytes);
        }
    }
}

// === impl Info ===

impl Info {
    fn new(remote: SocketAddr, local: Option<SocketAddr>, config: &Config) -> Self {
        let ip = remote.ip().to_canonical();
        let location = config.geo.locate(ip);
        let text = |value: &str| HeaderValue::from_str(value).ok();
        let address = text(&ip.to_string()).unwrap_or_else(|| HeaderValue::from_static("unknown"));
        let country = location.country.as_deref().and_then(text);
        Self { remote, local, tls: None, location, address, country }
    }
}

impl Info {
    /// The connection's round trip time, where the kernel tells.
    pub(crate) fn rtt_millis(&self) -> Option<u32> {
        #[cfg(target_os = "linux")]
        return match crate::rtt::microseconds(self.local?, self.remote) {
            Ok(micros) => micros.map(|micros| micros.div_ceil(1000)),
            Err(error) => {
                tracing::debug!(%error, "no round trip time from the kernel");
                None
            }
        };
        #[cfg(not(target_os = "linux"))]
        return None;
    }
}

impl Tls {
    fn of(session: &rustls::ServerConnection) -> Self {
        use rustls::{CipherSuite as C, ProtocolVersion as V};
        let version = match session.protocol_version() {
            Some(V::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let cipher = match session.negotiated_cipher_suite().map(|suite| suite.suite()) {
            Some(C::TLS13_AES_128_GCM_SHA256) => "AEAD-AES128-GCM-SHA256",
            Some(C::TLS13_AES_256_GCM_SHA384) => "AEAD-AES256-GCM-SHA384",
            Some(C::TLS13_CHACHA20_POLY1305_SHA256) => "AEAD-CHACHA20-POLY1305-SHA256",
            Some(C::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) => "ECDHE-ECDSA-AES128-GCM-SHA256",
            Some(C::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) => "ECDHE-ECDSA-AES256-GCM-SHA384",
            Some(C::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-ECDSA-CHACHA20-POLY1305",
            Some(C::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) => "ECDHE-RSA-AES128-GCM-SHA256",
            Some(C::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) => "ECDHE-RSA-AES256-GCM-SHA384",
            Some(C::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-RSA-CHACHA20-POLY1305",
            _ => "NONE",
        };
        Self { version, cipher }
    }
}

// === impl Activity ===

impl Activity {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            in_flight: AtomicU32::new(0),
            finished: AtomicU32::new(0),
            abandoned: AtomicU32::new(0),
            last: AtomicU64::new(0),
            flooded: Notify::new(),
            sending: Mutex::default(),
        }
    }

    /// Watches a response that begins to be sent over HTTP/2.
    pub(crate) fn sending(&self) -> Arc<Sending> {
        let sending = Arc::new(Sending::default());
        self.sending.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&sending));
        sending
    }

    pub(crate) fn handed(&self, sending: &Sending, chunk: bool) {
        let now = if chunk { (self.start.elapsed().as_millis() as u64).max(1) } else { 0 };
        sending.handed.store(now, Ordering::Relaxed);
    }

    /// Resolves when a client has not asked for the next chunk of some response for `limit`.
    async fn stalled_for(&self, limit: Duration) {
        loop {
            tokio::time::sleep(limit / 2).await;
            let now = self.start.elapsed().as_millis() as u64;
            let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
            sending.retain(|sending| sending.strong_count() > 0);
            let stalled = sending.iter().filter_map(Weak::upgrade).any(|sending| {
                let handed = sending.handed.load(Ordering::Relaxed);
                handed > 0 && now.saturating_sub(handed) > limit.as_millis() as u64
            });
            if stalled {
                return;
            }
        }
    }

    fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a request; returns how many the connection carried before it.
    pub(crate) fn begin(&self) -> u32 {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.touch();
        before + self.finished.load(Ordering::Relaxed) + self.abandoned.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self, abandoned: bool) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.touch();
        if !abandoned {
            self.finished.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let abandoned = self.abandoned.fetch_add(1, Ordering::Relaxed) + 1;
        if abandoned > self.finished.load(Ordering::Relaxed).saturating_add(ABANDONED_SLACK) {
            self.flooded.notify_one();
        }
    }

    fn touch(&self) {
        self.last.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Resolves when no request has been in flight for `limit`.
    async fn idle_for(&self, limit: Duration) {
        loop {
            let since = self.start.elapsed() - Duration::from_millis(self.last.load(Ordering::Relaxed));
            match limit.checked_sub(since) {
                Some(left) if !left.is_zero() => tokio::time::sleep(left).await,
                _ if self.in_flight() == 0 => return,
                _ => tokio::time::sleep(limit).await,
            }
        }
    }
}
