//! How Durable Objects come into their isolate and leave it: when an event comes, when they have been idle for a while, when
//! they are reset, when their code was replaced.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use durable::{Durability, Storage};
use isolate::{ActorId, Closed, Isolate, Job};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::budget::Resident;
use crate::object::{Object, failed};
use crate::object_home::{Keeper, Request};
use crate::object_state::ObjectState;

/// An instance without events, timers and subrequests for this long leaves memory
/// (https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/).
const IDLE: Duration = Duration::from_secs(10);
/// What an instance of replaced code may take to finish what it has begun.
const GRACE: Duration = Duration::from_secs(5);
/// An object that has come here.
pub(crate) struct Guest {
    pub(crate) object: Object,
    pub(crate) resident: Arc<Resident>,
    pub(crate) phase: Phase,
    /// Events that wait for it to be in.
    pub(crate) waiting: VecDeque<Job>,
    /// Events of its former instances, and those that no instance got.
    pub(crate) received: u64,
    /// Events that its instance had begun when somebody looked, and when it was last seen at work.
    pub(crate) begun: u64,
    pub(crate) active: Instant,
}

pub(crate) enum Phase {
    Out,
    /// Its storage is being opened.
    Coming,
    /// It is in the isolate, for this visit; somebody watches over it.
    In(u64, AbortHandle),
    /// Its storage is being closed.
    Going,
}

pub(crate) enum Moved {
    Opened(ActorId, Box<Result<Storage, durable::Error>>),
    Gone(ActorId),
}

// === impl Keeper ===

impl Keeper {
    pub(crate) fn admit(&mut self, actor: ActorId, object: Object, resident: Arc<Resident>) {
        let guest = Guest {
            object,
            resident,
            phase: Phase::Out,
            waiting: VecDeque::new(),
            received: 0,
            begun: 0,
            active: Instant::now(),
        };
        self.guests.insert(actor, guest);
    }

    pub(crate) fn moved(&mut self, isolate: &mut Isolate, moved: Moved) {
        match moved {
            Moved::Opened(actor, storage) => self.let_in(isolate, actor, *storage),
            Moved::Gone(actor) => {
                if let Some(guest) = self.guests.get_mut(&actor) {
                    guest.phase = Phase::Out;
                }
                self.see_to(isolate, actor);
            }
        }
    }

    /// An object that is out comes in when something waits for it, and goes otherwise.
    pub(crate) fn see_to(&mut self, isolate: &mut Isolate, actor: ActorId) {
        match self.guests.get(&actor) {
            Some(guest) if self.replaced.is_none() && !guest.waiting.is_empty() => self.come(isolate, actor),
            _ => self.let_go(actor),
        }
    }

    fn come(&mut self, isolate: &mut Isolate, actor: ActorId) {
        let Some(guest) = self.guests.get_mut(&actor) else { return };
        guest.phase = Phase::Coming;
        let (namespace, id, sql) = (self.namespace.clone(), guest.object.id, self.class.sql);
        // Where nothing is there is nothing to wait for.
        if !namespace.inner().objects.has(&id) {
            return self.let_in(isolate, actor, namespace.inner().objects.open(&id, sql));
        }
        self.moves.spawn_blocking(move || {
            let open = || namespace.inner().objects.open(&id, sql);
            Moved::Opened(actor, Box::new(catch_unwind(AssertUnwindSafe(open)).unwrap_or(Err(durable::Error::Closed))))
        });
    }

    fn let_in(&mut self, isolate: &mut Isolate, actor: ActorId, storage: Result<Storage, durable::Error>) {
        let Some(guest) = self.guests.get_mut(&actor) else { return };
        let storage = match storage {
            Ok(storage) => storage,
            Err(error) => {
                let failure = failed(format!("The object's storage can't be opened: {error}"));
                guest.received += guest.waiting.len() as u64;
                guest.waiting.drain(..).for_each(|mut job| job.data.fail(failure.clone()));
                guest.phase = Phase::Out;
                return self.let_go(actor);
            }
        };
        self.visits += 1;
        let watched = watch_over(
            actor,
            self.visits,
            storage.durability().clone(),
            guest.resident.clone(),
            self.home.requests.clone(),
        );
        guest.phase = Phase::In(self.visits, tokio::spawn(watched).abort_handle());
        guest.begun = 0;
        guest.active = Instant::now();
        let state = ObjectState::new(guest.object.clone(), self.class.sql, storage);
        let opening = state.opening(actor, &self.class.version.limits);
        isolate.open_actor(opening, Box::new(crate::object_state::begin), guest.waiting.drain(..));
    }

    pub(crate) fn leave(&mut self, closed: Closed) {
        let actor = closed.id;
        let Some(guest) = self.guests.get_mut(&actor) else { return };
        guest.received += closed.events;
        if closed.is_reset {
            // Its WebSockets outlive only an instance that was idle.
            self.namespace.sockets(guest.object.id).disconnect();
        }
        if let Phase::In(_, watch) = std::mem::replace(&mut guest.phase, Phase::Going) {
            watch.abort();
        }
        // The next instance must find the storage closed.
        self.moves.spawn_blocking(move || {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(closed)));
            Moved::Gone(actor)
        });
    }

    /// Lets an object go that is out, unless more is on its way here. What waits for it goes where it comes next.
    fn let_go(&mut self, actor: ActorId) {
        let Some(guest) = self.guests.get(&actor) else { return };
        let namespace = self.namespace.clone();
        let mut population = namespace.population();
        let received = guest.received + guest.waiting.len() as u64;
        if !namespace.forget(&mut population, guest.object.id, actor, received) {
            return;
        }
        self.home.objects.fetch_sub(1, Ordering::Relaxed);
        let Some(guest) = self.guests.remove(&actor) else { return };
        for job in guest.waiting {
            namespace.send_in(&mut population, guest.object.clone(), job);
        }
    }

    /// Lets those leave that have been idle, or whose code was replaced.
    pub(crate) fn look_around(&mut self, isolate: &mut Isolate) {
        for (actor, guest) in &mut self.guests {
            let Phase::In(..) = guest.phase else { continue };
            let Some((begun, is_active)) = isolate.activity(*actor) else { continue };
            if let Some(since) = self.replaced {
                if !is_active || since.elapsed() > GRACE {
                    let reason = failed("Durable Object reset because its code was updated.".into());
                    isolate.close_actor(*actor, Some(reason));
                }
            } else if is_active || begun != guest.begun {
                guest.begun = begun;
                guest.active = Instant::now();
            } else if guest.active.elapsed() >= IDLE {
                isolate.close_actor(*actor, None);
            } else if let Some(state) = isolate.actor_data::<ObjectState>(*actor) {
                state.storage.rest();
            }
        }
    }
}

/// Tells the home when an object that is in has to leave.
async fn watch_over(
    actor: ActorId,
    visit: u64,
    durability: Arc<Durability>,
    resident: Arc<Resident>,
    requests: mpsc::UnboundedSender<Request>,
) {
    loop {
        tokio::select! {
            () = durability.lost() => {
                let _ = requests.send(Request::Lost(actor, visit));
                return;
            }
            () = resident.asked_to_leave() => {
                if requests.send(Request::Leave(actor)).is_err() {
                    return;
                }
            }
        }
    }
}
