//! HTTP/3 (RFC 9114): a QUIC endpoint whose connections bring requests to the same service as those of HTTP/1.1 and 2.

mod connection;
mod frames;
mod request;
mod transport;
mod upload;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use accept::Ends;
use http::HeaderValue;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig, VarInt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::listener::Counted;
use crate::{Bounds, Config, Drained, Handler};

/// With so many handshakes underway, a client has to show first that it is where it says (RFC 9000 §8.1.2).
const TRUSTING: usize = 64;
/// So many handshakes may be underway; more clients are refused.
const HANDSHAKES: usize = 1024;
/// First packets that wait to be looked at: how many, their further bytes each, and all together.
const WAITING: (usize, u64, u64) = (1024, 64 << 10, 16 << 20);
/// One control stream and two of QPACK are what a client has; a few more may be of kinds that are not known here.
const UNIDIRECTIONAL: u32 = 8;
/// What may be on its way unread, of a stream and of a connection; and sent without being acknowledged. As on HTTP/2.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// A peer that does not answer is given up after both, as on HTTP/2.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(50);
/// For the last packets, which say that connections are closed.
const FAREWELL: Duration = Duration::from_millis(500);

/// A UDP socket that speaks QUIC.
pub struct Http3 {
    endpoint: Endpoint,
    pub(crate) port: u16,
}

// === impl Http3 ===

impl Http3 {
    /// Binds the socket. `tls` is a configuration for HTTP/3.
    pub fn bind(address: SocketAddr, tls: Arc<rustls::ServerConfig>, bounds: &Bounds) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let port = socket.local_addr()?.port();
        let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        let (waiting, each, all) = WAITING;
        config.max_incoming(waiting).incoming_buffer_size(each).incoming_buffer_size_total(all);
        config.transport_config(Arc::new(transport_config(bounds)?));
        let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))?;
        Ok(Self { endpoint, port })
    }

    /// What answers over HTTPS say, so that clients come here with their next requests.
    pub fn alt_svc(&self) -> io::Result<HeaderValue> {
        HeaderValue::try_from(format!("h3=\":{}\"; ma=86400", self.port)).map_err(io::Error::other)
    }

    /// Serves until `stop` fires, then lets what is in flight finish within `bounds.drain`.
    pub async fn serve<H: Handler>(self, config: Config, handler: Arc<H>, stop: CancellationToken) -> Drained {
        let config = Arc::new(config);
        let room = Arc::new(Semaphore::new(config.bounds.max_connections));
        let hands = Arc::new(Semaphore::new(HANDSHAKES));
        let tasks = TaskTracker::new();
        let cut = CancellationToken::new();
        loop {
            let incoming = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                incoming = self.endpoint.accept() => incoming,
            };
            let Some(incoming) = incoming else { break };
            // There is no backlog that would hold newcomers: they are told, and may come over TCP.
            let (Ok(permit), Ok(hand)) = (room.clone().try_acquire_owned(), hands.clone().try_acquire_owned()) else {
                incoming.refuse();
                continue;
            };
            if hands.available_permits() < HANDSHAKES - TRUSTING && incoming.may_retry() {
                // Fails only for a client that has shown where it is.
                let _ = incoming.retry();
                continue;
            }
            let ends = Ends { stop: stop.clone(), cut: cut.clone() };
            let (config, handler) = (config.clone(), handler.clone());
            tasks.spawn(async move {
                let _permit = (permit, Counted::one(&config.connections));
                let remote = incoming.remote_address();
                let shaken = tokio::select! {
                    () = ends.stop.cancelled() => return,
                    shaken = tokio::time::timeout(config.bounds.tls_timeout, async { incoming.accept()?.await }) => shaken,
                };
                drop(hand);
                match shaken {
                    Ok(Ok(quic)) => connection::serve(quic, config, handler, ends).await,
                    Ok(Err(error)) => tracing::debug!(%error, %remote, "no QUIC handshake"),
                    Err(_) => tracing::debug!(%remote, "a QUIC handshake took too long"),
                }
            });
        }
        // Who comes now is not answered.
        self.endpoint.set_server_config(None);
        tasks.close();
        let finished = tokio::time::timeout(config.bounds.drain, tasks.wait()).await.is_ok();
        let left = if finished { 0 } else { tasks.len() };
        cut.cancel();
        tasks.wait().await;
        let _ = tokio::time::timeout(FAREWELL, self.endpoint.wait_idle()).await;
        Drained { cut: left }
    }
}

fn transport_config(bounds: &Bounds) -> io::Result<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(bounds.max_streams.into())
        .max_concurrent_uni_streams(UNIDIRECTIONAL.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(CONNECTION_WINDOW.into())
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::try_from(SILENCE).map_err(io::Error::other)?));
    Ok(transport)
}
