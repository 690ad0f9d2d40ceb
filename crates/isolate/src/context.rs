//! The state of one event (a request, a scheduled run) in an isolate: its limits, what it used, what it waits for. It
//! follows the asynchronous flow of control through V8's continuation-preserved data.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{ActorId, Followed, JsError, JsException, StartError};

/// Operations of storage services in one event:
/// https://developers.cloudflare.com/workers/platform/limits/#subrequests
const OPERATIONS: u32 = 1000;

/// Names one event, unlike any other that is alive in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub u32);

/// Why the runtime ended an event against its will.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It used more CPU time than its limit.
    CpuLimit,
    /// The isolate passed its memory limit.
    MemoryLimit,
    /// It was still waiting when its time was up.
    Expired,
    /// Nothing is left that could ever make it go on.
    Hung,
    /// The isolate went away under it.
    IsolateGone,
    /// Its actor was reset, for this reason.
    Reset(Arc<JsException>),
    /// The script could not be started.
    Start(Arc<StartError>),
}

/// What the embedder keeps with an event: the way to answer it, its trace.
pub trait ContextData: Any + Send {
    /// The runtime ends the event; answer for it. Called at most once, and nothing of the event runs afterwards.
    fn fail(&mut self, failure: Failure);

    /// The event's CPU time so far, told after each turn in which it ran.
    fn used(&mut self, cpu: Duration);

    /// Whether somebody still waits for an answer from JavaScript (then an event with nothing pending is hung).
    fn awaits_answer(&self) -> bool;

    /// The event had to wait for its isolate, whose script took this much CPU time to start.
    fn started(&mut self, _cpu: Duration) {}

    /// The event's place in a trace, where somebody follows it.
    fn followed(&self) -> Option<&Followed> {
        None
    }

    fn as_any(&mut self) -> &mut dyn Any;
}

/// Something that an event owes to somebody else than who sent it, and that ends with it.
pub trait Attached: Any + Send {
    /// The event was ended against its will. Where it ends well, what is attached is dropped.
    fn fail(self: Box<Self>, failure: Failure);
}

/// One event being handled.
pub struct IoContext {
    pub id: ContextId,
    /// Whose event it is, where it is an actor's: what it begins is then the actor's.
    pub(crate) actor: Option<ActorId>,
    /// It is the actor's own.
    pub(crate) is_own: bool,
    /// CPU time used, summed over turns.
    pub cpu_used: Duration,
    /// CPU time allowed; `None`: not enforced.
    pub cpu_limit: Option<Duration>,
    /// Pending work that can bring the event forward: ops and timers.
    pub(crate) pending: u32,
    /// What others hold of the event, by which they can bring it forward.
    pub held: u32,
    attached: FxHashMap<u32, Box<dyn Attached>>,
    /// When it ends at the latest.
    pub(crate) deadline: Option<Instant>,
    subrequests_left: u32,
    operations_left: u32,
    aborted: Option<CancellationToken>,
    data: Box<dyn ContextData>,
}

/// A number for something that is attached to an event, unlike any other in this process; not 0.
pub fn new_attachment() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    match NEXT.fetch_add(1, Ordering::Relaxed) {
        0 => NEXT.fetch_add(1, Ordering::Relaxed),
        number => number,
    }
}

// === impl ContextId ===

impl ContextId {
    /// A new name.
    pub fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

// === impl IoContext ===

impl IoContext {
    pub(crate) fn new(
        id: ContextId,
        cpu_limit: Option<Duration>,
        subrequests: u32,
        data: Box<dyn ContextData>,
    ) -> Self {
        Self {
            id,
            actor: None,
            is_own: false,
            cpu_used: Duration::ZERO,
            cpu_limit,
            pending: 0,
            held: 0,
            attached: FxHashMap::default(),
            deadline: None,
            subrequests_left: subrequests,
            operations_left: OPERATIONS,
            aborted: None,
            data,
        }
    }

    /// Counts one subrequest against the event's limit.
    pub fn take_subrequest(&mut self) -> Result<(), JsError> {
        match self.subrequests_left.checked_sub(1) {
            Some(left) => {
                self.subrequests_left = left;
                Ok(())
            }
            None => Err(JsError::error("Too many subrequests.")),
        }
    }

    /// Counts one operation of a storage service against the event's limit.
    pub fn take_operation(&mut self) -> Result<(), JsError> {
        match self.operations_left.checked_sub(1) {
            Some(left) => {
                self.operations_left = left;
                Ok(())
            }
            None => Err(JsError::error("Too many API requests by single worker invocation.")),
        }
    }

    /// Attaches something to the event, under a number of its own ([`new_attachment`]).
    pub fn attach(&mut self, number: u32, attached: impl Attached) {
        self.attached.insert(number, Box::new(attached));
    }

    /// Takes back what was attached under a number, when it is a `T`.
    pub fn detach<T: Attached>(&mut self, number: u32) -> Option<Box<T>> {
        let attached: Box<dyn Any> = self.attached.remove(&number)?;
        attached.downcast().ok()
    }

    /// Ends the event against its will: whoever waits for something of it is told.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        for (_, attached) in self.attached.drain() {
            attached.fail(failure.clone());
        }
        self.data.fail(failure.clone());
    }

    /// Fires when the event ends or its client goes away.
    pub fn aborted(&mut self) -> CancellationToken {
        self.aborted.get_or_insert_default().clone()
    }

    /// The event's place in a trace, where somebody follows it.
    pub(crate) fn followed(&self) -> Option<&Followed> {
        self.data.followed()
    }

    /// The embedder's own state of this event.
    pub fn data<T: 'static>(&mut self) -> Option<&mut T> {
        self.data.as_any().downcast_mut()
    }

    pub(crate) fn charge(&mut self, used: Duration) {
        self.cpu_used += used;
        self.data.used(self.cpu_used);
    }

    /// Begins to count anew.
    pub(crate) fn renew(&mut self, subrequests: u32) {
        self.cpu_used = Duration::ZERO;
        self.subrequests_left = subrequests;
        self.operations_left = OPERATIONS;
    }

    pub(crate) fn remaining_cpu(&self) -> Option<Duration> {
        Some(self.cpu_limit?.saturating_sub(self.cpu_used))
    }

    pub(crate) fn is_hung(&self) -> bool {
        self.pending == 0 && self.held == 0 && self.data.awaits_answer()
    }
}

impl Drop for IoContext {
    fn drop(&mut self) {
        if let Some(aborted) = &self.aborted {
            aborted.cancel();
        }
    }
}
