//! Records on their way into the journal, and which of them have come to the disk.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::record::{Body, encode};

/// Whoever queues more than this waits until some of it is on its way.
const FULL: usize = 32 << 20;

/// Records are numbered from 1 on, in the order in which they are queued.
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Something was queued, taken, or has become durable or lost.
    changed: Condvar,
    /// The same, of what has become durable or lost, for futures.
    settled: watch::Sender<()>,
    /// A record's bytes, before they are packed.
    pub(super) largest: usize,
}

#[derive(Default)]
struct State {
    waiting: Vec<Item>,
    bytes: usize,
    last: u64,
    /// All records up to this one are durable, but for those that are lost.
    durable: u64,
    lost: Vec<Lost>,
    /// Why nothing can be queued any more.
    end: Option<Arc<io::Error>>,
    /// The last record of each object that has some in the segments in use, and the first that is in one of these.
    objects: HashMap<u64, u64>,
    oldest: u64,
    closing: bool,
}

struct Lost {
    first: u64,
    last: u64,
    error: Arc<io::Error>,
}

pub(super) struct Item {
    pub(super) body: Vec<u8>,
    /// What has to be durable where it is before the record is written.
    pub(super) in_place: Option<InPlace>,
}

/// An object's files.
pub(crate) struct InPlace {
    /// The database, opened before: to open and close it would end SQLite's locks.
    pub(crate) database: Arc<File>,
    /// Its log, where there is one, and the folder.
    pub(crate) log: PathBuf,
    pub(crate) folder: PathBuf,
}

// === impl Queue ===

impl Queue {
    pub(super) fn new(largest: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), settled: watch::Sender::new(()), largest }
    }

    /// Whether a commit of so many bytes fits into a record. For others there is [`Self::settle`].
    pub(crate) fn takes(&self, bytes: usize) -> bool {
        bytes <= self.largest
    }

    /// Queues what a commit has put into an object's log at `offset`; `database`: that of one that has just been made. `after`:
    /// the object's record before, 0 if there is none: without it this one would be of no use.
    pub(crate) fn commit(
        &self,
        object: &str,
        after: u64,
        database: &[u8],
        offset: u64,
        log: &[u8],
    ) -> Result<u64, Arc<io::Error>> {
        let item = Item { body: encode(&Body::Commit { object, database, offset, log }), in_place: None };
        self.push(Some(object), after, item)
    }

    /// Makes an object's files durable where they are, and forgets its records. Numbers as those of [`Self::commit`].
    pub(crate) fn settle(&self, object: &str, after: u64, in_place: InPlace) -> Result<u64, Arc<io::Error>> {
        self.push(Some(object), after, Item { body: encode(&Body::Forget { path: object }), in_place: Some(in_place) })
    }

    pub(super) fn forget_folder(&self, name: &str) -> Result<u64, Arc<io::Error>> {
        self.push(None, 0, Item { body: encode(&Body::Forget { path: name }), in_place: None })
    }

    fn push(&self, object: Option<&str>, after: u64, item: Item) -> Result<u64, Arc<io::Error>> {
        let mut state = self.state();
        while state.bytes > FULL && state.end.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(error) = &state.end {
            return Err(error.clone());
        }
        if let Some(Err(error)) = state.outcome(after) {
            return Err(error);
        }
        state.last += 1;
        state.bytes += item.body.len();
        state.waiting.push(item);
        let number = state.last;
        if let Some(object) = object {
            state.objects.insert(hash(object), number);
        }
        self.changed.notify_all();
        Ok(number)
    }

    /// Whether recovery might find records of the object.
    pub(crate) fn knows(&self, object: &str) -> bool {
        // Two objects of one hash: the other is settled without need.
        let state = self.state();
        state.objects.get(&hash(object)).is_some_and(|last| *last >= state.oldest)
    }

    /// Whether a record is durable. `None`: not yet.
    pub(crate) fn outcome(&self, number: u64) -> Option<Result<(), Arc<io::Error>>> {
        self.state().outcome(number)
    }

    /// Resolves when the record is durable, or lost.
    pub(crate) async fn reach(&self, number: u64) -> Result<(), Arc<io::Error>> {
        let mut settled = self.settled.subscribe();
        loop {
            settled.borrow_and_update();
            if let Some(outcome) = self.outcome(number) {
                return outcome;
            }
            if settled.changed().await.is_err() {
                return Err(Arc::new(io::Error::other("the journal was closed")));
            }
        }
    }

    /// The same, on this thread.
    pub(crate) fn wait(&self, number: u64) -> Result<(), Arc<io::Error>> {
        let mut state = self.state();
        loop {
            if let Some(outcome) = state.outcome(number) {
                return outcome;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// All that is waiting, and the number of the first. `None`: nothing will come any more.
    pub(super) fn take(&self) -> Option<(u64, Vec<Item>)> {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closing {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let items = std::mem::take(&mut state.waiting);
        state.bytes = 0;
        let first = state.last + 1 - items.len() as u64;
        self.changed.notify_all();
        Some((first, items))
    }

    /// All up to this one are durable.
    pub(super) fn reached(&self, number: u64) {
        self.state().durable = number;
        self.tell();
    }

    /// Nothing that is not durable by now will be. The number that comes next is returned.
    pub(super) fn lose(&self, error: io::Error) -> u64 {
        let error = Arc::new(error);
        let mut state = self.state();
        let (first, last) = (state.durable + 1, state.last);
        state.waiting.clear();
        state.bytes = 0;
        match state.lost.last_mut() {
            Some(lost) if lost.first == first => lost.last = last,
            _ => state.lost.push(Lost { first, last, error }),
        }
        drop(state);
        self.tell();
        last + 1
    }

    /// Nothing can be kept from now on, nor is what waits.
    pub(super) fn end(&self, error: io::Error) {
        self.state().end = Some(Arc::new(error));
        self.lose(io::Error::other("the journal has ended"));
    }

    /// The first record that recovery could find.
    pub(super) fn begins(&self, oldest: u64) {
        let mut state = self.state();
        state.oldest = oldest;
        state.objects.retain(|_, last| *last >= oldest);
    }

    pub(super) fn close(&self) {
        self.state().closing = true;
        self.changed.notify_all();
    }

    fn tell(&self) {
        self.changed.notify_all();
        self.settled.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(object: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    object.hash(&mut hasher);
    hasher.finish()
}

// === impl State ===

impl State {
    fn outcome(&self, number: u64) -> Option<Result<(), Arc<io::Error>>> {
        if let Some(lost) = self.lost.iter().find(|lost| (lost.first..=lost.last).contains(&number)) {
            return Some(Err(lost.error.clone()));
        }
        (number <= self.durable).then_some(Ok(()))
    }
}
