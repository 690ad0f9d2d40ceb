//! The storage of one object: keys and values, its alarm, its SQL tables, in one SQLite database. Changes are gathered in
//! one transaction until [`Storage::commit`]; what is committed is durable once [`Durability`] says so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use store::rusqlite::{self, Connection, OptionalExtension, params};
use store::sqlite;
use tokio::sync::watch;

/// Keys are blobs, so that they compare by their UTF-8 bytes.
const SCHEMA: &[&str] = &["
    CREATE TABLE _cf_KV (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE _cf_METADATA (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"];

/// Why storage did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Open(#[from] sqlite::Error),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A statement of the object's own was refused or failed: the message is for the object.
    #[error("{0}")]
    Sql(String),
    /// The storage was closed before the commit that was waited for.
    #[error("the object was reset before its changes were committed")]
    Closed,
    /// What was committed may be lost: the disk refused to keep it.
    #[error("the disk refused to keep a commit: {0}")]
    Sync(Arc<std::io::Error>),
}

/// Which entries [`Storage::list`] returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    pub prefix: Option<String>,
    /// The first key.
    pub start: Option<String>,
    /// The key before the first.
    pub start_after: Option<String>,
    /// The key after the last.
    pub end: Option<String>,
    pub reverse: bool,
    pub limit: Option<u32>,
}

/// The open storage of one object.
pub struct Storage {
    pub(crate) connection: Connection,
    /// Changes wait for `commit`.
    open: bool,
    /// Transactions of the object's own within it, whose end `commit` waits for.
    nested: u32,
    /// Statements run for the object itself, under the rules of `sql.rs`.
    pub(crate) guarded: Arc<AtomicBool>,
    commits: watch::Sender<u64>,
    durability: Arc<Durability>,
}

/// When commits of one storage are durable. Those that come while the disk is busy share the next sync.
pub struct Durability {
    log: PathBuf,
    /// The number of the last commit.
    committed: watch::Receiver<u64>,
    durable: AtomicU64,
    /// The log once it is open; who holds it syncs.
    files: Arc<Mutex<Option<File>>>,
    turn: tokio::sync::Mutex<Option<Arc<std::io::Error>>>,
}

// === impl Storage ===

impl Storage {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut connection = sqlite::open(path, SCHEMA)?;
        // Commits go to the log at once and are synced by `Durability`; checkpoints sync by themselves.
        connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        let guarded = crate::sql::guard(&mut connection)?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let (commits, committed) = watch::channel(0);
        let durability = Durability {
            log: log.into(),
            committed,
            durable: AtomicU64::new(0),
            files: Arc::default(),
            turn: tokio::sync::Mutex::new(None),
        };
        Ok(Self { connection, open: false, nested: 0, guarded, commits, durability: Arc::new(durability) })
    }

    pub fn durability(&self) -> &Arc<Durability> {
        &self.durability
    }

    /// Ends the changes' transaction, unless one of the object's own is open within it. Returns the number of the last
    /// commit, which [`Durability::reach`] takes.
    pub fn commit(&mut self) -> Result<u64, Error> {
        if self.open && self.nested == 0 {
            self.connection.execute_batch("COMMIT")?;
            self.open = false;
            self.commits.send_modify(|number| *number += 1);
        }
        Ok(*self.commits.borrow())
    }

    /// The number of the commit that will hold every change so far.
    pub fn pending(&self) -> u64 {
        *self.commits.borrow() + u64::from(self.open)
    }

    /// Begins a transaction within what is going on.
    pub fn begin(&mut self) -> Result<(), Error> {
        self.change()?;
        self.nested += 1;
        Ok(self.connection.execute_batch(&format!("SAVEPOINT _cf_{}", self.nested))?)
    }

    /// Ends the transaction that was begun last; `keep`: with its changes.
    pub fn end(&mut self, keep: bool) -> Result<(), Error> {
        if self.nested == 0 {
            return Err(Error::Sql("There is no transaction to end.".into()));
        }
        let name = format!("_cf_{}", self.nested);
        self.nested -= 1;
        let undo = if keep { String::new() } else { format!("ROLLBACK TO {name};") };
        Ok(self.connection.execute_batch(&format!("{undo} RELEASE {name}"))?)
    }

    pub(crate) fn change(&mut self) -> Result<&Connection, Error> {
        if !self.open {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            self.open = true;
        }
        Ok(&self.connection)
    }

    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM _cf_KV WHERE key = ?1")?;
        Ok(statement.query_row([key.as_bytes()], |row| row.get(0)).optional()?)
    }

    pub fn put(&mut self, key: &str, value: &[u8]) -> Result<(), Error> {
        let sql = "INSERT INTO _cf_KV VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.change()?.prepare_cached(sql)?.execute((key.as_bytes(), value))?;
        Ok(())
    }

    /// Whether there was such a key.
    pub fn delete(&mut self, key: &str) -> Result<bool, Error> {
        Ok(self.change()?.prepare_cached("DELETE FROM _cf_KV WHERE key = ?1")?.execute([key.as_bytes()])? > 0)
    }

    /// Entries by their keys' UTF-8 bytes.
    pub fn list(&self, options: &List) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let bytes = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
        let order = if options.reverse { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT key, value FROM _cf_KV WHERE key >= ifnull(?1, x'') AND key >= ifnull(?2, x'')
             AND (?3 IS NULL OR key > ?3) AND (?4 IS NULL OR key < ?4) AND (?5 IS NULL OR key < ?5)
             ORDER BY key {order} LIMIT ?6"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let after_prefix = options.prefix.as_ref().and_then(|prefix| successor(prefix.as_bytes()));
        let limit = options.limit.map_or(-1, i64::from);
        let values = params![
            bytes(&options.prefix),
            bytes(&options.start),
            bytes(&options.start_after),
            bytes(&options.end),
            after_prefix,
            limit
        ];
        let rows = statement.query_map(values, |row| {
            let key: Vec<u8> = row.get(0)?;
            Ok((String::from_utf8_lossy(&key).into_owned(), row.get(1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes everything but the alarm: entries, and what SQL has made.
    pub fn delete_all(&mut self) -> Result<(), Error> {
        let connection = self.change()?;
        let sql = "SELECT type, name FROM sqlite_master
                   WHERE type IN ('table', 'view') AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        // A virtual table takes its shadow tables along: look again after each.
        while let Some((kind, name)) =
            connection.query_row(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).optional()?
        {
            connection.execute_batch(&format!("DROP {kind} \"{}\"", name.replace('"', "\"\"")))?;
        }
        Ok(connection.execute_batch("DELETE FROM _cf_KV")?)
    }

    /// When the alarm is due, in milliseconds since the epoch.
    pub fn alarm(&self) -> Result<Option<i64>, Error> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM _cf_METADATA WHERE name = 'alarm'")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?)
    }

    pub fn set_alarm(&mut self, due: Option<i64>) -> Result<(), Error> {
        let connection = self.change()?;
        match due {
            Some(due) => {
                let sql = "INSERT INTO _cf_METADATA VALUES ('alarm', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
                connection.prepare_cached(sql)?.execute([due])?;
            }
            None => {
                connection.prepare_cached("DELETE FROM _cf_METADATA WHERE name = 'alarm'")?.execute([])?;
            }
        }
        Ok(())
    }

    /// Begins to run the alarm when it is due, or was being run when the process ended. [`Self::end_alarm`] says that it
    /// has run: until then it counts as due, whatever happens.
    pub fn begin_alarm(&mut self, now: i64) -> Result<bool, Error> {
        let sql = "UPDATE _cf_METADATA SET name = 'running'
                   WHERE name = 'alarm' AND value <= ?1 AND NOT EXISTS (SELECT 1 FROM _cf_METADATA WHERE name = 'running')";
        self.change()?.prepare_cached(sql)?.execute([now])?;
        self.is_alarm_running()
    }

    pub fn end_alarm(&mut self) -> Result<(), Error> {
        self.change()?.prepare_cached("DELETE FROM _cf_METADATA WHERE name = 'running'")?.execute([])?;
        Ok(())
    }

    /// Whether an alarm was begun and has not ended.
    pub fn is_alarm_running(&self) -> Result<bool, Error> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM _cf_METADATA WHERE name = 'running'")?;
        Ok(statement.exists([])?)
    }

    /// Bytes that the database takes.
    pub fn size(&self) -> Result<u64, Error> {
        let pragma = |name| self.connection.query_row(name, [], |row| row.get::<_, i64>(0));
        Ok((pragma("PRAGMA page_count")? * pragma("PRAGMA page_size")?).unsigned_abs())
    }
}

/// The first byte string after all that begin with `prefix`; `None`: there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix[..=kept].to_vec();
    next[kept] += 1;
    Some(next)
}

// === impl Durability ===

impl Durability {
    /// Whether commit `number` and all before it are durable.
    pub fn has(&self, number: u64) -> bool {
        self.durable.load(Ordering::Acquire) >= number
    }

    /// Resolves when commit `number`, which may be yet to come, and all before it survive the loss of power.
    pub async fn reach(&self, number: u64) -> Result<(), Error> {
        if self.has(number) {
            return Ok(());
        }
        let mut committed = self.committed.clone();
        committed.wait_for(|last| *last >= number).await.map_err(|_| Error::Closed)?;
        let mut failed = self.turn.lock().await;
        if let Some(error) = &*failed {
            return Err(Error::Sync(error.clone()));
        }
        // Whoever had the turn may have synced this one too.
        if self.has(number) {
            return Ok(());
        }
        let target = *self.committed.borrow();
        let (files, log) = (self.files.clone(), self.log.clone());
        let synced = tokio::task::spawn_blocking(move || sync(&files, &log)).await;
        match synced.unwrap_or_else(|_| Err(std::io::Error::other("the sync broke off"))) {
            Ok(()) => {
                self.durable.fetch_max(target, Ordering::AcqRel);
                Ok(())
            }
            Err(error) => {
                // What the kernel could not write it has forgotten: a second try that succeeds would prove nothing.
                let error = Arc::new(error);
                *failed = Some(error.clone());
                Err(Error::Sync(error))
            }
        }
    }
}

fn sync(files: &Mutex<Option<File>>, log: &Path) -> std::io::Result<()> {
    let mut open = files.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = &*open {
        return file.sync_data();
    }
    let file = File::open(log)?;
    file.sync_all()?;
    // The log may be new in its folder.
    if let Some(folder) = log.parent() {
        File::open(folder)?.sync_all()?;
    }
    *open = Some(file);
    Ok(())
}

#[cfg(test)]
mod tests;
