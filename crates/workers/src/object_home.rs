//! Where Durable Objects live: an isolate that many of one class share, and the task that brings them in and out of it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isolate::{ActorId, Exit, Failure, Inspector, Isolate, Message, StartError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::budget::Resident;
use crate::inspected;
use crate::lane::Lane;
use crate::mailbox::Mailbox;
use crate::object::{Class, Object, ObjectNamespace, failed};
use crate::object_guest::{Guest, Moved, Phase};
use crate::object_state::RESET;

/// How often somebody looks whether objects are idle.
const LOOK: Duration = Duration::from_millis(500);
/// An isolate that takes more memory than this gets no more objects: those that it has may still grow.
const ROOMY: usize = 64 << 20;

/// An isolate's place in its namespace.
pub(crate) struct Home {
    mailbox: Mailbox,
    pub(crate) requests: mpsc::UnboundedSender<Request>,
    /// Objects that are here. It grows under the lock of the namespace's population.
    pub(crate) objects: AtomicUsize,
    memory: AtomicUsize,
}

/// What the task of a home is asked.
pub(crate) enum Request {
    /// Events will come for one more object.
    Admit(ActorId, Object, Arc<Resident>),
    /// The object should leave, if it is idle: others need its place.
    Leave(ActorId),
    /// What the instance of this visit knows may not be on the disk.
    Lost(ActorId, u64),
}

/// The task's own state.
pub(crate) struct Keeper {
    pub(crate) namespace: ObjectNamespace,
    pub(crate) class: Class,
    pub(crate) home: Arc<Home>,
    pub(crate) requests: mpsc::UnboundedReceiver<Request>,
    pub(crate) guests: HashMap<ActorId, Guest>,
    pub(crate) moves: JoinSet<Moved>,
    pub(crate) visits: u64,
    /// Since when the namespace has other code.
    pub(crate) replaced: Option<Instant>,
}

// === impl Home ===

impl Home {
    /// Makes an isolate for objects of this class, and the task that keeps it. `changes`: tells of other code.
    pub(crate) fn start(
        namespace: ObjectNamespace,
        class: Class,
        changes: watch::Receiver<Option<Class>>,
    ) -> io::Result<Arc<Self>> {
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
        match keeper.class.inspector {
            Some(_) => inspected::spawn(keeper.keep(inbox, changes))?,
            None => drop(tokio::spawn(keeper.keep(inbox, changes))),
        }
        Ok(home)
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
        let Class { host, version, notices, name, inspector, .. } = &self.class;
        let lane = Lane { host: host.clone(), version: version.clone(), notices: notices.clone() };
        let started = lane.start(inspector.as_ref(), |scope| {
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
            let pause = if self.replaced.is_some() { Duration::from_millis(20) } else { LOOK };
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
                        let mut population = namespace.population();
                        if !self.is_looked_at() && namespace.close(&mut population, &self.home) {
                            return true;
                        }
                    }
                }
            }
        }
    }

    /// Whether a debugger's client keeps the isolate, whoever lives here.
    fn is_looked_at(&self) -> bool {
        self.replaced.is_none() && self.class.inspector.as_ref().is_some_and(Inspector::is_attached)
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

    /// Takes down an isolate that has ended under its objects.
    async fn take_down(&mut self, mut isolate: Isolate) {
        isolate.end_inspection();
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
        if waiting.is_empty() {
            tracing::warn!(worker = self.class.version.name, class = self.class.name, %error, "can't be started for the inspector");
        }
        let failure = Failure::Start(Arc::new(error));
        waiting.into_iter().for_each(|mut job| job.data.fail(failure.clone()));
    }
}
