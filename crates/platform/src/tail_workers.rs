//! Tail Workers: each event of a producer, when it has ended, is an event of the Workers that consume it. What they do, or fail
//! to do, is none of the producer's business: they are told later, a bounded number of events at a time, and the rest is lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use registry::Script;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use workers::{Invocations, Tailed};

use crate::{Inner, Platform, Unavailable, traces};

/// Events of one producer that wait for one consumer, or that it works on; those past it are lost to it.
const MOST: usize = 256;
/// Bytes of them.
const MOST_BYTES: usize = 16 << 20;

/// Who consumes whose events, by the producers' tags.
#[derive(Default)]
pub(crate) struct TailWorkers {
    consumers: RwLock<HashMap<String, Arc<[Consumer]>>>,
    /// So that events that nobody consumes cost no lock.
    any: AtomicBool,
}

/// A Worker that is told of one other's events. Clones are the same.
#[derive(Clone)]
struct Consumer {
    account: Arc<str>,
    name: Arc<str>,
    queue: Arc<Queue>,
}

/// How much is on its way.
#[derive(Debug, Default)]
pub struct Queue {
    events: AtomicUsize,
    bytes: AtomicUsize,
}

/// A place in a queue, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    queue: Arc<Queue>,
    bytes: usize,
}

/// The names of the Workers that the settings of a script name as its tail consumers.
pub fn tail_consumers(consumers: &[Value]) -> impl Iterator<Item = String> + '_ {
    consumers.iter().filter_map(|consumer| {
        let service = consumer["service"].as_str()?;
        Some(match consumer["environment"].as_str() {
            Some(environment) if environment != "production" => format!("{service}-{environment}"),
            _ => service.to_owned(),
        })
    })
}

// === impl TailWorkers ===

impl TailWorkers {
    /// The consumers of a script's events are those that its settings name.
    pub(crate) fn follow(&self, script: &Script) {
        let before = self.of(&script.tag);
        let consumers: Arc<[Consumer]> = tail_consumers(&script.settings.tail_consumers)
            .map(|name| match before.iter().find(|known| *known.name == *name) {
                Some(known) => known.clone(),
                None => Consumer { account: script.account.as_str().into(), name: name.into(), queue: Arc::default() },
            })
            .collect();
        let mut all = self.consumers.write().unwrap_or_else(PoisonError::into_inner);
        if consumers.is_empty() {
            all.remove(&script.tag);
        } else {
            all.insert(script.tag.clone(), consumers);
        }
        self.any.store(!all.is_empty(), Ordering::Relaxed);
    }

    /// The script is gone.
    pub(crate) fn forget(&self, script: &str) {
        let mut all = self.consumers.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(script);
        self.any.store(!all.is_empty(), Ordering::Relaxed);
    }

    pub(crate) fn are_told_of(&self, script: &str) -> bool {
        self.any.load(Ordering::Relaxed)
            && self.consumers.read().unwrap_or_else(PoisonError::into_inner).contains_key(script)
    }

    fn of(&self, script: &str) -> Arc<[Consumer]> {
        let all = self.consumers.read().unwrap_or_else(PoisonError::into_inner);
        all.get(script).cloned().unwrap_or_default()
    }

    /// Tells the consumers of a script of an event. `told`: those that were told of what led to it, who are not told again.
    pub(crate) fn tell(
        &self,
        platform: &Arc<Inner>,
        runtime: &Handle,
        script: &str,
        item: &Value,
        told: &Arc<[Arc<str>]>,
    ) {
        let consumers = self.of(script);
        if consumers.is_empty() {
            return;
        }
        let producer = item["scriptName"].as_str().unwrap_or_default();
        let items = format!("[{item}]");
        for consumer in consumers.iter() {
            let Some(place) = consumer.queue.enter(items.len()) else {
                tracing::debug!(
                    producer,
                    consumer = &*consumer.name,
                    "a tail Worker is behind: an event is lost to it"
                );
                continue;
            };
            let delivery = Delivery {
                // Does not keep the platform: an event may outlive it.
                platform: Arc::downgrade(platform),
                consumer: consumer.clone(),
                producer: producer.to_owned(),
                items: items.clone(),
                told: told.clone(),
            };
            runtime.spawn(async move {
                delivery.deliver().await;
                drop(place);
            });
        }
    }
}

