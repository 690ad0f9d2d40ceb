//! An isolate at work: one task owns it, waits for events, settled ops and due timers, and gives it turns. A turn locks
//! the isolate once and runs everything that is ready, step by step; each step belongs to one event, which pays for it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, Sleep};

use crate::clock::{Freeze, thread_cpu_nanos};
use crate::context::{ContextData, Failure, IoContext};
use crate::memory::Memory;
use crate::pending::Settled;
use crate::platform::ForegroundTasks;
use crate::state::{IsolateState, attach, state};
use crate::timers::Fired;
use crate::{ContextId, JsException, Limits, ModuleGraph, Runtime, Snapshot, watchdog};

/// The most work that one turn takes, so that isolates that share a thread get theirs.
const TURN: usize = 64;

/// What isolates are made from.
pub struct Options {
    pub runtime: Runtime,
    pub snapshot: Snapshot,
}

/// A new event for an isolate.
pub struct Job {
    pub id: ContextId,
    pub data: Box<dyn ContextData>,
    pub run: Begin,
}

pub enum Message {
    Event(Job),
    /// Runs in an event that was begun, unless it has ended: it pays for it.
    Within(ContextId, Begin),
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(job) => f.debug_tuple("Event").field(&job.id).finish(),
            Self::Within(id, _) => f.debug_tuple("Within").field(id).finish_non_exhaustive(),
        }
    }
}

/// Why [`Isolate::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// An event passed its CPU limit: take no new ones here. Others that were begun can go on: [`Isolate::drain`].
    CpuLimit,
    /// The isolate passed its memory limit; every event in it was ended.
    MemoryLimit,
    /// Nobody can send it events any more, and it has none.
    Closed,
    /// It was reset ([`crate::reset`]); every event in it was ended.
    Reset,
}

/// Why a script could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Script(JsException),
    #[error("Script startup exceeded CPU time limit.")]
    CpuLimit,
    #[error("Script startup exceeded memory limits.")]
    MemoryLimit,
}

/// A V8 isolate with its context, ready for a script or running one.
pub struct Isolate {
    shared: Option<v8::SharedIsolate>,
    context: Option<v8::Global<v8::Context>>,
    state: NonNull<IsolateState>,
    limits: Limits,
    tasks: Arc<ForegroundTasks>,
    address: usize,
    sleep: Option<Pin<Box<Sleep>>>,
    work: VecDeque<Work>,
    events: u64,
}

// SAFETY: the state is owned here and touched only through `&mut self`, or by scripts under the isolate's lock, which
// only `&mut self` takes. All that it holds is Send.
unsafe impl Send for Isolate {}

/// Something that is ready.
enum Work {
    Event(Job),
    Within(ContextId, Begin),
    /// An event's time is up.
    Expired(ContextId),
    Settled(Settled),
    Timer(u32),
    Foreground,
}

impl From<Message> for Work {
    fn from(message: Message) -> Self {
        match message {
            Message::Event(job) => Self::Event(job),
            Message::Within(id, run) => Self::Within(id, run),
        }
    }
}

/// What a step does.
enum Action {
    Begin(Begin),
    Settle(Settled),
    Call(Fired),
    Foreground,
}

/// Begins an event's JavaScript. Exceptions it leaves pending are dropped.
pub type Begin = Box<dyn FnOnce(&mut v8::PinScope, ContextId) + Send>;

// === impl Isolate ===

impl Isolate {
    /// Makes an isolate and its context from the snapshot. No script is in it yet.
    pub fn new(options: &Options, limits: Limits) -> Self {
        let memory = Memory::new(limits.memory);
        let params = memory
            .create_params()
            .snapshot_blob(options.snapshot.0.clone().into())
            .external_references(options.runtime.external_references());
        let mut isolate = v8::Isolate::new(params);
        crate::callbacks::install(&mut isolate);
        memory.watch(&mut isolate);
        let state = NonNull::from(Box::leak(Box::new(IsolateState::new(memory))));
        // SAFETY: the state is freed in `drop`, when no script can run any more.
        unsafe { attach(&mut isolate, state) };
        let (address, tasks) = crate::platform::tasks(&isolate);
        let context = {
            v8::scope!(let scope, &mut isolate);
            let context = v8::Context::new(scope, Default::default());
            context.set_allow_generation_from_strings(false);
            v8::Global::new(scope, context)
        };
        // SAFETY: the isolate is fresh: it has no weak handles, and every use from here on goes through the lock.
        let shared = unsafe { isolate.try_into_shared() }
            .unwrap_or_else(|error| panic!("a fresh isolate can't be shared: {:?}", error.kind()));
        Self {
            shared: Some(shared),
            context: Some(context),
            state,
            limits,
            tasks,
            address,
            sleep: None,
            work: VecDeque::new(),
            events: 0,
        }
    }

