//! All namespaces of a process, in one log that is opened when it is first used.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::{Clock, Error, Log, Namespace, Sqlite};

type Open = Box<dyn Fn() -> Result<Box<dyn Log>, Error> + Send + Sync>;

pub struct Store {
    clock: Clock,
    open: Open,
    opening: Mutex<()>,
    log: OnceLock<Box<dyn Log>>,
}

// === impl Store ===

impl Store {
    /// Namespaces in the log that `open` gives.
    pub fn new(clock: Clock, open: impl Fn() -> Result<Box<dyn Log>, Error> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { clock, open: Box::new(open), opening: Mutex::default(), log: OnceLock::new() })
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

/// The database's name in its folder.
const FILE: &str = "kv.sqlite";

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("open", &self.log.get().is_some()).finish_non_exhaustive()
    }
}
