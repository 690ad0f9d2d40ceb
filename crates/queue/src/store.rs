//! All queues of a process, in one database that is opened when it is first used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use ::store::sqlite::Database;
use tokio::sync::Notify;

use crate::{Error, Holder, Queue, Settings, limits, schema};

/// Milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

pub struct Options {
    /// Where the database is.
    pub folder: PathBuf,
    pub clock: Clock,
    /// Bytes that one queue may keep.
    pub backlog: u64,
}

pub struct Store {
    options: Options,
    opening: Mutex<()>,
    database: OnceLock<Database>,
    /// Who is told when something of a queue may have become due, by the queue's id.
    listeners: Mutex<HashMap<String, Arc<Notify>>>,
}

/// The database's name in its folder.
const FILE: &str = "queues.sqlite";

// === impl Options ===

impl Options {
    /// The platform's limits, and the machine's clock.
    pub fn new(folder: PathBuf) -> Self {
        let clock = Arc::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        });
        Self { folder, clock, backlog: limits::BACKLOG }
    }
}

// === impl Store ===

impl Store {
    pub fn new(options: Options) -> Arc<Self> {
        Arc::new(Self { options, opening: Mutex::default(), database: OnceLock::new(), listeners: Mutex::default() })
    }

    /// The queue with this id. Whatever is asked of it fails where it was not created.
    pub fn queue(self: &Arc<Self>, id: &str) -> Queue {
        Queue::new(self.clone(), id)
    }

    /// Makes a queue with these settings, unless it is there.
    pub async fn create(&self, id: &str, settings: Settings) -> Result<(), Error> {
        let Settings { delivery_delay, retention, paused } = settings.check()?;
        let id = id.to_owned();
        self.database()?
            .write(move |connection| {
                connection.execute(
                    "INSERT OR IGNORE INTO queue (name, delivery_delay, retention, paused, gone, messages, bytes)
                     VALUES (?1, ?2, ?3, ?4, 0, 0, 0)",
                    (id, delivery_delay, retention, paused),
                )?;
                Ok(())
            })
            .await
    }

    /// Deletes a queue. Who holds it finds it gone from now on; when this returns nothing of it is left.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        let name = id.to_owned();
        self.database()?
            .write(move |connection| {
                connection.execute("UPDATE queue SET gone = 1 WHERE name = ?1", [name]).map_err(Error::from)
            })
            .await?;
        self.remove_gone().await?;
        self.wake(id);
        self.listeners().remove(id);
        Ok(())
    }

    pub(crate) fn now(&self) -> u64 {
        (self.options.clock)()
    }

    pub(crate) fn backlog(&self) -> u64 {
        self.options.backlog
    }

    pub(crate) fn database(&self) -> Result<&Database, Error> {
        if let Some(database) = self.database.get() {
            return Ok(database);
        }
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = self.database.get() {
            return Ok(database);
        }
        let database = open(&self.options.folder.join(FILE))?;
        Ok(self.database.get_or_init(|| database))
    }

    /// Tells whoever listens to the queue that something of it may be due.
    pub(crate) fn wake(&self, id: &str) {
        if let Some(listener) = self.listeners().get(id) {
            listener.notify_one();
        }
    }

    pub(crate) fn listener(&self, id: &str) -> Arc<Notify> {
        self.listeners().entry(id.to_owned()).or_default().clone()
    }

    fn listeners(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was being delivered when the process before ended is due at once, and that delivery does not count.
fn open(path: &Path) -> Result<Database, Error> {
    let connection = ::store::sqlite::open(path, schema::MIGRATIONS)?;
    connection.execute(
        "UPDATE message SET holder = 0, due = 0, attempts = attempts - 1 WHERE holder = ?1",
        [Holder::Worker.column()],
    )?;
    drop(connection);
    Ok(Database::open(path, schema::MIGRATIONS)?)
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("folder", &self.options.folder).finish_non_exhaustive()
    }
}
