//! How far a long transfer is: one line on a terminal, rewritten as it goes.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Transfers that take less show nothing.
const PATIENCE: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(200);

pub struct Progress {
    what: &'static str,
    total: Option<u64>,
    /// `None`: nobody is looking.
    state: Option<Mutex<State>>,
}

struct State {
    done: u64,
    began: Instant,
    shown: Cell<Option<Instant>>,
}

// === impl Progress ===

impl Progress {
    pub fn new(what: &'static str, total: Option<u64>) -> Self {
        let state = State { done: 0, began: Instant::now(), shown: Cell::new(None) };
        Self { what, total, state: std::io::stderr().is_terminal().then(|| Mutex::new(state)) }
    }

    pub fn add(&self, bytes: usize) {
        let Some(Ok(mut state)) = self.state.as_ref().map(Mutex::lock) else { return };
        state.done += bytes as u64;
        let due = match state.shown.get() {
            None => state.began.elapsed() > PATIENCE,
            Some(shown) => shown.elapsed() > EVERY,
        };
        if due {
            state.shown.set(Some(Instant::now()));
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            let rate = mib(state.done) / state.began.elapsed().as_secs_f64();
            let of = match self.total {
                Some(total) if total > 0 => {
                    format!(" of {:.1} MiB, {} %", mib(total), state.done.saturating_mul(100) / total)
                }
                _ => " MiB".to_owned(),
            };
            // A terminal that can't be written to has nobody before it.
            let _ = write!(std::io::stderr(), "\r\x1b[K{:.1}{of} {}, {rate:.0} MiB/s", mib(state.done), self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Ok(state)) = self.state.as_ref().map(Mutex::lock)
            && state.shown.get().is_some()
        {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
