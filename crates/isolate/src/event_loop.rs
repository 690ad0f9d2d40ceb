//! An isolate at work: one task owns it, waits for events, settled ops and due timers, and gives it turns. A turn locks
//! the isolate once and runs everything that is ready, step by step; each step belongs to one event, which pays for it.

mod inspected;

use std::collections::VecDeque;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, Sleep};

use crate::actor::{Actor, Closed, Opening};
use crate::clock::{Freeze, thread_cpu_nanos};
use crate::context::{ContextData, Failure};
use crate::inspector::Inspection;
use crate::lock::{KeptLock, locked};
use crate::memory::Memory;
use crate::platform::ForegroundTasks;
use crate::state::{IsolateState, attach, state};
use crate::step::{self, Work};
use crate::{ActorId, ContextId, JsException, Limits, ModuleGraph, Runtime, Snapshot, watchdog};

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
    /// Whose event it is. Where that actor is not open, the job is a stray: [`Isolate::take_strays`].
    pub actor: Option<ActorId>,
    pub data: Box<dyn ContextData>,
    pub run: Begin,
}

pub enum Message {
    Event(Job),
    /// An event of the actor that this event, which was begun, is of; dropped when that has ended.
    EventOf(ContextId, Job),
    /// Runs in an event that was begun, unless it has ended: it pays for it.
    Within(ContextId, Begin),
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(job) => f.debug_tuple("Event").field(&job.id).finish(),
            Self::EventOf(own, job) => f.debug_tuple("EventOf").field(own).field(&job.id).finish(),
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
    /// An actor was closed ([`Isolate::take_closed`]), or there are events for one that is not open
    /// ([`Isolate::take_strays`]). It can go on.
    Actors,
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
    lock: KeptLock,
    context: Option<v8::Global<v8::Context>>,
    state: NonNull<IsolateState>,
    limits: Limits,
    tasks: Arc<ForegroundTasks>,
    address: usize,
    sleep: Option<Pin<Box<Sleep>>>,
    work: VecDeque<Work>,
}

// SAFETY: the state is owned here and touched only through `&mut self`, or by scripts under the isolate's lock, which
// only `&mut self` takes. All that it holds is Send.
unsafe impl Send for Isolate {}

/// Begins an event's JavaScript. Exceptions it leaves pending are dropped.
pub type Begin = Box<dyn FnOnce(&mut v8::PinScope, ContextId) + Send>;

// === impl Job ===

impl Job {
    /// An event of no actor's.
    pub fn new(id: ContextId, data: Box<dyn ContextData>, run: Begin) -> Self {
        Self { id, actor: None, data, run }
    }
}

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
            lock: KeptLock::default(),
            context: Some(context),
            state,
            limits,
            tasks,
            address,
            sleep: None,
            work: VecDeque::new(),
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
        let (mut locker, context) = locked(&self.shared, &self.context, &mut self.lock);
        let _clock = Freeze::at(0.0);
        let begun = thread_cpu_nanos();
        watchdog::arm(memory.clone(), self.limits.startup_cpu);
        let result = {
            v8::scope_with_context!(let scope, &mut *locker, context);
            state(scope).modules.set_graph(graph.clone());
            memory.locked();
            if let Some(inspection) = &state(scope).inspection {
                inspection.locked();
            }
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
            if self.turn() == Some(Exit::MemoryLimit) {
                return;
            }
        }
    }

    /// Whether events are being handled.
    pub fn is_busy(&mut self) -> bool {
        !self.state().contexts.is_empty()
    }

    /// How long ago it ran last.
    pub fn idle(&mut self) -> Duration {
        let millis = crate::unix_millis() - self.state().now;
        Duration::from_millis(millis.max(0.0) as u64)
    }

    /// Bytes that its heap and its buffers take.
    pub fn memory(&mut self) -> usize {
        let memory = self.state().memory.clone();
        let (mut locker, _) = locked(&self.shared, &self.context, &mut self.lock);
        memory.measure(&mut locker);
        memory.used()
    }

    /// Opens an actor: `begin` runs on its behalf, then come `jobs`, all before what else there is to do.
    pub fn open_actor(&mut self, opening: Opening, begin: Begin, jobs: impl DoubleEndedIterator<Item = Job>) {
        let own = Actor::open(self.state(), opening);
        jobs.rev().for_each(|job| self.work.push_front(Work::Event(job)));
        self.work.push_front(Work::Within(own, begin));
    }

    /// Ends an actor in the next turn. Without a reason it is ended if it is idle then.
    pub fn close_actor(&mut self, id: ActorId, failure: Option<Failure>) {
        self.work.push_back(Work::Close(id, failure));
    }

    /// The actors that were closed since this was asked last.
    pub fn take_closed(&mut self) -> Vec<Closed> {
        std::mem::take(&mut self.state().closed)
    }

    /// Events that came for actors that are not open, in the order in which they came.
    pub fn take_strays(&mut self) -> Vec<(ActorId, Job)> {
        std::mem::take(&mut self.state().strays)
    }

    pub(crate) fn state(&mut self) -> &mut IsolateState {
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
        if state.inspection.as_ref().is_some_and(|inspection| inspection.poll_news(cx)) {
            self.work.push_back(Work::Inspect);
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
        let mut exit = None;
        {
            if self.state().inspection.as_ref().is_some_and(|inspection| !inspection.is_attached()) {
                self.lock.catch_up();
            }
            let (mut locker, context) = locked(&self.shared, &self.context, &mut self.lock);
            v8::scope_with_context!(let scope, &mut *locker, context);
            state(scope).now = now;
            state(scope).memory.locked();
            if state(scope).inspection.as_ref().is_some_and(Inspection::locked) {
                work.push_front(Work::Inspect);
            }
            let mut began = std::time::Instant::now();
            while let Some(next) = work.pop_front() {
                match step::run(scope, next, &self.limits, &self.tasks, &mut began) {
                    None => {}
                    Some(Exit::MemoryLimit) => {
                        exit = Some(Exit::MemoryLimit);
                        break;
                    }
                    Some(over) => exit = Some(over),
                }
            }
            let looked = state(scope).garbage.look(scope, now);
            state(scope).garbage = looked;
        }
        drop(clock);
        self.work = work;
        if exit == Some(Exit::MemoryLimit) {
            self.fail(&Failure::MemoryLimit);
        }
        let state = self.state();
        exit.or((!state.closed.is_empty() || !state.strays.is_empty()).then_some(Exit::Actors))
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

impl Drop for Isolate {
    fn drop(&mut self) {
        self.end_inspection();
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
