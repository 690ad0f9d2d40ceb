//! The body that JavaScript writes: a channel whose backpressure counts bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::{BodyError, BodyReader, Source};

/// Bytes in flight past which a writer is asked to wait.
pub const HIGH_WATER: usize = 256 * 1024;

/// The writing end. Clones write into the same body; the last one dropped unclosed breaks the body off.
#[derive(Clone)]
pub struct BodyWriter {
    end: Arc<WriterEnd>,
}

struct WriterEnd {
    shared: Arc<Mutex<State>>,
}

/// Tells when the reading side has gone.
pub struct ReaderWatch {
    shared: Arc<Mutex<State>>,
}

pub(super) struct Receiver {
    shared: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Bytes>,
    queued: usize,
    /// Bytes that may still be written, when the length was promised.
    left: Option<u64>,
    end: Option<Result<(), BodyError>>,
    reader_gone: bool,
    reader: Option<Waker>,
    /// Writers waiting for room, and watchers of the reader's leaving.
    writers: Vec<Waker>,
}

/// A body to be written: exactly `length` bytes of it, when given.
pub fn channel(length: Option<u64>) -> (BodyWriter, BodyReader) {
    let shared = Arc::new(Mutex::new(State { left: length, ..State::default() }));
    let writer = BodyWriter { end: Arc::new(WriterEnd { shared: shared.clone() }) };
    (writer, BodyReader::new(Source::Channel(Receiver { shared }), length))
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl BodyWriter ===

impl BodyWriter {
    /// Queues a chunk, whatever its size (its memory is spent already). `false` asks to wait for `ready`.
    pub fn write(&self, chunk: Bytes) -> Result<bool, BodyError> {
        let mut state = lock(&self.end.shared);
        if let Some(end) = &state.end {
            return Err(end.clone().err().unwrap_or(BodyError::Overrun));
        }
        if state.reader_gone {
            return Err(BodyError::ReaderGone);
        }
        if let Some(left) = state.left {
            let Some(rest) = left.checked_sub(chunk.len() as u64) else {
                state.finish(Err(BodyError::Overrun));
                return Err(BodyError::Overrun);
            };
            state.left = Some(rest);
        }
        if !chunk.is_empty() {
            state.queued += chunk.len();
            state.queue.push_back(chunk);
            state.wake_reader();
        }
        Ok(state.queued < HIGH_WATER)
    }

    /// Resolves when there is room again; fails when nobody reads any more.
    pub async fn ready(&self) -> Result<(), BodyError> {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.end.shared);
            if state.reader_gone {
                return Poll::Ready(Err(BodyError::ReaderGone));
            }
            if let Some(Err(error)) = &state.end {
                return Poll::Ready(Err(error.clone()));
            }
            if state.queued < HIGH_WATER {
                return Poll::Ready(Ok(()));
            }
            state.watch(cx);
            Poll::Pending
        })
        .await
    }

    /// A watcher of the reading side, which does not itself keep the body open.
    pub fn watch(&self) -> ReaderWatch {
        ReaderWatch { shared: self.end.shared.clone() }
    }

    /// Ends the body well. A promised length that was not reached is an error, on both sides.
    pub fn close(&self) -> Result<(), BodyError> {
        let mut state = lock(&self.end.shared);
        if let Some(end) = &state.end {
            return end.clone();
        }
        let end = match state.left {
            Some(left) if left > 0 => Err(BodyError::Underrun),
            _ => Ok(()),
        };
        state.finish(end.clone());
        end
    }

    /// Breaks the body off: the reader sees `error` after what was written.
    pub fn abort(&self, error: BodyError) {
        lock(&self.end.shared).finish(Err(error));
    }
}

impl Drop for WriterEnd {
    fn drop(&mut self) {
        lock(&self.shared).finish(Err(BodyError::ConnectionLost));
    }
}

// === impl ReaderWatch ===

impl ReaderWatch {
    /// Resolves when the reader was dropped, or has read everything there will be.
    pub async fn reader_gone(&self) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.shared);
            if state.reader_gone {
                return Poll::Ready(());
            }
            state.watch(cx);
            Poll::Pending
        })
        .await;
    }
}

// === impl State ===

impl State {
    fn finish(&mut self, end: Result<(), BodyError>) {
        if self.end.is_none() {
            self.end = Some(end);
            self.wake_reader();
        }
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn watch(&mut self, cx: &Context<'_>) {
        if !self.writers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.writers.push(cx.waker().clone());
        }
    }

    fn wake_writers(&mut self) {
        for waker in self.writers.drain(..) {
            waker.wake();
        }
    }
}

// === impl Receiver ===

impl Receiver {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut state = lock(&self.shared);
        if let Some(chunk) = state.queue.pop_front() {
            let was_full = state.queued >= HIGH_WATER;
            state.queued -= chunk.len();
            if was_full && state.queued < HIGH_WATER {
                state.wake_writers();
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &state.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error.clone()))),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        state.reader_gone = true;
        state.queue.clear();
        state.queued = 0;
        state.wake_writers();
    }
}
