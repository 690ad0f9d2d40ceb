//! The counts of one window, in bounded memory.

use std::collections::HashMap;

/// So many keys are looked at when one has to go.
const SAMPLE: usize = 8;

#[derive(Debug)]
pub(crate) struct Table {
    /// Which window it is: the number of those before it since the Unix epoch.
    window: u64,
    most: usize,
    /// Where in `counts` a key is.
    places: HashMap<u64, u32>,
    counts: Vec<Count>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    key: u64,
    seen: u32,
}

// === impl Table ===

impl Table {
    /// Holds `most` keys.
    pub(crate) fn new(most: usize) -> Self {
        Self { window: 0, most, places: HashMap::new(), counts: Vec::new() }
    }

    /// Begins anew when another window has begun.
    pub(crate) fn turn(&mut self, window: u64) {
        if self.window != window {
            // The memory goes too: what one flood took does not stay.
            *self = Self { window, ..Self::new(self.most) };
        }
    }

    /// Counts a key unless it was seen `limit` times already. Whether it was counted.
    pub(crate) fn count(&mut self, key: u64, limit: f64) -> bool {
        if let Some(place) = self.places.get(&key) {
            let count = &mut self.counts[*place as usize];
            let open = f64::from(count.seen) < limit;
            count.seen = count.seen.saturating_add(u32::from(open));
            return open;
        }
        let open = 0.0 < limit;
        if open {
            if self.counts.len() >= self.most {
                self.forget_one();
            }
            self.places.insert(key, self.counts.len() as u32);
            self.counts.push(Count { key, seen: 1 });
        }
        open
    }

    /// Forgets the key that was seen least, among a few: those that come near a limit stay.
    fn forget_one(&mut self) {
        let sample = (0..SAMPLE).map(|_| fastrand::usize(..self.counts.len()));
        let Some(least) = sample.min_by_key(|place| self.counts[*place].seen) else { return };
        let gone = self.counts.swap_remove(least);
        self.places.remove(&gone.key);
        if let Some(moved) = self.counts.get(least) {
            self.places.insert(moved.key, least as u32);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.places.len(), self.counts.len());
        self.counts.len()
    }
}
