//! The points of one account: those that wait are written together, by one task at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use store::sqlite::{self, Database};
use tokio::sync::{OnceCell, Semaphore};

use crate::Point;
use crate::rows::{self, Row};

/// Points that may wait to be written; those past it are lost.
const WAITING: usize = 20_000;
const WAITING_BYTES: usize = 16 << 20;
/// Queries of one account at a time.
const QUERIES: usize = 2;

#[derive(Debug)]
pub(crate) struct Account {
    path: PathBuf,
    database: OnceCell<Arc<Database>>,
    waiting: Mutex<Waiting>,
    pub(crate) queries: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Waiting {
    rows: Vec<Row>,
    bytes: usize,
    lost: u64,
    /// A task writes them.
    is_written: bool,
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

// === impl Account ===

impl Account {
    pub(crate) fn new(path: PathBuf) -> Self {
        let queries = Arc::new(Semaphore::new(QUERIES));
        Self { path, database: OnceCell::new(), waiting: Mutex::default(), queries }
    }

    /// The database, which is made where it is missing.
    async fn database(&self) -> Result<Arc<Database>, sqlite::Error> {
        let open = || async {
            let path = self.path.clone();
            let opening = tokio::task::spawn_blocking(move || Database::open(&path, &[&rows::schema()]));
            opening.await.unwrap_or_else(|error| Err(sqlite::Error::Commit(error.to_string()))).map(Arc::new)
        };
        self.database.get_or_try_init(open).await.cloned()
    }

    /// The database, where there is one: a query makes none.
    pub(crate) async fn existing(&self) -> Result<Option<Arc<Database>>, sqlite::Error> {
        if self.database.initialized() || tokio::fs::try_exists(&self.path).await.unwrap_or(false) {
            return self.database().await.map(Some);
        }
        Ok(None)
    }

    /// Takes a point, to be written soon.
    pub(crate) fn take(self: &Arc<Self>, dataset: &Arc<str>, point: Point) {
        let mut waiting = self.waiting();
        let weight = point.weight();
        if waiting.rows.len() >= WAITING || waiting.bytes + weight > WAITING_BYTES {
            waiting.lost += 1;
            return;
        }
        waiting.bytes += weight;
        waiting.rows.push(Row { dataset: dataset.clone(), timestamp: now(), point });
        if !waiting.is_written {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
            waiting.is_written = true;
            runtime.spawn(self.clone().write());
        }
    }

    /// Writes what waits until nothing does; what comes meanwhile is written with the next commit.
    async fn write(self: Arc<Self>) {
        loop {
            let (rows, lost) = {
                let mut waiting = self.waiting();
                if waiting.rows.is_empty() {
                    waiting.is_written = false;
                    return;
                }
                waiting.bytes = 0;
                (std::mem::take(&mut waiting.rows), std::mem::take(&mut waiting.lost))
            };
            let count = rows.len();
            if lost > 0 {
                tracing::warn!(lost, path = %self.path.display(), "data points came faster than they could be written");
            }
            let written = match self.database().await {
                Ok(database) => {
                    database
                        .write(move |connection| rows::insert(connection, &rows, now()).map_err(sqlite::Error::from))
                        .await
                }
                Err(error) => Err(error),
            };
            match written {
                Ok(0) => {}
                Ok(lost) => tracing::warn!(lost, "data points are lost: their account has too many datasets"),
                Err(error) => tracing::error!(%error, count, "data points are lost"),
            }
        }
    }

    /// Whether nothing waits to be written.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        !self.waiting().is_written
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
