//! The one connection to a database: its limits, and statements run in a transaction.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use store::rusqlite::config::DbConfig;
use store::rusqlite::limits::Limit;
use store::rusqlite::{self, Connection, StatementStatus};
use store::sql::{RowsWritten, Rules, rows_read};

use crate::counts::Done;
use crate::export::{self, ExportOptions};
use crate::import::Statements;
use crate::{Error, Failed, Statement, Value, split};

/// <https://developers.cloudflare.com/d1/platform/limits/>
const MAX_DURATION: Duration = Duration::from_secs(30);
pub(crate) const MAX_SQL: usize = 100_000;
const MAX_DATABASE: u64 = 10 << 30;
const MAX_RESULT: usize = 50_000_000;
/// As the platform's SQLite has them: 2 MB for a value, with some room for the row around it.
const LIMITS: &[(Limit, i32)] = &[
    (Limit::SQLITE_LIMIT_LENGTH, 2_200_000),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_SQL as i32),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];
/// Instructions of SQLite's machine between two looks at the clock.
const LOOK: i32 = 1000;

/// What a statement gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    pub meta: Meta,
}

/// <https://developers.cloudflare.com/d1/worker-api/return-object/>
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// In SQLite, without waiting for others.
    pub duration: Duration,
    pub changes: u64,
    pub last_row_id: i64,
    pub changed_db: bool,
    /// Bytes.
    pub size_after: u64,
    pub rows_read: u64,
    pub rows_written: u64,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub queries: usize,
    /// Of all queries together.
    pub meta: Meta,
}

pub(crate) struct D1Connection {
    connection: Connection,
    rules: Arc<Rules>,
    deadline: Deadline,
    written: RowsWritten,
    generation: Generation,
    /// Bytes that it may grow to is less than what the platform allows.
    is_bounded: bool,
    /// Since it was last asked for.
    done: Done,
}

/// Where the database stands: what bookmarks are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation {
    /// Kept in the file as its application id, which nothing else uses: one more with the first write of each opening.
    pub(crate) opening: u32,
    /// Writes since it was opened.
    pub(crate) writes: u64,
}

/// What SQLite gave for a statement.
struct Selected {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    read: u64,
    /// The last statement writes.
    is_write: bool,
}

/// When the statement that runs must end.
#[derive(Clone, Debug)]
struct Deadline {
    epoch: Instant,
    /// Milliseconds after `epoch`.
    due: Arc<AtomicU64>,
    allowed: Duration,
}

// === impl Meta ===

impl Meta {
    /// This and what came after it.
    fn with(self, next: &Self) -> Self {
        Self {
            duration: self.duration + next.duration,
            changes: self.changes + next.changes,
            last_row_id: next.last_row_id,
            changed_db: self.changed_db || next.changed_db,
            size_after: next.size_after,
            rows_read: self.rows_read + next.rows_read,
            rows_written: self.rows_written + next.rows_written,
        }
    }
}

// === impl D1Connection ===

