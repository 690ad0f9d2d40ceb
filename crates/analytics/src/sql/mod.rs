//! The SQL that datasets are asked with: parsed in ClickHouse's dialect, compiled to expressions with types, and carried out here
//! over the rows that SQLite gives. No text of a query reaches SQLite.
//!
//! <https://developers.cloudflare.com/analytics/analytics-engine/sql-reference/>

mod aggregate;
mod compile;
mod execute;
mod expression;
mod format;
mod function;
mod number;
mod parse;
mod plan;
mod text;
mod time;
mod value;

pub use format::Format;
pub(crate) use value::Value;

use std::time::Instant;

use store::sqlite::Database;

use crate::{Answer, QueryError, rows};
use format::Table;
use parse::{Asked, Parsed};

/// What a query may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) deadline: Instant,
    /// Bytes.
    pub(crate) memory: usize,
    /// What `now()` is: seconds since the Unix epoch.
    pub(crate) now: i64,
}

/// Answers a query of one account, whose database this is; `None`: it has written nothing.
pub(crate) fn run(database: Option<&Database>, text: &str, bounds: Bounds) -> Result<Answer, QueryError> {
    let Parsed { asked, format } = parse::parse(text)?;
    let table = match asked {
        Asked::Tables => {
            let names =
                database.map(|database| database.read(|connection| Ok::<_, QueryError>(rows::datasets(connection)?)));
            let names = names.transpose()?.unwrap_or_default();
            Table::of_texts("dataset", names)
        }
        Asked::Timezones => Table::of_texts("timezone", time::UTC.map(str::to_owned).to_vec()),
        Asked::Timezone => Table::of_texts("timezone", vec!["Etc/UTC".into()]),
        Asked::Select(query) => {
            let known = |name: &str| match database {
                Some(database) => {
                    database.read(|connection| Ok::<_, QueryError>(rows::known_dataset(connection, name)?.is_some()))
                }
                None => Ok(false),
            };
            let plan = plan::plan(&query, bounds.now, &known)?;
            execute::execute(database, &plan, bounds)?
        }
    };
    Ok(Answer { format, body: format.write(&table) })
}

fn refused(message: impl Into<String>) -> QueryError {
    QueryError::Refused(message.into())
}

fn unsupported(what: impl std::fmt::Display) -> QueryError {
    refused(format!("{what} is not supported"))
}
