//! How much memory native things may hold that V8 does not count: WebSocket messages under way, what HTMLRewriter keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An amount of bytes that charges are made against.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
}

/// Bytes of a budget, given back when this is dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

// === impl Budget ===

impl Budget {
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// Nothing when so much is not left.
    pub fn charge(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let mut charge = Charge { budget: self.clone(), bytes: 0 };
        charge.grow(bytes).then_some(charge)
    }

    /// Bytes that may still be charged.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }
}

// === impl Charge ===

impl Charge {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Charges so much more; `false` when it is not left.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        let charged = self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        if charged {
            self.bytes += bytes;
        }
        charged
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}
