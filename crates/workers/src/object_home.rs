//! Where Durable Objects live: an isolate that many of one class share, and the task that brings them in and out of it.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use durable::{Durability, Storage};
use isolate::{ActorId, Closed, Exit, Failure, Isolate, Job, Message, StartError};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::lane::Lane;
use crate::mailbox::Mailbox;
use crate::object::{Class, Object, ObjectNamespace, failed};
use crate::object_budget::Resident;
use crate::object_state::{ObjectState, RESET};

/// An instance without events, timers and subrequests for this long leaves memory
/// (https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/).
const IDLE: Duration = Duration::from_secs(10);
/// What an instance of replaced code may take to finish what it has begun.
const GRACE: Duration = Duration::from_secs(5);
/// An isolate that takes more memory than this gets no more objects: those that it has may still grow.
const ROOMY: usize = 64 << 20;

/// An isolate's place in its namespace.
pub(crate) struct Home {
    mailbox: Mailbox,
    requests: mpsc::UnboundedSender<Request>,
    /// Objects that are here. It grows under the lock of the namespace's population.
    objects: AtomicUsize,
    memory: AtomicUsize,
}

/// What the task of a home is asked.
enum Request {
    /// Events will come for one more object.
    Admit(ActorId, Object, Arc<Resident>),
    /// The object should leave, if it is idle: others need its place.
    Leave(ActorId),
    /// What the instance of this visit knows may not be on the disk.
    Lost(ActorId, u64),
}

/// The task's own state.
struct Keeper {
    namespace: ObjectNamespace,
    class: Class,
    home: Arc<Home>,
    requests: mpsc::UnboundedReceiver<Request>,
    guests: HashMap<ActorId, Guest>,
    moves: JoinSet<Moved>,
    visits: u64,
    /// Since when the namespace has other code.
    replaced: Option<Instant>,
}

/// An object that has come here.
struct Guest {
    object: Object,
    resident: Arc<Resident>,
    phase: Phase,
    /// Events that wait for it to be in.
    waiting: VecDeque<Job>,
    /// Events of its former instances, and those that no instance got.
    received: u64,
    /// Events that its instance had begun when somebody looked, and when it was last seen at work.
    begun: u64,
    active: Instant,
}

enum Phase {
    Out,
    /// Its storage is being opened.
    Coming,
    /// It is in the isolate, for this visit; somebody watches over it.
    In(u64, AbortHandle),
    /// Its storage is being closed.
    Going,
}

enum Moved {
    Opened(ActorId, Box<Result<Storage, durable::Error>>),
    Gone(ActorId),
}

// === impl Home ===

impl Home {
    /// Makes an isolate for objects of this class, and the task that keeps it. `changes`: tells of other code.
    pub(crate) fn start(
        namespace: ObjectNamespace,
        class: Class,
        changes: watch::Receiver<Option<Class>>,
    ) -> Arc<Self> {
        let (mailbox, inbox) = Mailbox::new();
        let (requests, asked) = mpsc::unbounded_channel();
        let home = Arc::new(Self { mailbox, requests, objects: AtomicUsize::new(0), memory: AtomicUsize::new(0) });
        let keeper = Keeper {
            namespace,
            class,
            home: home.clone(),
            requests: asked,
            guests: HashMap::new(),
            moves: JoinSet::new(),
            visits: 0,
            replaced: None,
        };
        tokio::spawn(keeper.keep(inbox, changes));
        home
    }

    /// Takes one more object in, for which events will follow.
    pub(crate) fn admit(&self, actor: ActorId, object: Object, resident: Arc<Resident>) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        let _ = self.requests.send(Request::Admit(actor, object, resident));
    }

    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub(crate) fn objects(&self) -> usize {
        self.objects.load(Ordering::Relaxed)
    }

    pub(crate) fn has_room(&self) -> bool {
        self.memory.load(Ordering::Relaxed) < ROOMY
    }
}

// === impl Keeper ===

impl Keeper {
    /// Keeps one isolate after the other, until nobody lives here any more.
    async fn keep(mut self, mut inbox: mpsc::UnboundedReceiver<Message>, mut changes: watch::Receiver<Option<Class>>) {
        loop {
            match self.isolate() {
                Ok(mut isolate) => {
                    self.bring_in(&mut isolate);
                    if self.run(&mut isolate, &mut inbox, &mut changes).await {
                        return;
                    }
                    self.take_down(isolate).await;
                }
                Err(error) => return self.refuse(&mut inbox, error).await,
            }
        }
    }

    fn isolate(&self) -> Result<Isolate, StartError> {
        let Class { host, version, notices, name, .. } = &self.class;
        let lane = Lane { host: host.clone(), version: version.clone(), notices: notices.clone() };
        let started = lane.start_with(|scope| {
            let name = isolate::new_string(scope, name).into();
            crate::runtime::call_checked(scope, "startObjects", &[name])
        });
        started.map(|(isolate, _)| isolate)
    }

