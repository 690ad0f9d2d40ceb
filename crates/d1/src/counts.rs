//! How often a database is asked, and how much that reads and writes: for who looks after it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Hours that are told apart, the present one included.
const HOURS: usize = 25;

/// What queries did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub read_queries: u64,
    pub write_queries: u64,
    pub rows_read: u64,
    pub rows_written: u64,
}

/// What was done in each hour of the last day, since the process began.
#[derive(Debug, Default)]
pub struct Counts(Mutex<VecDeque<(u64, Done)>>);

// === impl Done ===

impl Done {
    pub(crate) fn add(&mut self, is_write: bool, rows_read: u64, rows_written: u64) {
        if is_write {
            self.write_queries += 1;
        } else {
            self.read_queries += 1;
        }
        self.rows_read += rows_read;
        self.rows_written += rows_written;
    }

    fn with(self, other: Self) -> Self {
        Self {
            read_queries: self.read_queries + other.read_queries,
            write_queries: self.write_queries + other.write_queries,
            rows_read: self.rows_read + other.rows_read,
            rows_written: self.rows_written + other.rows_written,
        }
    }
}

// === impl Counts ===

impl Counts {
    pub(crate) fn add(&self, done: Done) {
        if done != Done::default() {
            self.add_in(done, hour());
        }
    }

    fn add_in(&self, done: Done, hour: u64) {
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match hours.back_mut() {
            // A clock that was set back makes no new hour.
            Some((last, known)) if *last >= hour => *known = known.with(done),
            _ => hours.push_back((hour, done)),
        }
        while hours.len() > HOURS {
            hours.pop_front();
        }
    }

    /// The hours of the last day in which anything was done, in hours since the Unix epoch.
    pub fn hours(&self) -> Vec<(u64, Done)> {
        let oldest = hour().saturating_sub(HOURS as u64 - 1);
        let hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hours.iter().filter(|(hour, _)| *hour >= oldest).copied().collect()
    }
}

fn hour() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_kept_by_the_hour() {
        let counts = Counts::default();
        let mut done = Done::default();
        done.add(false, 3, 0);
        done.add(true, 1, 2);
        let now = hour();
        for hour in now - 40..=now {
            counts.add_in(done, hour);
            counts.add_in(done, hour);
        }
        let hours = counts.hours();
        assert_eq!(hours.len(), HOURS);
        assert_eq!(hours[0].0, now - 24);
        assert_eq!(hours[24], (now, Done { read_queries: 2, write_queries: 2, rows_read: 8, rows_written: 4 }));
    }
}
