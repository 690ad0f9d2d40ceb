//! How many bytes an owner keeps in all services together, and how many it may. Whoever writes takes the room first and settles when
//! it is known what is kept: writers of the same moment can't pass the limit together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What SQL that takes away, or makes little, may need: pages are written before others are given back.
const SLACK: u64 = 64 << 10;
/// How far beyond the limit such statements may go, all together.
const MOST_SLACK: u64 = 1 << 20;
/// A transaction gets no less than this, where there is as much.
const SMALL: u64 = 4 << 20;

/// The services, in the order of [`Quota::used`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    Kv,
    R2,
    D1,
    Objects,
    Queues,
    Assets,
}

/// What one owner keeps. Clones are the same quota.
#[derive(Clone, Debug, Default)]
pub struct Quota(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    shares: Mutex<HashMap<(Product, String), Arc<Share>>>,
}

#[derive(Debug, Default)]
struct State {
    /// `None`: as much as there is.
    limit: Option<u64>,
    used: [u64; Product::ALL.len()],
    /// Of writes that are under way.
    taken: u64,
}

/// What one namespace, database or the like has of a quota.
#[derive(Debug)]
pub struct Share {
    quota: Quota,
    product: Product,
    bytes: Mutex<u64>,
}

/// Room for a write that is under way, given back when it is dropped.
#[derive(Debug)]
pub struct Taken {
    quota: Quota,
    bytes: u64,
}

/// A write that is under way, with its room.
#[derive(Debug)]
pub struct Charge {
    share: Arc<Share>,
    taken: Taken,
}

// === impl Product ===

impl Product {
    pub const ALL: [Self; 6] = [Self::Kv, Self::R2, Self::D1, Self::Objects, Self::Queues, Self::Assets];

    pub fn name(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::R2 => "r2",
            Self::D1 => "d1",
            Self::Objects => "durable_objects",
            Self::Queues => "queues",
            Self::Assets => "assets",
        }
    }
}

// === impl Quota ===

impl Quota {
    /// Bytes that may be kept from now on; `None`: as many as there is room for. What is kept already stays.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.state().limit = limit;
    }

    pub fn limit(&self) -> Option<u64> {
        self.state().limit
    }

    /// Bytes of each of [`Product::ALL`].
    pub fn used(&self) -> [u64; Product::ALL.len()] {
        self.state().used
    }

    /// Room for so many bytes. `None`: there is not as much.
    pub fn take(&self, bytes: u64) -> Option<Taken> {
        let mut state = self.state();
        if state.left().is_some_and(|left| left < bytes) {
            return None;
        }
        state.taken += bytes;
        Some(Taken { quota: self.clone(), bytes })
    }

    /// Room for a transaction of which nobody knows how large it gets: half of what is left, so that others of the same moment get
    /// some, or all of a small rest. `None`: there is no limit. `little`: it takes away, or makes little, for
    /// which there is room beyond the limit.
    pub fn take_for_transaction(&self, little: bool) -> Option<Taken> {
        let mut state = self.state();
        let left = state.left()?;
        let mut bytes = (left / 2).max(left.min(SMALL));
        if little {
            let beyond = state.limit.unwrap_or(u64::MAX).saturating_add(MOST_SLACK).saturating_sub(state.kept());
            bytes = bytes.max(beyond.min(SLACK));
        }
        state.taken += bytes;
        Some(Taken { quota: self.clone(), bytes })
    }

    /// The share of what has this id in its service.
    pub fn share(&self, product: Product, id: &str) -> Arc<Share> {
        let mut shares = self.shares();
        let share = || Arc::new(Share { quota: self.clone(), product, bytes: Mutex::new(0) });
        shares.entry((product, id.to_owned())).or_insert_with(share).clone()
    }

    /// A share of what was measured already, with the rest of its service.
    pub fn measured_share(&self, product: Product, bytes: u64) -> Share {
        Share { quota: self.clone(), product, bytes: Mutex::new(bytes) }
    }

    /// What has this id is gone.
    pub fn forget(&self, product: Product, id: &str) {
        let share = self.shares().remove(&(product, id.to_owned()));
        if let Some(share) = share {
            share.set(0);
        }
    }

    /// Notes what a measurement of a whole service gives. What is written meanwhile counts besides.
    pub fn measure<E>(&self, product: Product, measure: impl FnOnce() -> Result<u64, E>) -> Result<(), E> {
        let before = self.state().used[product as usize];
        let measured = measure()?;
        let mut state = self.state();
        let used = &mut state.used[product as usize];
        *used = if *used >= before { measured + (*used - before) } else { measured.saturating_sub(before - *used) };
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shares(&self) -> MutexGuard<'_, HashMap<(Product, String), Arc<Share>>> {
        self.0.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn kept(&self) -> u64 {
        self.used.iter().fold(self.taken, |sum, bytes| sum.saturating_add(*bytes))
    }

    fn left(&self) -> Option<u64> {
        Some(self.limit?.saturating_sub(self.kept()))
    }
}

