//! Between a connection and an end of a socket: frames in, messages out, until both sides have closed or one is gone.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::encode;
use super::frame::{Decoder, Event, Violation};
use super::{Budget, Close, Deflate, Incoming, Message, Socket};

/// What all messages from the network together may hold in memory: those being put together, and those that nobody has
/// taken yet.
const NETWORK: usize = 512 * 1024 * 1024;
/// A client that has been silent for this long is asked whether it is there.
const PING: Duration = Duration::from_secs(30);
/// One that has been silent for this long is not.
const SILENCE: Duration = Duration::from_secs(100);
/// What the peer may take to answer a Close, or to end the connection once both have closed.
const CLOSING: Duration = Duration::from_secs(10);
/// What a peer that broke the protocol may take to end the connection: before that, it would be reset under what it was told.
const LEAVING: Duration = Duration::from_secs(2);
/// What the peer may take to accept a message.
const STALL: Duration = Duration::from_secs(60);
/// Bytes that are gathered before they are written.
const GATHER: usize = 64 * 1024;
/// Pings that wait to be answered; a peer that sends more has the oldest forgotten, as RFC 6455 §5.5.3 allows.
const PONGS: usize = 8;

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Server,
    Client,
}

/// What the reading half tells the writing half.
#[derive(Default)]
struct Shared {
    news: Mutex<News>,
    told: Notify,
}

#[derive(Default)]
struct News {
    pongs: VecDeque<Bytes>,
    ping: bool,
    violation: Option<Violation>,
    /// The peer has sent its Close.
    peer_closed: bool,
}

/// How the reading half came to its end.
enum End {
    /// The connection was closed by the peer.
    Eof,
    Violation(Violation),
}

/// Carries messages between `io`, on which the handshake has been made, and `socket`, until both sides have closed or one
/// is gone. `deflate`: what was agreed on about compression. When `stop` fires, the peer is told that this server goes away.
pub async fn relay(
    io: impl AsyncRead + AsyncWrite + Send,
    role: Role,
    deflate: Option<Deflate>,
    socket: Socket,
    stop: CancellationToken,
) {
    let (mut reader, writer) = tokio::io::split(io);
    let shared = Shared::default();
    let mut writing = std::pin::pin!(write(writer, role, deflate, &socket, &shared, stop));
    let violation = {
        let mut reading = std::pin::pin!(read(&mut reader, role, deflate, &socket, &shared));
        tokio::select! {
            end = &mut reading => match end {
                End::Eof => return,
                End::Violation(violation) => violation,
            },
            written = &mut writing => {
                if let Ok(Closed::Clean) = written {
                    // RFC 6455 §7.1.1: the server ends the connection; what a client still sends is let pass.
                    let _ = tokio::time::timeout(CLOSING, reading).await;
                }
                return;
            }
        }
    };
    tracing::debug!(%violation, "a WebSocket's peer broke the protocol");
    socket.outlet.fail(violation.reason.to_owned());
    shared.tell(|news| news.violation = Some(violation));
    let _ = tokio::time::timeout(CLOSING, writing).await;
    let _ = tokio::time::timeout(LEAVING, tokio::io::copy(&mut reader, &mut tokio::io::sink())).await;
}

// === reading ===

async fn read(
    io: &mut (impl AsyncRead + Unpin),
    role: Role,
    deflate: Option<Deflate>,
    socket: &Socket,
    shared: &Shared,
) -> End {
    let mut decoder = Decoder::new(role, deflate, network());
    let mut input = BytesMut::with_capacity(8 * 1024);
    let mut closed = false;
    loop {
        if closed {
            // RFC 6455 §1.4: nothing after a Close counts.
            input.clear();
        } else {
            match decoder.decode(&mut input) {
                Err(violation) => return End::Violation(violation),
                Ok(Some(event)) => {
                    closed = take(event, socket, shared);
                    // A Worker that does not keep up makes the peer wait.
                    socket.outlet.room().await;
                    continue;
                }
                Ok(None) => {}
            }
        }
        input.reserve(8 * 1024);
        let silence = async {
            tokio::time::sleep(PING).await;
            if role == Role::Server {
                shared.tell(|news| news.ping = true);
            }
            tokio::time::sleep(SILENCE - PING).await;
        };
        let read = tokio::select! {
            read = io.read_buf(&mut input) => read,
            () = silence, if role == Role::Server => return End::Eof,
        };
        match read {
            Ok(0) | Err(_) => return End::Eof,
            Ok(_) => {}
        }
    }
}