    /// Loads a script and runs its top level, after `setup`. `ready` gets its namespace (none for a classic script) to hand it on.
    /// Returns the CPU time that this took.
    pub fn load(
        &mut self,
        graph: Arc<ModuleGraph>,
        setup: impl FnOnce(&mut v8::PinScope) -> Result<(), JsException>,
        ready: impl FnOnce(&mut v8::PinScope, Option<v8::Local<v8::Object>>) -> Result<(), JsException>,
    ) -> Result<Duration, StartError> {
        let memory = self.state().memory.clone();
        let (shared, context) = self.parts();
        let _clock = Freeze::at(0.0);
        let begun = thread_cpu_nanos();
        watchdog::arm(memory.clone(), self.limits.startup_cpu);
        let mut locker = shared.lock();
        let result = {
            v8::scope_with_context!(let scope, &mut *locker, context);
            state(scope).modules.set_graph(graph.clone());
            setup(scope)
                .and_then(|()| crate::module_map::evaluate_main(scope, &graph))
                .and_then(|namespace| ready(scope, namespace))
        };
        let slow = watchdog::disarm().fired;
        if slow || memory.exceeded() {
            locker.cancel_terminate_execution();
        }
        memory.measure(&mut locker);
        match result {
            _ if memory.exceeded() => Err(StartError::MemoryLimit),
            _ if slow => Err(StartError::CpuLimit),
            Err(exception) => Err(StartError::Script(exception)),
            Ok(()) => Ok(Duration::from_nanos(thread_cpu_nanos() - begun)),
        }
    }

    /// Adds an event to the next turn's work.
    pub fn enqueue(&mut self, job: Job) {
        self.work.push_back(Work::Event(job));
    }

    /// Events that were given and have not been begun, once the isolate has stopped: another one can have them.
    pub fn take_unbegun(&mut self) -> impl Iterator<Item = Job> {
        std::mem::take(&mut self.work).into_iter().filter_map(|work| match work {
            Work::Event(job) => Some(job),
            _ => None,
        })
    }

    /// Other limits than it was made with; that of memory stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = Limits { memory: self.limits.memory, ..limits };
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Handles events until it has reason to stop.
    pub async fn run(&mut self, mailbox: &mut UnboundedReceiver<Message>) -> Exit {
        loop {
            if let Some(exit) = std::future::poll_fn(|cx| self.poll_work(cx, Some(mailbox))).await {
                return exit;
            }
            if let Some(exit) = self.turn() {
                return exit;
            }
        }
    }

    /// Goes on with the events that were begun until the last has ended.
    pub async fn drain(mut self) {
        while std::future::poll_fn(|cx| self.poll_work(cx, None)).await.is_none() {
            if matches!(self.turn(), Some(Exit::MemoryLimit | Exit::Reset)) {
                return;
            }
        }
    }

    /// Whether events are being handled.
    pub fn is_busy(&mut self) -> bool {
        let state = self.state();
        state.contexts.len() > usize::from(state.shares_io)
    }

    /// How many events have been begun.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether it waits for something that it has begun: events, timers, ops.
    pub fn has_work(&mut self) -> bool {
        let waits = self.state().contexts.get(&ContextId::SHARED).is_some_and(|own| own.pending > 0);
        self.is_busy() || waits
    }

    fn parts(&self) -> (&v8::SharedIsolate, &v8::Global<v8::Context>) {
        match (&self.shared, &self.context) {
            (Some(shared), Some(context)) => (shared, context),
            _ => unreachable!("an isolate keeps its parts until it is dropped"),
        }
    }

