//! Which objects of a namespace have an alarm, and when: an index over what each object's own storage says, so that the
//! due ones are found without opening all. It may name an object whose alarm is gone; it never lacks an acknowledged one.

use std::path::PathBuf;
use std::sync::Arc;

use store::rusqlite::Connection;
use store::sqlite::{self, Database};
use tokio::sync::OnceCell;

use crate::ObjectId;

const SCHEMA: &[&str] = &["
    CREATE TABLE alarm (id BLOB PRIMARY KEY, due INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX alarm_due ON alarm (due);
"];

/// A namespace's index of alarms.
#[derive(Debug)]
pub struct Alarms {
    path: PathBuf,
    database: OnceCell<Arc<Database>>,
}

// === impl Alarms ===

impl Alarms {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, database: OnceCell::new() }
    }

    /// Notes when an object's alarm is due, in milliseconds since the epoch; `None`: it has none any more.
    pub async fn set(&self, id: ObjectId, due: Option<i64>) -> Result<(), sqlite::Error> {
        if due.is_none() && !self.path.exists() {
            return Ok(());
        }
        let change = move |connection: &Connection| -> Result<(), sqlite::Error> {
            let id = id.as_bytes().as_slice();
            match due {
                Some(due) => {
                    let sql = "INSERT INTO alarm VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET due = excluded.due";
                    connection.prepare_cached(sql)?.execute((id, due))?;
                }
                None => {
                    connection.prepare_cached("DELETE FROM alarm WHERE id = ?1")?.execute([id])?;
                }
            }
            Ok(())
        };
        self.database().await?.write(change).await
    }

    /// All alarms, the soonest first.
    pub async fn all(&self) -> Result<Vec<(ObjectId, i64)>, sqlite::Error> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        self.database().await?.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT lower(hex(id)), due FROM alarm ORDER BY due")?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            let mut alarms = Vec::new();
            for row in rows {
                let (id, due) = row?;
                // What is no id was not written by us.
                alarms.extend(id.parse().ok().map(|id| (id, due)));
            }
            Ok(alarms)
        })
    }

    async fn database(&self) -> Result<Arc<Database>, sqlite::Error> {
        let open = || async {
            let path = self.path.clone();
            let opened = tokio::task::spawn_blocking(move || Database::open(&path, SCHEMA)).await;
            opened.map_err(|_| sqlite::Error::Closed)?.map(Arc::new)
        };
        self.database.get_or_try_init(open).await.cloned()
    }
}
