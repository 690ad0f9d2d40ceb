//! A call where it is answered: an event of its own at an entrypoint or in a Durable Object, part of an event that goes on at
//! any other target. An event lasts until it is answered and nothing of what it returned is held.

use std::any::Any;
use std::time::Duration;

use isolate::{ContextData, ContextId, Failure, Followed, Job, JsError, v8};
use tokio::sync::oneshot;

use super::call::{Call, Invocation, Reply, Returned};
use crate::event::{Cause, Origin, Outcome, Usage};

/// What the isolate keeps of an event that is a call.
pub(crate) struct Session {
    pub(crate) reply: Option<Reply>,
    pub(crate) origin: Origin,
    pub(crate) usage: Usage,
}

// === impl Session ===

impl Session {
    /// A call of an entrypoint, and what becomes of it.
    pub(crate) fn on_entrypoint(id: ContextId, invocation: Invocation) -> (Job, oneshot::Receiver<Outcome<Returned>>) {
        let Invocation { entrypoint, call, promised, account, usage } = invocation;
        let (reply, outcome) = Reply::promised(promised, account);
        let data = Box::new(Self { reply: Some(reply), origin: call.origin.clone(), usage });
        let run: isolate::Begin = Box::new(move |scope, id| {
            let what = match arguments(scope, call) {
                Ok(what) => what,
                Err(error) => return refuse(scope, error),
            };
            let id = v8::Integer::new_from_unsigned(scope, id.0).into();
            let [name, props] = entrypoint.give(scope);
            let [path, calls, data, slots] = what;
            crate::runtime::call(scope, |hooks| &hooks.call, &[id, name, props, path, calls, data, slots]);
        });
        (Job::new(id, data, run), outcome)
    }

    /// A call of a Durable Object's target.
    pub(crate) fn on_target(remote: isolate::Remote, number: u32, call: Call, reply: Reply) -> Job {
        let data = Box::new(Self { reply: Some(reply), origin: call.origin.clone(), usage: Usage::default() });
        let run: isolate::Begin = Box::new(move |scope, id| {
            let Some(session) = isolate::io_context(scope).and_then(|context| context.data::<Self>()) else { return };
            if let Some(reply) = &mut session.reply {
                reply.begin(remote, id, 0);
            }
            // It may have come too late.
            if session.reply.as_ref().is_none_or(Reply::is_unwanted) {
                session.reply = None;
                return isolate::finish(scope);
            }
            begin(scope, number, id.0, 0, call);
        });
        Job::new(ContextId::next(), data, run)
    }
}

/// Calls a target within the running event.
pub(crate) fn begin_within(scope: &mut v8::PinScope, event: ContextId, number: u32, call: Call, mut reply: Reply) {
    let attached = isolate::new_attachment();
    reply.begin(isolate::remote(scope), event, attached);
    if reply.is_unwanted() {
        return;
    }
    let Some(context) = isolate::io_context(scope) else { return };
    context.attach(attached, reply);
    begin(scope, number, 0, attached, call);
}

/// `event`: the id of one that the call began, or 0. `attached`: where the reply is, or 0 for the event's own.
fn begin(scope: &mut v8::PinScope, number: u32, event: u32, attached: u32, call: Call) {
    let [path, calls, data, slots] = match arguments(scope, call) {
        Ok(what) => what,
        Err(error) => {
            if attached == 0 {
                return refuse(scope, error);
            }
            let reply = isolate::io_context(scope).and_then(|context| context.detach::<Reply>(attached));
            if let Some(reply) = reply {
                reply.give(Err(exception(error)));
            }
            return;
        }
    };
    let integer = |value| v8::Integer::new_from_unsigned(scope, value).into();
    let (number, event, attached) = (integer(number), integer(event), integer(attached));
    crate::runtime::call(scope, |hooks| &hooks.target_call, &[event, number, path, calls, data, slots, attached]);
}

/// Path, whether it is a call, data and slots.
fn arguments<'s>(scope: &mut v8::PinScope<'s, '_>, call: Call) -> Result<[v8::Local<'s, v8::Value>; 4], JsError> {
    let path = match &call.path[..] {
        [name] => isolate::new_string(scope, name).into(),
        names => {
            let names: Vec<_> = names.iter().map(|name| isolate::new_string(scope, name).into()).collect();
            v8::Array::new_with_elements(scope, &names).into()
        }
    };
    let calls = v8::Boolean::new(scope, call.arguments.is_some()).into();
    let undefined = v8::undefined(scope).into();
    let (data, slots) = match call.arguments {
        Some(payload) => payload.give(scope)?,
        None => (undefined, undefined),
    };
    Ok([path, calls, data, slots])
}

fn exception(error: JsError) -> Cause {
    Cause::Exception(super::call::error(&error.message))
}

/// Answers the running event, which can't be begun.
fn refuse(scope: &mut v8::PinScope, error: JsError) {
    let session = isolate::io_context(scope).and_then(|context| context.data::<Session>());
    if let Some(reply) = session.and_then(|session| session.reply.take()) {
        reply.give(Err(exception(error)));
    }
    isolate::finish(scope);
}

impl ContextData for Session {
    fn fail(&mut self, failure: Failure) {
        if let Some(reply) = self.reply.take() {
            reply.give(Err(Cause::Runtime(failure)));
        }
    }

    fn used(&mut self, cpu: Duration) {
        self.usage.set(cpu);
    }

    fn awaits_answer(&self) -> bool {
        self.reply.is_some()
    }

    fn followed(&self) -> Option<&Followed> {
        self.origin.invocations.followed()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}