    fn state(&mut self) -> &mut IsolateState {
        // SAFETY: see `Send`: no script runs while `self` is borrowed here.
        unsafe { self.state.as_mut() }
    }

    /// Collects what is ready into `self.work`. `Some`: there is nothing left to wait for.
    fn poll_work(
        &mut self,
        cx: &mut Context<'_>,
        mailbox: Option<&mut UnboundedReceiver<Message>>,
    ) -> Poll<Option<Exit>> {
        let mut closed = mailbox.is_none();
        if let Some(mailbox) = mailbox {
            while self.work.len() < TURN {
                match mailbox.poll_recv(cx) {
                    Poll::Ready(Some(message)) => self.work.push_back(message.into()),
                    Poll::Ready(None) => {
                        closed = true;
                        break;
                    }
                    Poll::Pending => break,
                }
            }
        }
        // SAFETY: as in `state`; spelled out for the borrow of `self.work` beside it.
        let state = unsafe { self.state.as_mut() };
        while self.work.len() < TURN {
            match state.inbox.poll_recv(cx) {
                Poll::Ready(Some(message)) => self.work.push_back(message.into()),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        while self.work.len() < TURN {
            match state.ops.poll_next_unpin(cx) {
                Poll::Ready(Some(Some(settled))) => self.work.push_back(Work::Settled(settled)),
                Poll::Ready(Some(None)) => {}
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if let Some(due) = state.timers.next_due().into_iter().chain(state.deadlines.first().map(|(due, _)| *due)).min()
        {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            if sleep.deadline() != due {
                sleep.as_mut().reset(due);
            }
            if sleep.as_mut().poll(cx).is_ready() {
                let mut ids = Vec::new();
                state.timers.take_due(Instant::now(), &mut ids);
                self.work.extend(ids.into_iter().map(Work::Timer));
                while let Some((_, id)) = state.deadlines.first().copied().filter(|(due, _)| *due <= Instant::now()) {
                    state.deadlines.pop_first();
                    self.work.push_back(Work::Expired(id));
                }
            }
        }
        self.tasks.waker.register(cx.waker());
        if !self.tasks.is_empty() {
            self.work.push_back(Work::Foreground);
        }
        if !self.work.is_empty() {
            return Poll::Ready(None);
        }
        match state.contexts.is_empty() {
            true if closed => Poll::Ready(Some(Exit::Closed)),
            _ => Poll::Pending,
        }
    }

    /// Runs all of `self.work` under one lock.
    fn turn(&mut self) -> Option<Exit> {
        let now = crate::unix_millis();
        let clock = Freeze::at(now);
        let mut work = std::mem::take(&mut self.work);
        self.events += work.iter().filter(|work| matches!(work, Work::Event(_))).count() as u64;
        let (shared, context) = self.parts();
        let mut exit = None;
        {
            let mut locker = shared.lock();
            v8::scope_with_context!(let scope, &mut *locker, context);
            state(scope).now = now;
            let mut began = std::time::Instant::now();
            while let Some(next) = work.pop_front() {
                match self.step(scope, next, &mut began) {
                    None => {}
                    Some(last @ (Exit::MemoryLimit | Exit::Reset)) => {
                        exit = Some(last);
                        break;
                    }
                    Some(over) => exit = Some(over),
                }
            }
        }
        drop(clock);
        self.work = work;
        match exit {
            Some(Exit::MemoryLimit) => self.fail(&Failure::MemoryLimit),
            Some(Exit::Reset) => {
                let reason = self.state().reset.take().unwrap_or_default();
                self.fail(&Failure::Reset(Arc::new(reason)));
            }
            _ => {}
        }
        exit
    }

    /// Runs one piece of work for its event, and charges the event. `began`: when the step before ended.
    fn step(&self, scope: &mut v8::PinScope, work: Work, began: &mut std::time::Instant) -> Option<Exit> {
        let (id, action) = begin(scope, work, &self.limits)?;
        let limit = id.and_then(|id| state(scope).contexts.get(&id)?.remaining_cpu());
        if let Some(limit) = limit {
            watchdog::arm(state(scope).memory.clone(), limit);
        }
        {
            v8::scope!(let scope, scope);
            v8::tc_scope!(let scope, scope);
            let frame: v8::Local<v8::Value> = match id {
                Some(id) => v8::Integer::new_from_unsigned(scope, id.0).into(),
                None => v8::undefined(scope).into(),
            };
            scope.set_continuation_preserved_embedder_data(frame);
            perform(scope, action, id, &self.tasks);
            scope.perform_microtask_checkpoint();
            report_rejections(scope);
            for end in std::mem::take(&mut state(scope).step_end) {
                if let Err(reason) = end(scope) {
                    state(scope).reset.get_or_insert(reason);
                }
            }
            let undefined = v8::undefined(scope).into();
            scope.set_continuation_preserved_embedder_data(undefined);
        }
        let disarmed = watchdog::disarm();
        let over_cpu = disarmed.fired;
        let over_memory = state(scope).memory.exceeded();
        let reset = state(scope).reset.is_some();
        if over_cpu || over_memory || reset {
            scope.cancel_terminate_execution();
        }
        let end = std::time::Instant::now();
        let used = cpu_used(end - *began, disarmed.met_at);
        *began = end;
        // Steps that took long, or hold much, may have passed the limit in ways that nobody was asked about.
        let suspect = disarmed.met_at.is_some() || state(scope).memory.clone().has_much_external(scope);
        if over_memory || (suspect && !fits(scope)) {
            if let Some(context) = id.and_then(|id| state(scope).contexts.get_mut(&id)) {
                context.charge(used);
            }
            return Some(Exit::MemoryLimit);
        }
        if reset {
            return Some(Exit::Reset);
        }
        settle(scope, id, used, over_cpu);
        over_cpu.then_some(Exit::CpuLimit)
    }

    /// Ends every event in it for this reason. What was to run in them later does not.
    pub fn fail(&mut self, failure: &Failure) {
        let ids: Vec<_> = self.state().contexts.keys().copied().collect();
        for id in ids {
            if let Some(mut context) = self.state().end_context(id) {
                context.fail(failure);
            }
        }
    }
}

/// Whether the isolate is within its memory limit once garbage is gone.
fn fits(scope: &mut v8::PinScope) -> bool {
    let memory = state(scope).memory.clone();
    let fits = memory.check(scope);
    if !fits {
        scope.cancel_terminate_execution();
    }
    fits
}

/// The CPU time of a step that took `wall`. For one that the watchdog met, the thread's own clock tells. One that it did
/// not was shorter than a tick, or had to wait for a processor, as the watchdog had: that costs a script nothing.
fn cpu_used(wall: Duration, met_at: Option<u64>) -> Duration {
    let met = |met_at| Duration::from_nanos(thread_cpu_nanos() - met_at);
    wall.min(met_at.map_or(watchdog::TICK, met) + watchdog::TICK)
}

/// Who pays for a piece of work, and what to do. A new event gets its context here. `None`: its event has ended.
fn begin(scope: &mut v8::PinScope, work: Work, limits: &Limits) -> Option<(Option<ContextId>, Action)> {
    if let Work::Expired(id) = work {
        if let Some(mut context) = state(scope).end_context(id) {
            context.fail(&Failure::Expired);
            v8::scope!(let scope, scope);
            ended(scope, id);
        }
        return None;
    }
    let state = state(scope);
    match work {
        Work::Event(job) => {
            let id = job.id;
            state.contexts.insert(id, IoContext::new(id, limits.cpu, limits.subrequests, job.data));
            if let Some(own) = state.contexts.get_mut(&ContextId::SHARED) {
                own.renew(limits.subrequests);
            }
            Some((Some(id), Action::Begin(job.run)))
        }
        Work::Within(id, run) => state.contexts.contains_key(&id).then_some((Some(id), Action::Begin(run))),
        Work::Expired(_) => None,
        Work::Settled(settled) => {
            let context = state.contexts.get_mut(&settled.context)?;
            context.pending -= u32::from(settled.kind.counts);
            if settled.kind.incoming && context.id == ContextId::SHARED {
                context.renew(limits.subrequests);
            }
            Some((Some(settled.context), Action::Settle(settled)))
        }
        Work::Timer(timer) => {
            let fired = state.timers.fire(timer)?;
            let context = state.contexts.get_mut(&fired.context)?;
            context.pending -= u32::from(fired.is_last);
            Some((Some(fired.context), Action::Call(fired)))
        }
        Work::Foreground => Some((None, Action::Foreground)),
    }
}

fn perform(scope: &mut v8::PinScope, action: Action, id: Option<ContextId>, tasks: &ForegroundTasks) {
    match action {
        Action::Begin(run) => {
            if let Some(id) = id {
                run(scope, id);
            }
        }
        Action::Settle(settled) => {
            let resolver = v8::Local::new(scope, settled.resolver);
            match settled.result {
                Ok(value) => {
                    let value = value.into_js(scope);
                    resolver.resolve(scope, value);
                }
                Err(error) => {
                    let error = error.into_js(scope);
                    resolver.reject(scope, error);
                }
            }
        }
        Action::Call(timer) => {
            let frame = v8::Local::new(scope, timer.frame);
            scope.set_continuation_preserved_embedder_data(frame);
            let callback = v8::Local::new(scope, timer.callback);
            let this = v8::undefined(scope).into();
            v8::tc_scope!(let scope, scope);
            callback.call(scope, this, &[]);
            if let Some(exception) = scope.exception() {
                scope.reset();
                report(scope, "uncaughtException", &[exception]);
            }
        }
        Action::Foreground => {
            for task in tasks.take() {
                task.run();
            }
        }
    }
}

/// Calls a hook that takes note of something gone wrong.
fn report(scope: &mut v8::PinScope, name: &str, args: &[v8::Local<v8::Value>]) {
    if let Some(hook) = crate::hook(scope, name) {
        let this = v8::undefined(scope).into();
        hook.call(scope, this, args);
    }
}

/// After a step: charges the event, ends it when it is over, when it passed its limit, or when nothing can bring it on.
fn settle(scope: &mut v8::PinScope, id: Option<ContextId>, used: Duration, over_cpu: bool) {
    let state = state(scope);
    if let Some(context) = id.and_then(|id| state.contexts.get_mut(&id)) {
        context.charge(used);
    }
    for over in std::mem::take(&mut state.finished) {
        if Some(over) != id || !over_cpu {
            state.end_context(over);
        }
    }
    let Some(id) = id else { return };
    let Some(context) = state.contexts.get(&id) else { return };
    let failure = match over_cpu {
        true => Failure::CpuLimit,
        false if !state.shares_io && context.is_hung() => Failure::Hung,
        false => return,
    };
    if let Some(mut context) = state.end_context(id) {
        context.fail(&failure);
        ended(scope, id);
    }
}

/// Tells JavaScript of an event that it did not end itself.
fn ended(scope: &mut v8::PinScope, id: ContextId) {
    let id = v8::Integer::new_from_unsigned(scope, id.0).into();
    report(scope, "eventEnded", &[id]);
}

/// Hands rejections that nobody listens to, now that the microtasks have run, to the runtime's hook.
fn report_rejections(scope: &mut v8::PinScope) {
    while !state(scope).rejections.is_empty() {
        if scope.is_execution_terminating() {
            state(scope).rejections.take();
            return;
        }
        for (promise, reason) in state(scope).rejections.take() {
            let promise = v8::Local::new(scope, promise);
            let reason = v8::Local::new(scope, reason);
            report(scope, "unhandledRejection", &[promise.into(), reason]);
        }
        scope.perform_microtask_checkpoint();
    }
}

impl Drop for Isolate {
    fn drop(&mut self) {
        self.fail(&Failure::IsolateGone);
        self.work.clear();
        self.context = None;
        // SAFETY: the state came from a leaked box in `new`; no script can run any more, and this is its last use.
        drop(unsafe { Box::from_raw(self.state.as_ptr()) });
        // Tasks know their isolate: they go before it, and what it posts while it goes, after.
        crate::platform::forget(self.address);
        self.shared = None;
        crate::platform::forget(self.address);
    }
}
