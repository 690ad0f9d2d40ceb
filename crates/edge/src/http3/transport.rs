//! `h3` over `quinn`. What a stream brings is cut into bounded frames on its way (`frames.rs`), it is known when a client no longer wants an
//! answer, and no request begins once the connection is to end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{ReadError, VarInt, WriteError};

use super::frames::Frames;

/// So much is read of a stream at a time.
const READ: usize = 8 << 10;

type Accepted<S> = Result<S, quinn::ConnectionError>;

/// Resolves when a client does not want an answer any more, or has all of it.
pub(super) type Stopped = BoxFuture<'static, ()>;

/// A connection, for `h3`.
pub(super) struct Transport {
    requests: BoxStream<'static, Accepted<(quinn::SendStream, quinn::RecvStream)>>,
    unidirectional: BoxStream<'static, Accepted<quinn::RecvStream>>,
    opener: Opener,
    max_frame: u64,
    streams: Arc<Streams>,
}

/// What `h3` knows nothing of.
#[derive(Default)]
pub(super) struct Streams {
    /// Of the request that was accepted last.
    stopped: Mutex<Option<Stopped>>,
    closing: AtomicBool,
}

/// Opens streams to the client.
pub(super) struct Opener {
    connection: quinn::Connection,
    opening: Option<BoxFuture<'static, Accepted<quinn::SendStream>>>,
}

/// A request's stream.
pub(super) struct Bidirectional {
    send: Sender,
    receive: Receiver,
}

pub(super) struct Sender {
    stream: quinn::SendStream,
    writing: Option<WriteBuf<Bytes>>,
    begun: bool,
}

pub(super) struct Receiver {
    stream: quinn::RecvStream,
    frames: Frames,
    ended: bool,
}

// === impl Streams ===

impl Streams {
    /// What tells that the client has enough of the request that was accepted last.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// From now on requests are refused, so that clients may send them again elsewhere (RFC 9114 §4.1.1).
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

// === impl Transport ===

impl Transport {
    /// Frames other than DATA may be of `max_frame` bytes.
    pub(super) fn new(connection: &quinn::Connection, max_frame: u64) -> (Self, Arc<Streams>) {
        let requests =
            stream::unfold(connection.clone(), |connection| async { Some((connection.accept_bi().await, connection)) });
        let unidirectional = stream::unfold(connection.clone(), |connection| async {
            Some((connection.accept_uni().await, connection))
        });
        let streams = Arc::<Streams>::default();
        let this = Self {
            requests: requests.boxed(),
            unidirectional: unidirectional.boxed(),
            opener: Opener { connection: connection.clone(), opening: None },
            max_frame,
            streams: streams.clone(),
        };
        (this, streams)
    }
}

impl quic::Connection<Bytes> for Transport {
    type RecvStream = Receiver;
    type OpenStreams = Opener;

    fn poll_accept_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Receiver, ConnectionErrorIncoming>> {
        let accepted =
            ready!(self.unidirectional.poll_next_unpin(cx)).unwrap_or(Err(quinn::ConnectionError::LocallyClosed));
        let frames = Frames::of_unidirectional(self.max_frame);
        Poll::Ready(accepted.map(|stream| Receiver { stream, frames, ended: false }).map_err(connection_error))
    }

    fn poll_accept_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bidirectional, ConnectionErrorIncoming>> {
        loop {
            let accepted =
                ready!(self.requests.poll_next_unpin(cx)).unwrap_or(Err(quinn::ConnectionError::LocallyClosed));
            let (mut send, mut receive) = match accepted {
                Ok(stream) => stream,
                Err(error) => return Poll::Ready(Err(connection_error(error))),
            };
            if self.streams.closing.load(Ordering::Relaxed) {
                // Either fails where the client was quicker.
                let _ = (send.reset(code(Code::H3_REQUEST_REJECTED)), receive.stop(code(Code::H3_REQUEST_REJECTED)));
                continue;
            }
            let stopped = send.stopped().map(|_| ()).boxed();
            *self.streams.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(stopped);
            return Poll::Ready(Ok(Bidirectional {
                send: Sender::new(send),
                receive: Receiver { stream: receive, frames: Frames::of_request(self.max_frame), ended: false },
            }));
        }
    }

