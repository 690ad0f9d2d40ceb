//! What a connection is doing: the timers that end it when it idles or stalls, and the count that ends a flood of resets.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Requests that a client may abandon on one connection beyond those it waits for: past it, it is a reset flood.
const ABANDONED_SLACK: u32 = 100;

/// What the connection is doing, for the timers that end it.
#[derive(Debug)]
pub(crate) struct Activity {
    start: Instant,
    in_flight: AtomicU32,
    finished: AtomicU32,
    abandoned: AtomicU32,
    /// Milliseconds from `start` to the last request's end.
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

// === impl Activity ===

impl Activity {
    pub(crate) fn new() -> Self {
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
    pub(crate) async fn stalled_for(&self, limit: Duration) {
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

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a request; returns how many the connection carried before it.
    pub(crate) fn begin(&self) -> u32 {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        before + self.finished.load(Ordering::Relaxed) + self.abandoned.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self, abandoned: bool) {
        self.last.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.in_flight.fetch_sub(1, Ordering::Release);
        if !abandoned {
            self.finished.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let abandoned = self.abandoned.fetch_add(1, Ordering::Relaxed) + 1;
        if abandoned > self.finished.load(Ordering::Relaxed).saturating_add(ABANDONED_SLACK) {
            self.flooded.notify_one();
        }
    }

    /// Resolves when the client abandons far more requests than it waits for.
    pub(crate) async fn flooded(&self) {
        self.flooded.notified().await;
    }

    /// Resolves when no request has been in flight for `limit`.
    pub(crate) async fn idle_for(&self, limit: Duration) {
        loop {
            if self.in_flight.load(Ordering::Acquire) > 0 {
                tokio::time::sleep(limit).await;
                continue;
            }
            let since = self.start.elapsed() - Duration::from_millis(self.last.load(Ordering::Relaxed));
            match limit.checked_sub(since) {
                Some(left) if !left.is_zero() => tokio::time::sleep(left).await,
                _ => return,
            }
        }
    }
}
