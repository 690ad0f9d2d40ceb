//! `storage.sql`: statements of the object's own, under the platform's rules: no transactions by hand, no other
//! databases, only harmless pragmas, and nothing of the runtime's own tables.

use store::rusqlite::fallible_iterator::FallibleIterator;
use store::rusqlite::{self, Batch, Statement, StatementStatus};
use store::sql::{Growth, Value, rows_read};

use crate::database::Database;
use crate::room::FULL;
use crate::{Error, Storage};

/// What the last statement returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    /// By all statements of the call.
    pub read: u64,
    pub written: u64,
}

/// Bytes of statements (https://developers.cloudflare.com/durable-objects/platform/limits/).
const MAX_SQL: usize = 100_000;
/// Bytes of all rows of one call: they are in memory at once.
const MAX_RESULT: usize = 64 << 20;

const TRANSACTIONS: &str = "To execute a transaction, please use the state.storage.transaction() or \
state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The JavaScript API is \
safer because it will automatically roll back on exceptions, and because it interacts correctly with Durable Objects' \
automatic atomic write coalescing.";

const WRONG_BINDINGS: &str = "Wrong number of parameter bindings for SQL query.";
const LAST_ALONE: &str =
    "When executing multiple SQL statements in a single call, only the last statement can have parameters.";

// === impl Storage ===

impl Storage {
    /// Runs statements one after the other, with `bindings` for the last, whose rows are returned. `stop` is asked again
    /// and again whether to break off.
    pub fn exec(&mut self, sql: &str, bindings: &[Value], stop: fn() -> bool) -> Result<Rows, Error> {
        if sql.len() > MAX_SQL {
            return Err(Error::Sql("statement too long: SQLITE_TOOBIG".into()));
        }
        // Of several statements, the last may turn out not to take the bindings when the others have run.
        let several = !bindings.is_empty() && sql.trim_end().trim_end_matches(';').contains(';');
        if several {
            self.begin(false)?;
        }
        self.change()?;
        let growth = Growth::of(sql);
        let taken = self.take_room(growth)?;
        let needed = sql.len() + bindings.iter().map(bytes_of).sum::<usize>();
        let may_grow = growth < Growth::Grows || taken.as_ref().is_none_or(|taken| taken.has(needed as u64));
        let Some(database) = &mut self.database else { return Err(Error::Closed) };
        database.connection.progress_handler(4096, Some(stop))?;
        let result = database.untrusted(|database| run(database, sql, bindings, may_grow));
        database.connection.progress_handler(0, None::<fn() -> bool>)?;
        self.give_room_back(taken)?;
        if several {
            let ended = self.end(result.is_ok());
            // What ended the transaction says more than that it can't be ended again.
            result.as_ref().map_or(Ok(()), |_| ended)?;
        }
        if growth == Growth::Little && result.is_ok() {
            self.give_pages_back()?;
        }
        result
    }
}

fn run(database: &Database, sql: &str, bindings: &[Value], may_grow: bool) -> Result<Rows, Error> {
    let Database { connection, rules, written, .. } = database;
    // Asked for even when it failed: the next statement's refusal must be its own.
    let told = |error: &rusqlite::Error| told(error, rules.take_refused_transaction());
    written.forget();
    let before = connection.total_changes();
    let mut batch = Batch::new(connection, sql);
    let mut result = Rows::default();
    let (mut read, mut bound) = (0, false);
    while let Some(mut statement) = batch.next().map_err(|error| told(&error))? {
        let wanted = statement.parameter_count();
        if wanted > 0 && !matches!(batch.next(), Ok(None)) {
            return Err(Error::Sql(LAST_ALONE.into()));
        }
        if wanted > 0 && wanted != bindings.len() {
            return Err(Error::Sql(WRONG_BINDINGS.into()));
        }
        // Before SQLite finds it out by itself, which may end the whole transaction.
        if !may_grow && !statement.readonly() {
            return Err(Error::Sql(FULL.into()));
        }
        let given = if wanted > 0 { bindings } else { &[] };
        bound = !given.is_empty();
        result = rows(&mut statement, given).map_err(|error| match error {
            Error::Sqlite(error) => told(&error),
            other => other,
        })?;
        let scanned = u64::from(statement.get_status(StatementStatus::FullscanStep).unsigned_abs());
        read += rows_read(sql, scanned, result.rows.len() as u64);
    }
    if !bindings.is_empty() && !bound {
        return Err(Error::Sql(WRONG_BINDINGS.into()));
    }
    result.read = read;
    let _trusted = rules.trust();
    result.written = written.take(connection, connection.total_changes() - before)?;
    Ok(result)
}

fn rows(statement: &mut Statement<'_>, bindings: &[Value]) -> Result<Rows, Error> {
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = statement.query(rusqlite::params_from_iter(bindings))?;
    let mut result = Rows { columns, ..Rows::default() };
    let mut size = 0;
    while let Some(row) = found.next()? {
        let values: Vec<Value> =
            (0..result.columns.len()).map(|at| row.get_ref(at).map(Value::of)).collect::<Result<_, _>>()?;
        size += values.iter().map(bytes_of).sum::<usize>();
        if size > MAX_RESULT {
            return Err(Error::Sql(format!(
                "The result is larger than {} MiB: ask for fewer rows at a time.",
                MAX_RESULT >> 20
            )));
        }
        result.rows.push(values);
    }
    Ok(result)
}

/// An error as the object sees it: SQLite's words and the name of its code.
fn told(error: &rusqlite::Error, refused_transaction: bool) -> Error {
    let code = error.sqlite_error_code();
    if refused_transaction {
        return Error::Sql(TRANSACTIONS.into());
    }
    let (message, offset) = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => (message.clone(), None),
        rusqlite::Error::SqlInputError { msg, offset, .. } => (msg.clone(), Some(*offset)),
        other => (other.to_string(), None),
    };
    let offset = offset.filter(|offset| *offset >= 0).map(|offset| format!(" at offset {offset}")).unwrap_or_default();
    Error::Sql(format!("{message}{offset}: {}", name(code)))
}

fn name(code: Option<rusqlite::ErrorCode>) -> &'static str {
    use rusqlite::ErrorCode::*;
    match code {
        Some(AuthorizationForStatementDenied) => "SQLITE_AUTH",
        Some(ConstraintViolation) => "SQLITE_CONSTRAINT",
        Some(TypeMismatch) => "SQLITE_MISMATCH",
        Some(TooBig) => "SQLITE_TOOBIG",
        Some(DiskFull) => "SQLITE_FULL",
        Some(OutOfMemory) => "SQLITE_NOMEM",
        Some(OperationInterrupted) => "SQLITE_INTERRUPT",
        Some(ReadOnly) => "SQLITE_READONLY",
        Some(DatabaseBusy) => "SQLITE_BUSY",
        Some(DatabaseLocked) => "SQLITE_LOCKED",
        Some(DatabaseCorrupt) => "SQLITE_CORRUPT",
        Some(ParameterOutOfRange) => "SQLITE_RANGE",
        _ => "SQLITE_ERROR",
    }
}

/// Bytes that a value takes in memory.
fn bytes_of(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
            _ => 0,
        }
}
