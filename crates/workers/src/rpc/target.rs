//! What stubs lead to: something that an isolate has exported. The last handle of a target that goes tells the isolate, which
//! then runs its disposer.

use std::sync::Arc;

use isolate::{ContextId, JsError, Remote, v8};

use super::call::{Call, Reply};
use super::limits::{Limits, Share};
use super::session::Session;

pub(crate) struct Target {
    remote: Remote,
    /// The event that exported it, or the own event of its Durable Object.
    event: ContextId,
    number: u32,
    /// It is in a Durable Object, where each call is an event.
    pub(crate) in_object: bool,
}

/// A stub that JavaScript holds by number.
pub(crate) struct Held {
    pub(crate) target: Arc<Target>,
    _share: Share,
}

/// Exports what JavaScript knows as `number`. `session`: the current event lasts as long as it is held.
pub(crate) fn export(scope: &mut v8::PinScope, number: u32, session: bool) -> Result<Arc<Target>, JsError> {
    let running = isolate::io_context(scope).map(|context| context.id);
    let owner = if session { running } else { isolate::io_owner(scope) };
    let owner = owner.ok_or_else(|| JsError::error("RPC stubs can only be made while an event is handled."))?;
    if let Some(context) = isolate::context(scope, owner) {
        context.held += 1;
    }
    let in_object = isolate::actor(scope).is_some();
    Ok(Arc::new(Target { remote: isolate::remote(scope), event: owner, number, in_object }))
}

/// Puts a stub within reach of the current event's JavaScript.
pub(crate) fn hold(scope: &mut v8::PinScope, target: Arc<Target>) -> Result<u32, JsError> {
    let share = Limits::of(scope).stub()?;
    Ok(isolate::resources(scope).add(Held { target, _share: share }))
}

// === impl Target ===

impl Target {
    /// Calls it, or a member of it. Calls arrive in the order in which they are sent.
    pub(crate) fn send(&self, call: Call, reply: Reply) {
        let number = self.number;
        if self.in_object {
            return self.remote.event(self.event, Session::on_target(self.remote.clone(), number, call, reply));
        }
        let run =
            move |scope: &mut v8::PinScope, id: ContextId| super::session::begin_within(scope, id, number, call, reply);
        self.remote.within(self.event, Box::new(run));
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let number = self.number;
        let release = move |scope: &mut v8::PinScope, id: ContextId| {
            if let Some(context) = isolate::context(scope, id) {
                context.held = context.held.saturating_sub(1);
            }
            let number = v8::Integer::new_from_unsigned(scope, number).into();
            crate::runtime::call(scope, |hooks| &hooks.release, &[number]);
        };
        self.remote.within(self.event, Box::new(release));
    }
}
