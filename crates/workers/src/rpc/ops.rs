//! The ops of `js/rpc_*.js`.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use isolate::{Args, ContextId, Failure, JsError, JsErrorKind, Op, OpValue, OpenSpan, op, v8};
use tokio::sync::oneshot;

use super::call::{Call, Invocation, Reply, Returned, error};
use super::limits::Limits;
use super::outbox::leave;
use super::payload::{Payload, Thrown, held};
use super::pipeline::{Pipeline, Promised, pipeline};
use super::session::Session;
use super::target::{self, Held, Target};
use crate::event::{Cause, Origin, Outcome, Usage};
use crate::mailbox::Mailbox;
use crate::object::usage;
use crate::object_trace::{End, ObjectEvent};
use crate::service::{Entrypoint, Service};

pub(crate) const OPS: &[Op] = &[
    op!(op_rpc_call),
    op!(op_rpc_return),
    op!(op_rpc_pipeline),
    op!(op_rpc_local),
    op!(op_rpc_dup),
    op!(op_rpc_dispose),
    op!(op_is_native_error),
    op!(op_is_proxy),
];

/// Names in one path.
const MAX_NAMES: u32 = 64;
/// Calls of which each is on the result of the one before.
const MAX_DEPTH: u32 = 256;

// What `op_rpc_call` can be made on.
const SERVICE: u32 = 0;
const OBJECT: u32 = 1;
const STUB: u32 = 2;
const RESULT: u32 = 3;

/// Who answers, for whoever tells of a failure.
#[derive(Clone, Copy)]
struct Callee {
    in_object: bool,
    /// It is a target, not an entrypoint.
    is_target: bool,
}

/// The caller's end of a call that it waits for.
struct Waiting {
    pipeline: Pipeline,
    depth: u32,
    callee: Callee,
}

/// `op_rpc_call(kind, a, b, c, path, calls, data, slots)` → `[promise, number]`. On what: 0 the service `a`, of which `b` and `c` may say
/// the entrypoint and its props; 1 the object of
/// namespace `a` with id `b` and name `c`; 2 the stub `a`; 3 the result of the call `a`. `path` is a name or an array of
/// them; `calls`: the member is called, with the arguments of which data and slots tell, rather than read. The promise is of
/// `[0, data, slots]`, what was returned; `[1, data]`, what was thrown; or `[2, class, message, reset, remote]`. The number is
/// that of the call. A call on a result that has come already is not sent, and undefined is returned.
fn op_rpc_call(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    match begin(scope, &args) {
        Ok(Some(value)) => rv.set(value),
        Ok(None) => {}
        Err(error) => isolate::throw(scope, error),
    }
}