impl D1Connection {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, MAX_DURATION)
    }

    pub(crate) fn open_with(path: &Path, allowed: Duration) -> Result<Self, Error> {
        // Pages that nothing needs can be given back, which a database has to know before there is anything in it.
        let mut connection = store::sqlite::open_with(path, "PRAGMA auto_vacuum = INCREMENTAL", &[])?;
        let pages = MAX_DATABASE / page_size(&connection)?;
        connection.pragma_update(None, "max_page_count", pages as i64)?;
        let opening = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0))? as u32;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        for (limit, value) in LIMITS {
            connection.set_limit(*limit, *value)?;
        }
        let rules = Arc::new(Rules::default());
        rules.govern(&mut connection)?;
        let deadline = Deadline { epoch: Instant::now(), due: Arc::new(AtomicU64::new(u64::MAX)), allowed };
        let looked_at = deadline.clone();
        connection.progress_handler(LOOK, Some(move || looked_at.has_passed()))?;
        let written = RowsWritten::watch(&mut connection)?;
        let generation = Generation { opening, writes: 0 };
        Ok(Self { connection, rules, deadline, written, generation, is_bounded: false, done: Done::default() })
    }

    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// From now on it may grow by so many bytes; `None`: to the platform's limit.
    pub(crate) fn may_grow(&mut self, bytes: Option<u64>) -> Result<(), Error> {
        if bytes.is_none() && !self.is_bounded {
            return Ok(());
        }
        let most = bytes.map_or(Ok(MAX_DATABASE), |bytes| self.size().map(|size| size.saturating_add(bytes)))?;
        let _trusted = self.rules.trust();
        let page = page_size(&self.connection)?;
        self.connection.pragma_update(None, "max_page_count", (most.min(MAX_DATABASE) / page).max(1) as i64)?;
        self.is_bounded = bytes.is_some();
        Ok(())
    }

    /// What was done since this was last asked.
    pub(crate) fn take_done(&mut self) -> Done {
        std::mem::take(&mut self.done)
    }

    /// Runs all statements or none, and gives their results. They are durable when it returns.
    pub(crate) fn transaction(&mut self, statements: &[Statement]) -> Result<Vec<Output>, Failed> {
        let at = statements.len().saturating_sub(1);
        self.all_or_nothing(|this| {
            let (outputs, wrote) = this.statements(statements)?;
            this.commit(wrote).map_err(|error| Failed { at, error })?;
            Ok(outputs)
        })
    }

    /// Runs all statements of a text or none, and gives no results but what was done in all.
    pub(crate) fn import(&mut self, mut statements: Statements<impl Read>) -> Result<Imported, Failed> {
        self.all_or_nothing(|this| {
            let (mut at, mut wrote, mut done) = (0, false, None::<Meta>);
            while let Some(sql) = statements.next().map_err(|error| Failed { at, error })? {
                let output = this.run(&Statement::new(sql), &mut wrote, &mut { MAX_RESULT });
                let Output { meta, .. } = output.map_err(|error| Failed { at, error })?;
                done = Some(done.map_or(meta.clone(), |done| done.with(&meta)));
                at += 1;
            }
            let meta = done.ok_or(Failed { at, error: Error::NoStatement })?;
            this.commit(wrote).map_err(|error| Failed { at, error })?;
            Ok(Imported { queries: at, meta })
        })
    }

    /// Writes SQL that makes this database.
    pub(crate) fn export(&mut self, options: &ExportOptions, out: &mut dyn Write) -> Result<(), Failed> {
        self.all_or_nothing(|this| {
            let dumped = {
                let _trusted = this.rules.trust();
                export::dump(&this.connection, options, out)
            };
            dumped.and_then(|()| this.commit(false)).map_err(|error| Failed { at: 0, error })
        })
    }

    /// Runs `work`, which commits, in a transaction.
    fn all_or_nothing<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Failed>) -> Result<T, Failed> {
        let first = |error: Error| Failed { at: 0, error };
        // Left open only by a panic in a transaction before this one.
        if !self.connection.is_autocommit() {
            self.own("ROLLBACK").map_err(first)?;
        }
        self.own("BEGIN IMMEDIATE").map_err(first)?;
        let done = work(self);
        // Some failures have ended the transaction already.
        if done.is_err() && !self.connection.is_autocommit() {
            self.own("ROLLBACK").map_err(first)?;
        }
        done
    }

    fn statements(&mut self, statements: &[Statement]) -> Result<(Vec<Output>, bool), Failed> {
        let mut outputs = Vec::with_capacity(statements.len());
        let (mut wrote, mut room) = (false, MAX_RESULT);
        for (at, statement) in statements.iter().enumerate() {
            let output = self.run(statement, &mut wrote, &mut room);
            outputs.push(output.map_err(|error| Failed { at, error })?);
        }
        Ok((outputs, wrote))
    }

    fn commit(&mut self, wrote: bool) -> Result<(), Error> {
        let Generation { opening, writes } = self.generation;
        let mut next = self.generation;
        if wrote {
            {
                let _trusted = self.rules.trust();
                store::sqlite::give_pages_back(&self.connection)?;
            }
            next = Generation { opening, writes: writes + 1 };
            if writes == 0 {
                next.opening = opening.wrapping_add(1);
                let _trusted = self.rules.trust();
                self.connection.pragma_update(None, "application_id", next.opening as i32)?;
            }
        }
        self.own("COMMIT")?;
        self.generation = next;
        Ok(())
    }

    /// A statement of the runtime's own. Never a cached one: a Worker's statement of the same text would come from the cache
    /// without having been authorized.
    fn own(&self, sql: &str) -> Result<(), Error> {
        let _trusted = self.rules.trust();
        Ok(self.connection.execute_batch(sql)?)
    }

    /// Runs what may be several statements in one text, of which the last one has the parameters and gives the result.
    fn run(&mut self, statement: &Statement, wrote: &mut bool, room: &mut usize) -> Result<Output, Error> {
        if statement.sql.len() > MAX_SQL {
            return Err(Error::Sql("statement too long: SQLITE_TOOBIG".into()));
        }
        let texts = split(&statement.sql);
        let Some((last, before)) = texts.split_last() else { return Err(Error::NoStatement) };
        let began = Instant::now();
        let (size, row_id) = (self.size()?, self.connection.last_insert_rowid());
        let total = self.connection.total_changes();
        self.written.forget();
        self.deadline.set();
        let result = self.steps(before, last, &statement.params, wrote, room);
        self.deadline.clear();
        // Asked for even when it failed: the next statement's refusal must be its own.
        let refused_transaction = self.rules.take_refused_transaction();
        let Selected { columns, rows, read: rows_read, is_write } =
            result.map_err(|error| match refused_transaction {
                true => Error::Transaction,
                false => error,
            })?;
        let duration = began.elapsed();
        let changes = self.connection.total_changes().saturating_sub(total);
        let (size_after, last_row_id) = (self.size()?, self.connection.last_insert_rowid());
        let rows_written = {
            let _trusted = self.rules.trust();
            self.written.take(&self.connection, changes)?
        };
        self.done.add(is_write, rows_read, rows_written);
        let changed_db = changes > 0 || last_row_id != row_id || size_after != size;
        let meta = Meta { duration, changes, last_row_id, changed_db, size_after, rows_read, rows_written };
        Ok(Output { columns, rows, meta })
    }

    fn steps(
        &self,
        before: &[&str],
        last: &str,
        params: &[Value],
        wrote: &mut bool,
        room: &mut usize,
    ) -> Result<Selected, Error> {
        for sql in before {
            let mut statement = self.connection.prepare_cached(sql)?;
            if statement.parameter_count() > 0 {
                return Err(Error::ParametersBeforeLast);
            }
            *wrote |= !statement.readonly();
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
        }
        let mut statement = self.connection.prepare_cached(last)?;
        if statement.parameter_count() != params.len() {
            return Err(Error::Bindings);
        }
        for (index, value) in params.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value)?;
        }
        let is_write = !statement.readonly();
        *wrote |= is_write;
        statement.reset_status(StatementStatus::FullscanStep);
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = Vec::new();
        let mut cursor = statement.raw_query();
        while let Some(row) = cursor.next()? {
            rows.push(take_row(row, columns.len(), room)?);
        }
        drop(cursor);
        let scanned = statement.get_status(StatementStatus::FullscanStep).max(0) as u64;
        let read = rows_read(last, scanned, rows.len() as u64);
        Ok(Selected { columns, rows, read, is_write })
    }

    pub(crate) fn size(&self) -> Result<u64, Error> {
        let _trusted = self.rules.trust();
        let pages: i64 = self.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        Ok(pages.unsigned_abs() * page_size(&self.connection)?)
    }
}

fn page_size(connection: &Connection) -> rusqlite::Result<u64> {
    let size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(size.unsigned_abs().max(512))
}

/// A row's values, while there is room for them among the results.
fn take_row(row: &rusqlite::Row<'_>, columns: usize, room: &mut usize) -> Result<Vec<Value>, Error> {
    let mut values = Vec::with_capacity(columns);
    for index in 0..columns {
        let value = Value::of(row.get_ref(index)?);
        *room = room.checked_sub(value.weight()).ok_or(Error::ResultTooLarge)?;
        values.push(value);
    }
    Ok(values)
}

// === impl Deadline ===

impl Deadline {
    fn set(&self) {
        let due = self.epoch.elapsed() + self.allowed;
        self.due.store(due.as_millis() as u64, Ordering::Relaxed);
    }

    fn clear(&self) {
        self.due.store(u64::MAX, Ordering::Relaxed);
    }

    fn has_passed(&self) -> bool {
        let due = self.due.load(Ordering::Relaxed);
        due != u64::MAX && self.epoch.elapsed().as_millis() as u64 >= due
    }
}
