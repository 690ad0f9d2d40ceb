//! What the engines of an isolate may hold together: their windows and tables are outside V8's heap.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::brotli::enc::{BrotliAlloc, StandardAlloc};
use ::brotli::{Allocator, SliceWrapper};
use isolate::v8;
use webapi::websocket::{Budget, Charge};

use super::{Failure, Z_MEM_ERROR};

/// Room for one encoder of Brotli with the largest usual window, or for some 300 of gzip.
const BYTES: usize = 96 * 1024 * 1024;

#[derive(Clone)]
pub(super) struct Memory(Arc<Budget>);

/// Counts what Brotli allocates, as its size depends on what comes in. Past the limit it gives out nothing, which the decoder takes
/// as the error that it is.
#[derive(Clone, Default)]
pub(super) struct Counted {
    bytes: Arc<AtomicUsize>,
    limit: usize,
}

// === impl Memory ===

impl Memory {
    pub(super) fn of(scope: &mut v8::PinScope) -> Self {
        if let Some(memory) = isolate::embedder::<Memory>(scope) {
            return memory.clone();
        }
        let memory = Self(Budget::new(BYTES));
        isolate::put(scope, memory.clone());
        memory
    }

    #[cfg(test)]
    pub(super) fn with(bytes: usize) -> Self {
        Self(Budget::new(bytes))
    }

    pub(super) fn charge(&self, bytes: usize) -> Result<Charge, Failure> {
        self.0.charge(bytes).ok_or_else(|| Failure::zlib("Zlib error", None, Z_MEM_ERROR))
    }

    /// The most that may be allocated before it is charged.
    pub(super) fn left(&self) -> usize {
        self.0.left()
    }
}

// === impl Counted ===

impl Counted {
    pub(super) fn up_to(limit: usize) -> Self {
        Self { bytes: Arc::default(), limit }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl<T> Allocator<T> for Counted
where
    StandardAlloc: Allocator<T>,
{
    type AllocatedMemory = <StandardAlloc as Allocator<T>>::AllocatedMemory;

    fn alloc_cell(&mut self, len: usize) -> Self::AllocatedMemory {
        let bytes = len.saturating_mul(size_of::<T>());
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if held > self.limit {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Self::AllocatedMemory::default();
        }
        StandardAlloc::default().alloc_cell(len)
    }

    fn free_cell(&mut self, data: Self::AllocatedMemory) {
        self.bytes.fetch_sub(size_of_val(data.slice()), Ordering::Relaxed);
        StandardAlloc::default().free_cell(data);
    }
}

impl BrotliAlloc for Counted {}
