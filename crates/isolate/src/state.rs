//! What an isolate carries besides V8's heap: its events, pending ops, timers, resources, modules, and whatever the
//! embedder put in. Ops reach it through the scope, so that it is never borrowed twice.

use std::any::{Any, TypeId};
use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::actor::{Actor, Closed, StepEnd};
use crate::context::{Failure, IoContext};
use crate::garbage::Garbage;
use crate::inspector::Inspection;
use crate::memory::Memory;
use crate::module_map::ModuleMap;
use crate::pending::PendingOp;
use crate::rejections::Rejections;
use crate::remote::{Inbox, Remote};
use crate::timers::Timers;
use crate::{ActorId, ContextId, Job, ResourceTable};

/// The isolate data slot that points to the state.
pub(crate) const STATE_SLOT: u32 = 0;
/// The context's embedder data that holds the runtime's hooks: an object of functions that native code calls.
pub(crate) const HOOKS_SLOT: i32 = 1;

pub(crate) struct IsolateState {
    pub(crate) contexts: FxHashMap<ContextId, IoContext>,
    /// The actors that are open.
    pub(crate) actors: FxHashMap<ActorId, Actor>,
    /// Those that were closed, until somebody asks.
    pub(crate) closed: Vec<Closed>,
    /// Events of actors that are not open.
    pub(crate) strays: Vec<(ActorId, Job)>,
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
    pub(crate) garbage: Garbage,
    /// What runs at the end of the current step, and for which actors.
    pub(crate) step_end: Vec<(ActorId, StepEnd)>,
    /// Events that are over, and end after the current step.
    pub(crate) finished: Vec<ContextId>,
    /// Which actors must end after the current step, and why.
    pub(crate) resets: Vec<(ActorId, Failure)>,
    /// Milliseconds since the epoch, as the script sees them in this turn; 0 at global scope.
    pub(crate) now: f64,
    /// Whether wasm may be compiled: only while the runtime itself loads a module.
    pub(crate) compiling_wasm: bool,
    /// Whether the script may make code of data.
    pub(crate) code_generation: bool,
    pub(crate) import_attributes: crate::ImportAttributes,
    /// Where it is under inspection.
    pub(crate) inspection: Option<Inspection>,
    embedder: FxHashMap<TypeId, Box<dyn Any + Send>>,
}

// === impl IsolateState ===

impl IsolateState {
    pub(crate) fn new(memory: Arc<Memory>) -> Self {
        let (remote, inbox) = Remote::new();
        Self {
            contexts: FxHashMap::default(),
            actors: FxHashMap::default(),
            closed: Vec::new(),
            strays: Vec::new(),
            deadlines: BTreeSet::new(),
            ops: FuturesUnordered::new(),
            remote,
            inbox,
            timers: Timers::default(),
            resources: ResourceTable::default(),
            modules: ModuleMap::default(),
            rejections: Rejections::default(),
            memory,
            garbage: Garbage::default(),
            step_end: Vec::new(),
            finished: Vec::new(),
            resets: Vec::new(),
            now: 0.0,
            compiling_wasm: false,
            code_generation: false,
            import_attributes: crate::ImportAttributes::default(),
            inspection: None,
            embedder: FxHashMap::default(),
        }
    }

    pub(crate) fn put_boxed(&mut self, value: Box<dyn Any + Send>) {
        self.embedder.insert((*value).type_id(), value);
    }

    /// The event that a frame is of, or, when it has ended, its actor's own.
    pub(crate) fn context(&mut self, frame: Frame) -> Option<&mut IoContext> {
        let id = if self.contexts.contains_key(&frame.event) { frame.event } else { frame.owner };
        self.contexts.get_mut(&id)
    }

    /// Who owns the I/O that event `id` begins: it, or the own event of its actor. `None`: it has ended.
    pub(crate) fn owner(&self, id: ContextId) -> Option<ContextId> {
        match self.contexts.get(&id)?.actor {
            Some(actor) => self.actors.get(&actor).map(|actor| actor.own),
            None => Some(id),
        }
    }

    /// Whether an actor waits for something that it has begun: events, timers, ops.
    pub(crate) fn is_active(&self, id: ActorId) -> bool {
        self.actors
            .get(&id)
            .is_some_and(|actor| actor.busy > 0 || self.contexts.get(&actor.own).is_some_and(|own| own.pending > 0))
    }

    /// Ends an event: its pending work, timers and resources go with it, unless they are its actor's.
    pub(crate) fn end_context(&mut self, id: ContextId) -> Option<IoContext> {
        let context = self.contexts.remove(&id)?;
        if let Some(deadline) = context.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        match context.actor {
            Some(actor) => {
                if let Some(actor) = self.actors.get_mut(&actor).filter(|_| !context.is_own) {
                    actor.busy -= 1;
                }
            }
            None => self.drop_io(id),
        }
        Some(context)
    }

    /// Gives events that much more time: it passed while nothing could run.
    pub(crate) fn postpone(&mut self, by: Duration) {
        self.deadlines.clear();
        for context in self.contexts.values_mut() {
            if let Some(deadline) = &mut context.deadline {
                *deadline += by;
                self.deadlines.insert((*deadline, context.id));
            }
        }
    }

    /// Drops the pending work, timers and resources that an event owns.
    pub(crate) fn drop_io(&mut self, owner: ContextId) {
        for op in std::pin::Pin::new(&mut self.ops).iter_pin_mut() {
            if op.context == owner {
                op.cancel();
            }
        }
        self.timers.drop_owned_by(owner);
        self.resources.drop_owned_by(owner);
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

/// What the asynchronous flow of control says of the code that runs.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// The event that it belongs to.
    pub(crate) event: ContextId,
    /// Who owns the I/O that it begins: the event, or the own event of its actor.
    pub(crate) owner: ContextId,
}

impl Frame {
    /// What V8 carries along for a step of `context`: its id, or `[id, undefined, owner]`.
    pub(crate) fn carried<'s>(
        scope: &v8::PinScope<'s, '_>,
        event: ContextId,
        owner: ContextId,
    ) -> v8::Local<'s, v8::Value> {
        let id = v8::Integer::new_from_unsigned(scope, event.0).into();
        if event == owner {
            return id;
        }
        let parts = [id, v8::undefined(scope).into(), v8::Integer::new_from_unsigned(scope, owner.0).into()];
        v8::Array::new_with_elements(scope, &parts).into()
    }

    /// That of the running code; `None` at global scope.
    pub(crate) fn current(scope: &v8::PinScope) -> Option<Self> {
        let frame = scope.get_continuation_preserved_embedder_data();
        if let Ok(id) = frame.try_cast::<v8::Integer>() {
            let event = ContextId(id.value() as u32);
            return Some(Self { event, owner: event });
        }
        // With an AsyncLocalStorage's stores, or of an actor's event: [id, stores, owner].
        let frame = frame.try_cast::<v8::Array>().ok()?;
        // Past its end a script could answer, by what it puts on Array.prototype.
        let part = |index| match index < frame.length() {
            true => frame.get_index(scope, index)?.try_cast::<v8::Integer>().ok(),
            false => None,
        };
        let event = ContextId(part(0)?.value() as u32);
        Some(Self { event, owner: part(2).map_or(event, |owner| ContextId(owner.value() as u32)) })
    }
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
