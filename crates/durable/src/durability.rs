//! When commits of one storage are durable: when the journal has them.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::Error;
use crate::journal::Queue;

pub struct Durability {
    /// The number of the last commit.
    committed: watch::Receiver<u64>,
    durable: AtomicU64,
    records: Mutex<Records>,
    lost: AtomicBool,
    losing: Notify,
}

#[derive(Default)]
struct Records {
    queue: Option<Arc<Queue>>,
    /// Commits and the records that have them, the last and all that are not known to be durable.
    waiting: VecDeque<(u64, u64)>,
    failed: Option<Arc<io::Error>>,
}

// === impl Durability ===

impl Durability {
    pub(crate) fn new(committed: watch::Receiver<u64>) -> Self {
        Self {
            committed,
            durable: AtomicU64::new(0),
            records: Mutex::default(),
            lost: AtomicBool::new(false),
            losing: Notify::new(),
        }
    }

    /// Whether commit `number` and all before it are durable.
    pub fn has(&self, number: u64) -> bool {
        if self.durable.load(Ordering::Acquire) >= number {
            return true;
        }
        if *self.committed.borrow() < number {
            return false;
        }
        let records = self.records();
        records.failed.is_none()
            && records.of(number).is_none_or(|(queue, record)| matches!(queue.outcome(record), Some(Ok(()))))
    }

    /// Resolves when commit `number`, which may be yet to come, and all before it survive the loss of power.
    pub async fn reach(&self, number: u64) -> Result<(), Error> {
        if self.has(number) {
            return Ok(());
        }
        let mut committed = self.committed.clone();
        committed.wait_for(|last| *last >= number).await.map_err(|_| Error::Closed)?;
        let reached = match self.record(number)? {
            Some((queue, record)) => queue.reach(record).await,
            None => Ok(()),
        };
        self.settle(number, reached)
    }

    /// The same, of all that was committed, on this thread.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        let number = *self.committed.borrow();
        let reached = match self.record(number)? {
            Some((queue, record)) => queue.wait(record),
            None => Ok(()),
        };
        self.settle(number, reached)
    }

    /// Commit `number`, which is about to be told of, is in a record of the journal; or can't be in one.
    pub(crate) fn queued(&self, number: u64, queue: &Arc<Queue>, record: Result<u64, Arc<io::Error>>) {
        let mut records = self.records();
        match record {
            Ok(record) => {
                while let Some((_, first)) = records.waiting.front()
                    && matches!(queue.outcome(*first), Some(Ok(())))
                {
                    records.waiting.pop_front();
                }
                records.queue.get_or_insert_with(|| queue.clone());
                records.waiting.push_back((number, record));
            }
            Err(error) => {
                drop(records);
                let _ = self.fail(error);
            }
        }
    }

    /// The last record; 0: there is none.
    pub(crate) fn last_record(&self) -> u64 {
        self.records().waiting.back().map_or(0, |(_, record)| *record)
    }

    fn record(&self, number: u64) -> Result<Option<(Arc<Queue>, u64)>, Error> {
        let records = self.records();
        match &records.failed {
            Some(error) => Err(Error::Sync(error.clone())),
            None => Ok(records.of(number)),
        }
    }

    fn settle(&self, number: u64, reached: Result<(), Arc<io::Error>>) -> Result<(), Error> {
        match reached {
            Ok(()) => {
                self.durable.fetch_max(number, Ordering::AcqRel);
                Ok(())
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// What the kernel could not write it has forgotten: a second try that succeeds would prove nothing.
    pub(crate) fn fail(&self, error: Arc<io::Error>) -> Error {
        let error = self.records().failed.get_or_insert(error).clone();
        self.lose();
        Error::Sync(error)
    }

    /// Something that belongs to a commit can't be kept.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.losing.notify_waiters();
    }

    /// Resolves when commits may have been lost: whoever knows them must begin anew from what is on the disk.
    pub async fn lost(&self) {
        let losing = self.losing.notified();
        tokio::pin!(losing);
        losing.as_mut().enable();
        if !self.lost.load(Ordering::Acquire) {
            losing.await;
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Records ===

impl Records {
    /// The record that has commit `number`. `None`: it is durable.
    fn of(&self, number: u64) -> Option<(Arc<Queue>, u64)> {
        // A commit that changed nothing has no record: it is durable with the one before.
        let (_, record) = self.waiting.iter().rev().find(|(commit, _)| *commit <= number)?;
        Some((self.queue.clone()?, *record))
    }
}
