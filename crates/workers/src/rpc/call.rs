//! One call, from whoever makes it to whoever answers, and the way back.

use std::sync::{Arc, OnceLock};

use isolate::{Attached, ContextId, Failure, Followed, JsException, OpenSpan, Remote, v8};
use tokio::sync::oneshot;

use super::limits::Limits;
use super::payload::{Payload, Thrown};
use super::pipeline::{Pipeline, Promised, pipeline};
use crate::event::{Cause, Origin, Outcome, Usage};
use crate::{Entrypoint, Invocations};

/// What is asked of an entrypoint or a target.
pub(crate) struct Call {
    /// The names that lead from what is called to the member that is meant; none: the thing itself.
    pub(crate) path: Vec<String>,
    /// What the member is called with; `None`: it is read.
    pub(crate) arguments: Option<Payload>,
    pub(crate) origin: Origin,
}

/// A call of an entrypoint, for whoever knows where it is.
pub struct Invocation {
    pub(crate) entrypoint: Entrypoint,
    pub(crate) call: Call,
    pub(crate) promised: Promised,
    pub(crate) account: Limits,
    pub(crate) usage: Usage,
}

/// What a call returned, or threw.
pub struct Returned(pub(crate) Result<Payload, Thrown>);

impl Returned {
    /// Whether it is what the call threw.
    pub fn is_thrown(&self) -> bool {
        self.0.is_err()
    }
}

/// Why there is no result.
#[derive(Clone)]
pub(crate) enum Failed {
    Thrown(Thrown),
    Cause(Cause),
}

/// The way back to the caller; used once. Dropped, it says that what was called is gone.
pub(crate) struct Reply {
    sender: Option<oneshot::Sender<Outcome<Returned>>>,
    promised: Option<Promised>,
    /// Who pays for what is on its way.
    pub(crate) account: Limits,
    /// What the caller is told when this is dropped; `None`: that is for it to find out.
    lost: Option<&'static str>,
    place: Place,
}

/// Where a target answers a call, once it has begun: the event, and the number of the reply in it, or 0 for the event's own.
#[derive(Clone, Default)]
struct Place(Arc<OnceLock<(Remote, ContextId, u32)>>);

/// Waits for a target's answer. Dropped before it has come, it tells the target that nobody wants it any more.
pub(crate) struct Awaited {
    outcome: Option<oneshot::Receiver<Outcome<Returned>>>,
    place: Place,
}

const NOT_RUNNING: &str = "The execution context which hosts this callback is no longer running.";
const CANCELED: &str = "The destination execution context for this RPC was canceled while the call was still running.";

// === impl Invocation ===

impl Invocation {
    /// The same call of another entrypoint.
    pub fn at(self, entrypoint: Entrypoint) -> Self {
        Self { entrypoint, ..self }
    }

    /// The place in a trace that it comes from.
    pub fn followed(&self) -> Option<&Followed> {
        self.call.origin.invocations.followed()
    }

    /// The same call below a span, where there is one.
    pub fn below(mut self, span: &OpenSpan) -> Self {
        self.call.origin = self.call.origin.below(span);
        self
    }

    /// The same call, whose event is known by `usage`.
    pub fn known_by(self, usage: Usage) -> Self {
        Self { usage, ..self }
    }

    /// The names that lead to what is called or read, with dots between them.
    pub fn method(&self) -> String {
        self.call.path.join(".")
    }

    pub fn entrypoint(&self) -> &Entrypoint {
        &self.entrypoint
    }

    pub fn invocations(&self) -> &Invocations {
        &self.call.origin.invocations
    }
}

// === impl Reply ===

impl Reply {
    /// For a call of a target, which may be gone when it comes.
    pub(crate) fn of_target(account: Limits) -> (Self, Pipeline, Awaited) {
        let (pipeline, promised) = pipeline();
        let (mut reply, outcome) = Self::promised(promised, account);
        reply.lost = Some(NOT_RUNNING);
        let awaited = Awaited { outcome: Some(outcome), place: reply.place.clone() };
        (reply, pipeline, awaited)
    }

    pub(crate) fn promised(promised: Promised, account: Limits) -> (Self, oneshot::Receiver<Outcome<Returned>>) {
        let (sender, outcome) = oneshot::channel();
        (Self { sender: Some(sender), promised: Some(promised), account, lost: None, place: Place::default() }, outcome)
    }

    /// The target begins to answer, here.
    pub(crate) fn begin(&mut self, remote: Remote, event: ContextId, attached: u32) {
        self.lost = self.lost.map(|_| CANCELED);
        let _ = self.place.0.set((remote, event, attached));
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.sender.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    pub(crate) fn take_promised(&mut self) -> Option<Promised> {
        self.promised.take()
    }

    pub(crate) fn give(mut self, outcome: Outcome<Returned>) {
        if let (Some(promised), Some(failed)) = (self.promised.take(), Failed::of(&outcome)) {
            promised.fail(&failed);
        }
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(outcome);
        }
    }
}

impl Attached for Reply {
    fn fail(self: Box<Self>, failure: Failure) {
        self.give(Err(Cause::Runtime(failure)));
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let (Some(sender), Some(lost)) = (self.sender.take(), self.lost) else { return };
        let lost = Cause::Exception(error(lost));
        if let Some(promised) = self.promised.take() {
            promised.fail(&Failed::Cause(lost.clone()));
        }
        let _ = sender.send(Err(lost));
    }
}

// === impl Awaited ===

impl Awaited {
    pub(crate) async fn outcome(mut self) -> Outcome<Returned> {
        let outcome = match &mut self.outcome {
            Some(outcome) => outcome.await.ok(),
            None => None,
        };
        self.outcome = None;
        outcome.unwrap_or(Err(Cause::Runtime(Failure::IsolateGone)))
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // First the end that the target looks at when it begins.
        if self.outcome.take().is_none() {
            return;
        }
        let Some((remote, event, attached)) = self.place.0.get() else { return };
        let attached = *attached;
        let run = move |scope: &mut v8::PinScope, id: ContextId| match attached {
            0 => crate::fetch_event::gone(scope, id),
            attached => {
                let attached = v8::Integer::new_from_unsigned(scope, attached).into();
                crate::runtime::call(scope, |hooks| &hooks.abandoned, &[attached]);
            }
        };
        remote.within(*event, Box::new(run));
    }
}

// === impl Failed ===

impl Failed {
    fn of(outcome: &Outcome<Returned>) -> Option<Self> {
        match outcome {
            Ok(Returned(Ok(_))) => None,
            Ok(Returned(Err(thrown))) => Some(Self::Thrown(thrown.clone())),
            Err(cause) => Some(Self::Cause(cause.clone())),
        }
    }

    /// Whoever was to answer is gone.
    pub(crate) fn canceled() -> Self {
        Self::Cause(Cause::Exception(error(CANCELED)))
    }

    pub(crate) fn outcome(self) -> Outcome<Returned> {
        match self {
            Self::Thrown(thrown) => Ok(Returned(Err(thrown))),
            Self::Cause(cause) => Err(cause),
        }
    }
}

pub(crate) fn error(message: &str) -> JsException {
    JsException { name: "Error".into(), message: message.into(), ..JsException::default() }
}
