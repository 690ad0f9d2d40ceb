//! Bodies: the one seam between `Request`/`Response` in JavaScript and bytes that arrive or leave natively.
//!
//! A body is a bounded stream of chunks. Whoever holds its `BodyReader` owns it: dropping the reader cancels
//! the source (an upstream connection, a JavaScript stream), and a source that fails ends the reader with a
//! [`BodyError`]. Nothing here holds a body whole unless `read_all` asks for it, and that is bounded.

pub mod channel;
pub mod coding;
pub mod ops;
pub mod outgoing;
mod tee;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use http::HeaderMap;
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

pub use channel::{BodyWriter, channel};
pub use coding::Coding;
pub use ops::OPS;
pub use outgoing::{EncodeBody, HttpBody, Outgoing};

/// The largest chunk that JavaScript is handed.
pub const CHUNK: usize = 64 * 1024;

/// The most that `read_all` gathers: what an isolate may hold anyway.
pub const READ_ALL_LIMIT: usize = 128 * 1024 * 1024;

/// Why a body ended before its end. The messages are what the platform's `fetch` shows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BodyError {
    #[error("Network connection lost.")]
    ConnectionLost,
    #[error("The operation was aborted")]
    Aborted,
    #[error("{0} decompression failed.")]
    Decode(Coding),
    #[error("Memory limit exceeded before EOF.")]
    MemoryLimit,
    #[error("Request body is larger than the {0} bytes allowed.")]
    TooLarge(u64),
    #[error("Request body stalled: nothing arrived for {} seconds.", .0.as_secs())]
    Stalled(Duration),
    #[error("Attempt to write too many bytes through a FixedLengthStream.")]
    Overrun,
    #[error("FixedLengthStream did not see all expected bytes before close().")]
    Underrun,
    /// The reading side is gone: the client disconnected, or nobody wants the rest.
    #[error("The body's reader is gone.")]
    ReaderGone,
    /// The producing side failed and says why.
    #[error("{0}")]
    Source(Arc<str>),
}

/// A body being read. `Send`, pollable, and exact about its length where that is known.
pub struct BodyReader {
    source: Source,
    /// Bytes of the (raw) body not yet yielded, where known.
    remaining: Option<u64>,
    /// How the raw bytes are encoded: reading through JavaScript decodes, passing through does not.
    coding: Option<Coding>,
    /// What was split off a chunk too large for one read.
    split: Bytes,
    /// A final item met while small chunks were being joined.
    last: Option<Option<BodyError>>,
    abort: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

enum Source {
    Done,
    Bytes(Bytes),
    Incoming(Box<Received<Incoming>>),
    Channel(channel::Receiver),
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>),
    Tee(tee::Branch),
}

/// A body from the network, bounded.
struct Received<B> {
    body: B,
    limit: Option<(u64, u64)>,
    stall: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

// === impl BodyReader ===

impl BodyReader {
    pub fn empty() -> Self {
        Self::new(Source::Done, Some(0))
    }

    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Self::new(Source::Bytes(bytes), Some(length))
    }

    /// A body that hyper received, as a client or as a server.
    pub fn from_incoming(body: Incoming) -> Self {
        let length = body.size_hint().exact();
        Self::new(Source::Incoming(Box::new(Received { body, limit: None, stall: None, timer: None })), length)
    }

    /// A body that a client sends over another protocol than hyper's, bounded as by [`Self::bounded`].
    pub fn from_body<B>(body: B, max: Option<u64>, stall: Option<Duration>) -> Self
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Send + Unpin + 'static,
    {
        let length = body.size_hint().exact();
        Self::from_stream(Received { body, limit: max.map(|max| (max, max)), stall, timer: None }, length)
    }

    /// Any other source; `length` is enforced when given.
    pub fn from_stream(
        stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        Self::new(Source::Stream(Box::pin(stream)), length)
    }

    fn new(source: Source, remaining: Option<u64>) -> Self {
        Self { source, remaining, coding: None, split: Bytes::new(), last: None, abort: None }
    }

    /// Bounds a body received from a client: its size, and how long it may send nothing while it is awaited.
    pub fn bounded(mut self, max: Option<u64>, stall: Option<Duration>) -> Self {
        if let Source::Incoming(incoming) = &mut self.source {
            incoming.limit = max.map(|max| (max, max));
            incoming.stall = stall;
        }
        self
    }

    /// Says that the bytes are encoded as a `Content-Encoding` header tells.
    pub fn with_coding(mut self, coding: Option<Coding>) -> Self {
        self.coding = coding;
        self
    }

    /// Says so from the response's own headers.
    pub fn with_coding_of(self, headers: &HeaderMap) -> Self {
        let coding = Coding::of(headers);
        self.with_coding(coding)
    }

    /// Ends the body with `Aborted` when `token` fires.
    pub fn abort_on(mut self, token: CancellationToken) -> Self {
        self.abort = Some(Box::pin(token.cancelled_owned()));
        self
    }

    /// The exact number of raw bytes still to come, where known.
    pub fn length(&self) -> Option<u64> {
        self.remaining.map(|n| n + self.split.len() as u64)
    }

    pub fn coding(&self) -> Option<Coding> {
        self.coding
    }

    /// True when nothing more can come, without waiting.
    pub fn is_end(&self) -> bool {
        self.split.is_empty()
            && match &self.last {
                Some(last) => last.is_none(),
                None => matches!(self.source, Source::Done) || self.remaining == Some(0),
            }
    }

    /// The body with its content coding undone, chunk by chunk.
    pub fn decoded(self) -> Self {
        match self.coding {
            None => self,
            Some(coding) => coding::decode(coding, self.with_coding(None)),
        }
    }