/// `None`: it is a result that has come already, or execution is being terminated.
fn begin<'s>(scope: &mut v8::PinScope<'s, '_>, args: &Args) -> Result<Option<v8::Local<'s, v8::Value>>, JsError> {
    let account = Limits::of(scope);
    let share = account.call()?;
    let a = args.get(1).uint32_value(scope).unwrap_or(0);
    let path = path(scope, args.get(4))?;
    match args.get(0).uint32_value(scope) {
        Some(SERVICE) => {
            let service = crate::binding::known_service::<Arc<dyn Service>>(scope, a)
                .ok_or_else(|| JsError::error("This service is not bound to the Worker."))?;
            let entrypoint = Entrypoint::take(scope, args.get(2), args.get(3))?;
            take_subrequest(scope)?;
            let span = begin_span(scope, "service_rpc", &path);
            let origin = Origin::current(scope).of_service()?.below(&span);
            let call = Call { path, arguments: arguments(scope, args, &account)?, origin };
            let (pipeline, promised) = pipeline();
            let gate = isolate::output_gate(scope);
            let outcome = async move {
                if let Some(gate) = gate {
                    gate.await.map_err(|failed| Cause::Exception(error(&failed.message)))?;
                }
                service.call(Invocation { entrypoint, call, promised, account, usage: Usage::default() }).await
            };
            Ok(wait(scope, share, span, pipeline, 0, Callee { in_object: false, is_target: false }, outcome))
        }
        Some(OBJECT) => {
            let object = crate::object_ops::object(scope, args, 1)?;
            let mut span = begin_span(scope, "durable_object_rpc", &path);
            span.fact("cloudflare.durable_object.id", || object.id.to_string());
            let origin = Origin::current(scope).of_object()?.below(&span);
            let call = Call { path, arguments: arguments(scope, args, &account)?, origin };
            let traced =
                object.namespace.trace(&ObjectEvent::Call(&call.path.join(".")), call.origin.invocations.told());
            let (pipeline, promised) = pipeline();
            let id = ContextId::next();
            let invocation =
                Invocation { entrypoint: Default::default(), call, promised, account, usage: usage(&traced) };
            let (mut job, outcome) = Session::on_entrypoint(id, invocation);
            let sent = Arc::new(OnceLock::new());
            let abandon = Abandon { id, sent: sent.clone(), unanswered: true };
            leave(scope, move |passed| match passed {
                Ok(()) => {
                    let _ = sent.set(object.namespace.send(object.id, object.name, job));
                }
                Err(failed) => job.data.fail(Failure::Reset(Arc::new(error(&failed.message)))),
            });
            let outcome = async move {
                let outcome = abandon.outcome(outcome).await;
                if let Some(traced) = traced {
                    traced.ended(match &outcome {
                        Ok(returned) if returned.is_thrown() => End::Thrown,
                        Ok(_) => End::Done,
                        Err(cause) => End::Failed(cause),
                    });
                }
                outcome
            };
            Ok(wait(scope, share, span, pipeline, 0, Callee { in_object: true, is_target: false }, outcome))
        }
        Some(STUB) => {
            let target = held(scope, a)?;
            let (reply, pipeline, awaited) = Reply::of_target(account.clone());
            let origin = Origin::current(scope);
            // In an object it is an event.
            let origin = if target.in_object { origin.of_object()? } else { origin };
            let span = begin_span(scope, "rpc_stub", &path);
            let origin = origin.below(&span);
            let call = Call { path, arguments: arguments(scope, args, &account)?, origin };
            let callee = Callee { in_object: target.in_object, is_target: true };
            leave(scope, move |passed| send(passed, call, reply, &target));
            Ok(wait(scope, share, span, pipeline, 0, callee, awaited.outcome()))
        }
        Some(RESULT) => {
            let Some(Waiting { pipeline: result, depth, callee }) = isolate::resources(scope).get(a) else {
                return Err(isolate::foreign(scope));
            };
            let (result, depth, callee) = (result.clone(), *depth + 1, Callee { is_target: true, ..*callee });
            if depth > MAX_DEPTH {
                return Err(JsError::type_error(format!("RPC pipeline is too deep (max {MAX_DEPTH} calls).")));
            }
            let origin = Origin::current(scope);
            let origin = if callee.in_object { origin.of_object()? } else { origin };
            let Some(open) = result.open() else { return Ok(None) };
            let span = begin_span(scope, "rpc_stub", &path);
            let origin = origin.below(&span);
            let call = Call { path, arguments: arguments(scope, args, &account)?, origin };
            let (reply, pipeline, awaited) = Reply::of_target(account);
            open.send(call, reply);
            Ok(wait(scope, share, span, pipeline, depth, callee, awaited.outcome()))
        }
        _ => Err(JsError::type_error("This can't be called.")),
    }
}

fn send(passed: Result<(), JsError>, call: Call, reply: Reply, target: &Target) {
    match passed {
        Ok(()) if reply.is_unwanted() => {}
        Ok(()) => target.send(call, reply),
        Err(failed) => reply.give(Err(Cause::Exception(error(&failed.message)))),
    }
}

/// Waits for an outcome: `[promise, number]`.
fn wait<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    share: super::limits::Share,
    mut span: OpenSpan,
    pipeline: Pipeline,
    depth: u32,
    callee: Callee,
    outcome: impl Future<Output = Outcome<Returned>> + Send + 'static,
) -> Option<v8::Local<'s, v8::Value>> {
    let number = isolate::resources(scope).add(Waiting { pipeline, depth, callee });
    let promise = isolate::begin_promise(scope, async move {
        let outcome = span.watch(outcome).await;
        if matches!(outcome, Ok(Returned(Err(_)))) {
            span.fail();
        }
        drop((share, span));
        Ok(OpValue::With(Box::new(move |scope| {
            drop(isolate::resources(scope).take::<Waiting>(number));
            settle(scope, outcome, callee)
        })))
    })?;
    let number = v8::Integer::new_from_unsigned(scope, number).into();
    Some(v8::Array::new_with_elements(scope, &[promise.into(), number]).into())
}

