//! Promise pipelining: calls on what a call will return, sent before it has returned. They wait where that call is being
//! answered, and go on to the result from there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::call::{Call, Failed, Reply};
use super::target::Target;

/// The caller's end.
#[derive(Clone)]
pub(crate) struct Pipeline(Arc<Mutex<State>>);

/// A pipeline that still takes calls, kept so.
pub(crate) struct Open<'a>(MutexGuard<'a, State>);

/// The end of whoever answers. Dropped without an answer, it fails what waits.
pub(crate) struct Promised(Option<Pipeline>);

enum State {
    /// There is no answer yet: these wait for it.
    Open(Vec<(Call, Reply)>),
    /// It has been answered when nothing waited: what comes later has to ask the result itself.
    Answered,
    Ready(Arc<Target>),
    Failed(Failed),
}

/// A pipeline with both its ends.
pub(crate) fn pipeline() -> (Pipeline, Promised) {
    let pipeline = Pipeline(Arc::new(Mutex::new(State::Open(Vec::new()))));
    (pipeline.clone(), Promised(Some(pipeline)))
}

// === impl Pipeline ===

impl Pipeline {
    /// The way to the result. `None`: it has been answered already.
    pub(crate) fn open(&self) -> Option<Open<'_>> {
        let state = self.lock();
        (!matches!(*state, State::Answered)).then_some(Open(state))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Open ===

impl Open<'_> {
    /// Calls the result, or a member of it.
    pub(crate) fn send(mut self, call: Call, reply: Reply) {
        match &mut *self.0 {
            State::Open(waiting) => waiting.push((call, reply)),
            State::Ready(target) => target.send(call, reply),
            State::Failed(failed) => reply.give(failed.clone().outcome()),
            State::Answered => {}
        }
    }
}

// === impl Promised ===

impl Promised {
    /// There is a result. Gives the end back when calls wait for it: [`Self::ready`] is to follow.
    pub(crate) fn answered(mut self) -> Option<Self> {
        let pipeline = self.0.take()?;
        {
            let mut state = pipeline.lock();
            if matches!(&*state, State::Open(waiting) if waiting.is_empty()) {
                *state = State::Answered;
                return None;
            }
        }
        self.0 = Some(pipeline);
        Some(self)
    }

    /// Calls on the result go to `target`.
    pub(crate) fn ready(mut self, target: Arc<Target>) {
        let Some(pipeline) = self.0.take() else { return };
        let mut state = pipeline.lock();
        if let State::Open(waiting) = std::mem::replace(&mut *state, State::Ready(target.clone())) {
            for (call, reply) in waiting {
                target.send(call, reply);
            }
        }
    }

    /// There will be no result: what waits for it fails as the call did.
    pub(crate) fn fail(mut self, failed: &Failed) {
        self.end(failed);
    }

    fn end(&mut self, failed: &Failed) {
        let Some(pipeline) = self.0.take() else { return };
        let state = std::mem::replace(&mut *pipeline.lock(), State::Failed(failed.clone()));
        if let State::Open(waiting) = state {
            for (_, reply) in waiting {
                reply.give(failed.clone().outcome());
            }
        }
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        self.end(&Failed::canceled());
    }
}
