//! Why a query failed, in the platform's words.

use store::rusqlite::{self, ffi};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refused the statement, or failed in it.
    #[error("{0}")]
    Sql(String),
    #[error("No SQL statements detected.")]
    NoStatement,
    #[error("Wrong number of parameter bindings for SQL query.")]
    Bindings,
    #[error("When executing multiple SQL statements in a single call, only the last statement can have parameters.")]
    ParametersBeforeLast,
    #[error(
        "To execute a transaction, please use the state.storage.transaction() or state.storage.transactionSync() APIs \
         instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The JavaScript API is safer because it will \
         automatically roll back on exceptions, and because it interacts correctly with Durable Objects' automatic \
         atomic write coalescing."
    )]
    Transaction,
    #[error("D1 DB storage operation exceeded timeout which caused object to be reset.")]
    Timeout,
    #[error("Exceeded maximum DB size.")]
    Full,
    #[error("The result of the query is larger than 50 MB. Select fewer rows or columns at once.")]
    ResultTooLarge,
    #[error("The database does not exist any more.")]
    Deleted,
    /// The text that is imported is not UTF-8.
    #[error("The file is not UTF-8 text.")]
    NotText,
    #[error("cannot export databases with Virtual Tables (fts5)")]
    VirtualTable,
    #[error("{what}: {source}")]
    Io { what: &'static str, source: std::io::Error },
    #[error(transparent)]
    Store(#[from] store::sqlite::Error),
    #[error("the query broke off: {0}")]
    BrokeOff(String),
}

/// An error of one statement among several.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failed {
    /// The statement's place in what was asked for.
    pub at: usize,
    pub error: Error,
}

// === impl Error ===

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqlInputError { error, msg, offset, .. } => {
                Self::of_sqlite(error, &format!("{msg} at offset {offset}"))
            }
            rusqlite::Error::SqliteFailure(error, Some(message)) => Self::of_sqlite(error, &message),
            other => Self::Sql(format!("{other}: SQLITE_ERROR")),
        }
    }
}

impl Error {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    /// Whether the machine failed rather than the query.
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Store(_) | Self::BrokeOff(_) | Self::Io { .. })
    }

    fn of_sqlite(error: ffi::Error, message: &str) -> Self {
        match error.code {
            ffi::ErrorCode::OperationInterrupted => return Self::Timeout,
            ffi::ErrorCode::DiskFull => return Self::Full,
            _ => {}
        }
        let name = code_name(error.extended_code & 0xff);
        match constraint_name(error.extended_code) {
            Some(extended) => Self::Sql(format!("{message}: {name} (extended: {extended})")),
            None => Self::Sql(format!("{message}: {name}")),
        }
    }
}

/// <https://www.sqlite.org/rescode.html#primary_result_code_list>
fn code_name(code: i32) -> &'static str {
    match code {
        ffi::SQLITE_INTERNAL => "SQLITE_INTERNAL",
        ffi::SQLITE_PERM => "SQLITE_PERM",
        ffi::SQLITE_ABORT => "SQLITE_ABORT",
        ffi::SQLITE_BUSY => "SQLITE_BUSY",
        ffi::SQLITE_LOCKED => "SQLITE_LOCKED",
        ffi::SQLITE_NOMEM => "SQLITE_NOMEM",
        ffi::SQLITE_READONLY => "SQLITE_READONLY",
        ffi::SQLITE_IOERR => "SQLITE_IOERR",
        ffi::SQLITE_CORRUPT => "SQLITE_CORRUPT",
        ffi::SQLITE_NOTFOUND => "SQLITE_NOTFOUND",
        ffi::SQLITE_CANTOPEN => "SQLITE_CANTOPEN",
        ffi::SQLITE_PROTOCOL => "SQLITE_PROTOCOL",
        ffi::SQLITE_SCHEMA => "SQLITE_SCHEMA",
        ffi::SQLITE_TOOBIG => "SQLITE_TOOBIG",
        ffi::SQLITE_CONSTRAINT => "SQLITE_CONSTRAINT",
        ffi::SQLITE_MISMATCH => "SQLITE_MISMATCH",
        ffi::SQLITE_MISUSE => "SQLITE_MISUSE",
        ffi::SQLITE_AUTH => "SQLITE_AUTH",
        ffi::SQLITE_RANGE => "SQLITE_RANGE",
        ffi::SQLITE_NOTADB => "SQLITE_NOTADB",
        _ => "SQLITE_ERROR",
    }
}

fn constraint_name(code: i32) -> Option<&'static str> {
    Some(match code {
        ffi::SQLITE_CONSTRAINT_CHECK => "SQLITE_CONSTRAINT_CHECK",
        ffi::SQLITE_CONSTRAINT_DATATYPE => "SQLITE_CONSTRAINT_DATATYPE",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "SQLITE_CONSTRAINT_FOREIGNKEY",
        ffi::SQLITE_CONSTRAINT_FUNCTION => "SQLITE_CONSTRAINT_FUNCTION",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "SQLITE_CONSTRAINT_NOTNULL",
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "SQLITE_CONSTRAINT_PRIMARYKEY",
        ffi::SQLITE_CONSTRAINT_ROWID => "SQLITE_CONSTRAINT_ROWID",
        ffi::SQLITE_CONSTRAINT_TRIGGER => "SQLITE_CONSTRAINT_TRIGGER",
        ffi::SQLITE_CONSTRAINT_UNIQUE => "SQLITE_CONSTRAINT_UNIQUE",
        ffi::SQLITE_CONSTRAINT_VTAB => "SQLITE_CONSTRAINT_VTAB",
        _ => return None,
    })
}
