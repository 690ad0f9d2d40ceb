//! What is stored where, in the order of use: the least recently used goes first when a bound is passed.

use std::collections::{BTreeMap, HashMap};

use http::HeaderMap;

use crate::head::{Entry, Key};
use crate::store::Limits;

#[derive(Default)]
pub(crate) struct Index {
    keys: HashMap<Key, Vec<u64>>,
    slots: HashMap<u64, Slot>,
    /// Tick of the last use → entry: of all, and of those whose body is in memory.
    used: BTreeMap<u64, u64>,
    resident: BTreeMap<u64, u64>,
    tick: u64,
    pub(crate) disk: u64,
    pub(crate) memory: u64,
}

struct Slot {
    key: Key,
    entry: Entry,
    used: u64,
    /// Bytes of memory that it is charged for its body.
    resident: u64,
}

// === impl Index ===

impl Index {
    /// The response that answers such a request, which is thereby the last to go.
    pub(crate) fn get(&mut self, key: &Key, request: &HeaderMap) -> Option<Entry> {
        let ids = self.keys.get(key)?;
        // The newest of those that answer.
        let id =
            *ids.iter().rev().find(|id| self.slots.get(id).is_some_and(|slot| slot.entry.head.answers(request)))?;
        self.touch(id);
        self.slots.get(&id).map(|slot| slot.entry.clone())
    }

    fn touch(&mut self, id: u64) {
        self.tick += 1;
        let Some(slot) = self.slots.get_mut(&id) else { return };
        self.used.remove(&slot.used);
        if self.resident.remove(&slot.used).is_some() {
            self.resident.insert(self.tick, id);
        }
        slot.used = self.tick;
        self.used.insert(self.tick, id);
    }

    /// Takes the place of what answers the same requests, unless it is older than that.
    pub(crate) fn insert(&mut self, key: Key, entry: Entry, limits: &Limits) {
        let ids = self.keys.get(&key).cloned().unwrap_or_default();
        for id in ids {
            if self.slots.get(&id).is_some_and(|slot| slot.entry.head.replaces(&entry.head)) {
                self.remove(id);
            }
        }
        self.tick += 1;
        let (id, tick) = (entry.id, self.tick);
        let resident = entry.payload.resident();
        self.disk += entry.payload.stored();
        self.memory += entry.head.weight() + resident;
        self.used.insert(tick, id);
        if resident > 0 {
            self.resident.insert(tick, id);
        }
        self.keys.entry(key.clone()).or_default().push(id);
        self.slots.insert(id, Slot { key, entry, used: tick, resident });
        self.shrink(limits);
    }

    /// The entry's body came into memory.
    pub(crate) fn charge(&mut self, id: u64, limits: &Limits) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let now = slot.entry.payload.resident();
        self.memory = self.memory + now - slot.resident;
        slot.resident = now;
        if now > 0 {
            self.resident.insert(slot.used, id);
        }
        self.shrink(limits);
    }

    fn shrink(&mut self, limits: &Limits) {
        while self.memory > limits.memory
            && let Some((_, id)) = self.resident.pop_first()
        {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            self.memory -= slot.resident;
            slot.resident = 0;
            if !slot.entry.payload.leave_memory() {
                self.remove(id);
            }
        }
        // Heads alone may fill the memory, too.
        while self.disk > limits.disk || self.memory > limits.memory || self.slots.len() > limits.entries {
            let Some(id) = self.used.first_key_value().map(|(_, id)| *id) else { return };
            self.remove(id);
        }
    }

    /// Forgets an entry, and its file.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Some(slot) = self.slots.remove(&id) else { return false };
        self.used.remove(&slot.used);
        self.resident.remove(&slot.used);
        self.disk -= slot.entry.payload.stored();
        self.memory -= slot.entry.head.weight() + slot.resident;
        if let Some(ids) = self.keys.get_mut(&slot.key) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.keys.remove(&slot.key);
            }
        }
        slot.entry.payload.forget();
        true
    }

    pub(crate) fn delete(&mut self, key: &Key) -> usize {
        let ids = self.keys.get(key).cloned().unwrap_or_default();
        ids.into_iter().filter(|id| self.remove(*id)).count()
    }

    /// Forgets what carries any of the tags, among the keys that begin with `prefix`.
    pub(crate) fn purge(&mut self, prefix: &str, tags: &[String]) -> usize {
        let tagged = self.slots.iter().filter(|(_, slot)| {
            slot.key.0.starts_with(prefix) && slot.entry.head.tags.iter().any(|tag| tags.contains(tag))
        });
        let ids: Vec<u64> = tagged.map(|(id, _)| *id).collect();
        ids.into_iter().filter(|id| self.remove(*id)).count()
    }

    /// The same body under a newer head; false when it is gone meanwhile.
    pub(crate) fn freshen(&mut self, entry: &Entry) -> bool {
        let Some(slot) = self.slots.get_mut(&entry.id) else { return false };
        self.memory = self.memory + entry.head.weight() - slot.entry.head.weight();
        slot.entry.head = entry.head.clone();
        true
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}
