//! Rate limits: how often a key was seen in the present window of time, for each location by itself. Counts are in memory and
//! end with the process, as they are allowed to: https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/
//!
//! No JavaScript and no HTTP here.

mod table;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use table::Table;

/// Keys of one account that are counted in one window; past them, those that were seen least are forgotten.
pub const MAX_KEYS: usize = 1 << 18;

/// How long a window is. The platform knows two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    TenSeconds,
    Minute,
}

/// What a binding allows where its Worker says nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub limit: f64,
    pub period: Period,
}

/// The counts of all accounts of a process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct RateLimits(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    /// The newest ten seconds that anything was counted in.
    seen: AtomicU64,
}

/// The counts of one account.
#[derive(Debug)]
struct Account {
    /// Keys are kept as hashes under a secret of the account's own, so nobody can make two that collide.
    hasher: RandomState,
    /// By period.
    tables: [Mutex<Table>; 2],
}

/// A namespace of an account, which all Workers share that name it, with the rule of one binding. Clones are the same.
#[derive(Clone, Debug)]
pub struct Limiter {
    limits: RateLimits,
    account: Arc<Account>,
    namespace: Arc<str>,
    pub rule: Rule,
}

// === impl Period ===

impl Period {
    /// `None`: the platform has no such period.
    pub fn of_seconds(seconds: f64) -> Option<Self> {
        match seconds {
            10.0 => Some(Self::TenSeconds),
            60.0 => Some(Self::Minute),
            _ => None,
        }
    }

    fn millis(self) -> u64 {
        match self {
            Self::TenSeconds => 10_000,
            Self::Minute => 60_000,
        }
    }
}

// === impl RateLimits ===

impl RateLimits {
    pub fn limiter(&self, account: &str, namespace: &str, rule: Rule) -> Limiter {
        let account = self.accounts().entry(account.to_owned()).or_default().clone();
        Limiter { limits: self.clone(), account, namespace: namespace.into(), rule }
    }

    /// Lets go of what was counted in windows that are over, once in ten seconds: an account that has become quiet keeps nothing.
    fn sweep(&self, now: u64) {
        let window = now / Period::TenSeconds.millis();
        if self.0.seen.swap(window, Ordering::Relaxed) == window {
            return;
        }
        for account in self.accounts().values() {
            for (table, period) in account.tables.iter().zip([Period::TenSeconds, Period::Minute]) {
                lock(table).turn(now / period.millis());
            }
        }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Arc<Account>>> {
        lock(&self.0.accounts)
    }
}

// === impl Account ===

impl Default for Account {
    fn default() -> Self {
        let table = || Mutex::new(Table::new(MAX_KEYS));
        Self { hasher: RandomState::new(), tables: [table(), table()] }
    }
}

// === impl Limiter ===

impl Limiter {
    /// Counts `key` at the location `colo`, unless `rule` is used up there in this window. Whether it was counted.
    pub fn limit(&self, colo: &str, key: &str, rule: Rule) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.limit_at(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), colo, key, rule)
    }

    fn limit_at(&self, now: u64, colo: &str, key: &str, rule: Rule) -> bool {
        self.limits.sweep(now);
        let hash = self.account.hasher.hash_one((&*self.namespace, colo, key));
        let table = match rule.period {
            Period::TenSeconds => &self.account.tables[0],
            Period::Minute => &self.account.tables[1],
        };
        let mut table = lock(table);
        table.turn(now / rule.period.millis());
        table.count(hash, rule.limit)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
