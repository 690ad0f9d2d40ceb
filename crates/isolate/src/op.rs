//! Native functions that the runtime's JavaScript calls, and what their bodies need: arguments, exceptions, promises,
//! the current event.

use std::future::Future;

use crate::context::IoContext;
use crate::pending::{OpKind, PendingOp};
use crate::state::{Frame, state};
use crate::{JsError, OpValue, ResourceTable};

/// A native function by name. Made with [`op!`].
#[derive(Clone, Copy)]
pub struct Op {
    pub name: &'static str,
    #[doc(hidden)]
    pub callback: fn() -> v8::FunctionCallback,
}

impl Op {
    /// The op as a function, for one that is not in the snapshot.
    pub fn function<'s>(&self, scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Function>> {
        v8::FunctionTemplate::builder_raw((self.callback)())
            .constructor_behavior(v8::ConstructorBehavior::Throw)
            .build(scope)
            .get_function(scope)
    }
}

/// `op!(f)`: the [`Op`] of `fn f(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue)`. A panic in `f` becomes an
/// exception: it must not unwind into V8, where it would end the process.
#[macro_export]
macro_rules! op {
    ($function:ident) => {
        $crate::Op {
            name: stringify!($function),
            callback: {
                fn guarded(
                    scope: &mut $crate::v8::PinScope,
                    args: $crate::v8::FunctionCallbackArguments,
                    rv: $crate::v8::ReturnValue,
                ) {
                    let call = || $function(&mut *scope, args, rv);
                    if ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(call)).is_err() {
                        let message = concat!("internal error in ", stringify!($function));
                        $crate::throw(scope, $crate::JsError::error(message));
                    }
                }
                fn callback() -> $crate::v8::FunctionCallback {
                    use $crate::v8::MapFnTo;
                    guarded.map_fn_to()
                }
                callback
            },
        }
    };
}

const GLOBAL_SCOPE: &str = "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), \
setting a timeout, and generating random values are not allowed within global scope. To fix this error, perform this \
operation within a handler. https://developers.cloudflare.com/workers/runtime-apis/handlers/";

const OTHER_REQUEST: &str = "Cannot perform I/O on behalf of a different request. I/O objects (such as streams, \
request/response bodies, and others) created in the context of one request handler cannot be accessed from a different \
request's handler. This is a limitation of Cloudflare Workers which allows us to improve overall performance.";

const OTHER_OBJECT: &str = "Cannot perform I/O on behalf of a different Durable Object. I/O objects (such as streams, \
request/response bodies, and others) created in the context of one Durable Object cannot be accessed from a different \
Durable Object in the same isolate. This is a limitation of Cloudflare Workers which allows us to improve overall \
performance.";

/// What code is told that would use the I/O of another event, or of another actor.
pub fn foreign(scope: &mut v8::PinScope) -> JsError {
    JsError::error(if crate::actor(scope).is_some() { OTHER_OBJECT } else { OTHER_REQUEST })
}

/// Schedules `error` as the exception of the op's call; the op then returns.
pub fn throw(scope: &mut v8::PinScope, error: JsError) {
    let error = error.into_js(scope);
    scope.throw_exception(error);
}

/// Argument `index` as a `USVString`.
pub fn string_arg(scope: &mut v8::PinScope, args: &v8::FunctionCallbackArguments, index: i32) -> String {
    args.get(index).to_rust_string_lossy(scope)
}

/// A copy of the bytes of argument `index` when it is a `BufferSource`.
pub fn bytes_arg(_scope: &mut v8::PinScope, args: &v8::FunctionCallbackArguments, index: i32) -> Option<Vec<u8>> {
    let value = args.get(index);
    if let Ok(view) = value.try_cast::<v8::ArrayBufferView>() {
        let mut bytes = vec![0; view.byte_length()];
        let copied = view.copy_contents(&mut bytes);
        bytes.truncate(copied);
        return Some(bytes);
    }
    let buffer = value.try_cast::<v8::ArrayBuffer>().ok()?;
    let store = buffer.get_backing_store();
    Some(store.iter().map(std::cell::Cell::get).collect())
}

/// A JavaScript string. A text past V8's longest string becomes the empty one.
pub fn new_string<'s>(scope: &v8::PinScope<'s, '_>, text: &str) -> v8::Local<'s, v8::String> {
    v8::String::new(scope, text).unwrap_or_else(|| v8::String::empty(scope))
}

