//! The storage of one object: keys and values, its alarm, its SQL tables, in one SQLite database. Changes are gathered in
//! one transaction until [`Storage::commit`]; what is committed is durable once [`Durability`] says so.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, MutexGuard};

use store::rusqlite::{self, Connection, OptionalExtension, params};
use store::sql::Growth;
use store::sqlite;
use tokio::sync::watch;

use crate::database::{Database, now};
use crate::durability::{Disk, Sync};
use crate::files::{Files, Found};
use crate::history::{History, MAX_BYTES};
use crate::room::{FULL, Room};
use crate::{Bookmark, Durability, ObjectId, restore};

/// Keys are blobs, so that they compare by their UTF-8 bytes.
pub(crate) const SCHEMA: &[&str] = &["
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
    #[error("an object's files: {0}")]
    File(#[from] io::Error),
    /// A statement of the object's own was refused or failed: the message is for the object.
    #[error("{0}")]
    Sql(String),
    /// The storage was closed before the commit that was waited for.
    #[error("the object was reset before its changes were committed")]
    Closed,
    /// What was committed may be lost: the disk refused to keep it.
    #[error("the disk refused to keep a commit: {0}")]
    Sync(Arc<io::Error>),
    /// Its class keeps no history. The message is the platform's, as the next two are.
    #[error("This Durable Object's storage back-end does not implement point-in-time recovery.")]
    KeepsNoHistory,
    #[error("This database has no history.")]
    NoHistory,
    #[error("Requested time is before this database existed.")]
    BeforeHistory,
    #[error("The bookmark is none of this Durable Object's, or of a time that its history does not reach back to.")]
    Bookmark,
    #[error("A bookmark can't be made while a transaction is open.")]
    InTransaction,
    #[error("Another program reads the database, so that no point of its history can be made now.")]
    InUse,
    #[error("{} is damaged", .0.display())]
    Damaged(std::path::PathBuf),
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
    files: Files,
    /// Whose history is kept.
    history: Option<ObjectId>,
    /// It was opened with an earlier state restored.
    restored: bool,
    /// When the last commit was, in milliseconds since the epoch.
    changed: i64,
    /// `None`: nothing was ever stored, or it rests.
    pub(crate) database: Option<Database>,
    /// The connection was closed for a while.
    rests: bool,
    /// Changes wait for `commit`.
    open: bool,
    /// Transactions of the object's own within it, whose end `commit` waits for.
    nested: u32,
    commits: watch::Sender<u64>,
    disk: Arc<Disk>,
    durability: Arc<Durability>,
    /// What it has of its owner's quota.
    pub(crate) room: Option<Room>,
}

/// Access to the database outside a transaction.
struct Look<'a> {
    connection: &'a Connection,
    _header: Option<MutexGuard<'a, ()>>,
}

// === impl Look ===

impl<'a> Look<'a> {
    fn at(database: &'a Database) -> Self {
        Self { connection: &database.connection, _header: database.reading() }
    }
}

impl Deref for Look<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

// === impl Storage ===

impl Storage {
    /// Opens what there is of an object; its files are made with its first change. Only one may be open at a time.
    /// `history`: of which object it is, when its history is kept.
    pub(crate) fn open(files: Files, history: Option<ObjectId>) -> Result<Self, Error> {
        let restored = match &history {
            Some(id) if files.restore().exists() => restore::carry_out(&files, id)?,
            _ => false,
        };
        let mut storage = Self::open_as_is(files, history)?;
        storage.restored = restored;
        Ok(storage)
    }

    /// As it is, whatever is to be restored.
    pub(crate) fn open_as_is(files: Files, history: Option<ObjectId>) -> Result<Self, Error> {
        let mut storage = Self::closed(files, history);
        let found = storage.files.find()?;
        if found != Found::Nothing {
            storage.connect(None, found == Found::DatabaseAndLog)?;
            // What is in a log may not be on the disk, for all that anybody knows: a process that was killed, or a sync
            // that failed, left it. What is read from now on has to last, at the latest with a sync of the log.
            let moved = storage.checkpoint()?;
            storage.commits.send_replace(u64::from(!moved));
        }
        Ok(storage)
    }

    /// Storage in which nothing is.
    fn closed(files: Files, history: Option<ObjectId>) -> Self {
        let (commits, committed) = watch::channel(0);
        let disk = Arc::new(Disk::new(files.clone()));
        let durability = Arc::new(Durability::new(committed, disk.clone()));
        Self {
            files,
            history,
            restored: false,
            changed: 0,
            database: None,
            rests: false,
            open: false,
            nested: 0,
            commits,
            disk,
            durability,
            room: None,
        }
    }

    /// Opens the database. `new`: it has just been made. `logged`: there is something in its log.
    fn connect(&mut self, new: Option<File>, logged: bool) -> Result<(), Error> {
        let history = self.history.map(|_| History::new(self.files.history(), MAX_BYTES));
        let database = Database::open(&self.files, new, logged, history)?;
        self.changed = database.since;
        self.disk.set_database(Some(database.file.clone()), database.seal.clone());
        self.database = Some(database);
        Ok(())
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.files.database
    }

