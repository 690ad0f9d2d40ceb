//! What all events share: the way from the isolate back to who sent the event.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use isolate::{ContextData, Failure, Followed, JsError, JsException, OpenSpan, v8};
use tokio::sync::oneshot;

use crate::fetch_event::FetchEvent;
use crate::rpc::outbox::leave;
use crate::rpc::session::Session;
use crate::trace::Trace;
use crate::{Invocations, Via};

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

/// What is known of an event while it goes on: its CPU time, and what it says where that is traced.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    counts: Arc<Counts>,
    trace: Option<Trace>,
    #[expect(dead_code, reason = "it is there to be dropped with the event")]
    kept: Option<Arc<dyn Any + Send + Sync>>,
}

/// In nanoseconds of CPU time.
#[derive(Debug, Default)]
struct Counts {
    cpu: AtomicU64,
    /// 0: the event met an isolate that had started.
    start: AtomicU64,
}

/// The way back to who sent an event; used once.
pub(crate) struct Answer<T> {
    sender: Option<oneshot::Sender<Outcome<T>>>,
    usage: Usage,
    /// JavaScript still produces a body that somebody reads.
    pub(crate) producing: bool,
}

/// What the isolate keeps of an event whose only outcome is a value.
pub(crate) struct Event<T> {
    pub(crate) answer: Answer<T>,
    origin: Origin,
}

/// Where an event comes from.
#[derive(Clone, Default)]
pub(crate) struct Origin {
    /// The code of the location that it takes place at; `None`: nowhere in particular.
    pub(crate) colo: Option<Arc<str>>,
    pub(crate) invocations: Invocations,
    pub(crate) via: Via,
}

/// The code of the location that the running code's event takes place at.
pub(crate) fn colo(scope: &mut v8::PinScope) -> Option<Arc<str>> {
    Origin::current(scope).colo
}

/// What collects the lines of the running code's event, where somebody wants them.
pub(crate) fn trace(scope: &mut v8::PinScope) -> Option<Trace> {
    let context = isolate::io_context(scope)?;
    if let Some(event) = context.data::<FetchEvent>() {
        return event.trace().cloned();
    }
    if let Some(session) = context.data::<Session>() {
        return session.usage.trace().cloned();
    }
    context.data::<Event<()>>()?.answer.trace().cloned()
}

/// Answers the current event, whose sender only waits for it to have begun. Nothing has to be durable for that.
pub(crate) fn event_begun(scope: &mut v8::PinScope) {
    if let Some(event) = isolate::io_context(scope).and_then(|context| context.data::<Event<()>>()) {
        event.answer.send(Ok(()));
    }
}

/// What one Worker threw, for another that called it: a builtin error keeps its class.
pub(crate) fn thrown(exception: &JsException) -> JsError {
    let message = exception.message.clone();
    match exception.name.as_str() {
        "TypeError" => JsError::type_error(message),
        "RangeError" => JsError::range_error(message),
        "SyntaxError" => JsError::syntax_error(message),
        _ => JsError::error(message),
    }
}

// === impl Origin ===

impl Origin {
    /// That of the running code's event, which is that of the events that it leads to.
    pub(crate) fn current(scope: &mut v8::PinScope) -> Self {
        let Some(context) = isolate::io_context(scope) else { return Self::default() };
        if let Some(event) = context.data::<FetchEvent>() {
            let colo = Some(event.colo.clone()).filter(|colo| !colo.is_empty());
            return Self { colo, invocations: event.invocations.clone(), via: event.via.clone() };
        }
        if let Some(session) = context.data::<Session>() {
            return session.origin.clone();
        }
        context.data::<Event<()>>().map(|event| event.origin.clone()).unwrap_or_default()
    }

    /// The same below a span, where there is one.
    pub(crate) fn below(self, span: &OpenSpan) -> Self {
        Self { invocations: self.invocations.below(span), ..self }
    }

    /// That of a call of another Worker.
    pub(crate) fn of_service(self) -> Result<Self, JsError> {
        Ok(Self { invocations: self.invocations.of_service()?, ..self })
    }

    /// That of an event in a Durable Object.
    pub(crate) fn of_object(self) -> Result<Self, JsError> {
        Ok(Self { invocations: self.invocations.of_object()?, ..self })
    }
}

// === impl Usage ===

impl Usage {
    /// The same, of an event that is traced.
    pub fn and_trace(self, trace: Trace) -> Self {
        Self { trace: Some(trace), ..self }
    }

    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The same, with something that is let go when the event has ended, with its `waitUntil` work.
    pub fn and_keep(self, kept: Arc<dyn Any + Send + Sync>) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// CPU time so far.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.counts.cpu.load(Ordering::Relaxed))
    }

    /// The CPU time that the script took to start, where the event had to wait for that.
    pub fn start(&self) -> Option<Duration> {
        Some(Duration::from_nanos(self.counts.start.load(Ordering::Relaxed))).filter(|start| !start.is_zero())
    }

    pub(crate) fn set(&self, cpu: Duration) {
        self.counts.cpu.store(cpu.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn started(&self, cpu: Duration) {
        self.counts.start.store((cpu.as_nanos() as u64).max(1), Ordering::Relaxed);
    }
}

// === impl Answer ===

impl<T> Answer<T> {
    pub(crate) fn new(usage: Usage) -> (Self, oneshot::Receiver<Outcome<T>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { sender: Some(sender), usage, producing: false }, receiver)
    }

    /// Answers, when the isolate's output may leave. Whether somebody still waited for it.
    pub(crate) fn give(&mut self, scope: &mut v8::PinScope, outcome: Outcome<T>) -> bool
    where
        T: Send + 'static,
    {
        let Some(sender) = self.sender.take() else { return false };
        let waited = !sender.is_closed();
        leave(scope, move |passed| {
            let outcome = match passed {
                Ok(()) => outcome,
                Err(failed) => Err(Cause::Exception(crate::rpc::call::error(&failed.message))),
            };
            let _ = sender.send(outcome);
        });
        waited
    }

    fn send(&mut self, outcome: Outcome<T>) -> bool {
        self.sender.take().is_some_and(|sender| sender.send(outcome).is_ok())
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.send(Err(Cause::Runtime(failure)));
    }

    pub(crate) fn used(&self, cpu: Duration) {
        self.usage.set(cpu);
    }

    pub(crate) fn started(&self, cpu: Duration) {
        self.usage.started(cpu);
    }

    pub(crate) fn trace(&self) -> Option<&Trace> {
        self.usage.trace()
    }

    pub(crate) fn awaits_answer(&self) -> bool {
        self.sender.is_some() || self.producing
    }
}

// === impl Event ===

impl<T> Default for Answer<T> {
    /// One that nobody waits for.
    fn default() -> Self {
        Self { sender: None, usage: Usage::default(), producing: false }
    }
}

impl<T: Send + 'static> Event<T> {
    pub(crate) fn job(id: isolate::ContextId, answer: Answer<T>, origin: Origin, run: isolate::Begin) -> isolate::Job {
        isolate::Job::new(id, Box::new(Self { answer, origin }), run)
    }
}

impl<T: Send + 'static> ContextData for Event<T> {
    fn fail(&mut self, failure: Failure) {
        self.answer.fail(failure);
    }

    fn used(&mut self, cpu: Duration) {
        self.answer.used(cpu);
    }

    fn awaits_answer(&self) -> bool {
        self.answer.awaits_answer()
    }

    fn started(&mut self, cpu: Duration) {
        self.answer.started(cpu);
    }

    fn followed(&self) -> Option<&Followed> {
        self.origin.invocations.followed()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}