/// A `Uint8Array` over `bytes`, without a copy.
pub fn new_bytes<'s>(scope: &v8::PinScope<'s, '_>, bytes: Vec<u8>) -> v8::Local<'s, v8::Uint8Array> {
    let len = bytes.len();
    let store = crate::state::memory(scope).backing_store(bytes).make_shared();
    let buffer = v8::ArrayBuffer::with_backing_store(scope, &store);
    v8::Uint8Array::new(scope, buffer, 0, len).expect("a view as long as its own buffer")
}

/// The native resources of the current event, or of its actor.
pub fn resources<'a>(scope: &'a mut v8::PinScope) -> &'a mut ResourceTable {
    let owner = Frame::current(scope).map(|frame| frame.owner);
    let state = state(scope);
    state.resources.set_current(owner);
    &mut state.resources
}

/// The event that the running code belongs to, or its actor's own when it has ended; `None` at global scope, and after an
/// event ended that was no actor's.
pub fn io_context<'a>(scope: &'a mut v8::PinScope) -> Option<&'a mut IoContext> {
    let frame = Frame::current(scope)?;
    state(scope).context(frame)
}

/// The event of this id, unless it has ended.
pub fn context<'a>(scope: &'a mut v8::PinScope, id: crate::ContextId) -> Option<&'a mut IoContext> {
    state(scope).contexts.get_mut(&id)
}

/// Lets the current event end `after` a while at the latest, whatever it still waits for.
pub fn expire_after(scope: &mut v8::PinScope, after: std::time::Duration) {
    let Some(context) = io_context(scope).filter(|context| !context.is_own) else { return };
    let (id, due) = (context.id, tokio::time::Instant::now() + after);
    let before = context.deadline.replace(due);
    let deadlines = &mut state(scope).deadlines;
    if let Some(before) = before {
        deadlines.remove(&(before, id));
    }
    deadlines.insert((due, id));
}

/// Ends the current event after this step: it is answered, and nothing is left to wait for.
pub fn finish(scope: &mut v8::PinScope) {
    // The step may be another's: where I/O is an actor's, its events go on in steps that are not theirs.
    let Some(id) = io_context(scope).filter(|context| !context.is_own).map(|context| context.id) else { return };
    state(scope).finished.push(id);
}

/// Whether `bytes` more fit the isolate's memory; otherwise the script is ended as if it had taken them. For work that
/// V8 can't be stopped in once it has begun.
pub fn require_memory(scope: &mut v8::PinScope, bytes: usize) -> bool {
    let memory = state(scope).memory.clone();
    memory.measure(scope);
    memory.fits(bytes)
}

/// Where the running JavaScript was called from: the nearest frame that is not the runtime's own.
pub fn caller(scope: &mut v8::PinScope) -> Option<crate::Frame> {
    let trace = v8::StackTrace::current_stack_trace(scope, 10)?;
    let ours = |script: &str| script.starts_with("skerry:") || script.starts_with("node:");
    crate::exception::trace_frames(scope, trace).into_iter().find(|frame| !ours(&frame.script))
}

/// Whether the running code belongs to an event; otherwise the platform's error is thrown.
pub fn require_io(scope: &mut v8::PinScope) -> bool {
    let inside = io_context(scope).is_some();
    if !inside {
        throw(scope, JsError::error(GLOBAL_SCOPE));
    }
    inside
}

/// Begins asynchronous work for the current event and returns its promise to JavaScript. The work is dropped when the
/// event ends. Outside an event the platform's error is thrown.
pub fn spawn(
    scope: &mut v8::PinScope,
    rv: v8::ReturnValue,
    future: impl Future<Output = Result<OpValue, JsError>> + Send + 'static,
) {
    begin(scope, rv, OpKind::WORK, future);
}

/// As [`spawn`], for work that shows outside: it begins when the actor's output may leave, and after the output that was begun
/// before it.
pub fn spawn_output(
    scope: &mut v8::PinScope,
    rv: v8::ReturnValue,
    future: impl Future<Output = Result<OpValue, JsError>> + Send + 'static,
) {
    match crate::actor::departure(scope) {
        None => begin(scope, rv, OpKind::WORK, future),
        Some(departure) => begin(scope, rv, OpKind::WORK, departure.then(future)),
    }
}

