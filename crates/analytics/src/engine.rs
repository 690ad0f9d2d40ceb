//! The engine: datasets to write to, and queries within bounds of time, memory and number.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::{rusqlite, sqlite};
use tokio::sync::{Semaphore, oneshot};

use crate::account::{Account, now};
use crate::sql::{self, Bounds};
use crate::{Format, Point};

/// Queries of all accounts at a time.
const QUERIES: usize = 4;
/// How long a query waits for its turn, and how long it may take then.
const PATIENCE: Duration = Duration::from_secs(10);
const TIME: Duration = Duration::from_secs(10);
/// Bytes of groups, sorted rows and results.
const MEMORY: usize = 64 << 20;
/// A long sum is a deep tree: code that walks it recurses. The parser bounds how long one may be.
const STACK: usize = 64 << 20;

/// The datasets of all accounts. Clones are the same.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    queries: Arc<Semaphore>,
}

/// A dataset to write to. Clones are the same.
#[derive(Clone, Debug)]
pub struct Dataset {
    account: Arc<Account>,
    name: Arc<str>,
}

/// What a query found, in the format that it asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub format: Format,
    pub body: String,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It can't be read, or asks for what is not there.
    #[error("{0}")]
    Refused(String),
    #[error("the query takes too long: it was stopped after {} seconds", TIME.as_secs())]
    Time,
    #[error("the query takes too much memory: {} MiB are not enough. Ask for fewer groups, fewer rows or fewer columns", MEMORY >> 20)]
    Memory,
    #[error("too many queries are under way: try again later")]
    Busy,
    #[error(transparent)]
    Store(#[from] sqlite::Error),
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

// === impl Engine ===

impl Engine {
    /// With files below `root`, one for each account that has written.
    pub fn new(root: &Path) -> Self {
        let queries = Arc::new(Semaphore::new(QUERIES));
        Self(Arc::new(Inner { root: root.to_owned(), accounts: Mutex::default(), queries }))
    }

    pub fn dataset(&self, account: &str, name: &str) -> Dataset {
        Dataset { account: self.account(account), name: name.into() }
    }

    /// Asks an account's datasets.
    pub async fn query(&self, account: &str, text: &str) -> Result<Answer, QueryError> {
        let account = self.account(account);
        let turn = async {
            // First its own: who asks much waits for itself.
            let own = account.queries.clone().acquire_owned().await.ok()?;
            Some((own, self.0.queries.clone().acquire_owned().await.ok()?))
        };
        let turn = tokio::time::timeout(PATIENCE, turn).await.ok().flatten().ok_or(QueryError::Busy)?;
        let database = account.existing().await?;
        let text = text.to_owned();
        let (done, answered) = oneshot::channel();
        let bounds = Bounds { deadline: Instant::now() + TIME, memory: MEMORY, now: now() };
        let run = move || {
            let _ = done.send(sql::run(database.as_deref(), &text, bounds));
            // Held until here, though nobody may wait for the answer any more.
            drop(turn);
        };
        let spawned = std::thread::Builder::new().name("analytics".into()).stack_size(STACK).spawn(run);
        spawned.map_err(|error| QueryError::Refused(format!("no thread can be started for the query: {error}")))?;
        answered.await.unwrap_or_else(|_| Err(QueryError::Refused("the query broke off".into())))
    }

    fn account(&self, id: &str) -> Arc<Account> {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Account::new(self.0.root.join(format!("{id}.sqlite"))));
        accounts.entry(id.to_owned()).or_insert_with(new).clone()
    }

    /// Whether all that was taken is written.
    #[cfg(test)]
    pub(crate) fn is_idle(&self, account: &str) -> bool {
        self.account(account).is_idle()
    }
}

// === impl Dataset ===

impl Dataset {
    /// Takes a point. It is written soon, and lost where too many wait already.
    pub fn write(&self, point: Point) {
        self.account.take(&self.name, point);
    }
}
