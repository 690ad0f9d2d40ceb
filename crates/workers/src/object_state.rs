//! What goes with a Durable Object's instance in its isolate: which object it is, its storage, and what its output waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use durable::{Bookmark, Durability, Storage};
use futures::future::BoxFuture;
use isolate::{ActorId, ContextId, JsError, JsException, Limits, Opening, OutputGate, v8};
use tokio::sync::{oneshot, watch};

use crate::object::Object;
use crate::object_sockets::ObjectSockets;

pub(crate) const RESET: &str = "Internal error in Durable Object storage caused object to be reset.";

/// One instance's state.
pub(crate) struct ObjectState {
    pub(crate) object: Object,
    pub(crate) sql: bool,
    pub(crate) storage: Storage,
    pub(crate) sockets: Arc<ObjectSockets>,
    gate: Arc<Gate>,
    /// A commit at the end of this step is arranged.
    commits: bool,
    /// Who waits for bookmarks of the state at the end of this step, or of another time.
    bookmarks: Vec<(Option<i64>, BookmarkSender)>,
    alarm_changed: bool,
}

type BookmarkSender = oneshot::Sender<Result<Bookmark, JsError>>;

/// Output passes when every change before it is durable.
struct Gate {
    durability: Arc<Durability>,
    /// The commit that output has to wait for.
    commit: AtomicU64,
    /// Changes of the alarm, and how many of them the namespace's index has.
    alarms: AtomicU64,
    indexed: watch::Sender<u64>,
}

// === impl ObjectState ===

impl ObjectState {
    pub(crate) fn new(object: Object, sql: bool, storage: Storage) -> Self {
        let gate = Gate {
            durability: storage.durability().clone(),
            commit: AtomicU64::new(storage.pending()),
            alarms: AtomicU64::new(0),
            indexed: watch::Sender::new(0),
        };
        let sockets = object.namespace.sockets(object.id);
        let (gate, bookmarks) = (Arc::new(gate), Vec::new());
        Self { object, sql, storage, sockets, gate, commits: false, bookmarks, alarm_changed: false }
    }

    pub(crate) fn opening(self, id: ActorId, limits: &Limits) -> Opening {
        let gate = self.gate.clone();
        Opening { id, data: Box::new(self), gate, cpu: limits.cpu, subrequests: limits.subrequests }
    }
}

/// What an instance does first.
pub(crate) fn begin(scope: &mut v8::PinScope, _own: ContextId) {
    let Some(state) = state(scope) else { return };
    let (object, sql, restored) = (state.object.clone(), state.sql, state.storage.is_restored());
    if restored {
        // The alarm is another one than the index says.
        alarm_changed(scope);
        arrange_commit(scope);
    }
    let id = isolate::new_string(scope, &object.id.to_string()).into();
    let name = match &object.name {
        Some(name) => isolate::new_string(scope, name).into(),
        None => v8::undefined(scope).into(),
    };
    let sql = v8::Boolean::new(scope, sql).into();
    let jurisdiction = object.id.jurisdiction(object.namespace.inner().objects.key());
    let jurisdiction = crate::object_ops::name_of(scope, jurisdiction);
    crate::runtime::call(scope, |hooks| &hooks.open_object, &[id, name, sql, jurisdiction]);
}

/// The instance that the running code belongs to.
pub(crate) fn state<'a>(scope: &'a mut v8::PinScope) -> Option<&'a mut ObjectState> {
    isolate::own(scope)
}

/// Runs `change` on the storage. What it changed is committed at the end of the step, with all else that was changed in
/// it, and output waits until that is durable.
pub(crate) fn change<T>(
    scope: &mut v8::PinScope,
    change: impl FnOnce(&mut Storage) -> Result<T, durable::Error>,
) -> Result<T, JsError> {
    let Some(state) = state(scope) else { return Err(JsError::error("There is no storage here.")) };
    let result = change(&mut state.storage).map_err(|error| JsError::error(error.to_string()));
    state.gate.commit.store(state.storage.pending(), Ordering::Release);
    arrange_commit(scope);
    result
}

fn arrange_commit(scope: &mut v8::PinScope) {
    if state(scope).is_some_and(|state| !std::mem::replace(&mut state.commits, true)) {
        isolate::at_step_end(scope, commit);
    }
}

/// A bookmark of the state at the end of this step, or of that at a time.
pub(crate) fn bookmark(
    scope: &mut v8::PinScope,
    time: Option<i64>,
) -> impl Future<Output = Result<Bookmark, JsError>> + Send + 'static {
    let (sender, receiver) = oneshot::channel();
    if let Some(state) = state(scope) {
        state.bookmarks.push((time, sender));
        arrange_commit(scope);
    }
    async { receiver.await.unwrap_or_else(|_| Err(JsError::error("There is no storage here."))) }
}

/// Notes that the alarm has changed, besides [`change`].
pub(crate) fn alarm_changed(scope: &mut v8::PinScope) {
    if let Some(state) = state(scope) {
        state.alarm_changed = true;
        state.gate.alarms.fetch_add(1, Ordering::AcqRel);
    }
}

fn commit(scope: &mut v8::PinScope) -> Result<(), JsException> {
    let Some(state) = state(scope) else { return Ok(()) };
    state.commits = false;
    let broken = |error: durable::Error| {
        tracing::error!(%error, "a Durable Object's changes can't be kept");
        JsException { name: "Error".into(), message: RESET.into(), ..JsException::default() }
    };
    state.storage.commit().map_err(broken)?;
    for (time, sender) in std::mem::take(&mut state.bookmarks) {
        let bookmark = match time {
            Some(time) => state.storage.bookmark_at(time),
            None => state.storage.bookmark(),
        };
        let _ = sender.send(bookmark.map_err(|error| JsError::error(error.to_string())));
    }
    if !std::mem::take(&mut state.alarm_changed) {
        return Ok(());
    }
    let due = match state.storage.is_alarm_running().map_err(broken)? {
        // Whoever wakes it sees to it; in the index it is due until it has run.
        true => Some(0),
        false => state.storage.alarm().map_err(broken)?,
    };
    let (object, gate, upto) = (state.object.clone(), state.gate.clone(), state.gate.alarms.load(Ordering::Acquire));
    let (namespace, id) = (object.namespace, object.id);
    if due != Some(0) {
        namespace.inner().clock.set(id, due);
    }
    tokio::spawn(async move {
        match namespace.inner().objects.alarms().set(id, due).await {
            Ok(()) => gate.indexed.send_modify(|indexed| *indexed = upto.max(*indexed)),
            Err(error) => {
                tracing::error!(%error, "an alarm can't be noted");
                gate.durability.lose();
            }
        }
    });
    Ok(())
}

// === impl Gate ===

impl OutputGate for Gate {
    fn passage(&self) -> Option<BoxFuture<'static, Result<(), JsError>>> {
        let (commit, alarms) = (self.commit.load(Ordering::Acquire), self.alarms.load(Ordering::Acquire));
        if self.durability.has(commit) && *self.indexed.borrow() >= alarms {
            return None;
        }
        let (durability, mut indexed) = (self.durability.clone(), self.indexed.subscribe());
        Some(Box::pin(async move {
            let kept = async {
                durability.reach(commit).await.ok()?;
                indexed.wait_for(|indexed| *indexed >= alarms).await.ok().map(|_| ())
            };
            kept.await.ok_or_else(|| JsError::error(RESET))
        }))
    }
}
