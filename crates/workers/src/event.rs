//! What all events share: the way from the isolate back to who sent the event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use isolate::{Failure, JsException, v8};
use tokio::sync::oneshot;

use crate::fetch_event::FetchEvent;
use crate::scheduled_event::ScheduledEvent;

/// How an event ended when it gave no value.
#[derive(Clone, Debug)]
pub enum Cause {
    /// The Worker threw, or gave something that is no answer.
    Exception(JsException),
    /// The runtime ended it.
    Runtime(Failure),
}

/// What became of an event.
pub type Outcome<T> = Result<T, Cause>;

/// CPU time of an event, readable while it goes on.
#[derive(Clone, Debug, Default)]
pub struct Usage(Arc<AtomicU64>);

/// The way back to who sent an event; used once.
pub(crate) struct Answer<T> {
    sender: Option<oneshot::Sender<Outcome<T>>>,
    usage: Usage,
    /// JavaScript still produces a body that somebody reads.
    pub(crate) producing: bool,
}

/// The code of the location that the running code's event takes place at.
pub(crate) fn colo(scope: &mut v8::PinScope) -> Option<Arc<str>> {
    let context = isolate::io_context(scope)?;
    if let Some(event) = context.data::<FetchEvent>() {
        return Some(event.colo.clone());
    }
    context.data::<ScheduledEvent>().map(|event| event.colo.clone())
}

// === impl Usage ===

impl Usage {
    /// CPU time so far.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, cpu: Duration) {
        self.0.store(cpu.as_nanos() as u64, Ordering::Relaxed);
    }
}

// === impl Answer ===

impl<T> Answer<T> {
    pub(crate) fn new(usage: Usage) -> (Self, oneshot::Receiver<Outcome<T>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { sender: Some(sender), usage, producing: false }, receiver)
    }

    /// Answers. Whether somebody still waited for it.
    pub(crate) fn send(&mut self, outcome: Outcome<T>) -> bool {
        self.sender.take().is_some_and(|sender| sender.send(outcome).is_ok())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.sender.is_some()
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.send(Err(Cause::Runtime(failure)));
    }

    pub(crate) fn used(&self, cpu: Duration) {
        self.usage.set(cpu);
    }

    pub(crate) fn awaits_answer(&self) -> bool {
        self.sender.is_some() || self.producing
    }
}
