//! Durable Objects: one live instance for each id, wherever in the process it is asked for. An instance has an isolate of
//! its own, which is made when the first event comes and goes when there has been none for a while.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use durable::{Classes, Durability, Journal, ObjectId, Storage};
use http::Response;
use isolate::{ContextId, Failure, Isolate, Job, Message, v8};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use webapi::body::Outgoing;

use crate::binding::Same;
use crate::console::Notice;
use crate::event::{Answer, Event, Origin, Outcome, Usage};
use crate::fetch_event::{FetchEvent, Request};
use crate::lane::Lane;
use crate::mailbox::Mailbox;
use crate::object_alarm::AlarmClock;
use crate::object_budget::{Budget, Resident};
use crate::object_sockets::{ObjectSockets, SocketEvent};
use crate::object_state::{ObjectState, RESET};
use crate::{Host, Version};

/// An instance without events, timers and subrequests for this long leaves memory
/// (https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/).
const IDLE: Duration = Duration::from_secs(10);
/// What an instance of replaced code may take to finish what it has begun.
const GRACE: Duration = Duration::from_secs(5);

/// What all objects together may take to end with the process.
const ENDING: Duration = Duration::from_secs(1);

/// All namespaces of a process, by their keys.
#[derive(Debug)]
pub struct Objects {
    journal: Arc<Journal>,
    classes: Classes,
    namespaces: Mutex<HashMap<String, ObjectNamespace>>,
    budget: Arc<Budget>,
}

/// The objects of one class. Clones are the same namespace.
#[derive(Clone, Debug)]
pub struct ObjectNamespace(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) objects: durable::Namespace,
    pub(crate) clock: AlarmClock,
    class: watch::Sender<Option<Class>>,
    budget: Arc<Budget>,
    live: Mutex<HashMap<ObjectId, Live>>,
    /// The WebSockets of objects that have some, or are in memory.
    sockets: Mutex<HashMap<ObjectId, Weak<ObjectSockets>>>,
}

/// The way to an object that has an instance, or soon will have.
struct Live {
    mailbox: Mailbox,
    resident: Arc<Resident>,
}

/// The code of a namespace's objects.
#[derive(Clone)]
pub struct Class {
    pub host: Arc<Host>,
    pub version: Arc<Version>,
    /// The name under which the version's main module exports it.
    pub name: String,
    /// Whether objects may use `storage.sql` (`new_sqlite_classes`).
    pub sql: bool,
    /// What objects say.
    pub notices: mpsc::Sender<Notice>,
}

/// An object's code at work.
struct Instance {
    isolate: Isolate,
    durability: Arc<Durability>,
}

/// One object: its place in the namespace, which outlives its instances.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) namespace: ObjectNamespace,
    pub(crate) id: ObjectId,
    /// What the object was asked for by, when it was by name.
    pub(crate) name: Option<String>,
}

// === impl Objects ===

impl Objects {
    /// Namespaces with their files below `root`.
    pub fn new(root: PathBuf) -> Self {
        let classes = Classes::new(root.clone());
        Self {
            journal: Journal::new(root),
            classes,
            namespaces: Mutex::default(),
            budget: Arc::new(Budget::of_machine()),
        }
    }

    /// Which namespaces the scripts' classes have.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Removes what the objects of deleted classes have stored; live ones end before.
    pub async fn remove_deleted(&self) -> Result<(), durable::Error> {
        for key in self.classes.removed()? {
            self.namespace(&key).abandon().await;
            self.classes.remove_files(&key, &self.journal)?;
        }
        Ok(())
    }

    /// Ends all objects, and leaves nothing that the next process would have to restore. Whether that was done: one
    /// that takes long to end leaves it, as a crash does.
    pub async fn close(&self) -> bool {
        let all: Vec<_> = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let ending = futures::future::join_all(all.iter().map(ObjectNamespace::abandon));
        if tokio::time::timeout(ENDING, ending).await.is_err() {
            return false;
        }
        let journal = self.journal.clone();
        tokio::task::spawn_blocking(move || journal.close()).await.is_ok()
    }

    /// The namespace of this key, for whoever binds to it or implements it.
    pub fn namespace(&self, key: &str) -> ObjectNamespace {
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        namespaces.entry(key.to_owned()).or_insert_with(|| ObjectNamespace::new(key, self)).clone()
    }
}

// === impl ObjectNamespace ===

