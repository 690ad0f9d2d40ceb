//! An object's database as SQLite has it: when its log is moved into it, and which syncs that takes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use store::rusqlite::config::DbConfig;
use store::rusqlite::{self, Connection};
use store::sql::{RowsWritten, Rules, Trusted};
use store::sqlite;

use crate::Error;
use crate::bookmark::Point;
use crate::files::{Files, PAGES_AT, int};
use crate::history::{Before, History};
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
    /// Nothing was committed since the database was made.
    new: bool,
    /// There is no log yet.
    begins_log: bool,
    /// Pages in the log. 0: none that is not in the database too.
    logged: Arc<AtomicU32>,
    /// Pages in the log after the commit that was just made. 0: it changed nothing.
    committed: Arc<AtomicU32>,
    /// The log as far as [`Written`] has told of it: its head, and how many pages.
    told: (Option<[u8; HEAD as usize]>, u32),
    /// The log's file, once there is one.
    log_file: Option<File>,
    /// How many there were at the last checkpoint. Where others read the database the log is not begun anew.
    kept: u32,
    pub(crate) history: Option<History>,
    /// When the first commit was that the log holds; 0: none.
    began: i64,
    /// When the database's state, without the log, came to be, and whether it is one that a commit left.
    pub(crate) since: i64,
    is_whole: bool,
}

/// What a commit has put into the log.
pub(crate) struct Written {
    pub(crate) offset: u64,
    pub(crate) length: usize,
}

/// Bytes at the beginning of a log, and of a page in it.
const HEAD: u64 = 32;
const FRAME_HEAD: u64 = 24;
/// What a log begins with; the last bit says how sums are made (https://www.sqlite.org/walformat.html).
const LOG_MARK: u32 = 0x377f_0682;

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
        let file = match new {
            Some(file) => file,
            None => File::open(&files.database)?,
        };
        let mut connection = sqlite::open(&files.database, SCHEMA)?;
        // Commits go to the log at once and become durable with the journal; checkpoints sync by themselves. SQLite syncs the
        // head of a log that it begins anew, lest what is behind it is taken for a part: where no log was, there is none.
        connection.execute_batch(if logged { "PRAGMA synchronous = NORMAL" } else { "PRAGMA synchronous = OFF" })?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        let rules = Arc::new(Rules::default());
        rules.govern(&mut connection)?;
        let trusted = Some(rules.trust());
        let written = RowsWritten::watch(&mut connection)?;
        let count = Arc::new(AtomicU32::new(u32::from(logged)));
        let committed = Arc::<AtomicU32>::default();
        let (counted, hooked) = (count.clone(), committed.clone());
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            counted.store(pages.unsigned_abs(), Ordering::Relaxed);
            hooked.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        let since = file.metadata()?.modified().map_or(0, millis);
        Ok(Self {
            connection,
            rules,
            trusted,
            written,
            file: Arc::new(file),
            log: files.log(),
            new: is_new,
            begins_log: !logged,
            logged: count,
            committed,
            told: (None, 0),
            log_file: None,
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

    /// It is on the disk, though nothing was committed yet.
    pub(crate) fn was_settled(&mut self) {
        self.new = false;
    }

    /// Whether there was anything to commit, which [`Self::written`] then tells of.
    pub(crate) fn commit(&mut self) -> Result<bool, Error> {
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(self.committed.load(Ordering::Relaxed) > 0)
    }

    /// What the last commit has put into the log.
    pub(crate) fn written(&mut self) -> Result<Written, Error> {
        let pages = self.committed.swap(0, Ordering::Relaxed);
        self.new = false;
        if std::mem::take(&mut self.begins_log) {
            self.connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        }
        let (known, before) = self.told;
        let head = self.log_head()?;
        self.told = (Some(head), pages);
        let frame = FRAME_HEAD + u64::from(int(&head, 8));
        let end = HEAD + u64::from(pages) * frame;
        // One that was begun anew has another head.
        let offset = if known == Some(head) { HEAD + u64::from(before) * frame } else { 0 };
        Ok(Written { offset, length: end.saturating_sub(offset) as usize })
    }

    /// The bytes themselves.
    pub(crate) fn read_log(&mut self, written: &Written) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; written.length];
        self.log_file()?.read_exact_at(&mut bytes, written.offset)?;
        Ok(bytes)
    }

    fn log_head(&mut self) -> Result<[u8; HEAD as usize], Error> {
        let mut head = [0; HEAD as usize];
        self.log_file()?.read_exact_at(&mut head, 0)?;
        Ok(head)
    }

    fn log_file(&mut self) -> Result<&File, Error> {
        let file = match self.log_file.take() {
            Some(file) => file,
            None => File::open(&self.log)?,
        };
        Ok(self.log_file.insert(file))
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
        if self.new || self.logged() == 0 {
            return Ok(!self.new);
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
        if self.told.0.is_none() && self.kept > 0 {
            // What an earlier connection has left, and this one may go on with.
            self.told = (Some(self.log_head()?), self.kept);
        }
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
    let mut head = [0; HEAD as usize];
    if log.metadata()?.len() < HEAD {
        return Ok(Vec::new());
    }
    log.read_exact_at(&mut head, 0)?;
    // SQLite moves nothing out of one without its mark: recovery may have put back pages of a log that has gone since.
    if int(&head, 0) & !1 != LOG_MARK {
        return Ok(Vec::new());
    }
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
