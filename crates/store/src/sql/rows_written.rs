//! How many rows a statement wrote: in tables, and in the indexes on them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::hooks::Action;
use rusqlite::{Connection, Result};

/// Writes by table since they were last asked for.
#[derive(Clone, Debug, Default)]
pub struct RowsWritten(Arc<Mutex<BTreeMap<String, Writes>>>);

#[derive(Clone, Copy, Debug, Default)]
struct Writes {
    /// Rows that came or went: each is in every index too.
    moved: u64,
    updated: u64,
}

// === impl RowsWritten ===

impl RowsWritten {
    /// Counts on `connection` from now on.
    pub fn watch(connection: &mut Connection) -> Result<Self> {
        let counted = Self::default();
        let counts = counted.clone();
        connection.update_hook(Some(move |action: Action, _: &str, table: &str, _: i64| {
            let mut tables = counts.tables();
            if !tables.contains_key(table) {
                tables.insert(table.to_owned(), Writes::default());
            }
            let Some(writes) = tables.get_mut(table) else { return };
            match action {
                Action::SQLITE_UPDATE => writes.updated += 1,
                _ => writes.moved += 1,
            }
        }))?;
        Ok(counted)
    }

    pub fn forget(&self) {
        self.tables().clear();
    }

    /// The count, with indexes. SQLite tells of rows in tables without a rowid only by `changes`.
    pub fn take(&self, connection: &Connection, changes: u64) -> Result<u64> {
        let tables = std::mem::take(&mut *self.tables());
        let mut written = 0;
        for (table, writes) in tables {
            let mut indexes = 0;
            if writes.moved > 0 {
                let sql = "SELECT count(*) FROM pragma_index_list(?1)";
                indexes = connection.query_row(sql, [table], |row| row.get::<_, i64>(0))?.unsigned_abs();
            }
            written += writes.moved * (1 + indexes) + writes.updated;
        }
        Ok(written.max(changes))
    }

    fn tables(&self) -> MutexGuard<'_, BTreeMap<String, Writes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
