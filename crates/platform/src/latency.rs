//! How long answers take, as counts of steps that grow with the time: a quantile read from them is at most a quarter too high.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Steps in each doubling.
const STEPS: u64 = 4;
/// Times below 64 µs are in the first step, those of more than four minutes in the last.
const FIRST_BIT: u64 = 6;
const LAST_BIT: u64 = 27;
const SIZE: usize = ((LAST_BIT - FIRST_BIT + 1) * STEPS) as usize;

/// The counts of one Worker.
#[derive(Debug)]
pub(crate) struct Latency([AtomicU64; SIZE]);

/// What was counted up to a moment: each step that has something, by the microseconds that it reaches to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread(pub Vec<(u64, u64)>);

// === impl Latency ===

impl Default for Latency {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Latency {
    pub(crate) fn add(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0[step(micros)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn spread(&self) -> Spread {
        let counts = self.0.iter().enumerate().map(|(at, count)| (end(at), count.load(Ordering::Relaxed)));
        Spread(counts.filter(|(_, count)| *count > 0).collect())
    }
}

fn step(micros: u64) -> usize {
    let micros = micros.max(1 << FIRST_BIT);
    let bit = u64::from(micros.ilog2());
    let within = (micros >> (bit - 2)) & (STEPS - 1);
    usize::try_from((bit - FIRST_BIT) * STEPS + within).map_or(SIZE - 1, |at| at.min(SIZE - 1))
}

/// Where a step ends, in microseconds.
fn end(step: usize) -> u64 {
    let (bit, within) = (FIRST_BIT + step as u64 / STEPS, step as u64 % STEPS);
    (STEPS + within + 1) << (bit - 2)
}

// === impl Spread ===

impl Spread {
    /// The time within which this share of the answers came; `None`: there was none.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all: u64 = self.0.iter().map(|(_, count)| count).sum();
        let wanted = ((all as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.0.iter().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.map(|(end, _)| Duration::from_micros(*end))
    }

    /// What came since a moment before.
    pub fn since(&self, before: &Self) -> Self {
        let known = |end| before.0.iter().find(|(other, _)| *other == end).map_or(0, |(_, count)| *count);
        let more = self.0.iter().map(|(end, count)| (*end, count.saturating_sub(known(*end))));
        Self(more.filter(|(_, count)| *count > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_step_that_ends_after_it() {
        for micros in (0..4000).chain([1 << 20, (1 << 27) + 5, 200_000_000]) {
            let at = step(micros);
            assert!(micros < end(at), "{micros} {at} {}", end(at));
            assert!(at == 0 || micros >= end(at - 1), "{micros} {at}");
        }
        assert_eq!((step(u64::MAX), end(0)), (SIZE - 1, 80));
        for at in 1..SIZE {
            assert!(end(at) > end(at - 1) && end(at) as f64 <= end(at - 1) as f64 * 1.25);
        }
    }

    #[test]
    fn quantiles_are_read_from_the_counts() {
        let latency = Latency::default();
        assert_eq!(latency.spread().quantile(0.5), None);
        for millis in 1..=100 {
            latency.add(Duration::from_millis(millis));
        }
        let spread = latency.spread();
        let near = |found: Option<Duration>, millis: f64| {
            let found = found.unwrap().as_secs_f64() * 1e3;
            assert!(found >= millis && found <= millis * 1.26, "{found} {millis}");
        };
        near(spread.quantile(0.5), 50.0);
        near(spread.quantile(0.99), 99.0);
        near(spread.quantile(0.0), 1.0);
        let before = spread.clone();
        latency.add(Duration::from_secs(3));
        let since = latency.spread().since(&before);
        assert_eq!(since.0.iter().map(|(_, count)| count).sum::<u64>(), 1);
        near(since.quantile(0.5), 3000.0);
        assert_eq!(before.since(&before), Spread::default());
    }
}
