//! A database as SQL text that makes it anew, as the platform writes it:
//! <https://developers.cloudflare.com/d1/best-practices/import-export-data/>

use std::io::Write;

use store::rusqlite::Connection;
use store::rusqlite::types::ValueRef;

use crate::Error;

/// What of a database is exported.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    pub schema: bool,
    pub data: bool,
    /// None: all.
    pub tables: Vec<String>,
}

// === impl ExportOptions ===

impl ExportOptions {
    fn has(&self, table: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|wanted| wanted == table)
    }
}

pub(crate) fn dump(connection: &Connection, options: &ExportOptions, out: &mut dyn Write) -> Result<(), Error> {
    line(out, "PRAGMA defer_foreign_keys=TRUE;")?;
    let tables = named(
        connection,
        "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'table' AND sql NOT NULL
         ORDER BY name = 'sqlite_sequence', rowid",
    )?;
    for Named { name, sql, .. } in tables.iter().filter(|table| options.has(&table.name)) {
        if name == "sqlite_sequence" {
            if options.data {
                line(out, "DELETE FROM sqlite_sequence;")?;
            }
        } else if name.starts_with("sqlite_") || name.starts_with("_cf_") {
            continue;
        } else if sql.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("CREATE VIRTUAL")) {
            return Err(Error::VirtualTable);
        } else if options.schema {
            line(out, &format!("{sql};"))?;
        }
        if options.data {
            rows(connection, name, out)?;
        }
    }
    if !options.schema {
        return Ok(());
    }
    let rest = named(
        connection,
        "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger', 'view') AND sql NOT NULL
         ORDER BY type, rowid",
    )?;
    for Named { sql, .. } in rest.iter().filter(|named| options.has(&named.table)) {
        line(out, &format!("{sql};"))?;
    }
    Ok(())
}

struct Named {
    name: String,
    /// The table that it belongs to.
    table: String,
    sql: String,
}

fn named(connection: &Connection, sql: &str) -> Result<Vec<Named>, Error> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok(Named { name: row.get(0)?, table: row.get(1)?, sql: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One INSERT for each row, without the columns that SQLite computes.
fn rows(connection: &Connection, table: &str, out: &mut dyn Write) -> Result<(), Error> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let columns = statement.query_map([table], |row| row.get::<_, String>(0))?;
    let columns: Vec<String> = columns.map(|name| Ok(quoted(&name?))).collect::<Result<_, Error>>()?;
    let (columns, table) = (columns.join(","), quoted(table));
    let mut statement = connection.prepare(&format!("SELECT {columns} FROM {table}"))?;
    let count = statement.column_count();
    let mut rows = statement.query([])?;
    let start = format!("INSERT INTO {table} ({columns}) VALUES(");
    while let Some(row) = rows.next()? {
        let mut text = start.clone();
        for index in 0..count {
            text.push_str(if index > 0 { "," } else { "" });
            literal(&mut text, row.get_ref(index)?);
        }
        text.push_str(");");
        line(out, &text)?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, text: &str) -> Result<(), Error> {
    out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(Error::io("the export can't be written"))
}

/// A name as an identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => text.push_str("NULL"),
        ValueRef::Integer(value) => text.push_str(&value.to_string()),
        ValueRef::Real(f64::INFINITY) => text.push_str("9e999"),
        ValueRef::Real(f64::NEG_INFINITY) => text.push_str("-9e999"),
        ValueRef::Real(value) => text.push_str(&format!("{value:?}")),
        ValueRef::Blob(bytes) => hex(text, bytes),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(string) if !string.contains('\0') => {
                text.push('\'');
                text.push_str(&string.replace('\'', "''"));
                text.push('\'');
            }
            // SQL text can hold neither a zero nor broken UTF-8.
            _ => {
                text.push_str("CAST(");
                hex(text, bytes);
                text.push_str(" AS TEXT)");
            }
        },
    }
}

fn hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push_str("X'");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text.push('\'');
}
