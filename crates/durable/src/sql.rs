//! `storage.sql`: statements of the object's own, under the platform's rules: no transactions by hand, no other
//! databases, only harmless pragmas, and nothing of the runtime's own tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::rusqlite::fallible_iterator::FallibleIterator;
use store::rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use store::rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use store::rusqlite::{self, Batch, Connection, Statement, StatementStatus};

use crate::{Error, Storage};

/// What a statement is given and what it returns.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// What the last statement returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    /// Rows that were looked at, as far as SQLite tells: those returned, and those of full scans.
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

/// Installs the rules; they hold while `switch` is on.
pub(crate) fn guard(connection: &mut Connection, switch: Arc<AtomicBool>) -> rusqlite::Result<()> {
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        match switch.load(Ordering::Relaxed) && !is_allowed(&context.action) {
            true => Authorization::Deny,
            false => Authorization::Allow,
        }
    }))
}

fn is_allowed(action: &AuthAction<'_>) -> bool {
    use AuthAction::*;
    let free = |name: &str| !name.to_ascii_lowercase().starts_with("_cf_");
    match action {
        Transaction { .. } | Savepoint { .. } | Attach { .. } | Detach { .. } | Unknown { .. } => false,
        CreateTempIndex { .. } | CreateTempTable { .. } | CreateTempTrigger { .. } | CreateTempView { .. } => false,
        DropTempIndex { .. } | DropTempTable { .. } | DropTempTrigger { .. } | DropTempView { .. } => false,
        Pragma { pragma_name, .. } => is_harmless(pragma_name),
        CreateVtable { module_name, .. } => module_name.to_ascii_lowercase().starts_with("fts5"),
        Function { function_name } => !matches!(*function_name, "load_extension" | "fts3_tokenizer"),
        CreateIndex { table_name, index_name } | DropIndex { table_name, index_name } => {
            free(table_name) && free(index_name)
        }
        CreateTrigger { table_name, trigger_name } | DropTrigger { table_name, trigger_name } => {
            free(table_name) && free(trigger_name)
        }
        CreateTable { table_name }
        | DropTable { table_name }
        | Insert { table_name }
        | Delete { table_name }
        | Read { table_name, .. }
        | Update { table_name, .. }
        | AlterTable { table_name, .. }
        | Analyze { table_name }
        | DropVtable { table_name, .. } => free(table_name),
        CreateView { view_name } | DropView { view_name } => free(view_name),
        _ => true,
    }
}

/// https://developers.cloudflare.com/d1/sql-api/sql-statements/#compatible-pragma-statements
fn is_harmless(pragma: &str) -> bool {
    const HARMLESS: &[&str] = &[
        "case_sensitive_like",
        "data_version",
        "defer_foreign_keys",
        "foreign_key_check",
        "foreign_key_list",
        "foreign_keys",
        "function_list",
        "ignore_check_constraints",
        "index_info",
        "index_list",
        "index_xinfo",
        "legacy_alter_table",
        "optimize",
        "quick_check",
        "recursive_triggers",
        "reverse_unordered_selects",
        "table_info",
        "table_list",
        "table_xinfo",
    ];
    HARMLESS.contains(&pragma.to_ascii_lowercase().as_str())
}

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
            self.begin()?;
        }
        let guarded = self.guarded.clone();
        let connection = self.change()?;
        connection.progress_handler(4096, Some(stop))?;
        guarded.store(true, Ordering::Relaxed);
        let result = run(connection, sql, bindings);
        guarded.store(false, Ordering::Relaxed);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        if several {
            self.end(result.is_ok())?;
        }
        result
    }
}

fn run(connection: &Connection, sql: &str, bindings: &[Value]) -> Result<Rows, Error> {
    let before = connection.total_changes();
    let mut batch = Batch::new(connection, sql);
    let mut result = Rows::default();
    let (mut read, mut bound) = (0, false);
    while let Some(mut statement) = batch.next().map_err(|error| told(&error, sql))? {
        let wanted = statement.parameter_count();
        if wanted > 0 && !matches!(batch.next(), Ok(None)) {
            return Err(Error::Sql(LAST_ALONE.into()));
        }
        if wanted > 0 && wanted != bindings.len() {
            return Err(Error::Sql(WRONG_BINDINGS.into()));
        }
        let given = if wanted > 0 { bindings } else { &[] };
        bound = !given.is_empty();
        result = rows(&mut statement, given).map_err(|error| match error {
            Error::Sqlite(error) => told(&error, sql),
            other => other,
        })?;
        read +=
            result.rows.len() as u64 + u64::from(statement.get_status(StatementStatus::FullscanStep).unsigned_abs());
    }
    if !bindings.is_empty() && !bound {
        return Err(Error::Sql(WRONG_BINDINGS.into()));
    }
    result.read = read;
    result.written = connection.total_changes() - before;
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
        size += values.iter().map(Value::size).sum::<usize>();
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
fn told(error: &rusqlite::Error, sql: &str) -> Error {
    let code = error.sqlite_error_code();
    if code == Some(rusqlite::ErrorCode::AuthorizationForStatementDenied) {
        let word =
            sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_ascii_uppercase();
        if matches!(word.as_str(), "BEGIN" | "SAVEPOINT" | "COMMIT" | "END" | "ROLLBACK" | "RELEASE") {
            return Error::Sql(TRANSACTIONS.into());
        }
        return Error::Sql("not authorized: SQLITE_AUTH".into());
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

// === impl Value ===

impl Value {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Real(value) => Self::Real(value),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Text(text) => text.len(),
                Self::Blob(bytes) => bytes.len(),
                _ => 0,
            }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
