//! One client connection: TLS, which HTTP it speaks, and everything that may end it.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accept::Ends;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use webapi::body::HttpBody;
use webapi::websocket::{Deflate, Role, relay};

use crate::activity::Activity;
use crate::client::{Info, Tls};
use crate::listener::{Bounds, Config};
use crate::passed::Tunnel;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::{Handler, service};

/// How an HTTP/2 connection begins with prior knowledge (RFC 9113 §3.4). No HTTP/1 method is called PRI.
const HTTP2_PREFACE: &[u8] = b"PRI ";

pub(crate) struct Connection<H> {
    stream: Arc<Stream>,
    config: Arc<Config>,
    shared: Arc<Shared<H>>,
}

/// What the requests of one connection have in common.
pub(crate) struct Shared<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) config: Arc<Config>,
    pub(crate) info: Arc<Info>,
    pub(crate) activity: Arc<Activity>,
    /// What the connection becomes once its last response is sent.
    pub(crate) upgrade: Mutex<Option<Upgrade>>,
}

/// What a connection becomes.
pub(crate) struct Upgrade {
    pub(crate) connection: OnUpgrade,
    pub(crate) to: UpgradeTo,
}

pub(crate) enum UpgradeTo {
    Socket(Box<webapi::websocket::Socket>, Option<Deflate>),
    /// The WebSocket of another process, whose bytes pass as they are.
    Tunnel(Tunnel),
}

// === impl Connection ===

impl<H: Handler> Connection<H> {
    pub(crate) fn new(stream: Stream, remote: SocketAddr, config: Arc<Config>, handler: Arc<H>) -> Self {
        let info = Info::new(remote, stream.local_addr(), &config.geo);
        let activity = Arc::new(Activity::new());
        let shared =
            Shared { handler, config: config.clone(), info: Arc::new(info), activity, upgrade: Mutex::default() };
        Self { stream: Arc::new(stream), config, shared: Arc::new(shared) }
    }

    pub(crate) async fn serve(mut self, ends: Ends) {
        let socket = Socket::new(self.stream.clone(), self.config.bounds.write_stall);
        match self.config.tls.clone() {
            Some(tls) => self.serve_tls(socket, tls, ends).await,
            None => self.serve_plain(socket, ends).await,
        }
    }

    async fn serve_plain(self, mut socket: Socket, ends: Ends) {
        let first = tokio::select! {
            () = ends.stop.cancelled() => return,
            first = tokio::time::timeout(self.config.bounds.header_timeout, first_bytes(&mut socket)) => first,
        };
        let Ok(Ok(ahead)) = first else { return };
        let http2 = ahead.starts_with(HTTP2_PREFACE);
        let socket = socket.unread(ahead);
        match http2 {
            true => self.http2(socket, ends).await,
            false => self.http1(socket, ends).await,
        }
    }

    async fn serve_tls(&mut self, socket: Socket, tls: Arc<rustls::ServerConfig>, ends: Ends) {
        let handshake = TlsAcceptor::from(tls).accept(socket);
        let shaken = tokio::select! {
            () = ends.stop.cancelled() => return,
            shaken = tokio::time::timeout(self.config.bounds.tls_timeout, handshake) => shaken,
        };
        let Ok(Ok(tls)) = shaken else { return };
        let session = tls.get_ref().1;
        let http2 = session.alpn_protocol() == Some(b"h2");
        let mut info = Info::new(self.shared.info.remote, self.shared.info.local, &self.config.geo);
        info.tls = Some(Tls::of(session));
        let this = Self {
            stream: self.stream.clone(),
            config: self.config.clone(),
            shared: Arc::new(Shared {
                handler: self.shared.handler.clone(),
                config: self.config.clone(),
                info: Arc::new(info),
                activity: self.shared.activity.clone(),
                upgrade: Mutex::default(),
            }),
        };
        match http2 {
            true => this.http2(tls, ends).await,
            false => this.http1(tls, ends).await,
        }
    }

    async fn http1(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, ends: Ends) {
        let Bounds { max_headers, max_header_bytes, header_timeout, .. } = self.config.bounds;
        let shared = self.shared.clone();
        let service = service_fn(move |request| service::call(shared.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_headers(max_headers)
            .max_buf_size(max_header_bytes.max(8192))
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        // hyper sees a close only where it reads, which it does not while a request's body waits for its reader.
        let gone = async {
            Socket::closed(&self.stream).await;
            while self.shared.activity.in_flight() == 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let (stop, cut) = (ends.stop.clone(), ends.cut.clone());
        self.drive(connection, gone, ends).await;
        let Some(Upgrade { connection, to }) = self.shared.lock_upgrade().take() else { return };
        let Ok(io) = connection.await else { return };
        let io = TokioIo::new(io);
        let goes_on = async {
            match to {
                UpgradeTo::Socket(socket, deflate) => relay(io, Role::Server, deflate, *socket, stop).await,
                UpgradeTo::Tunnel(tunnel) => tunnel.carry(io).await,
            }
        };
        tokio::select! {
            () = goes_on => {}
            () = cut.cancelled() => {}
        }
    }

    async fn http2(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, ends: Ends) {
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
        self.drive(connection, stalled, ends).await;
    }

    /// Runs the connection until it ends, its client closes or stalls (`gone`), it idles or floods; a stop ends it gently.
    async fn drive<C>(&self, connection: C, gone: impl Future<Output = ()> + Send, ends: Ends)
    where
        C: Graceful,
    {
        let activity = &self.shared.activity;
        let mut connection = pin!(connection);
        // Each is polled only when it was woken itself, not with every request.
        let mut endings = FuturesUnordered::new();
        endings.push(ending(gone, End::Now));
        endings.push(ending(activity.idle_for(self.config.bounds.idle_timeout), End::Now));
        endings.push(ending(activity.flooded(), End::Flooded));
        endings.push(ending(ends.cut.cancelled_owned(), End::Now));
        endings.push(ending(ends.stop.cancelled_owned(), End::Gently));
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, remote = %self.shared.info.remote, "connection ended");
                    }
                    return;
                }
                Some(end) = endings.next() => match end {
                    End::Gently => connection.as_mut().finish(),
                    End::Now => return,
                    End::Flooded => {
                        tracing::warn!(remote = %self.shared.info.remote, "connection cut: a flood of abandoned requests");
                        return;
                    }
                }
            }
        }
    }
}

// === impl Shared ===

impl<H> Shared<H> {
    /// Lets the connection become the socket's once the response that says so is sent.
    pub(crate) fn upgrade(&self, upgrade: Upgrade) {
        *self.lock_upgrade() = Some(upgrade);
    }

    fn lock_upgrade(&self) -> MutexGuard<'_, Option<Upgrade>> {
        self.upgrade.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How something other than HTTP ends a connection.
enum End {
    Gently,
    Now,
    Flooded,
}

fn ending<'a>(event: impl Future<Output = ()> + Send + 'a, end: End) -> BoxFuture<'a, End> {
    event.map(|()| end).boxed()
}

/// hyper's connections, whose gentle end is an inherent method on each.
trait Graceful: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl<I, S> Graceful for http1::UpgradeableConnection<I, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = HttpBodyOut>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
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
