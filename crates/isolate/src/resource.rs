//! Native things that JavaScript holds by number: bodies, writers, streams. Each belongs to the request that made it and
//! goes with it.

use std::any::Any;

use rustc_hash::FxHashMap;

use crate::ContextId;

/// The isolate's table of native resources, seen from one request.
#[derive(Default)]
pub struct ResourceTable {
    entries: FxHashMap<u32, Entry>,
    next: u32,
    current: Option<ContextId>,
}

struct Entry {
    owner: Option<ContextId>,
    value: Box<dyn Any + Send>,
}

// === impl ResourceTable ===

impl ResourceTable {
    /// Adds a resource that belongs to the current request; returns its number.
    pub fn add<T: Send + 'static>(&mut self, value: T) -> u32 {
        self.next = self.next.wrapping_add(1) & 0x7fff_ffff;
        self.entries.insert(self.next, Entry { owner: self.current, value: Box::new(value) });
        self.next
    }

    /// The resource of this number, when it is a `T` and belongs to the current request.
    pub fn get<T: Send + 'static>(&mut self, rid: u32) -> Option<&mut T> {
        let current = self.current;
        self.entries.get_mut(&rid).filter(|entry| entry.owner == current)?.value.downcast_mut()
    }

    /// Takes the resource out of the table, on the terms of [`Self::get`].
    pub fn take<T: Send + 'static>(&mut self, rid: u32) -> Option<T> {
        self.get::<T>(rid)?;
        let entry = self.entries.remove(&rid)?;
        entry.value.downcast().ok().map(|value| *value)
    }

    /// Whether `rid` exists but belongs to another request.
    pub fn is_foreign(&self, rid: u32) -> bool {
        self.entries.get(&rid).is_some_and(|entry| entry.owner != self.current)
    }

    pub(crate) fn set_current(&mut self, context: Option<ContextId>) {
        self.current = context;
    }

    pub(crate) fn drop_owned_by(&mut self, context: ContextId) {
        if !self.entries.is_empty() {
            self.entries.retain(|_, entry| entry.owner != Some(context));
        }
    }
}
