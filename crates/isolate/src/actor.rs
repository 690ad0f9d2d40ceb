//! Actors: things with state of their own that share an isolate with others of their kind, such as the objects of one
//! class. I/O belongs to the actor and outlives the event that began it, something may happen at the end of each step,
//! output may have to wait, and the actor can be reset while the others go on.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::context::{ContextData, Failure, IoContext};
use crate::state::{IsolateState, state};
use crate::{ContextId, Isolate, JsError, JsException, OpValue};

/// Names an actor for those who send it events, over all the times that it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ActorId(u32);

/// Runs at the end of a step; an error resets the actor.
pub(crate) type StepEnd = Box<dyn FnOnce(&mut v8::PinScope) -> Result<(), JsException> + Send>;

/// What output has to wait for: nothing that a step changed may show outside before it is kept.
pub trait OutputGate: Send + Sync {
    /// Resolves when what happened so far may show. `None`: now.
    fn passage(&self) -> Option<BoxFuture<'static, Result<(), JsError>>>;
}

/// An actor that is open: its events are handled.
pub(crate) struct Actor {
    /// Its own event, which lasts as long as it is open: timers and subrequests belong to it. No two openings share one.
    pub(crate) own: ContextId,
    /// Events that are being handled.
    pub(crate) busy: u32,
    /// Events that were begun.
    pub(crate) events: u64,
    gate: Arc<dyn OutputGate>,
    /// Resolves when the output that was to leave last has begun to.
    last_output: Option<oneshot::Receiver<()>>,
    embedder: FxHashMap<TypeId, Box<dyn Any + Send>>,
}

/// What is needed to open an actor.
pub struct Opening {
    pub id: ActorId,
    /// What the embedder keeps with it: [`own`].
    pub data: Box<dyn Any + Send>,
    pub gate: Arc<dyn OutputGate>,
    /// What work may use that belongs to no living event, until the next begins.
    pub cpu: Option<Duration>,
    pub subrequests: u32,
}

/// An actor that is open no more. What the embedder kept with it goes when this is dropped.
pub struct Closed {
    pub id: ActorId,
    /// How many events were begun while it was open.
    pub events: u64,
    /// It was reset; otherwise it was idle.
    pub is_reset: bool,
    _actor: Actor,
}

/// An actor's own event.
struct Own;

// === impl ActorId ===

impl ActorId {
    /// A new name.
    pub fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

// === impl Own ===

impl ContextData for Own {
    fn fail(&mut self, _failure: Failure) {}

    fn used(&mut self, _cpu: Duration) {}

    fn awaits_answer(&self) -> bool {
        false
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

// === impl Actor ===

impl Actor {
    /// Opens an actor in an isolate; the id of its own event.
    pub(crate) fn open(state: &mut IsolateState, opening: Opening) -> ContextId {
        let Opening { id, data, gate, cpu, subrequests } = opening;
        let own = ContextId::next();
        let mut context = IoContext::new(own, cpu, subrequests, Box::new(Own));
        context.actor = Some(id);
        context.is_own = true;
        state.contexts.insert(own, context);
        let embedder = FxHashMap::from_iter([((*data).type_id(), data)]);
        state.actors.insert(id, Self { own, busy: 0, events: 0, gate, last_output: None, embedder });
        own
    }

    /// Ends an actor and all that it has begun, for this reason. Without one it must be idle; otherwise nothing happens.
    /// The ids that its own event and its others had.
    pub(crate) fn close(
        state: &mut IsolateState,
        id: ActorId,
        failure: Option<&Failure>,
    ) -> Option<(ContextId, Vec<ContextId>)> {
        if failure.is_none() && state.is_active(id) {
            return None;
        }
        let actor = state.actors.remove(&id)?;
        let own = actor.own;
        state.end_context(own);
        state.drop_io(own);
        let members = state.contexts.values().filter(|context| context.actor == Some(id));
        let members: Vec<_> = members.map(|context| context.id).collect();
        for member in &members {
            if let (Some(mut context), Some(failure)) = (state.end_context(*member), failure) {
                context.fail(failure);
            }
        }
        let events = actor.events;
        state.closed.push(Closed { id, events, is_reset: failure.is_some(), _actor: actor });
        Some((own, members))
    }
}

impl Isolate {
    /// How many events of an actor were begun since it was opened, and whether it waits for something that it has begun.
    /// `None`: it is not open.
    pub fn activity(&mut self, id: ActorId) -> Option<(u64, bool)> {
        let state = self.state();
        let events = state.actors.get(&id)?.events;
        Some((events, state.is_active(id)))
    }

    /// What the embedder opened an actor with, while no code of it runs. `None`: it is not open.
    pub fn actor_data<T: Any + Send>(&mut self, id: ActorId) -> Option<&mut T> {
        self.state().actors.get_mut(&id)?.embedder.get_mut(&TypeId::of::<T>())?.downcast_mut()
    }
}

/// The actor that the running code belongs to.
fn current<'a>(scope: &'a mut v8::PinScope) -> Option<&'a mut Actor> {
    let id = crate::io_context(scope)?.actor?;
    state(scope).actors.get_mut(&id)
}

/// The number of the actor that the running code belongs to: that of its own event.
pub fn actor(scope: &mut v8::PinScope) -> Option<ContextId> {
    current(scope).map(|actor| actor.own)
}

/// What the embedder keeps with the current actor: one value of each type.
pub fn own<'a, T: Any + Send>(scope: &'a mut v8::PinScope) -> Option<&'a mut T> {
    current(scope)?.embedder.get_mut(&TypeId::of::<T>())?.downcast_mut()
}