// === impl Share ===

impl Share {
    pub fn quota(&self) -> &Quota {
        &self.quota
    }

    /// It keeps so many bytes now.
    pub fn set(&self, bytes: u64) {
        let mut known = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *known, bytes);
        let used = &mut self.quota.state().used[self.product as usize];
        *used = used.saturating_add(bytes).saturating_sub(before);
    }

    fn add(&self, bytes: u64) {
        let mut known = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *known = known.saturating_add(bytes);
        let used = &mut self.quota.state().used[self.product as usize];
        *used = used.saturating_add(bytes);
    }

    /// Takes room for a write of so many bytes. `None`: there is not as much.
    pub fn charge(self: &Arc<Self>, bytes: u64) -> Option<Charge> {
        Some(Charge { taken: self.quota.take(bytes)?, share: self.clone() })
    }
}

// === impl Taken ===

impl Taken {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.quota.state();
        state.taken = state.taken.saturating_sub(self.bytes);
    }
}

// === impl Charge ===

impl Charge {
    /// Takes room for more of the same write. Whether there was any.
    pub fn grow(&mut self, bytes: u64) -> bool {
        match self.taken.quota.take(bytes) {
            Some(mut more) => {
                self.taken.bytes += std::mem::take(&mut more.bytes);
                true
            }
            None => false,
        }
    }

    /// The write is made, and its service keeps so many bytes now in all.
    pub fn settle(self, bytes: u64) {
        self.share.set(bytes);
    }

    /// The write is made, and all of it is kept besides what was.
    pub fn keep(self) {
        self.share.add(self.taken.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(limit: u64) -> Quota {
        let quota = Quota::default();
        quota.set_limit(Some(limit));
        quota
    }

    #[test]
    fn writers_of_the_same_moment_share_the_room() {
        let quota = limited(100);
        let share = quota.share(Product::Kv, "a");
        let first = share.charge(60).unwrap();
        assert!(share.charge(60).is_none());
        first.settle(60);
        assert_eq!(quota.used()[Product::Kv as usize], 60);
        assert!(quota.share(Product::R2, "b").charge(41).is_none());
        let mut second = quota.share(Product::R2, "b").charge(30).unwrap();
        assert!(second.grow(10));
        assert!(!second.grow(1));
        drop(second);
        assert!(quota.take(40).is_some());
        share.set(10);
        assert!(quota.take(90).is_some());
        quota.forget(Product::Kv, "a");
        assert_eq!(quota.used(), [0; 6]);
    }

    #[test]
    fn transactions_leave_room_for_others() {
        let quota = limited(64 << 20);
        let first = quota.take_for_transaction(false).unwrap();
        let second = quota.take_for_transaction(false).unwrap();
        assert_eq!((first.bytes(), second.bytes()), (32 << 20, 16 << 20));
        let rest: u64 =
            (0..10).map(|_| std::mem::ManuallyDrop::new(quota.take_for_transaction(false).unwrap()).bytes()).sum();
        assert_eq!(rest, 16 << 20);
        assert_eq!(quota.take_for_transaction(false).unwrap().bytes(), 0);
        // What takes away goes a little beyond, and no more than that.
        let beyond: u64 =
            (0..100).map(|_| std::mem::ManuallyDrop::new(quota.take_for_transaction(true).unwrap()).bytes()).sum();
        assert_eq!(beyond, MOST_SLACK);
        assert!(Quota::default().take_for_transaction(true).is_none());
    }

    #[test]
    fn a_measurement_counts_what_is_written_meanwhile() {
        let quota = limited(100);
        let share = quota.measured_share(Product::Objects, 5);
        let measured = quota.measure(Product::Objects, || {
            share.set(8);
            Ok::<u64, ()>(20)
        });
        assert!(measured.is_ok());
        assert_eq!(quota.used()[Product::Objects as usize], 23);
    }
}