    /// Handles events until the isolate has to end, or nobody is here: then it returns true, and nobody can come any more.
    async fn run(
        &mut self,
        isolate: &mut Isolate,
        inbox: &mut mpsc::UnboundedReceiver<Message>,
        changes: &mut watch::Receiver<Option<Class>>,
    ) -> bool {
        let mut looked = Instant::now();
        loop {
            let pause = if self.replaced.is_some() { Duration::from_millis(20) } else { IDLE / 4 };
            tokio::select! {
                biased;
                Ok(()) = changes.changed(), if self.replaced.is_none() => self.replaced = Some(Instant::now()),
                Some(request) = self.requests.recv() => self.asked(isolate, request),
                Some(moved) = self.moves.join_next() => {
                    // A move that panicked has said so; its object stays as it is, and who waits for it is told in time.
                    if let Ok(moved) = moved {
                        self.moved(isolate, moved);
                    }
                }
                exit = isolate.run(inbox) => match exit {
                    Exit::Actors => self.attend(isolate),
                    Exit::CpuLimit | Exit::MemoryLimit | Exit::Closed => return false,
                },
                () = tokio::time::sleep_until(looked + pause) => {
                    looked = Instant::now();
                    self.home.memory.store(isolate.memory(), Ordering::Relaxed);
                    self.look_around(isolate);
                    if self.guests.is_empty() && self.moves.is_empty() && self.requests.is_empty() {
                        let namespace = self.namespace.clone();
                        if namespace.close(&mut namespace.population(), &self.home) {
                            return true;
                        }
                    }
                }
            }
        }
    }

    fn asked(&mut self, isolate: &mut Isolate, request: Request) {
        match request {
            Request::Admit(actor, object, resident) => self.admit(actor, object, resident),
            Request::Leave(actor) => match (isolate.activity(actor), self.guests.get(&actor)) {
                (Some((_, false)), _) => isolate.close_actor(actor, None),
                (_, Some(guest)) => guest.resident.used(),
                (_, None) => {}
            },
            Request::Lost(actor, visit) => {
                let phase = self.guests.get(&actor).map(|guest| &guest.phase);
                if matches!(phase, Some(Phase::In(present, _)) if *present == visit) {
                    isolate.close_actor(actor, Some(failed(RESET.into())));
                }
            }
        }
    }

    fn admit(&mut self, actor: ActorId, object: Object, resident: Arc<Resident>) {
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

    fn moved(&mut self, isolate: &mut Isolate, moved: Moved) {
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

    /// Sees to objects that were closed, and to events of those that are not in.
    fn attend(&mut self, isolate: &mut Isolate) {
        for closed in isolate.take_closed() {
            self.leave(closed);
        }
        // Whoever events come for was admitted before.
        while let Ok(request) = self.requests.try_recv() {
            self.asked(isolate, request);
        }
        let mut wanted = Vec::new();
        for (actor, job) in isolate.take_strays() {
            let Some(guest) = self.guests.get_mut(&actor) else { continue };
            guest.waiting.push_back(job);
            if matches!(guest.phase, Phase::Out) && !wanted.contains(&actor) {
                wanted.push(actor);
            }
        }
        // All that has come for an object comes in with it.
        wanted.into_iter().for_each(|actor| self.see_to(isolate, actor));
    }

    /// An object that is out comes in when something waits for it, and goes otherwise.
    fn see_to(&mut self, isolate: &mut Isolate, actor: ActorId) {
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

    fn leave(&mut self, closed: Closed) {
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
    fn look_around(&mut self, isolate: &mut Isolate) {
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
            }
        }
    }

    /// Takes down an isolate that has ended under its objects.
    async fn take_down(&mut self, mut isolate: Isolate) {
        isolate.take_closed().into_iter().for_each(|closed| self.leave(closed));
        let strays = isolate.take_strays().into_iter().map(|(_, job)| job);
        for job in strays.chain(isolate.take_unbegun()).collect::<Vec<_>>() {
            if let Some(guest) = job.actor.and_then(|actor| self.guests.get_mut(&actor)) {
                guest.waiting.push_back(job);
            }
        }
        for (actor, guest) in &mut self.guests {
            if let Phase::In(_, watch) = &guest.phase {
                watch.abort();
                guest.received += isolate.activity(*actor).map_or(0, |(begun, _)| begun);
                guest.phase = Phase::Out;
                self.namespace.sockets(guest.object.id).disconnect();
            }
        }
        // The next instances must find their storage closed.
        let _ = tokio::task::spawn_blocking(move || drop(isolate)).await;
    }

    /// Brings those back who lost their isolate while events waited for them.
    fn bring_in(&mut self, isolate: &mut Isolate) {
        let out = self.guests.iter().filter(|(_, guest)| matches!(guest.phase, Phase::Out));
        for actor in out.map(|(actor, _)| *actor).collect::<Vec<_>>() {
            self.see_to(isolate, actor);
        }
    }

    /// The isolate can't be made: all who wait are told.
    async fn refuse(mut self, inbox: &mut mpsc::UnboundedReceiver<Message>, error: StartError) {
        // What is open has to be closed before others open it.
        while self.moves.join_next().await.is_some() {}
        let namespace = self.namespace.clone();
        let mut waiting = Vec::new();
        {
            // Under the lock nothing more can come.
            let mut population = namespace.population();
            while let Ok(request) = self.requests.try_recv() {
                if let Request::Admit(actor, object, resident) = request {
                    self.admit(actor, object, resident);
                }
            }
            while let Ok(message) = inbox.try_recv() {
                if let Message::Event(job) = message
                    && let Some(guest) = job.actor.and_then(|actor| self.guests.get_mut(&actor))
                {
                    guest.waiting.push_back(job);
                }
            }
            for (actor, guest) in self.guests.drain() {
                let received = guest.received + guest.waiting.len() as u64;
                namespace.forget(&mut population, guest.object.id, actor, received);
                waiting.extend(guest.waiting);
            }
            namespace.close(&mut population, &self.home);
        }
        let failure = Failure::Start(Arc::new(error));
        waiting.into_iter().for_each(|mut job| job.data.fail(failure.clone()));
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