    /// Two readers of the same bytes; the slower one's share waits in memory, up to [`READ_ALL_LIMIT`].
    pub fn tee(self) -> (Self, Self) {
        let (remaining, coding) = (self.length(), self.coding);
        let (a, b) = tee::split(self.with_coding(None));
        (
            Self::new(Source::Tee(a), remaining).with_coding(coding),
            Self::new(Source::Tee(b), remaining).with_coding(coding),
        )
    }

    /// For hyper, raw: whoever calls this has seen to the `Content-Encoding` header.
    pub fn into_http_body(self) -> HttpBody {
        HttpBody::new(self)
    }

    /// The next raw chunk as it comes from the source, of any size but zero.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if !self.split.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.split))));
        }
        if let Some(last) = self.last.take() {
            self.source = Source::Done;
            return Poll::Ready(last.map(Err));
        }
        if let Some(abort) = &mut self.abort
            && !matches!(self.source, Source::Done)
            && abort.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(self.fail(BodyError::Aborted));
        }
        loop {
            match ready!(self.source.poll(cx)) {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    if let Some(remaining) = &mut self.remaining {
                        match remaining.checked_sub(chunk.len() as u64) {
                            Some(rest) => *remaining = rest,
                            None => return Poll::Ready(self.fail(BodyError::Overrun)),
                        }
                    }
                    return Poll::Ready(Some(Ok(chunk)));
                }
                Some(Err(error)) => return Poll::Ready(self.fail(error)),
                None => {
                    let missing = self.remaining.is_some_and(|n| n > 0);
                    self.source = Source::Done;
                    self.abort = None;
                    self.remaining = Some(0);
                    return Poll::Ready(missing.then_some(Err(BodyError::ConnectionLost)));
                }
            }
        }
    }

    fn fail(&mut self, error: BodyError) -> Option<Result<Bytes, BodyError>> {
        // Dropping the source here closes what feeds it, even while the failed reader is still held.
        self.source = Source::Done;
        self.abort = None;
        Some(Err(error))
    }

    /// The next chunk for JavaScript: at most `max` bytes, and small ready chunks joined into one.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut first = match ready!(self.poll_chunk(cx)) {
            Some(Ok(chunk)) => chunk,
            end => return Poll::Ready(end),
        };
        if first.len() > max {
            self.split = first.split_off(max);
            return Poll::Ready(Some(Ok(first)));
        }
        if first.len() >= max / 4 {
            return Poll::Ready(Some(Ok(first)));
        }
        let mut joined: Vec<u8> = Vec::new();
        while joined.len().max(first.len()) < max {
            match self.poll_chunk(cx) {
                Poll::Ready(Some(Ok(mut next))) => {
                    if joined.is_empty() {
                        joined.reserve(max.min((first.len() + next.len()) * 4));
                        joined.extend_from_slice(&first);
                    }
                    let room = max - joined.len();
                    if next.len() > room {
                        self.split = next.split_off(room);
                    }
                    joined.extend_from_slice(&next);
                }
                Poll::Ready(Some(Err(error))) => {
                    self.last = Some(Some(error));
                    break;
                }
                Poll::Ready(None) => {
                    self.last = Some(None);
                    break;
                }
                Poll::Pending => break,
            }
        }
        Poll::Ready(Some(Ok(if joined.is_empty() { first } else { Bytes::from(joined) })))
    }

    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// The whole rest, raw, up to `limit` bytes.
    pub async fn read_all(mut self, limit: usize) -> Result<Bytes, BodyError> {
        let known = usize::try_from(self.length().unwrap_or(0)).unwrap_or(usize::MAX);
        if known > limit {
            return Err(BodyError::MemoryLimit);
        }
        let Some(first) = self.chunk().await.transpose()? else {
            return Ok(Bytes::new());
        };
        if self.is_end() {
            return Ok(first);
        }
        // A length that a peer merely claims reserves little; growth pays for the rest as it arrives.
        let mut all = Vec::with_capacity(known.min(1 << 20).max(first.len() * 2));
        all.extend_from_slice(&first);
        while let Some(chunk) = self.chunk().await.transpose()? {
            if all.len() + chunk.len() > limit {
                return Err(BodyError::MemoryLimit);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }
}

impl Stream for BodyReader {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(cx)
    }
}

impl std::fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyReader")
            .field("length", &self.length())
            .field("coding", &self.coding)
            .finish_non_exhaustive()
    }
}

impl From<Bytes> for BodyReader {
    fn from(bytes: Bytes) -> Self {
        Self::from_bytes(bytes)
    }
}

// === impl Source ===

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        match self {
            Source::Done => Poll::Ready(None),
            Source::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Source::Done;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Source::Incoming(incoming) => incoming.poll(cx),
            Source::Channel(receiver) => receiver.poll(cx),
            Source::Stream(stream) => stream.as_mut().poll_next(cx),
            Source::Tee(branch) => branch.poll(cx),
        }
    }
}

impl<B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin> Received<B> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.timer = None;
                    // Trailers have no face in the Fetch standard: only data counts.
                    let Ok(data) = frame.into_data() else { continue };
                    if let Some((left, max)) = &mut self.limit {
                        match left.checked_sub(data.len() as u64) {
                            Some(rest) => *left = rest,
                            None => return Poll::Ready(Some(Err(BodyError::TooLarge(*max)))),
                        }
                    }
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "body from the network broke off");
                    return Poll::Ready(Some(Err(BodyError::ConnectionLost)));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let Some(stall) = self.stall else { return Poll::Pending };
                    let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
                    ready!(timer.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(BodyError::Stalled(stall))));
                }
            }
        }
    }
}

impl<B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin> Stream for Received<B> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}
