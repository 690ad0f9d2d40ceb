//! Points as rows of SQLite, one database for each account. What a point leaves out is null there, and reads as empty or zero.

use std::ops::ControlFlow;

use store::rusqlite::types::ValueRef;
use store::rusqlite::{self, Connection, OptionalExtension, params_from_iter};

use crate::point::MEMBERS;
use crate::sql::Value;
use crate::{Point, QueryError};

/// Seconds: three months.
pub(crate) const RETENTION: i64 = 92 * 24 * 60 * 60;
/// What one account may keep; past it, the oldest points go.
const MAX_BYTES: i64 = 1 << 30;
/// Datasets of one account; points for more are lost.
const MAX_DATASETS: i64 = 10_000;
/// So many points past their time go with one write.
const SWEEP: i64 = 4096;

/// Columns as a query names them, and as they are here.
pub(crate) fn columns() -> impl Iterator<Item = String> {
    let members = (1..=MEMBERS).map(|n| format!("blob{n}")).chain((1..=MEMBERS).map(|n| format!("double{n}")));
    ["dataset", "timestamp", "_sample_interval", "index1"].map(str::to_owned).into_iter().chain(members)
}

pub(crate) const DATASET: usize = 0;
pub(crate) const TIMESTAMP: usize = 1;
pub(crate) const SAMPLE_INTERVAL: usize = 2;
const FIRST_BLOB: usize = 4;
const FIRST_DOUBLE: usize = FIRST_BLOB + MEMBERS;

pub(crate) fn is_text(column: usize) -> bool {
    column == DATASET || (SAMPLE_INTERVAL < column && column < FIRST_DOUBLE)
}

/// Seconds since the Unix epoch are times here.
pub(crate) fn schema() -> String {
    let blobs: String = (1..=MEMBERS).map(|n| format!(", blob{n} TEXT")).collect();
    let doubles: String = (1..=MEMBERS).map(|n| format!(", double{n} REAL")).collect();
    format!(
        "CREATE TABLE dataset (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE point (
             id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL, timestamp INTEGER NOT NULL, index1 TEXT{blobs}{doubles}
         ) STRICT;
         CREATE INDEX point_time ON point (dataset, timestamp);"
    )
}

/// A point on its way into the database.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) dataset: std::sync::Arc<str>,
    pub(crate) timestamp: i64,
    pub(crate) point: Point,
}

/// Writes points, and removes what is too old or too much. How many had no place.
pub(crate) fn insert(connection: &Connection, rows: &[Row], now: i64) -> rusqlite::Result<u64> {
    let marks = vec!["?"; 3 + 2 * MEMBERS].join(", ");
    let sql = format!("INSERT INTO point VALUES (NULL, {marks})");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut lost = 0;
    for Row { dataset, timestamp, point } in rows {
        let Some(dataset) = dataset_id(connection, dataset)? else {
            lost += 1;
            continue;
        };
        let mut values: Vec<rusqlite::types::Value> = vec![dataset.into(), (*timestamp).into()];
        values.push(point.index.clone().into());
        for at in 0..MEMBERS {
            values.push(point.blobs.get(at).cloned().flatten().into());
        }
        for at in 0..MEMBERS {
            // A NaN is none to SQLite, as is what was left out.
            values.push(point.doubles.get(at).copied().into());
        }
        statement.execute(params_from_iter(values))?;
    }
    drop(statement);
    sweep(connection, rows.len() as i64, now)?;
    Ok(lost)
}

/// The number of a dataset, which has one from its first point on. `None`: there are too many.
fn dataset_id(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    if let Some(id) = known_dataset(connection, name)? {
        return Ok(Some(id));
    }
    let count: i64 = connection.query_row("SELECT count(*) FROM dataset", [], |row| row.get(0))?;
    if count >= MAX_DATASETS {
        return Ok(None);
    }
    connection.execute("INSERT INTO dataset (name) VALUES (?1)", [name])?;
    Ok(Some(connection.last_insert_rowid()))
}

pub(crate) fn known_dataset(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut find = connection.prepare_cached("SELECT id FROM dataset WHERE name = ?1")?;
    find.query_row([name], |row| row.get(0)).optional()
}

pub(crate) fn datasets(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM dataset ORDER BY name")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Removes the oldest points: those past their time, and twice as many as came where there is no room.
fn sweep(connection: &Connection, came: i64, now: i64) -> rusqlite::Result<()> {
    let old = "DELETE FROM point WHERE id IN (SELECT id FROM point ORDER BY id LIMIT ?1) AND timestamp < ?2";
    connection.prepare_cached(old)?.execute([SWEEP, now - RETENTION])?;
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let used = (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?;
    if used > MAX_BYTES {
        let oldest = "DELETE FROM point WHERE id IN (SELECT id FROM point ORDER BY id LIMIT ?1)";
        connection.prepare_cached(oldest)?.execute([2 * came])?;
    }
    Ok(())
}

/// Which points a query looks at, and what of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) dataset: String,
    /// Columns by their numbers.
    pub(crate) columns: Vec<usize>,
    /// The first and the last second.
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// Gives each wanted point to `each`, the oldest first.
pub(crate) fn scan(
    connection: &Connection,
    wanted: &Wanted,
    each: &mut dyn FnMut(Vec<Value>) -> Result<ControlFlow<()>, QueryError>,
) -> Result<(), QueryError> {
    let Some(id) = known_dataset(connection, &wanted.dataset)? else { return Ok(()) };
    let names: Vec<String> = columns().collect();
    let stored = |column: &&usize| **column != DATASET && **column != SAMPLE_INTERVAL;
    let mut list: Vec<&str> = wanted.columns.iter().filter(stored).map(|column| names[*column].as_str()).collect();
    list.push("1");
    let list = list.join(", ");
    let sql =
        format!("SELECT {list} FROM point WHERE dataset = ?1 AND timestamp BETWEEN ?2 AND ?3 ORDER BY timestamp, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([id, wanted.from, wanted.to])?;
    let dataset: std::sync::Arc<str> = wanted.dataset.as_str().into();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(wanted.columns.len());
        let mut at = 0;
        for column in &wanted.columns {
            values.push(match *column {
                DATASET => Value::Text(dataset.clone()),
                SAMPLE_INTERVAL => Value::Int(1),
                column => {
                    let value = row.get_ref(at)?;
                    at += 1;
                    value_of(column, value)
                }
            });
        }
        if each(values)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn value_of(column: usize, value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(seconds) if column == TIMESTAMP => Value::Time(seconds),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Integer(number) => Value::Float(number as f64),
        ValueRef::Text(text) | ValueRef::Blob(text) => Value::Text(String::from_utf8_lossy(text).into()),
        ValueRef::Null if is_text(column) => Value::Text("".into()),
        ValueRef::Null => Value::Float(0.0),
    }
}
