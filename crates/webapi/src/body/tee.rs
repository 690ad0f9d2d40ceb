//! One body read twice, for `clone()`: whichever branch is ahead pulls, the other's share waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;

use super::{BodyError, BodyReader, READ_ALL_LIMIT};

pub(super) struct Branch {
    shared: Arc<Shared>,
    index: usize,
}

struct Shared {
    state: Mutex<State>,
    wakers: Arc<Wakers>,
}

struct State {
    source: Option<BodyReader>,
    /// How the source ended, once it has.
    end: Option<Result<(), BodyError>>,
    queues: [Queue; 2],
}

#[derive(Default)]
struct Queue {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
    overflowed: bool,
}

/// Wakes both branches: the source keeps one waker, and either branch may be the one that is awaited.
#[derive(Default)]
struct Wakers(Mutex<[Option<Waker>; 2]>);

pub(super) fn split(source: BodyReader) -> (Branch, Branch) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { source: Some(source), end: None, queues: Default::default() }),
        wakers: Arc::default(),
    });
    (Branch { shared: shared.clone(), index: 0 }, Branch { shared, index: 1 })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Branch ===

impl Branch {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let (me, other) = (self.index, 1 - self.index);
        let mut state = lock(&self.shared.state);
        if let Some(chunk) = state.queues[me].chunks.pop_front() {
            state.queues[me].bytes -= chunk.len();
            return Poll::Ready(Some(Ok(chunk)));
        }
        if state.queues[me].overflowed {
            return Poll::Ready(Some(Err(BodyError::MemoryLimit)));
        }
        if let Some(end) = &state.end {
            return Poll::Ready(end.clone().err().map(Err));
        }
        lock(&self.shared.wakers.0)[me] = Some(cx.waker().clone());
        let waker = Waker::from(self.shared.wakers.clone());
        let Some(source) = &mut state.source else {
            return Poll::Ready(None);
        };
        match source.poll_chunk(&mut Context::from_waker(&waker)) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => {
                state.queues[other].push(chunk.clone());
                drop(state);
                self.shared.wakers.wake_one(other);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(end) => {
                let end = end.transpose().map(|_| ());
                state.end = Some(end.clone());
                state.source = None;
                drop(state);
                self.shared.wakers.wake_one(other);
                Poll::Ready(end.err().map(Err))
            }
        }
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.queues[self.index] = Queue { closed: true, ..Queue::default() };
        if state.queues[1 - self.index].closed {
            state.source = None;
        }
    }
}

// === impl Queue ===

impl Queue {
    fn push(&mut self, chunk: Bytes) {
        if self.closed || self.overflowed {
            return;
        }
        if self.bytes + chunk.len() > READ_ALL_LIMIT {
            // The slow branch fails alone; what it has buffered is given back.
            *self = Queue { overflowed: true, ..Queue::default() };
            return;
        }
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
    }
}

// === impl Wakers ===

impl Wakers {
    fn wake_one(&self, index: usize) {
        let waker = lock(&self.0)[index].take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_one(0);
        self.wake_one(1);
    }
}
