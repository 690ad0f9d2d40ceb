//! What Workers used in each minute of the last day, for charts: in a small database beside the registry, so that it outlives a
//! restart. The minute that goes on is counted in memory until it has ended.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use registry::Stamp;
use store::rusqlite::{Connection, named_params, params};
use store::sqlite::{self, Database};
use tokio_util::sync::CancellationToken;

use crate::Platform;
use crate::meter::Counts;

/// Minutes that are kept, and a few to look back from.
const KEPT: i64 = 24 * 60 + 60;
/// `worker` is empty in what all Workers of an account used together. CPU time in microseconds.
const SCHEMA: &[&str] = &["
    CREATE TABLE minute (
        account TEXT NOT NULL, worker TEXT NOT NULL, minute INTEGER NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, cpu INTEGER NOT NULL,
        PRIMARY KEY (account, worker, minute)
    ) WITHOUT ROWID;
    CREATE INDEX minute_of ON minute (minute);
"];

pub struct History {
    database: Database,
    /// What is in the database already of each Worker's counts since the start.
    noted: Mutex<HashMap<(String, String), Used>>,
}

/// What was used in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub requests: u64,
    /// Events that ended without an answer of their Worker.
    pub errors: u64,
    pub cpu: Duration,
}

/// The last while in steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// When the first step begins, in seconds since the Unix epoch.
    pub from: i64,
    pub step: Duration,
    pub used: Vec<Used>,
}

// === impl History ===

impl History {
    pub(crate) fn open(path: &Path) -> Result<Self, sqlite::Error> {
        Ok(Self { database: Database::open(path, SCHEMA)?, noted: Mutex::default() })
    }

    /// Notes what the counts have grown by, as used in this minute.
    async fn note(&self, counts: &[((String, String), Counts)], minute: i64) -> Result<(), sqlite::Error> {
        let mut more = HashMap::<(String, String), Used>::new();
        {
            let mut noted = self.noted();
            for (key, counts) in counts.iter().filter(|(key, _)| !key.1.is_empty()) {
                let now = Used::of(counts);
                let grown = now.since(noted.insert(key.clone(), now).unwrap_or_default());
                if grown == Used::default() {
                    continue;
                }
                more.entry(key.clone()).or_default().add(grown);
                more.entry((key.0.clone(), String::new())).or_default().add(grown);
            }
        }
        if more.is_empty() && minute % 60 != 0 {
            return Ok(());
        }
        let change = move |connection: &Connection| {
            let mut add = connection.prepare_cached(
                "INSERT INTO minute VALUES (:account, :worker, :minute, :requests, :errors, :cpu)
                 ON CONFLICT DO UPDATE SET requests = requests + :requests, errors = errors + :errors, cpu = cpu + :cpu",
            )?;
            for ((account, worker), used) in &more {
                add.execute(named_params! {
                    ":account": account, ":worker": worker, ":minute": minute, ":requests": used.requests as i64,
                    ":errors": used.errors as i64, ":cpu": used.cpu.as_micros() as i64,
                })?;
            }
            connection.execute("DELETE FROM minute WHERE minute < ?1", [minute - KEPT])?;
            Ok(())
        };
        self.database.write(change).await
    }

    /// What a Worker of the account used, or all of them, in so many steps of so many minutes that end with the present one.
    fn series(
        &self,
        account: &str,
        worker: Option<&str>,
        counts: &[((String, String), Counts)],
        (now, step, steps): (i64, i64, usize),
    ) -> Result<Series, sqlite::Error> {
        let first = now.div_euclid(step) - steps as i64 + 1;
        let mut used = vec![Used::default(); steps];
        // Nothing is counted twice: what is noted is told from what is not under one lock. What is just being written is missing
        // for that moment.
        let noted = self.noted();
        for ((_, name), counts) in counts.iter().filter(|((owner, name), _)| owner == account && !name.is_empty()) {
            if worker.is_none_or(|worker| worker == name) {
                let known = noted.get(&(account.to_owned(), name.clone())).copied().unwrap_or_default();
                used[steps - 1].add(Used::of(counts).since(known));
            }
        }
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT minute, requests, errors, cpu FROM minute WHERE account = ?1 AND worker = ?2 AND minute >= ?3",
            )?;
            let mut rows = statement.query(params![account, worker.unwrap_or_default(), first * step])?;
            while let Some(row) = rows.next()? {
                let at = usize::try_from(row.get::<_, i64>(0)?.div_euclid(step) - first).ok();
                if let Some(used) = at.and_then(|at| used.get_mut(at)) {
                    let number = |at| row.get::<_, i64>(at).map(|number| u64::try_from(number).unwrap_or_default());
                    let cpu = Duration::from_micros(number(3)?);
                    used.add(Used { requests: number(1)?, errors: number(2)?, cpu });
                }
            }
            Ok::<(), sqlite::Error>(())
        })?;
        drop(noted);
        Ok(Series { from: first * step * 60, step: Duration::from_secs(step as u64 * 60), used })
    }

    /// Requests of the account's Workers that are noted from this minute on.
    pub(crate) fn requests_since(&self, account: &str, minute: i64) -> Result<u64, sqlite::Error> {
        self.database.read(|connection| {
            let sql =
                "SELECT coalesce(sum(requests), 0) FROM minute WHERE account = ?1 AND worker = '' AND minute >= ?2";
            let requests: i64 = connection.query_row(sql, params![account, minute], |row| row.get(0))?;
            Ok::<_, sqlite::Error>(requests.unsigned_abs())
        })
    }

    fn noted(&self) -> MutexGuard<'_, HashMap<(String, String), Used>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Used ===

