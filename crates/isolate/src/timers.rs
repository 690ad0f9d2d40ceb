//! Timers of one isolate: a queue ordered by due time; equal times run in the order in which they were set (HTML §8.7).

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::ContextId;

/// Delays above this many milliseconds fire at once, as in browsers (a signed 32-bit count).
const MAX_DELAY_MS: f64 = 2_147_483_647.0;

struct Timer {
    context: ContextId,
    callback: v8::Global<v8::Function>,
    frame: v8::Global<v8::Value>,
    /// `Some`: repeats.
    interval: Option<Duration>,
    due: (Instant, u32),
}

/// A timer whose time has come.
pub(crate) struct Fired {
    pub(crate) context: ContextId,
    pub(crate) callback: v8::Global<v8::Function>,
    /// The async context that the timer was set in.
    pub(crate) frame: v8::Global<v8::Value>,
    /// Whether it fires no more.
    pub(crate) is_last: bool,
}

#[derive(Default)]
pub(crate) struct Timers {
    by_id: FxHashMap<u32, Timer>,
    queue: BTreeMap<(Instant, u32), u32>,
    next: u32,
}

// === impl Timers ===

impl Timers {
    pub(crate) fn start(
        &mut self,
        context: ContextId,
        callback: v8::Global<v8::Function>,
        frame: v8::Global<v8::Value>,
        delay_ms: f64,
        repeat: bool,
    ) -> u32 {
        let delay_ms = if delay_ms.is_finite() && (1.0..=MAX_DELAY_MS).contains(&delay_ms) { delay_ms } else { 0.0 };
        let delay = Duration::from_secs_f64(delay_ms.trunc() / 1000.0);
        self.next += 1;
        let id = self.next;
        let interval = repeat.then(|| delay.max(Duration::from_millis(1)));
        let due = (Instant::now() + interval.unwrap_or(delay), id);
        self.queue.insert(due, id);
        self.by_id.insert(id, Timer { context, callback, frame, interval, due });
        id
    }

    /// Stops a timer; its owner, when it was running.
    pub(crate) fn clear(&mut self, id: u32) -> Option<ContextId> {
        let timer = self.by_id.remove(&id)?;
        self.queue.remove(&timer.due);
        Some(timer.context)
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((due, _), _)| *due)
    }

    /// The ids of the timers that are due, in order. They stay known until they run or are cleared.
    pub(crate) fn take_due(&mut self, now: Instant, due: &mut Vec<u32>) {
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= now) {
            due.push(entry.remove());
        }
    }

    /// Takes what a due timer calls, sets an interval's next time; `None` when it was cleared meanwhile.
    pub(crate) fn fire(&mut self, id: u32) -> Option<Fired> {
        let timer = self.by_id.get_mut(&id)?;
        let fired = Fired {
            context: timer.context,
            callback: timer.callback.clone(),
            frame: timer.frame.clone(),
            is_last: timer.interval.is_none(),
        };
        match timer.interval {
            Some(interval) => {
                timer.due = (Instant::now() + interval, id);
                self.queue.insert(timer.due, id);
            }
            None => {
                self.by_id.remove(&id);
            }
        }
        Some(fired)
    }

    pub(crate) fn drop_owned_by(&mut self, context: ContextId) {
        if self.by_id.is_empty() {
            return;
        }
        let queue = &mut self.queue;
        self.by_id.retain(|_, timer| {
            let keep = timer.context != context;
            if !keep {
                queue.remove(&timer.due);
            }
            keep
        });
    }
}