/// Keeps a value with the current actor.
pub fn put_own<T: Any + Send>(scope: &mut v8::PinScope, value: T) {
    if let Some(actor) = current(scope) {
        actor.embedder.insert(TypeId::of::<T>(), Box::new(value));
    }
}

/// Runs `end` when the current step has run, on behalf of the actor that the running code belongs to now, before its output
/// can pass the gate.
pub fn at_step_end(
    scope: &mut v8::PinScope,
    end: impl FnOnce(&mut v8::PinScope) -> Result<(), JsException> + Send + 'static,
) {
    if let Some(actor) = crate::io_context(scope).and_then(|context| context.actor) {
        state(scope).step_end.push((actor, Box::new(end)));
    }
}

/// Ends the current actor after the current step, which is stopped; all its events fail with `reason`.
pub fn reset(scope: &mut v8::PinScope, reason: JsException) {
    if let Some(actor) = crate::io_context(scope).and_then(|context| context.actor) {
        state(scope).resets.push((actor, Failure::Reset(Arc::new(reason))));
        scope.terminate_execution();
    }
}

/// Whether output that is about to leave has to wait: what could be done at once must be spawned ([`crate::spawn_output`]).
pub fn output_waits(scope: &mut v8::PinScope) -> bool {
    current(scope).is_some_and(|actor| {
        actor.gate.passage().is_some() || actor.last_output.as_ref().is_some_and(|before| before.is_empty())
    })
}

/// What one piece of output waits for: the gate, and the piece before it, which must have begun.
pub(crate) struct Departure {
    gate: Option<BoxFuture<'static, Result<(), JsError>>>,
    before: Option<oneshot::Receiver<()>>,
    begun: oneshot::Sender<()>,
}

/// `None`: it need not wait.
pub(crate) fn departure(scope: &mut v8::PinScope) -> Option<Departure> {
    let actor = current(scope)?;
    let gate = actor.gate.passage();
    let before = actor.last_output.take().filter(|before| before.is_empty());
    if gate.is_none() && before.is_none() {
        return None;
    }
    let (begun, next) = oneshot::channel();
    actor.last_output = Some(next);
    Some(Departure { gate, before, begun })
}

impl Departure {
    pub(crate) async fn then(self, output: impl Future<Output = Result<OpValue, JsError>>) -> Result<OpValue, JsError> {
        let Self { gate, before, begun } = self;
        if let Some(before) = before {
            // It may have been dropped with its event: that ends the wait as well.
            let _ = before.await;
        }
        if let Some(gate) = gate {
            gate.await?;
        }
        let mut output = std::pin::pin!(output);
        let first = futures::poll!(output.as_mut());
        let _ = begun.send(());
        match first {
            Poll::Ready(result) => result,
            Poll::Pending => output.await,
        }
    }
}

/// What output that is about to leave has to wait for; `None`: nothing.
pub fn output_gate(scope: &mut v8::PinScope) -> Option<BoxFuture<'static, Result<(), JsError>>> {
    current(scope)?.gate.passage()
}
