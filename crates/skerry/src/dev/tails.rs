//! Tail Workers in development: each event of a project, when it has ended, is an event of those projects of this process that its
//! `tail_consumers` name.

use std::sync::{Arc, Weak};

use config::WorkerConfig;
use platform::{EventOf, TailQueue, Watched};
use serde_json::{Value, json};
use workers::{End, Invocations, ObjectEvent, Tailed, Tracer, Tracing, Usage};

use super::app::{App, State};
use super::server::report;
use super::services::Services;

/// Who is told of a project's events. Clones are the same.
#[derive(Clone, Default)]
pub struct Consumers(Arc<[Consumer]>);

struct Consumer {
    name: String,
    queue: Arc<TailQueue>,
}

/// Watches the events of the objects of one class.
pub struct ObjectTracer {
    pub app: Weak<App>,
    pub class: Arc<str>,
}

struct Watching(Watched);

// === impl Consumers ===

impl Consumers {
    pub fn of(worker: &WorkerConfig) -> Self {
        let consumers = worker.environment.tail_consumers.iter().map(|consumer| Consumer {
            name: match consumer.environment.as_deref() {
                Some(environment) if environment != "production" => format!("{}-{environment}", consumer.service),
                _ => consumer.service.clone(),
            },
            queue: Arc::default(),
        });
        Self(consumers.collect())
    }

    /// Those that no project of this process is called like.
    pub fn missing<'a>(&'a self, services: &'a Services) -> impl Iterator<Item = &'a str> {
        let names = self.0.iter().map(|consumer| consumer.name.as_str());
        names.filter(|name| services.find(name).is_none())
    }
}

// === impl App ===

impl App {
    /// Begins to watch an event, where other Workers are to be told of it. `told`: those that were told of what led to it.
    pub fn watch(&self, usage: &Usage, told: &Arc<[Arc<str>]>, event: impl FnOnce() -> Value) -> Option<Watched> {
        let consumers = self.consumers();
        if consumers.0.is_empty() {
            return None;
        }
        let of = EventOf { script: self.name().to_owned(), name: self.name().to_owned(), version: String::new() };
        let (services, producer, told) = (self.services().clone(), self.name().to_owned(), told.clone());
        let runtime = tokio::runtime::Handle::current();
        let tell = move |mut item: Value, unredacted: Value| {
            item["unredacted"] = unredacted;
            let items = format!("[{item}]");
            for Consumer { name, queue } in consumers.0.iter() {
                // One that is behind loses events, as on the platform.
                let Some(place) = queue.enter(items.len()) else { continue };
                let delivery = Delivery {
                    services: Arc::downgrade(&services),
                    producer: producer.clone(),
                    consumer: name.clone(),
                    items: items.clone(),
                    told: told.clone(),
                };
                runtime.spawn(async move {
                    delivery.deliver().await;
                    drop(place);
                });
            }
        };
        Some(platform::watch_event(of, event(), usage.clone(), tell))
    }
}

/// An event on its way to a consumer.
struct Delivery {
    services: Weak<Services>,
    producer: String,
    consumer: String,
    items: String,
    told: Arc<[Arc<str>]>,
}

// === impl Delivery ===

impl Delivery {
    async fn deliver(self) {
        let found = self.services.upgrade().and_then(|services| services.find(&self.consumer));
        // Who is not there was named when the producer was loaded.
        let Some(app) = found.filter(|app| !self.told.iter().any(|name| **name == *app.name())) else { return };
        let State::Running(running) = app.state().await else { return };
        let told: Arc<[Arc<str>]> = self.told.iter().cloned().chain([app.name().into()]).collect();
        let event = || json!({ "consumedEvents": [{ "scriptName": self.producer }] });
        let watched = app.watch(&Usage::default(), &told, event);
        let usage = watched.as_ref().map(|watched| watched.usage.clone()).unwrap_or_default();
        let invocations = Invocations::of_tail(told);
        let outcome =
            running.worker.tail(Tailed { items: self.items, colo: app.colo().into(), invocations }, usage).await;
        if let Some(watched) = watched {
            watched.answered(None, outcome.as_ref().err());
        }
        if let Err(cause) = &outcome {
            report(&app, &running, cause);
        }
    }
}

// === impl ObjectTracer ===

impl Tracer for ObjectTracer {
    fn begin(&self, event: &ObjectEvent<'_>, told: &Arc<[Arc<str>]>) -> Option<Box<dyn Tracing>> {
        let watched = self.app.upgrade()?.watch(&Usage::default(), told, || platform::object_event(event))?;
        Some(Box::new(Watching(watched.of_object(self.class.clone()))))
    }
}

// === impl Watching ===

impl Tracing for Watching {
    fn usage(&self) -> Usage {
        self.0.usage.clone()
    }

    fn ended(&self, end: End<'_>) {
        match end {
            End::Done => self.0.answered(None, None),
            End::Response(status) => self.0.answered(Some(status), None),
            End::Thrown => self.0.threw(),
            End::Failed(cause) => self.0.answered(None, Some(cause)),
        }
    }
}