    pub fn durability(&self) -> &Arc<Durability> {
        &self.durability
    }

    /// Ends the changes' transaction, unless one of the object's own is open within it. Returns the number of the last
    /// commit, which [`Durability::reach`] takes.
    pub fn commit(&mut self) -> Result<u64, Error> {
        if self.open && self.nested == 0 {
            self.note_size()?;
            if let Some(database) = &mut self.database {
                database.commit()?;
            }
            self.open = false;
            self.commits.send_modify(|number| *number += 1);
            self.changed = now();
            if self.database.as_mut().is_some_and(|database| database.wants_checkpoint(self.changed)) {
                // Nothing is lost by it: the log goes on to grow.
                if let Err(error) = self.checkpoint() {
                    tracing::error!(%error, "a checkpoint failed");
                }
            }
        }
        Ok(*self.commits.borrow())
    }

    /// The number of the commit that will hold every change so far.
    pub fn pending(&self) -> u64 {
        *self.commits.borrow() + u64::from(self.open)
    }

    /// Begins a transaction within what is going on. `awaits`: it may be open while its object waits for others. What was changed
    /// before may then have to become durable, which a new database's seal would wait for: that is done first.
    pub fn begin(&mut self, awaits: bool) -> Result<(), Error> {
        if awaits && self.nested == 0 && self.database.as_ref().is_some_and(Database::is_unsealed) {
            self.commit()?;
            self.disk.sync()?;
        }
        let name = self.nested + 1;
        self.change()?.execute_batch(&format!("SAVEPOINT _cf_{name}"))?;
        self.nested = name;
        Ok(())
    }

    /// Ends the transaction that was begun last; `keep`: with its changes.
    pub fn end(&mut self, keep: bool) -> Result<(), Error> {
        if self.nested == 0 {
            return Err(Error::Sql("There is no transaction to end.".into()));
        }
        let name = format!("_cf_{}", self.nested);
        self.nested -= 1;
        let undo = if keep { String::new() } else { format!("ROLLBACK TO {name};") };
        let Some(connection) = self.look()? else { return Err(Error::Closed) };
        Ok(connection.execute_batch(&format!("{undo} RELEASE {name}"))?)
    }

    pub(crate) fn change(&mut self) -> Result<&mut Connection, Error> {
        self.wake()?;
        if self.database.is_none() {
            let file = self.files.create()?;
            self.connect(Some(file), false)?;
        }
        let Some(database) = &mut self.database else { return Err(Error::Closed) };
        if !self.open {
            database.begin()?;
            self.open = true;
        } else if database.connection.is_autocommit() {
            // SQLite has ended the transaction of its own accord, and taken all of it back: a commit will say so.
            return Err(Error::Sql(FULL.into()));
        }
        Ok(&mut database.connection)
    }

