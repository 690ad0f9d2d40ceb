//! The time that expiration and replication are reckoned in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch. It never goes back: what a location has seen it can't lose again.
#[derive(Clone, Debug)]
pub struct Clock {
    latest: Arc<AtomicU64>,
    /// Follows the machine's clock; else it stands where it was set.
    runs: bool,
}

// === impl Clock ===

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { latest: Arc::default(), runs: true }
    }

    /// A clock that is moved by hand.
    pub fn manual(millis: u64) -> Self {
        Self { latest: Arc::new(AtomicU64::new(millis)), runs: false }
    }

    /// Moves the clock to `millis`, never back.
    pub fn set(&self, millis: u64) {
        self.latest.fetch_max(millis, Ordering::Relaxed);
    }

    pub fn millis(&self) -> u64 {
        if !self.runs {
            return self.latest.load(Ordering::Relaxed);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        now.max(self.latest.fetch_max(now, Ordering::Relaxed))
    }

    pub fn seconds(&self) -> u64 {
        self.millis() / 1000
    }
}
