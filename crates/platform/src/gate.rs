//! How many requests of one Worker, or of one account, are let in: at a time, and in a second. What is over is turned away at once, so that a Worker
//! that is flooded costs its neighbours nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Plan;

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Too many came in a short time.
    TooFast,
    /// Too many are being answered.
    TooMany,
    /// Too many came since midnight.
    Spent,
    /// The server has no memory left.
    NoRoom,
}

#[derive(Debug)]
pub(crate) struct Gate {
    inside: AtomicUsize,
    most: Option<usize>,
    bucket: Option<Mutex<Bucket>>,
}

/// Lets so many through in a second, and as many at once.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    level: f64,
    at: Instant,
}

/// A request that is inside.
#[derive(Debug)]
pub(crate) struct Pass(Arc<Gate>);

// === impl Gate ===

impl Gate {
    pub(crate) fn new(plan: &Plan) -> Arc<Self> {
        Self::of(plan.concurrent_requests, plan.requests_per_second)
    }

    pub(crate) fn of(most: Option<usize>, per_second: Option<u32>) -> Arc<Self> {
        let bucket = per_second.map(|rate| Mutex::new(Bucket::new(f64::from(rate), Instant::now())));
        Arc::new(Self { inside: AtomicUsize::new(0), most, bucket })
    }

    pub(crate) fn enter(self: &Arc<Self>) -> Result<Pass, Turned> {
        if let Some(bucket) = &self.bucket
            && !bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
        {
            return Err(Turned::TooFast);
        }
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        // Gives its place back when it is dropped, here too.
        let pass = Pass(self.clone());
        match self.most.is_some_and(|most| before >= most) {
            true => Err(Turned::TooMany),
            false => Ok(pass),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Bucket ===

impl Bucket {
    fn new(rate: f64, now: Instant) -> Self {
        Self { rate, level: rate, at: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let since = now.checked_duration_since(self.at).unwrap_or(Duration::ZERO);
        self.level = (self.level + since.as_secs_f64() * self.rate).min(self.rate);
        self.at = now;
        let open = self.level >= 1.0;
        if open {
            self.level -= 1.0;
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_inside_at_a_time() {
        let gate = Gate::new(&Plan { concurrent_requests: Some(2), ..Plan::free() });
        let (one, two) = (gate.enter().unwrap(), gate.enter().unwrap());
        assert_eq!(gate.enter().unwrap_err(), Turned::TooMany);
        drop(one);
        let three = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err(), Turned::TooMany);
        drop((two, three));
        assert_eq!(gate.inside.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn so_many_come_in_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, start);
        assert_eq!((0..20).filter(|_| bucket.take(start)).count(), 10);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..20).filter(|_| bucket.take(later)).count(), 5);
        let much_later = start + Duration::from_secs(60);
        assert_eq!((0..20).filter(|_| bucket.take(much_later)).count(), 10);
    }
}
