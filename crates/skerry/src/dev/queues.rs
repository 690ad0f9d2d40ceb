//! Queues in development: each that a project of this process names is kept in the state, and each that one of them consumes is
//! delivered to it.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use config::{QueueConsumer, QueueConsumerType, WorkerConfig};
use platform::{BATCH_SIZE, MAX_RETRIES, MAX_WAIT_TIME_MS};
use queue::{Delivery, Handled, Holder, Leased, Queue, Settings, Settlement, Terms};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use workers::{QueueBatch, Usage};

use super::app::{App, State};
use super::server::report;

/// As on the platform, a Worker has 15 minutes for a batch.
const LEASE: Duration = Duration::from_secs(16 * 60);
/// Batches that one queue's consumer handles at a time, where the configuration does not say.
const CONCURRENCY: usize = 20;
/// Batches of all queues that are handled at a time.
static ROOM: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(256)));
/// How often messages that are too old are removed.
const SWEEP: Duration = Duration::from_secs(60);

/// The deliveries of one project. They end with it.
#[derive(Default)]
pub struct Deliveries(Vec<CancellationToken>);

/// What a producer's binding leads to.
pub fn name_of(producer: &config::QueueProducer) -> &str {
    producer.queue.as_deref().unwrap_or(&producer.binding)
}

/// Makes the queues that a project names, where they are not there.
pub async fn make(worker: &WorkerConfig, store: &queue::Store) -> Result<(), String> {
    let Some(queues) = &worker.environment.queues else { return Ok(()) };
    let mut names: Vec<String> = queues.producers.iter().map(|producer| name_of(producer).to_owned()).collect();
    for consumer in &queues.consumers {
        names.push(consumer.queue.clone());
        names.extend(consumer.dead_letter_queue.clone());
    }
    for name in names {
        let made = store.create(&name, Settings::default()).await;
        made.map_err(|error| format!("the queue {name} can't be made: {error}"))?;
    }
    Ok(())
}

/// Removes what is too old, as long as the process goes on.
pub fn sweep(store: Arc<queue::Store>) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            if let Err(error) = store.sweep().await {
                tracing::error!(%error, "queues can't be swept");
            }
        }
    });
}

// === impl Deliveries ===

impl Deliveries {
    /// Delivers to `app` what its configuration says from now on, and nothing else any more.
    pub fn replace(&mut self, app: &Arc<App>, worker: &WorkerConfig, store: &Arc<queue::Store>) {
        for stop in self.0.drain(..) {
            stop.cancel();
        }
        app.services().release_queues(app.name());
        let consumers = worker.environment.queues.iter().flat_map(|queues| &queues.consumers);
        for consumer in consumers.filter(|consumer| consumer.kind != Some(QueueConsumerType::HttpPull)) {
            if let Err(other) = app.services().claim_queue(&consumer.queue, app.name()) {
                app.printer().error(&format!(
                    "the queue {} has a consumer already, the Worker {other}: a queue can only have one",
                    consumer.queue
                ));
                continue;
            }
            let stop = CancellationToken::new();
            let delivery = delivery(consumer, store);
            let handle = {
                let (app, name, queue) = (Arc::downgrade(app), consumer.queue.clone(), delivery.queue.clone());
                move |batch| {
                    let (app, name, queue) = (app.upgrade(), name.clone(), queue.clone());
                    async move {
                        match app {
                            Some(app) => deliver(app, name, queue, batch).await,
                            None => Handled::Unavailable,
                        }
                    }
                }
            };
            tokio::spawn(delivery.run(stop.clone(), handle));
            self.0.push(stop);
        }
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.0.iter().for_each(CancellationToken::cancel);
    }
}

fn delivery(consumer: &QueueConsumer, store: &Arc<queue::Store>) -> Delivery {
    let batch = consumer.max_batch_size.unwrap_or(BATCH_SIZE).max(1) as usize;
    let wait = consumer.max_batch_timeout.map_or(u64::from(MAX_WAIT_TIME_MS), |seconds| u64::from(seconds) * 1000);
    Delivery {
        queue: store.queue(&consumer.queue),
        terms: Terms {
            holder: Holder::Worker,
            batch: batch.min(queue::limits::BATCH),
            lease: LEASE,
            max_retries: consumer.max_retries.unwrap_or(MAX_RETRIES),
            retry_delay: consumer.retry_delay.unwrap_or(0),
            dead_letter: consumer.dead_letter_queue.clone(),
        },
        wait: Duration::from_millis(wait),
        concurrency: consumer.max_concurrency.and_then(|most| most.0).map_or(CONCURRENCY, |most| most as usize),
        room: ROOM.clone(),
    }
}

async fn deliver(app: Arc<App>, name: String, queue: Queue, batch: Vec<Leased>) -> Handled {
    let State::Running(running) = app.state().await else { return Handled::Unavailable };
    let metrics = match queue.metrics() {
        Ok(metrics) => metrics,
        Err(error) => {
            app.printer().error(&format!("the queue {name} can't be read: {error}"));
            return Handled::Unavailable;
        }
    };
    let (size, began) = (batch.len(), Instant::now());
    let batch = QueueBatch {
        queue: name.clone(),
        messages: batch.into_iter().map(|leased| leased.message).collect(),
        metrics,
        colo: app.colo().into(),
        invocations: workers::Invocations::default(),
    };
    let event = || serde_json::json!({ "queue": name, "batchSize": size });
    let watched = app.watch(&Usage::default(), &Arc::default(), event);
    let usage = watched.as_ref().map(|watched| watched.usage.clone()).unwrap_or_default();
    let (outcome, decisions) = running.worker.queue(batch, usage).await;
    if let Some(watched) = watched {
        watched.answered(None, outcome.as_ref().err());
    }
    if let Err(cause) = &outcome {
        report(&app, &running, cause);
    }
    let settlements: Vec<_> = (0..size).map(|place| decisions.settlement(place, outcome.is_ok())).collect();
    let acked = settlements.iter().filter(|settlement| **settlement == Settlement::Ack).count();
    app.printer().info(&format!("QUEUE {name} {acked}/{size} {} ms", began.elapsed().as_millis()));
    Handled::Settled(settlements)
}