impl ObjectNamespace {
    fn new(key: &str, objects: &Objects) -> Self {
        let inner = Inner {
            objects: durable::Namespace::new(key, &objects.journal),
            budget: objects.budget.clone(),
            clock: AlarmClock::default(),
            class: watch::Sender::new(None),
            live: Mutex::default(),
            sockets: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// The code of these objects from now on. Instances of other code end when they have nothing to do.
    pub fn implement(&self, class: Class) {
        let first = self.0.class.send_replace(Some(class)).is_none();
        if first {
            AlarmClock::start(self.clone());
        }
    }

    /// Nobody implements these objects any more. Returns when none is live.
    async fn abandon(&self) {
        self.0.class.send_replace(None);
        self.0.clock.clear();
        while !self.live().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// Handles a request in the object.
    pub(crate) async fn fetch(
        &self,
        id: ObjectId,
        name: Option<String>,
        request: Request,
    ) -> Outcome<Response<Outgoing>> {
        self.event(id, name, |event, answer| FetchEvent::job(event, request, answer)).await
    }

    /// Runs the object's alarm handler, if its alarm is due. `retry`: how many times it has failed.
    pub(crate) async fn alarm(&self, id: ObjectId, retry: u32) -> Outcome<()> {
        let run: isolate::Begin = Box::new(move |scope, id| {
            let arguments = [
                v8::Integer::new_from_unsigned(scope, id.0).into(),
                v8::Integer::new_from_unsigned(scope, retry).into(),
            ];
            crate::runtime::call(scope, |hooks| &hooks.alarm, &arguments);
        });
        self.event(id, None, |event, answer| Event::job(event, answer, Origin::default(), run)).await
    }

    /// Tells the object what happens on one of its WebSockets; resolves when it has been told.
    pub(crate) async fn socket(&self, object: &Object, number: u32, event: SocketEvent, origin: Origin) -> Outcome<()> {
        let run: isolate::Begin = Box::new(move |scope, id| {
            let [kind, first, second, third] = event.arguments(scope);
            let id = v8::Integer::new_from_unsigned(scope, id.0).into();
            let number = v8::Integer::new_from_unsigned(scope, number).into();
            crate::runtime::call(scope, |hooks| &hooks.socket, &[id, number, kind, first, second, third]);
        });
        self.event(object.id, object.name.clone(), |event, answer| Event::job(event, answer, origin, run)).await
    }

    /// The WebSockets of an object.
    pub(crate) fn sockets(&self, id: ObjectId) -> Arc<ObjectSockets> {
        let mut all = self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sockets) = all.get(&id).and_then(Weak::upgrade) {
            return sockets;
        }
        if all.len() >= 64 && all.len() == all.capacity() {
            all.retain(|_, sockets| sockets.strong_count() > 0);
        }
        let sockets = Arc::<ObjectSockets>::default();
        all.insert(id, Arc::downgrade(&sockets));
        sockets
    }

    /// Sends the object an event; it comes to life if need be.
    async fn event<T>(
        &self,
        id: ObjectId,
        name: Option<String>,
        job: impl FnOnce(ContextId, Answer<T>) -> Job,
    ) -> Outcome<T> {
        let (answer, outcome) = Answer::new(Usage::default());
        let event = ContextId::next();
        let mailbox = self.send(id, name, job(event, answer));
        mailbox.outcome(event, outcome).await
    }

    /// Sends the object a job. Jobs for one object begin in the order in which they are sent.
    pub(crate) fn send(&self, id: ObjectId, name: Option<String>, job: Job) -> Mailbox {
        // Sent under the lock, under which the object's task looks before it leaves.
        let mut live = self.live();
        let object = match live.entry(id) {
            Entry::Occupied(object) => object.into_mut(),
            Entry::Vacant(place) => {
                let (mailbox, inbox) = Mailbox::new();
                let resident = Arc::new(self.0.budget.admit());
                tokio::spawn(serve(Object { namespace: self.clone(), id, name }, inbox, resident.clone()));
                place.insert(Live { mailbox, resident })
            }
        };
        object.resident.used();
        object.mailbox.send(job);
        object.mailbox.clone()
    }

    fn live(&self) -> MutexGuard<'_, HashMap<ObjectId, Live>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one object until it has been idle: an instance at a time, each with the storage to itself.
async fn serve(object: Object, mut inbox: mpsc::UnboundedReceiver<Message>, resident: Arc<Resident>) {
    let mut class = object.namespace.0.class.subscribe();
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            // Under the lock nobody can send: what has not come by now goes to a new task.
            let mut live = object.namespace.live();
            match inbox.try_recv() {
                Ok(Message::Event(job)) => waiting.push_back(job),
                Ok(Message::Within(..)) => continue,
                Err(_) => {
                    live.remove(&object.id);
                    return;
                }
            }
        }
        let Some(job) = waiting.pop_front() else { continue };
        let Some(mut instance) = start(&object, &mut class, job).await else { continue };
        waiting.drain(..).for_each(|job| instance.isolate.enqueue(job));
        let (unbegun, broken) = run(instance, &mut inbox, &mut class, &resident).await;
        if broken {
            object.namespace.sockets(object.id).disconnect();
        }
        waiting.extend(unbegun);
    }
}

/// An instance with its first event. `None`: it can't be made, which the event has been told.
async fn start(object: &Object, class: &mut watch::Receiver<Option<Class>>, mut job: Job) -> Option<Instance> {
    let Some(class) = class.borrow_and_update().clone() else {
        job.data.fail(failed(format!(
            "No Worker of this process implements the Durable Object namespace {}: start the Worker that exports the class too.",
            object.namespace.0.objects.key()
        )));
        return None;
    };
    let storage = open(object, class.sql).await;
    let started = match storage {
        Ok(storage) => instance(object, &class, storage),
        Err(error) => Err(failed(format!("The object's storage can't be opened: {error}"))),
    };
    match started {
        Ok(mut instance) => {
            instance.isolate.enqueue(job);
            Some(instance)
        }
        Err(failure) => {
            job.data.fail(failure);
            None
        }
    }
}

async fn open(object: &Object, history: bool) -> Result<Storage, durable::Error> {
    let objects = &object.namespace.0.objects;
    // Where nothing is there is nothing to wait for.
    if !objects.has(&object.id) {
        return objects.open(&object.id, history);
    }
    let object = object.clone();
    let opening = move || object.namespace.0.objects.open(&object.id, history);
    tokio::task::spawn_blocking(opening).await.unwrap_or(Err(durable::Error::Closed))
}

fn failed(message: String) -> Failure {
    Failure::Reset(Arc::new(isolate::JsException { name: "Error".into(), message, ..Default::default() }))
}

fn instance(object: &Object, class: &Class, storage: Storage) -> Result<Instance, Failure> {
    let durability = storage.durability().clone();
    let lane = Lane { host: class.host.clone(), version: class.version.clone(), notices: class.notices.clone() };
    let state = ObjectState::new(object.clone(), class.sql, storage);
    let name = class.name.clone();
    let started = lane.start_with(|scope| crate::object_state::begin(scope, state, &name, &class.version.limits));
    started.map(|(isolate, _)| Instance { isolate, durability }).map_err(|error| Failure::Start(Arc::new(error)))
}

/// Runs an instance until it is idle, is reset, or its code has been replaced. Returns events that it has not begun, and
/// whether it ended otherwise than by being idle, which its WebSockets do not outlive.
async fn run(
    Instance { mut isolate, durability }: Instance,
    inbox: &mut mpsc::UnboundedReceiver<Message>,
    class: &mut watch::Receiver<Option<Class>>,
    resident: &Resident,
) -> (Vec<Job>, bool) {
    let mut begun = 0;
    let mut idle_since = Instant::now();
    let mut replaced = None;
    let broken = loop {
        let pause = if replaced.is_some() { Duration::from_millis(20) } else { IDLE / 4 };
        tokio::select! {
            biased;
            _ = isolate.run(inbox) => break true,
            // What it knows may not be on the disk: the next instance begins with what is.
            () = durability.lost() => {
                isolate.fail(&failed(RESET.into()));
                break true;
            }
            () = resident.asked_to_leave() => {
                if !isolate.has_work() && inbox.is_empty() {
                    break false;
                }
                resident.used();
                continue;
            }
            Ok(()) = class.changed(), if replaced.is_none() => replaced = Some(Instant::now()),
            () = tokio::time::sleep(pause) => {}
        }
        match replaced {
            Some(since) if !isolate.has_work() || since.elapsed() > GRACE => break true,
            Some(_) => {}
            None if isolate.has_work() || isolate.events() != begun => {
                begun = isolate.events();
                idle_since = Instant::now();
            }
            None if idle_since.elapsed() >= IDLE => break false,
            None => {}
        }
    };
    if replaced.is_some() {
        isolate.fail(&failed("Durable Object reset because its code was updated.".into()));
    }
    let unbegun = isolate.take_unbegun().collect();
    // The next instance must find the storage closed.
    let _ = tokio::task::spawn_blocking(move || drop(isolate)).await;
    (unbegun, broken)
}

impl Same for ObjectNamespace {
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ObjectNamespace").field(&self.objects.key()).finish()
    }
}