/// Tells an object's event when nobody waits for it any more.
struct Abandon {
    id: ContextId,
    sent: Arc<OnceLock<Mailbox>>,
    unanswered: bool,
}

// === impl Abandon ===

impl Abandon {
    async fn outcome(mut self, outcome: oneshot::Receiver<Outcome<Returned>>) -> Outcome<Returned> {
        let outcome = outcome.await.unwrap_or(Err(Cause::Runtime(Failure::IsolateGone)));
        self.unanswered = false;
        outcome
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        if let Some(mailbox) = self.sent.get().filter(|_| self.unanswered) {
            mailbox.abandon(self.id);
        }
    }
}

/// The span of a call; `path` is what it calls.
fn begin_span(scope: &mut v8::PinScope, name: &'static str, path: &[String]) -> OpenSpan {
    let mut span = isolate::begin_span(scope, || name.into());
    span.fact("rpc.method", || path.join("."));
    span
}

fn take_subrequest(scope: &mut v8::PinScope) -> Result<(), JsError> {
    isolate::io_context(scope).map_or(Ok(()), isolate::IoContext::take_subrequest)
}

fn number(scope: &mut v8::PinScope, args: &Args, index: i32) -> u32 {
    args.get(index).uint32_value(scope).unwrap_or(0)
}

fn path(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Result<Vec<String>, JsError> {
    let Ok(names) = value.try_cast::<v8::Array>() else { return Ok(vec![value.to_rust_string_lossy(scope)]) };
    if names.length() > MAX_NAMES {
        return Err(JsError::type_error("RPC pipelined property path is too deep (max 64)."));
    }
    let mut path = Vec::with_capacity(names.length() as usize);
    for index in 0..names.length() {
        let name = names.get_index(scope, index).map(|name| name.to_rust_string_lossy(scope));
        path.push(name.unwrap_or_default());
    }
    Ok(path)
}

fn arguments(scope: &mut v8::PinScope, args: &Args, account: &Limits) -> Result<Option<Payload>, JsError> {
    args.get(5).is_true().then(|| Payload::take(scope, args, 6, account)).transpose()
}

/// What the caller's promise is of.
fn settle(scope: &mut v8::PinScope, outcome: Outcome<Returned>, callee: Callee) -> v8::Global<v8::Value> {
    let (kind, elements) = match outcome {
        Ok(Returned(Ok(payload))) => match payload.give(scope) {
            Ok((data, slots)) => (0, vec![data, slots]),
            Err(error) => (2, failure(scope, &error, false, false)),
        },
        Ok(Returned(Err(thrown))) => match Payload::thrown(thrown).give(scope) {
            Ok((data, _)) => (1, vec![data]),
            Err(error) => (2, failure(scope, &error, false, false)),
        },
        Err(cause) => {
            let (error, reset) =
                if callee.in_object { crate::object_ops::failed(cause) } else { (crate::service::error(cause), false) };
            (2, failure(scope, &error, reset, reset && callee.is_target))
        }
    };
    let mut all = vec![v8::Integer::new(scope, kind).into()];
    all.extend(elements);
    let array: v8::Local<v8::Value> = v8::Array::new_with_elements(scope, &all).into();
    v8::Global::new(scope, array)
}

fn failure<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    error: &JsError,
    reset: bool,
    remote: bool,
) -> Vec<v8::Local<'s, v8::Value>> {
    let class = match error.kind {
        JsErrorKind::TypeError => "TypeError",
        JsErrorKind::RangeError => "RangeError",
        JsErrorKind::SyntaxError => "SyntaxError",
        JsErrorKind::Error | JsErrorKind::Dom(_) => "Error",
    };
    vec![
        isolate::new_string(scope, class).into(),
        isolate::new_string(scope, &error.message).into(),
        v8::Boolean::new(scope, reset).into(),
        v8::Boolean::new(scope, remote).into(),
    ]
}

