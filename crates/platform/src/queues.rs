//! Queues as they are delivered: each that a Worker consumes has a task that hands it batches. What is under way when the process
//! ends comes again after the next start.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use queue::{Delivery, Handled, Holder, Leased, Queue, Terms};
use registry::{QueueConsumer, Resource, ResourceKind};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use workers::QueueBatch;

use crate::Platform;

/// What the platform does where a consumer does not say: https://developers.cloudflare.com/queues/configuration/batching-retries/
pub const BATCH_SIZE: u32 = 10;
pub const MAX_WAIT_TIME_MS: u32 = 5000;
pub const MAX_RETRIES: u32 = 3;
/// The platform has up to 250, as many as the backlog asks for.
const CONCURRENCY: u32 = 20;
/// Batches of all queues that are handled at a time.
const ROOM: usize = 1024;
/// A Worker has 15 minutes for a batch.
const LEASE: Duration = Duration::from_secs(16 * 60);
/// How long handlers may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(30);
/// How often messages that are too old are removed.
const SWEEP: Duration = Duration::from_secs(60);

/// The consumers that batches are handed to, by their ids.
pub(crate) struct Deliveries {
    /// `None`: before the start, and after the end.
    running: Mutex<Option<HashMap<String, Running>>>,
    tasks: TaskTracker,
    room: Arc<Semaphore>,
}

struct Running {
    known: Known,
    stop: CancellationToken,
}

/// What a delivery is made of: another one is begun when any of it changes.
#[derive(Clone, PartialEq)]
struct Known {
    consumer: QueueConsumer,
    account: String,
    script: String,
    /// The queue's name.
    name: String,
    /// The id of the queue for dead letters.
    dead_letter: Option<String>,
}

// === impl Deliveries ===

impl Deliveries {
    fn running(&self) -> MutexGuard<'_, Option<HashMap<String, Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Deliveries {
    fn default() -> Self {
        Self { running: Mutex::default(), tasks: TaskTracker::new(), room: Arc::new(Semaphore::new(ROOM)) }
    }
}

// === impl Known ===

impl Known {
    fn terms(&self) -> Terms {
        let settings = &self.consumer.settings;
        Terms {
            holder: Holder::Worker,
            batch: settings.batch_size.unwrap_or(BATCH_SIZE) as usize,
            lease: LEASE,
            max_retries: settings.max_retries.unwrap_or(MAX_RETRIES),
            retry_delay: settings.retry_delay.unwrap_or(0),
            dead_letter: self.dead_letter.clone(),
        }
    }
}

// === impl Platform ===

