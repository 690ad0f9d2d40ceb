//! All namespaces of a process, in one log that is opened when it is first used.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use crate::{Clock, Error, Log, Namespace, Operation, Sqlite};

type Open = Box<dyn Fn() -> Result<Box<dyn Log>, Error> + Send + Sync>;

pub struct Store {
    clock: Clock,
    open: Open,
    opening: Mutex<()>,
    log: OnceLock<Box<dyn Log>>,
    deleted: Deleted,
}

/// The ids of namespaces that were deleted while somebody may have held them.
#[derive(Default)]
struct Deleted {
    /// Most stores never delete one, and reads then take no lock.
    any: AtomicBool,
    ids: RwLock<HashSet<String>>,
}

/// The id of the namespace that is not there.
const NONE: &str = "";
/// Versions that one write removes of a namespace that is deleted.
const BATCH: usize = 256;

// === impl Store ===

impl Store {
    /// Namespaces in the log that `open` gives.
    pub fn new(clock: Clock, open: impl Fn() -> Result<Box<dyn Log>, Error> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            clock,
            open: Box::new(open),
            opening: Mutex::default(),
            log: OnceLock::new(),
            deleted: Deleted::default(),
        })
    }

    /// Namespaces in one SQLite database in `folder`. Writes reach other locations after `delay`.
    pub fn local(folder: PathBuf, delay: Duration) -> Arc<Self> {
        let clock = Clock::system();
        let of_log = clock.clone();
        let open = move || Ok(Box::new(Sqlite::open(&folder.join(FILE), delay, of_log.clone())?) as Box<dyn Log>);
        Self::new(clock, open)
    }

    /// The namespace with this id, which need not have been written to.
    pub fn namespace(self: &Arc<Self>, id: &str) -> Namespace {
        Namespace::new(self.clone(), id)
    }

    /// A namespace that is not there: everything that is asked of it fails.
    pub fn none(self: &Arc<Self>) -> Namespace {
        self.deleted.add(NONE);
        self.namespace(NONE)
    }

    /// Deletes a namespace and all that is in it. Who holds it finds it gone from now on; when this returns nothing of it is left.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.deleted.add(id);
        while !self.log()?.clear(id, BATCH).await? {}
        Ok(())
    }

    /// Fails where the namespace was deleted.
    pub(crate) fn check(&self, operation: Operation, id: &str) -> Result<(), Error> {
        match self.deleted.has(id) {
            true => Err(Error::refused(operation, 404, "Not Found")),
            false => Ok(()),
        }
    }

    /// The ids of all namespaces that were ever written to.
    pub fn namespaces(&self) -> Result<Vec<String>, Error> {
        self.log()?.namespaces()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn log(&self) -> Result<&dyn Log, Error> {
        if let Some(log) = self.log.get() {
            return Ok(&**log);
        }
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = self.log.get() {
            return Ok(&**log);
        }
        let log = (self.open)()?;
        Ok(&**self.log.get_or_init(|| log))
    }
}

// === impl Deleted ===

impl Deleted {
    fn add(&self, id: &str) {
        self.ids.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        self.any.store(true, Ordering::Release);
    }

    fn has(&self, id: &str) -> bool {
        self.any.load(Ordering::Acquire) && self.ids.read().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

/// The database's name in its folder.
const FILE: &str = "kv.sqlite";

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("open", &self.log.get().is_some()).finish_non_exhaustive()
    }
}