/// An event on its way to a consumer.
struct Delivery {
    platform: Weak<Inner>,
    consumer: Consumer,
    producer: String,
    items: String,
    told: Arc<[Arc<str>]>,
}

// === impl Delivery ===

impl Delivery {
    async fn deliver(self) {
        let Some(platform) = self.platform.upgrade().map(Platform) else { return };
        let Consumer { account, name, .. } = &self.consumer;
        let found = match platform.router().named(account, name) {
            Some(tag) => platform.deployed(&tag).await,
            None => Err(Unavailable::NoWorker),
        };
        let deployed = match found {
            Ok(deployed) => deployed,
            Err(error) => return tracing::warn!(%error, worker = &**name, "a tail Worker can't be told"),
        };
        let Some(live) = deployed.choose(None, None).cloned() else { return };
        if self.told.iter().any(|tag| **tag == *live.script) {
            return;
        }
        let told: Arc<[Arc<str>]> = self.told.iter().cloned().chain([live.script.as_str().into()]).collect();
        let event = json!({ "consumedEvents": [{ "scriptName": self.producer }] });
        let watched = platform.is_watched(&live.script).then(|| platform.begin_watch_after(&live, event, told.clone()));
        // Each delivery has one event.
        let followed = platform.follow_tail(&live, 1);
        let usage = traces::usage(watched.as_ref(), followed.as_ref());
        let invocations = Invocations::of_tail(told);
        let invocations = match &followed {
            Some(followed) => followed.go_on(invocations),
            None => invocations,
        };
        let tailed = Tailed { items: self.items, colo: platform.0.colo.clone(), invocations };
        // A task of its own is not needed: whatever becomes of the handler, nobody else waits here.
        let outcome = live.program.tail(tailed, usage).await;
        if let Some(watched) = watched {
            watched.answered(None, outcome.as_ref().err());
        }
        if let Some(followed) = followed {
            followed.answered(None, outcome.as_ref().err());
        }
        if let Err(cause) = outcome {
            tracing::debug!(?cause, worker = live.name, "a tail Worker failed");
        }
    }
}

// === impl Queue ===

impl Queue {
    /// A place for an event of so many bytes. `None`: there is none left.
    pub fn enter(self: &Arc<Self>, bytes: usize) -> Option<Place> {
        let events = self.events.fetch_add(1, Ordering::Relaxed);
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        // Gives its place back when it is dropped, here too.
        let place = Place { queue: self.clone(), bytes };
        (events < MOST && before + bytes <= MOST_BYTES).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.events.fetch_sub(1, Ordering::Relaxed);
        self.queue.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_so_many_places() {
        let queue = Arc::new(Queue::default());
        let places: Vec<Place> = (0..MOST).filter_map(|_| queue.enter(1)).collect();
        assert_eq!(places.len(), MOST);
        assert!(queue.enter(1).is_none());
        drop(places);
        assert!(queue.enter(MOST_BYTES + 1).is_none(), "one event that is too large");
        let large = queue.enter(MOST_BYTES).unwrap();
        assert!(queue.enter(1).is_none());
        drop(large);
        assert_eq!((queue.events.load(Ordering::Relaxed), queue.bytes.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn consumers_are_named_with_their_environment() {
        let consumers = [
            json!({ "service": "a" }),
            json!({ "service": "b", "environment": "production" }),
            json!({ "service": "c", "environment": "staging" }),
            json!({}),
        ];
        assert_eq!(tail_consumers(&consumers).collect::<Vec<_>>(), ["a", "b", "c-staging"]);
    }
}
