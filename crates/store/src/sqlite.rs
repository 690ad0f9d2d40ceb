//! SQLite, as every service uses it: a write-ahead log that is synced at each commit, one writer that commits what is
//! waiting together, and readers that never wait for it.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

/// At most so many writes become durable with one sync.
const GROUP: usize = 256;
/// Read connections that are kept open when they are idle.
const IDLE_READERS: usize = 8;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 128;
/// So many unused pages are kept for what comes next.
const FEW_PAGES: i64 = 64;
/// How long another process's lock is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// Why the database did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", .path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("{}: the folder can't be made: {source}", .path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("{} was made by a newer version (schema {found}, this version knows {known})", .path.display())]
    Newer { path: PathBuf, found: i64, known: usize },
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The commit that the write was part of failed, and nothing of it is kept.
    #[error("the write could not be made durable: {0}")]
    Commit(String),
    #[error("the database has been closed")]
    Closed,
}

/// A database file with one writer and many readers. Dropping it ends the writer after what was sent to it.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    writes: mpsc::Sender<Box<dyn Write>>,
    readers: Mutex<Vec<Connection>>,
}

/// Opens a database and brings its schema up to date: `migrations[n]` takes it from version n to n + 1. Every commit on
/// the connection survives the end of the process and loss of power.
pub fn open(path: &Path, migrations: &[&str]) -> Result<Connection, Error> {
    open_with(path, "", migrations)
}

/// The same; `first`: pragmas that a new database has to begin with.
pub fn open_with(path: &Path, first: &str, migrations: &[&str]) -> Result<Connection, Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
    }
    let mut connection = connect(path, &format!("{first}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"))?;
    migrate(&mut connection, path, migrations)?;
    Ok(connection)
}

/// Opens a database as it is. `pragmas`: how its commits are kept.
pub fn connect(path: &Path, pragmas: &str) -> Result<Connection, Error> {
    let failed = |source| Error::Open { path: path.to_owned(), source };
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(pragmas).map_err(failed)?;
    connection.execute_batch("PRAGMA foreign_keys = ON").map_err(failed)?;
    Ok(connection)
}

/// Gives pages that nothing needs back to the file system, once they are most of a database that was begun with
/// `auto_vacuum = INCREMENTAL`. Whether any went. In a transaction it is part of it.
pub fn give_pages_back(connection: &Connection) -> rusqlite::Result<bool> {
    // Not cached: a Worker's statement of the same text would come from the cache without having been authorized.
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let unused = number("PRAGMA freelist_count")?;
    if unused < FEW_PAGES || unused <= number("PRAGMA page_count")? / 2 {
        return Ok(false);
    }
    let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut pages = statement.query([])?;
    // Each row is a page.
    while pages.next()?.is_some() {}
    Ok(true)
}

fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), Error> {
    let failed = |source| Error::Open { path: path.to_owned(), source };
    let version = |connection: &Connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    if version(connection).map_err(failed)? == migrations.len() as i64 {
        return Ok(());
    }
    // Another process may be at it too: who has the lock looks again.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    let found = version(&transaction).map_err(failed)?;
    let known = migrations.len();
    let Some(due) = usize::try_from(found).ok().and_then(|found| migrations.get(found..)) else {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    };
    for migration in due {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", known as i64).map_err(failed)?;
    transaction.commit().map_err(failed)
}

// === impl Database ===

impl Database {
    /// As [`open`], with a thread of its own for writes.
    pub fn open(path: &Path, migrations: &[&str]) -> Result<Self, Error> {
        let connection = open(path, migrations)?;
        let (writes, waiting) = mpsc::channel();
        thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || write(&connection, &waiting))
            .map_err(|source| Error::Folder { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), writes, readers: Mutex::default() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `change` on the writer's connection, inside a transaction that others' changes may share. Returns when it is
    /// durable; when it fails, nothing of it is kept, and only of it. It must not begin or end transactions.
    ///
    /// The change happens even if the future is dropped.
    pub async fn write<T, E>(&self, change: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        let job = Job { change: Some(change), result: None, done: Some(done) };
        self.writes.send(Box::new(job)).map_err(|_| Error::Closed)?;
        outcome.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Runs `query` on a read connection, on this thread. It sees every write that has returned.
    pub fn read<T, E: From<Error>>(&self, query: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let pooled = self.readers().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => self.reader()?,
        };
        let result = query(&connection);
        let mut readers = self.readers();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    fn reader(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |source| Error::Open { path: self.path.clone(), source };
        let connection = Connection::open_with_flags(&self.path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer: takes what is waiting, makes it durable together, and answers each.
fn write(connection: &Connection, waiting: &mpsc::Receiver<Box<dyn Write>>) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
            group.iter_mut().for_each(|write| write.fail(&error));
            continue;
        }
        group[0].apply(connection);
        while group.len() < GROUP
            && let Ok(mut next) = waiting.try_recv()
        {
            next.apply(connection);
            group.push(next);
        }
        match connection.execute_batch("COMMIT") {
            Ok(()) => group.iter_mut().for_each(|write| write.answer()),
            Err(error) => {
                tracing::error!(%error, "a commit failed");
                // Some failures have ended the transaction already.
                let _ = connection.execute_batch("ROLLBACK");
                group.iter_mut().for_each(|write| write.fail(&error));
            }
        }
    }
}

/// A change on its way through the writer.
trait Write: Send {
    fn apply(&mut self, connection: &Connection);
    fn answer(&mut self);
    fn fail(&mut self, error: &rusqlite::Error);
}

struct Job<F, T, E> {
    change: Option<F>,
    result: Option<Result<T, E>>,
    done: Option<oneshot::Sender<Result<T, E>>>,
}

impl<F, T, E> Write for Job<F, T, E>
where
    F: FnOnce(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn apply(&mut self, connection: &Connection) {
        let Some(change) = self.change.take() else { return };
        if let Err(error) = connection.execute_batch("SAVEPOINT job") {
            self.result = Some(Err(Error::from(error).into()));
            return;
        }
        // A panic in one change is the end of that change: others share the thread and the transaction.
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| change(connection)))
            .unwrap_or_else(|_| Err(Error::Commit("it panicked".into()).into()));
        let end = if result.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        self.result = Some(match connection.execute_batch(end) {
            Ok(()) => result,
            Err(error) => Err(Error::from(error).into()),
        });
    }

    fn answer(&mut self) {
        if let (Some(done), Some(result)) = (self.done.take(), self.result.take()) {
            let _ = done.send(result);
        }
    }

    fn fail(&mut self, error: &rusqlite::Error) {
        if let Some(done) = self.done.take() {
            let _ = done.send(Err(Error::Commit(error.to_string()).into()));
        }
    }
}

#[cfg(test)]
mod tests;