    fn opener(&self) -> Opener {
        Opener { connection: self.opener.connection.clone(), opening: None }
    }
}

impl quic::OpenStreams<Bytes> for Transport {
    type BidiStream = Bidirectional;
    type SendStream = Sender;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bidirectional, StreamErrorIncoming>> {
        self.opener.poll_open_bidi(cx)
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sender, StreamErrorIncoming>> {
        self.opener.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.opener.close(code, reason);
    }
}

// === impl Opener ===

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = Bidirectional;
    type SendStream = Sender;

    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Bidirectional, StreamErrorIncoming>> {
        Poll::Ready(Err(StreamErrorIncoming::Unknown("a server sends no requests".into())))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sender, StreamErrorIncoming>> {
        let connection = &self.connection;
        let opening = self.opening.get_or_insert_with(|| {
            let connection = connection.clone();
            async move { connection.open_uni().await }.boxed()
        });
        let opened = ready!(opening.poll_unpin(cx));
        self.opening = None;
        Poll::Ready(opened.map(Sender::new).map_err(lost))
    }

    fn close(&mut self, with: Code, reason: &[u8]) {
        self.connection.close(code(with), reason);
    }
}

// === impl Bidirectional ===

impl quic::BidiStream<Bytes> for Bidirectional {
    type SendStream = Sender;
    type RecvStream = Receiver;

    fn split(self) -> (Sender, Receiver) {
        (self.send, self.receive)
    }
}

impl quic::RecvStream for Bidirectional {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.receive.poll_data(cx)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.receive.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.receive.recv_id()
    }
}

impl quic::SendStream<Bytes> for Bidirectional {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.send.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}

// === impl Receiver ===

impl quic::RecvStream for Receiver {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        loop {
            if let Some(bytes) = self.frames.next() {
                return Poll::Ready(Ok(Some(bytes)));
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            let mut space = [0; READ];
            let n = ready!(self.stream.poll_read(cx, &mut space)).map_err(|error| {
                self.ended = true;
                read_error(error)
            })?;
            self.ended = n == 0;
            let cut = match n {
                0 if !self.frames.is_whole() => Err(Code::H3_FRAME_ERROR),
                n => self.frames.push(&space[..n]).map_err(|_| Code::H3_EXCESSIVE_LOAD),
            };
            if let Err(why) = cut {
                self.stop_sending(why.value());
                return Poll::Ready(Err(StreamErrorIncoming::StreamTerminated { error_code: why.value() }));
            }
        }
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.ended = true;
        // Fails where the client has ended it already.
        let _ = self.stream.stop(VarInt::from_u64(error_code).unwrap_or(VarInt::MAX));
    }

    fn recv_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

impl Drop for Receiver {
    /// A rest that nobody wants is no error (RFC 9114 §4.1).
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.stream.stop(code(Code::H3_NO_ERROR));
        }
    }
}

// === impl Sender ===

impl Sender {
    fn new(stream: quinn::SendStream) -> Self {
        Self { stream, writing: None, begun: false }
    }
}

impl Drop for Sender {
    /// A request that never was one gets no answer, which is not to look like an empty one.
    fn drop(&mut self) {
        if !self.begun {
            let _ = self.stream.reset(code(Code::H3_REQUEST_INCOMPLETE));
        }
    }
}

impl quic::SendStream<Bytes> for Sender {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(data) = self.writing.as_mut().filter(|data| data.has_remaining()) {
            let n = ready!(Pin::new(&mut self.stream).poll_write(cx, data.chunk())).map_err(write_error)?;
            data.advance(n);
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        if self.writing.is_some() {
            return Err(StreamErrorIncoming::Unknown("two writes at once".into()));
        }
        self.writing = Some(data.into());
        self.begun = true;
        Ok(())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        Poll::Ready(self.stream.finish().map_err(|error| StreamErrorIncoming::Unknown(error.into())))
    }

    fn reset(&mut self, reset_code: u64) {
        // Fails where the stream has ended already.
        let _ = self.stream.reset(VarInt::from_u64(reset_code).unwrap_or(VarInt::MAX));
    }

    fn send_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

/// An error's number as QUIC has it.
pub(super) fn code(code: Code) -> VarInt {
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

fn id(id: quinn::StreamId) -> StreamId {
    StreamId::try_from(u64::from(id)).expect("a stream's number has 62 bits")
}

fn connection_error(error: quinn::ConnectionError) -> ConnectionErrorIncoming {
    match error {
        quinn::ConnectionError::ApplicationClosed(closed) => {
            ConnectionErrorIncoming::ApplicationClose { error_code: closed.error_code.into() }
        }
        quinn::ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        other => ConnectionErrorIncoming::Undefined(Arc::new(other)),
    }
}

fn lost(error: quinn::ConnectionError) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming { connection_error: connection_error(error) }
}

fn read_error(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() },
        ReadError::ConnectionLost(error) => lost(error),
        other => StreamErrorIncoming::Unknown(other.into()),
    }
}

fn write_error(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() },
        WriteError::ConnectionLost(error) => lost(error),
        other => StreamErrorIncoming::Unknown(other.into()),
    }
}
