//! Databases by their ids, each opened when it is first used. Queries of one database run one after the other, as on the
//! platform, on threads that may block.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};
use store::quota::{Share, Taken};
use store::sql::Growth;
use tokio::sync::Mutex as AsyncMutex;

use crate::connection::{D1Connection, Generation};
use crate::counts::Counts;
use crate::import::Statements;
use crate::{Error, ExportOptions, Failed, Imported, Output, Statement};

/// The D1 databases of a process.
#[derive(Debug)]
pub struct Databases {
    folder: PathBuf,
    databases: Mutex<HashMap<String, Database>>,
}

/// A D1 database. Clones are the same one.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    /// What tells this database's bookmarks from another's.
    name: String,
    path: PathBuf,
    connection: Arc<AsyncMutex<Connection>>,
    /// What it has of its owner's quota.
    share: OnceLock<Arc<Share>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
enum Connection {
    #[default]
    Closed,
    Open(Box<D1Connection>),
    /// For good.
    Deleted,
}

/// A point in a database's history; later ones are greater as strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark(String);

// === impl Databases ===

impl Databases {
    /// Databases kept in `folder`, which is made when the first one is used.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, databases: Mutex::default() }
    }

    /// A database that is not there: everything that is asked of it fails.
    pub fn none(&self) -> Database {
        let Database { shared } = Database::new(&self.folder, "");
        let connection = Arc::new(AsyncMutex::new(Connection::Deleted));
        let (name, path) = (shared.name.clone(), shared.path.clone());
        Database { shared: Arc::new(Shared::new(name, path, connection)) }
    }

    /// Deletes a database with its files. Who holds it finds it gone.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.database(id).delete().await
    }

    /// The database of this id.
    pub fn database(&self, id: &str) -> Database {
        let mut databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        databases.entry(id.to_owned()).or_insert_with(|| Database::new(&self.folder, id)).clone()
    }
}

// === impl Database ===

impl Database {
    fn new(folder: &Path, id: &str) -> Self {
        // An id is anybody's text; a hash of it is a file name.
        let name: String = Sha256::digest(id).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(format!("{name}.sqlite"));
        Self { shared: Arc::new(Shared::new(name, path, Arc::default())) }
    }

    /// From now on it needs room in its owner's quota to grow. What it takes already is noted.
    pub fn charge(&self, share: &Arc<Share>) {
        if self.shared.share.set(share.clone()).is_ok() {
            self.measure();
        }
    }

    /// Notes in the owner's quota what the file takes, where it is not open and so noted already.
    pub fn measure(&self) {
        if let (Some(share), Ok(connection)) = (self.shared.share.get(), self.shared.connection.try_lock())
            && !matches!(*connection, Connection::Open(_))
        {
            share.set(std::fs::metadata(&self.shared.path).map_or(0, |file| file.len()));
        }
    }

    /// What was asked of it since the process began.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// The file, which may not exist yet.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Runs the statements in one transaction: all of them happen, durably, or none.
    pub async fn query(&self, statements: Vec<Statement>) -> Result<(Vec<Output>, Bookmark), Failed> {
        self.query_with(statements, |outputs| outputs).await
    }

    /// The same with the results made into something else on the thread that may block.
    ///
    /// Once begun, the transaction goes on to its end even if the future is dropped.
    pub async fn query_with<T: Send + 'static>(
        &self,
        statements: Vec<Statement>,
        make: impl FnOnce(Vec<Output>) -> T + Send + 'static,
    ) -> Result<(T, Bookmark), Failed> {
        if statements.is_empty() {
            return Err(Failed { at: 0, error: Error::NoStatement });
        }
        let growth = statements.iter().map(|statement| Growth::of(&statement.sql)).max().unwrap_or(Growth::Grows);
        self.run(growth, move |connection| connection.transaction(&statements).map(make)).await
    }

    /// Runs all statements of a file of SQL in one transaction. Whatever else is asked of the database waits.
    pub async fn import(&self, file: File) -> Result<(Imported, Bookmark), Failed> {
        self.run(Growth::Grows, move |connection| connection.import(Statements::new(file))).await
    }

    /// Writes SQL that makes this database anew into a file. Whatever else is asked of the database waits.
    pub async fn export(&self, options: ExportOptions, file: File) -> Result<Bookmark, Failed> {
        let export = move |connection: &mut D1Connection| {
            let mut out = BufWriter::new(file);
            connection.export(&options, &mut out)?;
            let flushed = out.flush().map_err(Error::io("the export can't be written"));
            flushed.map_err(|error| Failed { at: 0, error })
        };
        Ok(self.run(Growth::Reads, export).await?.1)
    }

    async fn run<T: Send + 'static>(
        &self,
        growth: Growth,
        work: impl FnOnce(&mut D1Connection) -> Result<T, Failed> + Send + 'static,
    ) -> Result<(T, Bookmark), Failed> {
        let mut connection = self.shared.connection.clone().lock_owned().await;
        let (path, share, counts) =
            (self.shared.path.clone(), self.shared.share.get().cloned(), self.shared.counts.clone());
        let running = tokio::task::spawn_blocking(move || {
            let at_first = |error| Failed { at: 0, error };
            let connection = connection.open(&path).map_err(at_first)?;
            let little = growth == Growth::Little;
            let room = share.as_ref().filter(|_| growth != Growth::Reads);
            let room = room.and_then(|share| share.quota().take_for_transaction(little));
            if growth != Growth::Reads {
                connection.may_grow(room.as_ref().map(Taken::bytes)).map_err(at_first)?;
            }
            let made = work(connection);
            if let Some(share) = share {
                share.set(connection.size().map_err(at_first)?);
            }
            counts.add(connection.take_done());
            Ok((made?, connection.generation()))
        });
        let (made, generation) = running.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a query broke off");
            Err(Failed { at: 0, error: Error::BrokeOff(error.to_string()) })
        })?;
        Ok((made, Bookmark::new(generation, &self.shared.name)))
    }

    /// Removes the files once what was begun is done. Everything that is asked of it later fails.
    async fn delete(&self) -> Result<(), Error> {
        let mut connection = self.shared.connection.clone().lock_owned().await;
        let path = self.shared.path.clone();
        let removing = tokio::task::spawn_blocking(move || {
            *connection = Connection::Deleted;
            // The log goes first: without its database it means nothing, the other way round it would be another's.
            for end in ["-wal", "-shm", ""] {
                let mut file = path.clone().into_os_string();
                file.push(end);
                match std::fs::remove_file(&file) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        });
        let removed = removing.await.map_err(std::io::Error::other).and_then(|removed| removed);
        removed.map_err(Error::io("a database's files can't be removed"))
    }
}

// === impl Shared ===

impl Shared {
    fn new(name: String, path: PathBuf, connection: Arc<AsyncMutex<Connection>>) -> Self {
        Self { name, path, connection, share: OnceLock::new(), counts: Arc::default() }
    }
}

// === impl Connection ===

impl Connection {
    fn open(&mut self, path: &Path) -> Result<&mut D1Connection, Error> {
        if let Self::Closed = self {
            *self = Self::Open(Box::new(D1Connection::open(path)?));
        }
        match self {
            Self::Open(connection) => Ok(connection),
            Self::Closed | Self::Deleted => Err(Error::Deleted),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

// === impl Bookmark ===

impl Bookmark {
    fn new(generation: Generation, name: &str) -> Self {
        let Generation { opening, writes } = generation;
        Self(format!("{opening:08x}-{:08x}-{:08x}-{name}", writes >> 32, writes & 0xffff_ffff))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
