//! What an isolate carries besides V8's heap: its events, pending ops, timers, resources, modules, and whatever the
//! embedder put in. Ops reach it through the scope, so that it is never borrowed twice.

use std::any::{Any, TypeId};
use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use futures::stream::FuturesUnordered;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::actor::{OutputGate, StepEnd};
use crate::context::IoContext;
use crate::memory::Memory;
use crate::module_map::ModuleMap;
use crate::pending::PendingOp;
use crate::rejections::Rejections;
use crate::remote::{Inbox, Remote};
use crate::timers::Timers;
use crate::{ContextId, JsException, ResourceTable};

/// The isolate data slot that points to the state.
const STATE_SLOT: u32 = 0;
/// The context's embedder data that holds the runtime's hooks: an object of functions that native code calls.
pub(crate) const HOOKS_SLOT: i32 = 1;

pub(crate) struct IsolateState {
    pub(crate) contexts: FxHashMap<ContextId, IoContext>,
    /// When events end at the latest, for those that have such a time.
    pub(crate) deadlines: BTreeSet<(Instant, ContextId)>,
    pub(crate) ops: FuturesUnordered<PendingOp>,
    pub(crate) remote: Remote,
    pub(crate) inbox: Inbox,
    pub(crate) timers: Timers,
    pub(crate) resources: ResourceTable,
    pub(crate) modules: ModuleMap,
    pub(crate) rejections: Rejections,
    pub(crate) memory: Arc<Memory>,
    /// What runs at the end of the current step.
    pub(crate) step_end: Vec<StepEnd>,
    /// Events that are over, and end after the current step.
    pub(crate) finished: Vec<ContextId>,
    /// Why the isolate must end after the current step.
    pub(crate) reset: Option<JsException>,
    /// What output has to wait for.
    pub(crate) gate: Option<Arc<dyn OutputGate>>,
    /// Resolves when the output that was to leave last has begun to.
    pub(crate) last_output: Option<tokio::sync::oneshot::Receiver<()>>,
    /// I/O belongs to the isolate, not to the event that began it.
    pub(crate) shares_io: bool,
    /// Milliseconds since the epoch, as the script sees them in this turn; 0 at global scope.
    pub(crate) now: f64,
    /// Whether wasm may be compiled: only while the runtime itself loads a module.
    pub(crate) compiling_wasm: bool,
    embedder: FxHashMap<TypeId, Box<dyn Any + Send>>,
}

// === impl IsolateState ===

impl IsolateState {
    pub(crate) fn new(memory: Arc<Memory>) -> Self {
        let (remote, inbox) = Remote::new();
        Self {
            contexts: FxHashMap::default(),
            deadlines: BTreeSet::new(),
            ops: FuturesUnordered::new(),
            remote,
            inbox,
            timers: Timers::default(),
            resources: ResourceTable::default(),
            modules: ModuleMap::default(),
            rejections: Rejections::default(),
            memory,
            step_end: Vec::new(),
            finished: Vec::new(),
            reset: None,
            gate: None,
            last_output: None,
            shares_io: false,
            now: 0.0,
            compiling_wasm: false,
            embedder: FxHashMap::default(),
        }
    }

    pub(crate) fn put_boxed(&mut self, value: Box<dyn Any + Send>) {
        self.embedder.insert((*value).type_id(), value);
    }

    /// Who owns the I/O that event `id` begins.
    pub(crate) fn owner(&self, id: ContextId) -> ContextId {
        if self.shares_io { ContextId::SHARED } else { id }
    }

    /// The event, or, when it has ended and I/O outlives events, the isolate itself.
    pub(crate) fn context(&mut self, id: ContextId) -> Option<&mut IoContext> {
        let id = if self.contexts.contains_key(&id) { id } else { self.owner(id) };
        self.contexts.get_mut(&id)
    }

    /// Ends an event: its pending work, timers and resources go with it.
    pub(crate) fn end_context(&mut self, id: ContextId) -> Option<IoContext> {
        let context = self.contexts.remove(&id)?;
        if let Some(deadline) = context.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        if self.shares_io {
            return Some(context);
        }
        for op in std::pin::Pin::new(&mut self.ops).iter_pin_mut() {
            if op.context == id {
                op.cancel();
            }
        }
        self.timers.drop_owned_by(id);
        self.resources.drop_owned_by(id);
        Some(context)
    }
}

/// Makes `state` reachable from ops of `isolate`.
///
/// # Safety
/// `state` must stay valid, and be touched only under the isolate's lock, for as long as scripts can run in `isolate`.
pub(crate) unsafe fn attach(isolate: &mut v8::Isolate, state: NonNull<IsolateState>) {
    isolate.set_data(STATE_SLOT, state.as_ptr() as *mut c_void);
}

/// The state of the isolate that `scope` is in. The borrow of the scope is the borrow of the state.
pub(crate) fn state<'a>(scope: &'a mut v8::PinScope) -> &'a mut IsolateState {
    let state = scope.get_data(STATE_SLOT) as *mut IsolateState;
    // SAFETY: `attach` set the pointer before the first script ran; scripts run only under the isolate's lock, and every
    // access goes through the exclusive borrow of the one current scope.
    unsafe { &mut *state }
}

/// The memory account of the isolate that `scope` is in.
pub(crate) fn memory(scope: &v8::PinScope) -> Arc<Memory> {
    let state = scope.get_data(STATE_SLOT) as *const IsolateState;
    // SAFETY: as in `state`; the borrow ends before anything else can reach the state.
    unsafe { (*state).memory.clone() }
}

/// The event that the running code belongs to, by the asynchronous flow of control.
pub(crate) fn current_context(scope: &v8::PinScope) -> Option<ContextId> {
    let frame = scope.get_continuation_preserved_embedder_data();
    if let Ok(id) = frame.try_cast::<v8::Integer>() {
        return Some(ContextId(id.value() as u32));
    }
    // An AsyncLocalStorage frame: [id, stores].
    let frame = frame.try_cast::<v8::Array>().ok()?;
    let id = frame.get_index(scope, 0)?.try_cast::<v8::Integer>().ok()?;
    Some(ContextId(id.value() as u32))
}

/// Keeps a value of the embedder's with the isolate: one of each type.
pub fn put<T: Any + Send>(scope: &mut v8::PinScope, value: T) {
    state(scope).put_boxed(Box::new(value));
}

/// The embedder's value of this type, when there is one.
pub fn embedder<'a, T: Any + Send>(scope: &'a mut v8::PinScope) -> Option<&'a mut T> {
    state(scope).embedder.get_mut(&TypeId::of::<T>())?.downcast_mut()
}

/// The object of functions that the runtime's JavaScript exports to native code.
pub fn hooks<'s>(scope: &v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Object>> {
    let context = scope.get_current_context();
    context.get_embedder_data(scope, HOOKS_SLOT)?.try_cast().ok()
}

/// One function of [`hooks`].
pub fn hook<'s>(scope: &v8::PinScope<'s, '_>, name: &str) -> Option<v8::Local<'s, v8::Function>> {
    let key = v8::String::new(scope, name)?;
    hooks(scope)?.get(scope, key.into())?.try_cast().ok()
}
