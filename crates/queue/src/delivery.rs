//! Delivers a queue to a consumer: takes a batch when one is due, hands it over, and settles it as the consumer says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Due, Error, LeaseId, Leased, Queue, Settled, Settlement, Terms};

/// How long is waited after the engine has failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is tried to write down what became of a batch.
const TRIES: u32 = 10;
/// Where a consumer can't be reached, its messages come again after 1, 2, 4, … seconds, and at last after so many.
const LONGEST_RELEASE: u32 = 60;

/// A consumer of a queue. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub queue: Queue,
    pub terms: Terms,
    /// How long a batch waits to become full.
    pub wait: Duration,
    /// Batches that are handled at a time.
    pub concurrency: usize,
    /// Batches that are handled at a time by all consumers together.
    pub room: Arc<Semaphore>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Of each message, in the order of the batch.
    Settled(Vec<Settlement>),
    /// There was nobody to hand it to.
    Unavailable,
}

// === impl Delivery ===

impl Delivery {
    /// Delivers until `stop` fires or the queue is gone; what was begun by then is finished.
    pub async fn run<F>(self, stop: CancellationToken, handle: impl Fn(Vec<Leased>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Handled> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.concurrency.max(1)));
        let unavailable = Arc::new(AtomicU32::new(0));
        let mut running = JoinSet::new();
        while let Some(Ok(permits)) = stop.run_until_cancelled(self.ready(&places)).await {
            // Not cancelled: what is leased is handed over.
            let batch = match self.queue.lease(&self.terms).await {
                Ok(batch) if batch.is_empty() => continue,
                Ok(batch) => batch,
                Err(error) => {
                    self.failed(&error).await;
                    continue;
                }
            };
            let handled = handle(batch.clone());
            let (delivery, unavailable) = (self.clone(), unavailable.clone());
            running.spawn(async move {
                let handled = handled.await;
                delivery.settle(&batch, handled, &unavailable).await;
                drop(permits);
            });
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }

    /// Waits until a batch is due and there is a place for it. An error: the queue is gone.
    async fn ready(&self, places: &Arc<Semaphore>) -> Result<[OwnedSemaphorePermit; 2], Error> {
        let place = places.clone().acquire_owned().await.map_err(|_| Error::NotFound)?;
        let changed = self.queue.changed();
        loop {
            match self.queue.due(self.terms.batch, self.wait) {
                Ok(Due::Now) => break,
                Ok(Due::In(time)) => drop(tokio::time::timeout(time, changed.notified()).await),
                Ok(Due::Never) => changed.notified().await,
                Err(Error::NotFound) => return Err(Error::NotFound),
                Err(error) => self.failed(&error).await,
            }
        }
        let room = self.room.clone().acquire_owned().await.map_err(|_| Error::NotFound)?;
        Ok([place, room])
    }

    async fn failed(&self, error: &Error) {
        tracing::error!(%error, queue = self.queue.id(), "a queue can't be delivered");
        tokio::time::sleep(PAUSE).await;
    }

    async fn settle(&self, batch: &[Leased], handled: Handled, unavailable: &AtomicU32) {
        let settlements: Vec<(LeaseId, Settlement)> = match handled {
            Handled::Settled(settlements) => {
                unavailable.store(0, Ordering::Relaxed);
                batch.iter().map(|leased| leased.lease).zip(settlements).collect()
            }
            Handled::Unavailable => {
                let times = unavailable.fetch_add(1, Ordering::Relaxed);
                let delay = 1_u32.checked_shl(times).unwrap_or(LONGEST_RELEASE).clamp(1, LONGEST_RELEASE);
                batch.iter().map(|leased| (leased.lease, Settlement::Release { delay })).collect()
            }
        };
        for _ in 0..TRIES {
            match self.queue.settle(settlements.clone(), &self.terms).await {
                Ok(settled) => return self.tell(settled),
                Err(Error::NotFound) => return,
                Err(error) => {
                    tracing::error!(%error, queue = self.queue.id(), "what became of a batch can't be written down");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn tell(&self, settled: Settled) {
        let Settled { dead, dropped, .. } = settled;
        if dead + dropped > 0 {
            tracing::warn!(queue = self.queue.id(), dead, dropped, "messages came too often");
        }
    }
}
