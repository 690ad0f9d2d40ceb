//! How much is in memory at once: instances of Durable Objects over all namespaces, and Workers' isolates over all Workers. Past
//! the budget, those that have been idle for longest leave before their time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What an idle instance takes, about: its part of an isolate's heap, the database's connection and cache.
const INSTANCE: u64 = 256 << 10;
/// What an idle isolate takes, about: see docs/performance.md, (c).
const ISOLATE: u64 = 4 << 20;
/// Files that an instance has open: its database and log twice, and what SQLite shares between processes.
const FILES: u64 = 5;
/// Files that all else in the process may need.
const OTHER_FILES: u64 = 512;

/// The instances of a process, or its isolates.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    residents: Mutex<Residents>,
}

#[derive(Debug, Default)]
struct Residents {
    /// Those that have not been asked to leave, by when they were last used.
    by_use: BTreeMap<u64, Arc<Seat>>,
    uses: u64,
}

#[derive(Debug, Default)]
struct Seat {
    /// Where it is among the residents; 0: it has been asked to leave. Changed under their lock.
    place: AtomicU64,
    leave: Notify,
}

/// One instance's place among the others; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Resident {
    budget: Arc<Budget>,
    seat: Arc<Seat>,
}

// === impl Budget ===

impl Budget {
    /// Half of the machine's memory, and as many files as the process may open.
    pub(crate) fn of_machine() -> Self {
        let memory = memory();
        let files = open_files().unwrap_or(1024).saturating_sub(OTHER_FILES) / FILES;
        let most = (memory / 2 / INSTANCE).min(files).max(16);
        Self::of(usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// Isolates in a quarter of the machine's memory.
    pub(crate) fn of_isolates() -> Self {
        Self::of(usize::try_from(memory() / 4 / ISOLATE).unwrap_or(usize::MAX).max(16))
    }

    pub(crate) fn of(most: usize) -> Self {
        Self { most, residents: Mutex::default() }
    }

    /// A place for one more instance. Where there are too many, those used longest ago are asked to leave.
    pub(crate) fn admit(self: &Arc<Self>) -> Resident {
        let seat = Arc::new(Seat::default());
        let mut residents = self.residents();
        while residents.by_use.len() >= self.most && residents.dismiss() {}
        residents.add(&seat);
        Resident { budget: self.clone(), seat }
    }

    /// Asks this share of all to leave, at least one, those used longest ago first.
    pub(crate) fn relieve(&self, share: f64) {
        let mut residents = self.residents();
        let leaving = ((residents.by_use.len() as f64 * share).ceil() as usize).max(1);
        for _ in 0..leaving {
            if !residents.dismiss() {
                return;
            }
        }
    }

    /// How many have a place that they were not asked to leave.
    pub(crate) fn count(&self) -> usize {
        self.residents().by_use.len()
    }

    fn residents(&self) -> MutexGuard<'_, Residents> {
        self.residents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Residents {
    /// Asks the one to leave that was used longest ago; `false`: there is none.
    fn dismiss(&mut self) -> bool {
        let Some((_, oldest)) = self.by_use.pop_first() else { return false };
        oldest.place.store(0, Ordering::Relaxed);
        oldest.leave.notify_one();
        true
    }

    fn add(&mut self, seat: &Arc<Seat>) {
        self.uses += 1;
        self.by_use.remove(&seat.place.swap(self.uses, Ordering::Relaxed));
        self.by_use.insert(self.uses, seat.clone());
    }
}

// === impl Resident ===

impl Resident {
    /// It is in use: it comes last among those that may have to leave.
    pub(crate) fn used(&self) {
        self.budget.residents().add(&self.seat);
    }

    /// Resolves when it is to leave, unless it is busy, which [`Self::used`] says then.
    pub(crate) async fn asked_to_leave(&self) {
        self.seat.leave.notified().await;
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.budget.residents().by_use.remove(&self.seat.place.load(Ordering::Relaxed));
    }
}

// === the machine ===

/// Bytes that this process may take: the machine's, or its control group's where that has fewer.
pub fn memory() -> u64 {
    [memory_of_machine(), memory_of_group()].into_iter().flatten().min().unwrap_or(4 << 30)
}

fn memory_of_machine() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

/// The limit of the process's control group (`max`: none).
fn memory_of_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    std::fs::read_to_string(format!("/sys/fs/cgroup{own}/memory.max")).ok()?.trim().parse().ok()
}

fn open_files() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_asked(resident: &Resident) -> bool {
        use futures::FutureExt;
        resident.asked_to_leave().now_or_never().is_some()
    }

    #[test]
    fn those_used_longest_ago_leave_first() {
        let budget = Arc::new(Budget::of(2));
        let (one, two) = (budget.admit(), budget.admit());
        assert!(!is_asked(&one) && !is_asked(&two));
        one.used();
        let three = budget.admit();
        assert!(is_asked(&two) && !is_asked(&one));
        // It stays, as it is busy: the next one goes.
        two.used();
        let four = budget.admit();
        assert!(is_asked(&one) && is_asked(&three) && !is_asked(&two));
        drop((one, two, three));
        let five = budget.admit();
        assert!(!is_asked(&four) && !is_asked(&five));
        assert_eq!(budget.residents().by_use.len(), 2);
    }

    #[test]
    fn a_share_of_them_leaves() {
        let budget = Arc::new(Budget::of(8));
        let residents: Vec<Resident> = (0..5).map(|_| budget.admit()).collect();
        budget.relieve(0.3);
        assert_eq!(residents.iter().map(is_asked).collect::<Vec<_>>(), [true, true, false, false, false]);
        budget.relieve(0.01);
        assert!(is_asked(&residents[2]) && !is_asked(&residents[3]));
        budget.relieve(1.0);
        budget.relieve(1.0);
        assert!(is_asked(&residents[4]));
    }

    #[test]
    fn the_machine_tells_its_size() {
        assert!(memory_of_machine().is_some_and(|bytes| bytes > 1 << 20));
        assert!(open_files().is_some_and(|files| files >= 16));
        assert!(Budget::of_machine().most >= 16);
    }
}