    /// The database, when there is one.
    fn look(&mut self) -> Result<Option<Look<'_>>, Error> {
        self.wake()?;
        Ok(self.database.as_ref().map(Look::at))
    }

    /// Closes the connection until it is needed again, where that takes no sync. SQLite looks through all that a process has
    /// open whenever it opens one more.
    pub fn rest(&mut self) {
        let Some(database) = &self.database else { return };
        if !self.open && database.is_clean() && self.durability.has(*self.commits.borrow()) {
            self.disk.set_database(None, None);
            if let Some(database) = self.database.take() {
                database.close();
            }
            self.rests = true;
        }
    }

    fn wake(&mut self) -> Result<(), Error> {
        if self.rests {
            self.connect(None, false)?;
            self.rests = false;
        }
        Ok(())
    }

    /// Moves what is in the log into the database, durably. Whether all of it is there.
    pub(crate) fn checkpoint(&mut self) -> Result<bool, Error> {
        let Some(database) = &mut self.database else { return Ok(false) };
        if database.is_unsealed() && !self.disk.sync()? {
            return Ok(false);
        }
        let moves = database.logged() > 0;
        let all = database.checkpoint()?;
        if all && moves {
            self.disk.sync_folder()?;
        }
        if all {
            self.durability.reached(*self.commits.borrow());
        }
        Ok(all)
    }

    /// Whether it was opened with an earlier state restored, so that the alarm may be another one.
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// A bookmark of the state that the last commit left.
    pub fn bookmark(&mut self) -> Result<Bookmark, Error> {
        let Some(id) = self.history else { return Err(Error::KeepsNoHistory) };
        if self.nested > 0 {
            return Err(Error::InTransaction);
        }
        self.wake()?;
        if self.database.is_none() {
            self.change()?;
        }
        let commit = self.commit()?;
        if !self.durability.has(commit) {
            self.disk.sync()?;
            self.durability.reached(commit);
        }
        self.checkpoint()?;
        let Some(database) = &mut self.database else { return Err(Error::Closed) };
        let point = database.mark()?;
        Ok(Bookmark::new(&id, point))
    }

    /// A bookmark of the state at a time, about, in milliseconds since the epoch.
    pub fn bookmark_at(&mut self, time: i64) -> Result<Bookmark, Error> {
        let Some(id) = self.history else { return Err(Error::KeepsNoHistory) };
        self.wake()?;
        let Some(database) = &mut self.database else { return Err(Error::NoHistory) };
        if time >= self.changed {
            return self.bookmark();
        }
        let history = database.history.as_mut().ok_or(Error::KeepsNoHistory)?;
        Ok(Bookmark::new(&id, history.at(time)?))
    }

    /// The next time that the storage is opened, it is to be as it was at the bookmark; `None`: as it is. Returns a bookmark of
    /// the state that it will have just before that. Durable when it returns.
    pub fn restore_next(&mut self, bookmark: &str) -> Result<Bookmark, Error> {
        let Some(id) = self.history else { return Err(Error::KeepsNoHistory) };
        let point = Bookmark::read(&id, bookmark)?;
        self.wake()?;
        let history = self.database.as_mut().and_then(|database| database.history.as_mut()).ok_or(Error::Bookmark)?;
        let last = history.last()?.ok_or(Error::Bookmark)?;
        // Whether it can be done is known now, not when nobody is there to be told.
        history.plan(point, None)?;
        restore::request(&self.files, bookmark, last.point.end().next())?;
        Ok(Bookmark::new(&id, last.point.end()))
    }

    pub fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(connection) = self.look()? else { return Ok(None) };
        let mut statement = connection.prepare_cached("SELECT value FROM _cf_KV WHERE key = ?1")?;
        Ok(statement.query_row([key.as_bytes()], |row| row.get(0)).optional()?)
    }

    pub fn put(&mut self, key: &str, value: &[u8]) -> Result<(), Error> {
        let sql = "INSERT INTO _cf_KV VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let taken = self.take_room(Growth::Grows)?;
        let fits = taken.as_ref().is_none_or(|taken| taken.has((key.len() + value.len()) as u64));
        let put = match fits {
            true => self.change()?.prepare_cached(sql)?.execute((key.as_bytes(), value)).map_err(Error::from),
            false => Err(Error::Sql(FULL.into())),
        };
        self.give_room_back(taken)?;
        put.map(drop)
    }

    /// Whether there was such a key.
    pub fn delete(&mut self, key: &str) -> Result<bool, Error> {
        let deleted =
            self.change()?.prepare_cached("DELETE FROM _cf_KV WHERE key = ?1")?.execute([key.as_bytes()])? > 0;
        if deleted {
            self.give_pages_back()?;
        }
        Ok(deleted)
    }

    /// Entries by their keys' UTF-8 bytes.
    pub fn list(&mut self, options: &List) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let Some(connection) = self.look()? else { return Ok(Vec::new()) };
        let bytes = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
        let order = if options.reverse { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT key, value FROM _cf_KV WHERE key >= ifnull(?1, x'') AND key >= ifnull(?2, x'')
             AND (?3 IS NULL OR key > ?3) AND (?4 IS NULL OR key < ?4) AND (?5 IS NULL OR key < ?5)
             ORDER BY key {order} LIMIT ?6"
        );
        let mut statement = connection.prepare_cached(&sql)?;
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
        connection.execute_batch("DELETE FROM _cf_KV")?;
        self.give_pages_back()
    }

    /// When the alarm is due, in milliseconds since the epoch.
    pub fn alarm(&mut self) -> Result<Option<i64>, Error> {
        let Some(connection) = self.look()? else { return Ok(None) };
        let mut statement = connection.prepare_cached("SELECT value FROM _cf_METADATA WHERE name = 'alarm'")?;
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
    pub fn is_alarm_running(&mut self) -> Result<bool, Error> {
        let Some(connection) = self.look()? else { return Ok(false) };
        let mut statement = connection.prepare_cached("SELECT 1 FROM _cf_METADATA WHERE name = 'running'")?;
        Ok(statement.exists([])?)
    }

    /// Bytes that the database takes.
    pub fn size(&mut self) -> Result<u64, Error> {
        let Some(connection) = self.look()? else { return Ok(0) };
        let pragma = |name| connection.query_row(name, [], |row| row.get::<_, i64>(0));
        Ok((pragma("PRAGMA page_count")? * pragma("PRAGMA page_size")?).unsigned_abs())
    }
}

impl Drop for Storage {
    /// Closes it with nothing left in the log, as far as the disk lets it: else the log is there for the next one.
    fn drop(&mut self) {
        if self.open
            && let Some(database) = &self.database
        {
            let _ = database.roll_back();
        }
        if let Err(error) = self.checkpoint() {
            tracing::error!(%error, "a checkpoint at the close failed");
        }
        if let Some(database) = self.database.take() {
            database.close();
        }
        self.disk.set_database(None, None);
        self.note_file();
    }
}

/// The first byte string after all that begin with `prefix`; `None`: there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix[..=kept].to_vec();
    next[kept] += 1;
    Some(next)
}

#[cfg(test)]
mod tests;
