//! How much RPC an isolate may have going on. Everything counted here is given back when its guard is dropped, so with the
//! event that it belongs to at the latest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use isolate::{JsError, v8};

/// The serialised value of one call or result, as on the platform.
pub(crate) const MAX_MESSAGE: usize = 32 << 20;
/// Bytes of an isolate's calls that are under way, their results included.
const MAX_IN_FLIGHT: usize = 128 << 20;
/// Calls that an isolate waits for.
const MAX_CALLS: usize = 16_384;
/// Stubs that an isolate holds.
const MAX_STUBS: usize = 65_536;

/// One isolate's account.
#[derive(Clone, Default)]
pub(crate) struct Limits {
    bytes: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    stubs: Arc<AtomicUsize>,
}

/// So much of one of the accounts.
pub(crate) struct Share {
    account: Arc<AtomicUsize>,
    amount: usize,
}

// === impl Limits ===

impl Limits {
    /// That of the isolate that `scope` is in.
    pub(crate) fn of(scope: &mut v8::PinScope) -> Self {
        if let Some(limits) = isolate::embedder::<Self>(scope) {
            return limits.clone();
        }
        let limits = Self::default();
        isolate::put(scope, limits.clone());
        limits
    }

    pub(crate) fn bytes(&self, amount: usize) -> Result<Share, JsError> {
        take(&self.bytes, amount, MAX_IN_FLIGHT).ok_or_else(|| {
            JsError::error("Too much RPC data is under way: await the results of earlier calls before you make more.")
        })
    }

    pub(crate) fn call(&self) -> Result<Share, JsError> {
        take(&self.calls, 1, MAX_CALLS)
            .ok_or_else(|| JsError::error("Too many RPC calls are under way: await some before you make more."))
    }

    pub(crate) fn stub(&self) -> Result<Share, JsError> {
        take(&self.stubs, 1, MAX_STUBS)
            .ok_or_else(|| JsError::error("Too many RPC stubs are held: dispose of those that are no longer needed."))
    }
}

fn take(account: &Arc<AtomicUsize>, amount: usize, limit: usize) -> Option<Share> {
    let more = |used: usize| used.checked_add(amount).filter(|used| *used <= limit);
    account.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
    Some(Share { account: account.clone(), amount })
}

impl Drop for Share {
    fn drop(&mut self) {
        self.account.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_given_back() {
        let limits = Limits::default();
        let first = limits.bytes(MAX_IN_FLIGHT - 1).unwrap();
        assert!(limits.bytes(2).is_err());
        assert!(limits.bytes(usize::MAX).is_err());
        drop(first);
        assert!(limits.bytes(MAX_IN_FLIGHT).is_ok());
    }
}