impl Platform {
    /// Delivers queues to their consumers until `stop` fires, and lets what is under way end.
    pub async fn run_queues(self, stop: CancellationToken) {
        if let Err(error) = self.begin_queues().await {
            tracing::error!(error, "queues can't be delivered");
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(SWEEP) => {}
            }
            match self.services().queues().sweep().await {
                Ok(0) => {}
                Ok(messages) => tracing::info!(messages, "messages were older than their queues keep them"),
                Err(error) => tracing::error!(%error, "queues can't be swept"),
            }
        }
        let deliveries = &self.0.deliveries;
        for (_, running) in deliveries.running().take().into_iter().flatten() {
            running.stop.cancel();
        }
        deliveries.tasks.close();
        if tokio::time::timeout(DRAIN, deliveries.tasks.wait()).await.is_err() {
            tracing::warn!("batches of queues were cut off: they come again after the next start");
        }
    }

    /// Every queue of the registry has its place in the store, also where a crash came between the two.
    async fn begin_queues(&self) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        for account in self.registry().accounts().map_err(|error| failed(&error))? {
            let queues = self.registry().resources(&account.id, ResourceKind::Queue);
            for queue in queues.map_err(|error| failed(&error))? {
                let made = self.services().queues().create(&queue.id, queue::Settings::default()).await;
                made.map_err(|error| failed(&error))?;
            }
        }
        *self.0.deliveries.running() = Some(HashMap::new());
        self.refresh_queues().map_err(|error| failed(&error))
    }

    /// What the registry has of consumers has changed: from now on batches go where it says.
    pub fn refresh_queues(&self) -> Result<(), registry::Error> {
        let mut guard = self.0.deliveries.running();
        let Some(running) = &mut *guard else { return Ok(()) };
        let mut wanted = HashMap::new();
        for consumer in self.registry().queue_consumers()? {
            if let Some(known) = self.known(consumer)? {
                wanted.insert(known.consumer.id.clone(), known);
            }
        }
        running.retain(|id, running| {
            let stays = wanted.get(id).is_some_and(|known| *known == running.known);
            if !stays {
                running.stop.cancel();
            }
            stays
        });
        for (id, known) in wanted {
            running.entry(id).or_insert_with(|| self.begin_delivery(known));
        }
        Ok(())
    }

    /// `None`: no Worker consumes it.
    fn known(&self, consumer: QueueConsumer) -> Result<Option<Known>, registry::Error> {
        let Some(script) = consumer.script.clone() else { return Ok(None) };
        let Some(account) = self.registry().script_of_tag(&script)?.map(|script| script.account) else {
            return Ok(None);
        };
        let queue = |key: &str| self.registry().resource(&account, ResourceKind::Queue, key);
        let Some(Resource { name, .. }) = queue(&consumer.queue)? else { return Ok(None) };
        let dead_letter = consumer.settings.dead_letter_queue.as_deref().map(queue).transpose()?.flatten();
        Ok(Some(Known { account, script, name, dead_letter: dead_letter.map(|queue| queue.id), consumer }))
    }

    fn begin_delivery(&self, known: Known) -> Running {
        let deliveries = &self.0.deliveries;
        let stop = CancellationToken::new();
        let settings = &known.consumer.settings;
        let delivery = Delivery {
            queue: self.services().queue(&known.account, &known.consumer.queue),
            terms: known.terms(),
            wait: Duration::from_millis(settings.max_wait_time_ms.unwrap_or(MAX_WAIT_TIME_MS).into()),
            concurrency: settings.max_concurrency.unwrap_or(CONCURRENCY) as usize,
            room: deliveries.room.clone(),
        };
        let handle = {
            let (platform, known, queue) = (self.clone(), known.clone(), delivery.queue.clone());
            move |batch| platform.clone().deliver(known.clone(), queue.clone(), batch)
        };
        deliveries.tasks.spawn(delivery.run(stop.clone(), handle));
        Running { known, stop }
    }

    async fn deliver(self, known: Known, queue: Queue, batch: Vec<Leased>) -> Handled {
        let deployed = match self.deployed(&known.script).await {
            Ok(deployed) => deployed,
            Err(error) => {
                tracing::warn!(%error, queue = known.name, "a batch of a queue found no Worker");
                return Handled::Unavailable;
            }
        };
        let Some(live) = deployed.choose(None, None) else { return Handled::Unavailable };
        let metrics = match queue.metrics() {
            Ok(metrics) => metrics,
            Err(error) => {
                tracing::error!(%error, queue = known.name, "a queue can't be read");
                return Handled::Unavailable;
            }
        };
        let size = batch.len();
        let watched = self
            .is_watched(&live.script)
            .then(|| self.begin_watch(live, json!({ "queue": known.name, "batchSize": size })));
        let followed = self.follow_queue(live, &known.name, size);
        let usage = crate::traces::usage(watched.as_ref(), followed.as_ref());
        let batch = QueueBatch {
            queue: known.name,
            messages: batch.into_iter().map(|leased| leased.message).collect(),
            metrics,
            colo: self.0.colo.clone(),
            invocations: followed.as_ref().map_or_else(Default::default, |followed| followed.invocations()),
        };
        let (outcome, decisions) = live.program.queue(batch, usage.clone()).await;
        live.meter.consumed(outcome.as_ref().err(), usage.cpu());
        if let Some(watched) = watched {
            watched.answered(None, outcome.as_ref().err());
        }
        if let Some(followed) = followed {
            followed.answered(None, outcome.as_ref().err());
        }
        if let Err(cause) = &outcome {
            tracing::debug!(?cause, worker = deployed.script.name, "a queue handler failed");
        }
        Handled::Settled((0..size).map(|place| decisions.settlement(place, outcome.is_ok())).collect())
    }
}