/// As [`spawn`], for work that does not by itself keep the event alive, such as waiting for the client to go away.
pub fn spawn_background(
    scope: &mut v8::PinScope,
    rv: v8::ReturnValue,
    future: impl Future<Output = Result<OpValue, JsError>> + Send + 'static,
) {
    begin(scope, rv, OpKind { counts: false, incoming: false }, future);
}

/// As [`spawn`], for work that ends when something comes from outside, such as a message: where I/O is an actor's, what the
/// actor itself may use is counted anew from there. `waits`: the event is kept alive for it.
pub fn spawn_incoming(
    scope: &mut v8::PinScope,
    rv: v8::ReturnValue,
    waits: bool,
    future: impl Future<Output = Result<OpValue, JsError>> + Send + 'static,
) {
    begin(scope, rv, OpKind { counts: waits, incoming: true }, future);
}

/// Who owns the I/O that the running code begins: its event, or its actor's own. `None` outside events.
pub fn io_owner(scope: &mut v8::PinScope) -> Option<crate::ContextId> {
    let owner = Frame::current(scope)?.owner;
    state(scope).contexts.contains_key(&owner).then_some(owner)
}

fn begin(
    scope: &mut v8::PinScope,
    mut rv: v8::ReturnValue,
    kind: OpKind,
    future: impl Future<Output = Result<OpValue, JsError>> + Send + 'static,
) {
    if require_io(scope)
        && let Some(promise) = promise(scope, kind, future)
    {
        rv.set(promise.into());
    }
}

/// As [`spawn`], for an op that returns more than the promise. `None`: execution is being terminated, or belongs to no event.
pub fn begin_promise<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    future: impl Future<Output = Result<OpValue, JsError>> + Send + 'static,
) -> Option<v8::Local<'s, v8::Promise>> {
    promise(scope, OpKind::WORK, future)
}

fn promise<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    kind: OpKind,
    future: impl Future<Output = Result<OpValue, JsError>> + Send + 'static,
) -> Option<v8::Local<'s, v8::Promise>> {
    // Without a resolver execution is being terminated: there is nobody to answer.
    let resolver = v8::PromiseResolver::new(scope)?;
    let promise = resolver.get_promise(scope);
    let resolver = v8::Global::new(scope, resolver);
    if let Some(owner) = io_owner(scope).and_then(|owner| state(scope).contexts.get_mut(&owner)) {
        owner.pending += u32::from(kind.counts);
    }
    let id = io_owner(scope)?;
    state(scope).ops.push(PendingOp::new(id, kind, resolver, future));
    Some(promise)
}

/// The ops that every runtime has: timers, the clock, async context frames.
pub(crate) const OPS: &[Op] =
    &[op!(op_timer_start), op!(op_timer_clear), op!(op_now), op!(op_async_frame_get), op!(op_async_frame_set)];

/// `op_timer_start(callback, delayMs, repeat)` → the timer's id.
fn op_timer_start(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    if !require_io(scope) {
        return;
    }
    let Ok(callback) = args.get(0).try_cast::<v8::Function>() else {
        return throw(scope, JsError::type_error("a timer needs a function"));
    };
    let callback = v8::Global::new(scope, callback);
    let frame = scope.get_continuation_preserved_embedder_data();
    let frame = v8::Global::new(scope, frame);
    let delay = args.get(1).number_value(scope).unwrap_or(0.0);
    let repeat = args.get(2).boolean_value(scope);
    let Some(id) = io_owner(scope) else { return };
    if let Some(owner) = state(scope).contexts.get_mut(&id) {
        owner.pending += 1;
    }
    let timer = state(scope).timers.start(id, callback, frame, delay, repeat);
    rv.set_uint32(timer);
}

/// `op_timer_clear(id)`
fn op_timer_clear(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    let id = args.get(0).uint32_value(scope).unwrap_or(0);
    let state = state(scope);
    let owner = state.timers.clear(id);
    if let Some(context) = owner.and_then(|owner| state.contexts.get_mut(&owner)) {
        context.pending = context.pending.saturating_sub(1);
    }
}

/// `op_now()` → milliseconds since the epoch, standing still between I/O; 0 at global scope.
fn op_now(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    rv.set_double(state(scope).now);
}

/// `op_async_frame_get()` → the current async context frame: an event's id, `[id, stores]`, or undefined.
fn op_async_frame_get(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    rv.set(scope.get_continuation_preserved_embedder_data());
}

/// `op_async_frame_set(frame)`
fn op_async_frame_set(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    scope.set_continuation_preserved_embedder_data(args.get(0));
}