/// `op_rpc_return(attached, thrown, data, slots, pipelines, keeper)`: answers the call whose reply is `attached` (0: the running event's
/// own). `pipelines`: calls on the result go to its first stub (1) or its last (2). Otherwise (0), where calls wait for the
/// result, their number is returned, for `op_rpc_pipeline`; else undefined. `keeper`: an export that the caller's event is to
/// hold until it ends, or 0.
fn op_rpc_return(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let (attached, thrown) = (number(scope, &args, 0), args.get(1).is_true());
    let Some(context) = isolate::io_context(scope) else { return };
    let reply = match attached {
        0 => context.data::<Session>().and_then(|session| session.reply.take()),
        attached => context.detach::<Reply>(attached).map(|reply| *reply),
    };
    let Some(mut reply) = reply else { return };
    let account = reply.account.clone();
    let keeper = match number(scope, &args, 5) {
        0 => None,
        keeper => target::export(scope, keeper, false).ok(),
    };
    let payload = match Payload::take(scope, &args, 2, &account) {
        Ok(payload) => payload.with_keeper(keeper),
        Err(refused) => {
            // That is what the call throws then.
            if let Some(context) = isolate::io_context(scope) {
                if attached != 0 {
                    context.attach(attached, reply);
                } else if let Some(session) = context.data::<Session>() {
                    session.reply = Some(reply);
                }
            }
            return isolate::throw(scope, refused);
        }
    };
    if thrown {
        let Payload { data, keeper, .. } = payload;
        return leave_with(scope, reply, Ok(Returned(Err(Thrown { data, keeper }))));
    }
    if let Some(promised) = reply.take_promised() {
        let stub = match number(scope, &args, 4) {
            0 => None,
            which => payload.stub(which == 2),
        };
        match stub {
            Some(target) => promised.ready(target),
            None => {
                if let Some(promised) = promised.answered() {
                    let number = isolate::resources(scope).add(promised);
                    rv.set_uint32(number);
                }
            }
        }
    }
    leave_with(scope, reply, Ok(Returned(Ok(payload))));
}

fn leave_with(scope: &mut v8::PinScope, reply: Reply, outcome: Outcome<Returned>) {
    leave(scope, move |passed| match passed {
        Ok(()) => reply.give(outcome),
        Err(failed) => reply.give(Err(Cause::Exception(error(&failed.message)))),
    });
}

/// `op_rpc_pipeline(number, export)`: calls that wait for a result go to what was exported
fn op_rpc_pipeline(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let (waiting, export) = (number(scope, &args, 0), number(scope, &args, 1));
    let Some(promised) = isolate::resources(scope).take::<Promised>(waiting) else { return };
    match target::export(scope, export, true) {
        Ok(target) => promised.ready(target),
        Err(error) => isolate::throw(scope, error),
    }
}

/// `op_rpc_local(export)` → a stub of what this isolate has exported
fn op_rpc_local(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let export = number(scope, &args, 0);
    match target::export(scope, export, false).and_then(|target| target::hold(scope, target)) {
        Ok(stub) => rv.set_uint32(stub),
        Err(error) => isolate::throw(scope, error),
    }
}

/// `op_rpc_dup(stub)` → another stub of the same target
fn op_rpc_dup(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let stub = number(scope, &args, 0);
    match held(scope, stub).and_then(|target| target::hold(scope, target)) {
        Ok(stub) => rv.set_uint32(stub),
        Err(error) => isolate::throw(scope, error),
    }
}

/// `op_rpc_dispose(stub)`
fn op_rpc_dispose(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let stub = number(scope, &args, 0);
    drop(isolate::resources(scope).take::<Held>(stub));
}

/// `op_is_native_error(value)` → whether it is an instance of `Error` as V8 makes them
fn op_is_native_error(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    rv.set_bool(args.get(0).is_native_error());
}

/// `op_is_proxy(value)` → whether it is a `Proxy`
fn op_is_proxy(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    rv.set_bool(args.get(0).is_proxy());
}
