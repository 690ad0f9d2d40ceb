//! An object's database as SQLite has it: when its log is moved into it, and which syncs that takes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use store::rusqlite::config::DbConfig;
use store::rusqlite::{self, Connection};
use store::sql::{RowsWritten, Rules, Trusted};
use store::sqlite;

use crate::Error;
use crate::bookmark::Point;
use crate::files::{Files, PAGES_AT, int};
use crate::history::{Before, History};
use crate::seal::Seal;
use crate::storage::SCHEMA;

/// A log of so many pages is moved into the database.
const CHECKPOINT: u32 = 1000;
/// So is one that has been begun so many milliseconds ago: the history has no points between.
const CHECKPOINT_TIME: i64 = 60_000;

pub(crate) struct Database {
    pub(crate) connection: Connection,
    /// What the object's own statements may do, which hold while nothing is trusted.
    pub(crate) rules: Arc<Rules>,
    trusted: Option<Trusted>,
    pub(crate) written: RowsWritten,
    /// The database's own file, beside SQLite's: to sync it, and to read pages as they were before a checkpoint. Open as long
    /// as the connection is: to close it would end the connection's locks.
    pub(crate) file: Arc<File>,
    log: PathBuf,
    /// Of a new database, until its first commit to the log.
    pub(crate) seal: Option<Arc<Seal>>,
    /// The database was made by this process.
    is_new: bool,
    /// Something was committed to the log, or was in it at the start.
    has_logged: bool,
    /// Pages in the log. 0: none that is not in the database too.
    logged: Arc<AtomicU32>,
    /// How many there were at the last checkpoint. Where others read the database the log is not begun anew.
    kept: u32,
    pub(crate) history: Option<History>,
    /// When the first commit was that the log holds; 0: none.
    began: i64,
    /// When the database's state, without the log, came to be, and whether it is one that a commit left.
    pub(crate) since: i64,
    is_whole: bool,
}

// === impl Database ===

impl Database {
    /// `new`: the file of a database that has just been made. `logged`: there is a log.
    pub(crate) fn open(
        files: &Files,
        new: Option<File>,
        logged: bool,
        history: Option<History>,
    ) -> Result<Self, Error> {
        let is_new = new.is_some();
        let (file, mut connection) = match new {
            // What undoes a transaction is kept in memory until the database is sealed.
            Some(file) => (file, sqlite::connect(&files.database, "PRAGMA journal_mode = MEMORY")?),
            None => (File::open(&files.database)?, sqlite::open(&files.database, SCHEMA)?),
        };
        let file = Arc::new(file);
        // Commits go to the log at once and are synced by `Durability`; checkpoints sync by themselves. A log that has never
        // been written to need not be synced before the first commit is written either.
        connection.execute_batch(if is_new { "PRAGMA synchronous = OFF" } else { "PRAGMA synchronous = NORMAL" })?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        let rules = Arc::new(Rules::default());
        rules.govern(&mut connection)?;
        let trusted = Some(rules.trust());
        let written = RowsWritten::watch(&mut connection)?;
        let count = Arc::new(AtomicU32::new(u32::from(logged)));
        let counted = count.clone();
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            counted.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        let since = file.metadata()?.modified().map_or(0, millis);
        Ok(Self {
            connection,
            rules,
            trusted,
            written,
            seal: is_new.then(|| Arc::new(Seal::new(file.clone()))),
            file,
            log: files.log(),
            is_new,
            has_logged: logged,
            logged: count,
            kept: 0,
            began: 0,
            history,
            since,
            is_whole: !is_new && !logged,
        })
    }

