//! Isolates that are one thing with state of its own, rather than a place where unrelated events meet: I/O outlives the
//! event that began it, something may happen at the end of each step, output may have to wait, and the whole can be reset.

use std::any::Any;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::context::{ContextData, Failure, IoContext};
use crate::state::state;
use crate::{ContextId, JsError, JsException, OpValue};

/// Runs at the end of a step; an error resets the isolate.
pub(crate) type StepEnd = Box<dyn FnOnce(&mut v8::PinScope) -> Result<(), JsException> + Send>;

/// What output has to wait for: nothing that a step changed may show outside before it is kept.
pub trait OutputGate: Send + Sync {
    /// Resolves when what happened so far may show. `None`: now.
    fn passage(&self) -> Option<BoxFuture<'static, Result<(), JsError>>>;
}

/// The isolate's own event, which never ends: timers and subrequests belong to it.
struct Own;

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

/// From now on I/O belongs to the isolate: what one event began, another may use, and it goes on when the event has
/// ended. Nothing counts as hung any more. `cpu`: what work may use that belongs to no living event, until the next begins.
pub fn share_io(scope: &mut v8::PinScope, cpu: Option<Duration>, subrequests: u32) {
    let state = state(scope);
    state.shares_io = true;
    state.contexts.insert(ContextId::SHARED, IoContext::new(ContextId::SHARED, cpu, subrequests, Box::new(Own)));
}

/// Runs `end` when the current step has run, before its output can pass the gate.
pub fn at_step_end(
    scope: &mut v8::PinScope,
    end: impl FnOnce(&mut v8::PinScope) -> Result<(), JsException> + Send + 'static,
) {
    state(scope).step_end.push(Box::new(end));
}

/// Ends the isolate after the current step, which is stopped; all events fail with `reason`.
pub fn reset(scope: &mut v8::PinScope, reason: JsException) {
    state(scope).reset.get_or_insert(reason);
    scope.terminate_execution();
}

/// Output of the isolate waits for `gate` from now on.
pub fn set_output_gate(scope: &mut v8::PinScope, gate: Arc<dyn OutputGate>) {
    state(scope).gate = Some(gate);
}

/// Whether output that is about to leave has to wait: what could be done at once must be spawned ([`crate::spawn_output`]).
pub fn output_waits(scope: &mut v8::PinScope) -> bool {
    let state = state(scope);
    let closed = state.gate.as_ref().is_some_and(|gate| gate.passage().is_some());
    closed || state.last_output.as_ref().is_some_and(|before| before.is_empty())
}

/// What one piece of output waits for: the gate, and the piece before it, which must have begun.
pub(crate) struct Departure {
    gate: Option<BoxFuture<'static, Result<(), JsError>>>,
    before: Option<oneshot::Receiver<()>>,
    begun: oneshot::Sender<()>,
}

/// `None`: it need not wait.
pub(crate) fn departure(scope: &mut v8::PinScope) -> Option<Departure> {
    let gate = output_gate(scope);
    let last = &mut state(scope).last_output;
    let before = last.take().filter(|before| before.is_empty());
    if gate.is_none() && before.is_none() {
        return None;
    }
    let (begun, next) = oneshot::channel();
    *last = Some(next);
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
    state(scope).gate.as_ref()?.passage()
}