impl Used {
    fn of(counts: &Counts) -> Self {
        Self { requests: counts.requests, errors: counts.failures(), cpu: counts.cpu }
    }

    fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(before.requests),
            errors: self.errors.saturating_sub(before.errors),
            cpu: self.cpu.saturating_sub(before.cpu),
        }
    }

    fn add(&mut self, more: Self) {
        self.requests += more.requests;
        self.errors += more.errors;
        self.cpu += more.cpu;
    }
}

// === impl Platform ===

impl Platform {
    /// Notes what Workers use, minute by minute, until `stop` fires, and then once what is left.
    pub async fn run_history(self, stop: CancellationToken) {
        loop {
            let now = Stamp::now().0;
            let left = Duration::from_millis((60_000 - now.rem_euclid(60_000)) as u64);
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(left) => false,
            };
            // What was counted up to now was used in the minute that the wait began in.
            self.note_history(now.div_euclid(60_000)).await;
            if stopped {
                return;
            }
        }
    }

    async fn note_history(&self, minute: i64) {
        if let Err(error) = self.0.history.note(&self.counts(), minute).await {
            tracing::error!(%error, "what Workers used can't be noted");
        }
    }

    /// What a Worker of the account used, or all of them, in the last while: so many steps of so many minutes, the last of which goes on.
    pub fn history(
        &self,
        account: &str,
        worker: Option<&str>,
        step: u32,
        steps: usize,
    ) -> Result<Series, registry::Error> {
        let now = Stamp::now().0.div_euclid(60_000);
        Ok(self.0.history.series(account, worker, &self.counts(), (now, step.into(), steps))?)
    }

    fn counts(&self) -> Vec<((String, String), Counts)> {
        self.meters().all().into_iter().map(|(key, counts, _)| (key, counts)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(worker: &str, requests: u64, exceptions: u64) -> ((String, String), Counts) {
        let counts = Counts { requests, exceptions, cpu: Duration::from_millis(requests), ..Counts::default() };
        (("a".into(), worker.into()), counts)
    }

    fn requests(series: &Series) -> Vec<u64> {
        series.used.iter().map(|used| used.requests).collect()
    }

    #[tokio::test]
    async fn minutes_add_up_to_steps_and_outlive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.sqlite");
        let history = History::open(&path).unwrap();
        history.note(&[counts("x", 10, 1), counts("y", 5, 0)], 1000).await.unwrap();
        history.note(&[counts("x", 12, 1), counts("y", 5, 0)], 1001).await.unwrap();
        let now = [counts("x", 15, 3), counts("y", 6, 0)];
        let x = history.series("a", Some("x"), &now, (1002, 1, 4)).unwrap();
        assert_eq!((requests(&x), x.from), (vec![0, 10, 2, 3], 999 * 60));
        assert_eq!((x.used[1].errors, x.used[3].errors), (1, 2));
        assert_eq!(x.used[1].cpu, Duration::from_millis(10));
        let all = history.series("a", None, &now, (1002, 2, 2)).unwrap();
        assert_eq!((requests(&all), all.from, all.step), (vec![17, 4], 1000 * 60, Duration::from_secs(120)));
        assert_eq!(requests(&history.series("b", None, &now, (1002, 2, 2)).unwrap()), [0, 0]);

        // The same minute, after a restart: counts begin at 0 again.
        history.note(&now, 1002).await.unwrap();
        drop(history);
        let history = History::open(&path).unwrap();
        history.note(&[counts("x", 1, 0)], 1002).await.unwrap();
        assert_eq!(requests(&history.series("a", Some("x"), &[counts("x", 2, 0)], (1002, 1, 2)).unwrap()), [2, 5]);

        // What is old goes.
        history.note(&[counts("x", 2, 0)], 1003 + KEPT).await.unwrap();
        assert_eq!(
            requests(&history.series("a", Some("x"), &[counts("x", 2, 0)], (1003, 1, 4)).unwrap()),
            [0, 0, 0, 0]
        );
    }
}