    /// Runs statements of the object's own.
    pub(crate) fn untrusted<T>(&mut self, run: impl FnOnce(&Self) -> T) -> T {
        self.trusted = None;
        let result = run(self);
        self.trusted = Some(self.rules.trust());
        result
    }

    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        let direct = self.seal.as_ref().map_or(Ok(false), |seal| seal.begin())?;
        let begun = self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
        if let (Err(_), Some(seal)) = (&begun, &self.seal) {
            seal.end(false);
        }
        begun?;
        if !direct && let Some(seal) = self.seal.take() {
            seal.logs();
        }
        Ok(())
    }

    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        if let Some(seal) = &self.seal {
            seal.end(true);
            (self.since, self.is_whole) = (now(), true);
        } else if !std::mem::replace(&mut self.has_logged, true) && self.is_new {
            self.connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        }
        Ok(())
    }

    pub(crate) fn roll_back(&self) -> Result<(), Error> {
        let undone = self.connection.execute_batch("ROLLBACK");
        if let Some(seal) = &self.seal {
            seal.end(false);
        }
        Ok(undone?)
    }

    /// Whether all of it is in the database's file, durably, and this connection never had a log.
    pub(crate) fn is_clean(&self) -> bool {
        match &self.seal {
            Some(seal) => seal.is_sealed(),
            None => !self.has_logged,
        }
    }

    /// Whether something was committed to a new database that is not sealed yet.
    pub(crate) fn is_unsealed(&self) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.is_due())
    }

    /// The header stays as it is until this is dropped.
    pub(crate) fn reading(&self) -> Option<MutexGuard<'_, ()>> {
        self.seal.as_ref().map(|seal| seal.reading())
    }

    /// Whether it is time for one after a commit, which was `now`.
    pub(crate) fn wants_checkpoint(&mut self, now: i64) -> bool {
        let logged = self.logged();
        if logged > 0 && self.began == 0 {
            self.began = now;
        }
        let grown = if logged > self.kept { logged - self.kept } else { logged };
        grown >= CHECKPOINT || (logged > 0 && self.history.is_some() && now - self.began >= CHECKPOINT_TIME)
    }

    /// Pages in the log that are not in the database.
    pub(crate) fn logged(&self) -> u32 {
        self.logged.load(Ordering::Relaxed)
    }

    /// Moves the log into the database. Whether all of it is there, durably: another process that reads the database keeps
    /// some of it back.
    pub(crate) fn checkpoint(&mut self) -> Result<bool, Error> {
        if self.logged() == 0 {
            return Ok(true);
        }
        if let Some(history) = &mut self.history {
            let changing = changing(&File::open(&self.log)?, &self.file)?;
            let before = Before { database: &self.file, since: self.since, is_whole: self.is_whole };
            history.copy(&before, &changing)?;
        }
        self.is_whole = false;
        let (busy, logged, moved): (bool, i64, i64) =
            self.connection
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        self.is_whole = !busy && logged == moved;
        self.kept = u32::try_from(logged).unwrap_or(0);
        self.began = 0;
        if self.is_whole {
            self.since = now();
            self.logged.store(0, Ordering::Relaxed);
        }
        Ok(self.is_whole)
    }

    /// The point of the history that the last commit is.
    pub(crate) fn mark(&mut self) -> Result<Point, Error> {
        if self.logged() > 0 {
            return Err(Error::InUse);
        }
        let history = self.history.as_mut().ok_or(Error::KeepsNoHistory)?;
        history.mark(&self.file, now())
    }

    /// Ends the connection. With nothing left in the log, that goes too.
    pub(crate) fn close(self) {
        let keeps_log = self.logged() > 0;
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keeps_log);
        if let Err((_, error)) = self.connection.close() {
            tracing::error!(%error, "a database can't be closed");
        }
    }
}

/// The pages that a checkpoint of the log may change: all that are in it, and those that it cuts off.
fn changing(log: &File, database: &File) -> Result<Vec<u32>, Error> {
    const HEAD: u64 = 32;
    const FRAME_HEAD: u64 = 24;
    let mut head = [0; HEAD as usize];
    if log.metadata()?.len() < HEAD {
        return Ok(Vec::new());
    }
    log.read_exact_at(&mut head, 0)?;
    let frame = FRAME_HEAD + u64::from(int(&head, 8));
    let frames = (log.metadata()?.len() - HEAD) / frame;
    let (mut pages, mut size) = (Vec::new(), u32::MAX);
    for at in (0..frames).map(|index| HEAD + index * frame) {
        let mut frame_head = [0; FRAME_HEAD as usize];
        log.read_exact_at(&mut frame_head, at)?;
        // What follows is of an earlier use of the log.
        if frame_head[8..16] != head[16..24] {
            break;
        }
        let head = &frame_head;
        pages.push(int(head, 0));
        // Of a frame that ends a transaction: how many pages the database has then.
        if int(head, 4) > 0 {
            size = size.min(int(head, 4));
        }
    }
    let mut header = [0; 100];
    database.read_exact_at(&mut header, 0)?;
    pages.extend(size.saturating_add(1)..=int(&header, PAGES_AT));
    Ok(pages)
}

pub(crate) fn now() -> i64 {
    millis(SystemTime::now())
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