/// Hands on what the peer has sent. Whether it was its Close.
fn take(event: Event, socket: &Socket, shared: &Shared) -> bool {
    match event {
        Event::Text(text, charge) => socket.outlet.send(Message::Text(text), None, charge),
        Event::Binary(bytes, charge) => socket.outlet.send(Message::Binary(bytes), None, charge),
        Event::Pong => {}
        Event::Ping(payload) => shared.tell(|news| {
            if news.pongs.len() == PONGS {
                news.pongs.pop_front();
            }
            news.pongs.push_back(payload);
        }),
        Event::Close(close) => {
            socket.outlet.send(Message::Close(close), None, None);
            shared.tell(|news| news.peer_closed = true);
            return true;
        }
    }
    false
}

fn network() -> Arc<Budget> {
    static BUDGET: OnceLock<Arc<Budget>> = OnceLock::new();
    BUDGET.get_or_init(|| Budget::new(NETWORK)).clone()
}

// === writing ===

/// How the writing half came to its end.
enum Closed {
    /// Both sides have sent a Close.
    Clean,
    /// Whoever was to send has gone, or the peer does not answer.
    Broken,
}

async fn write(
    mut io: impl AsyncWrite + Unpin,
    role: Role,
    deflate: Option<Deflate>,
    socket: &Socket,
    shared: &Shared,
    stop: CancellationToken,
) -> io::Result<Closed> {
    let mut out = BytesMut::new();
    let mut sent_close = false;
    let mut deadline = None;
    loop {
        let news = std::mem::take(&mut *shared.lock());
        if !sent_close {
            news.pongs.iter().for_each(|payload| encode::pong(role, payload, &mut out));
            if news.ping {
                encode::ping(role, &mut out);
            }
            if let Some(violation) = news.violation {
                let close = Close { code: violation.code, reason: violation.reason.to_owned() };
                encode::close(role, &close, &mut out);
                flush(&mut io, &mut out).await?;
                io.shutdown().await?;
                return Ok(Closed::Broken);
            }
        }
        let peer_closed = news.peer_closed;
        if peer_closed {
            shared.lock().peer_closed = true;
        }
        flush(&mut io, &mut out).await?;
        if sent_close && peer_closed {
            let _ = io.shutdown().await;
            return Ok(Closed::Clean);
        }
        let limit = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // A ping that came before what a message answers is answered before it.
            biased;
            () = shared.told.notified() => {}
            () = limit => return Ok(Closed::Broken),
            () = stop.cancelled(), if !sent_close => {
                let away = Close { code: 1001, reason: "The server is going away.".to_owned() };
                encode::close(role, &away, &mut out);
                sent_close = true;
                deadline = Some(Instant::now() + CLOSING);
                socket.outlet.fail("The server is going away.".to_owned());
            }
            incoming = socket.inlet.next(), if !sent_close => match gather(role, deflate, incoming, socket, &mut out) {
                Some(Sent::Messages) => {}
                Some(Sent::Close) => {
                    sent_close = true;
                    deadline = Some(Instant::now() + CLOSING);
                }
                None => {
                    flush(&mut io, &mut out).await?;
                    return Ok(Closed::Broken);
                }
            },
        }
    }
}

/// What is to be written now.
enum Sent {
    Messages,
    Close,
}

/// Puts a message into `out`, and those that are ready after it. `None`: there is nobody any more to send for.
fn gather(role: Role, deflate: Option<Deflate>, first: Incoming, socket: &Socket, out: &mut BytesMut) -> Option<Sent> {
    let mut next = first;
    loop {
        match next {
            Incoming::Message(Message::Text(text)) => encode::message(role, deflate, true, text.as_bytes(), out),
            Incoming::Message(Message::Binary(bytes)) => encode::message(role, deflate, false, &bytes, out),
            Incoming::Message(Message::Close(close)) => {
                encode::close(role, &close, out);
                return Some(Sent::Close);
            }
            Incoming::Failed(_) | Incoming::Gone => return None,
        }
        if out.len() >= GATHER {
            return Some(Sent::Messages);
        }
        let noop = &mut std::task::Context::from_waker(std::task::Waker::noop());
        match socket.inlet.poll(noop) {
            std::task::Poll::Ready(ready) => next = ready,
            std::task::Poll::Pending => return Some(Sent::Messages),
        }
    }
}

async fn flush(io: &mut (impl AsyncWrite + Unpin), out: &mut BytesMut) -> io::Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let written = tokio::time::timeout(STALL, async {
        io.write_all_buf(out).await?;
        io.flush().await
    });
    written.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    if out.capacity() > 2 * GATHER {
        *out = BytesMut::new();
    }
    Ok(())
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: impl FnOnce(&mut News)) {
        what(&mut self.lock());
        self.told.notify_one();
    }
}
