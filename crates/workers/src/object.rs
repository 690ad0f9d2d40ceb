//! Durable Objects: one live instance for each id, wherever in the process it is asked for. Objects of one class share a few
//! isolates (object_home.rs); an instance comes to life when the first event comes and goes when there has been none for a while.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use durable::{Classes, ObjectId};
use http::Response;
use isolate::{ActorId, ContextId, Failure, Inspector, Job, v8};
use tokio::sync::{mpsc, watch};
use webapi::body::Outgoing;

use crate::binding::Same;
use crate::budget::{Budget, Resident};
use crate::console::Notice;
use crate::event::{Answer, Event, Origin, Outcome, Usage};
use crate::fetch_event::{FetchEvent, Request};
use crate::mailbox::Mailbox;
use crate::object_alarm::AlarmClock;
use crate::object_home::Home;
use crate::object_sockets::{ObjectSockets, SocketEvent};
use crate::object_trace::{End, ObjectEvent, Tracer, Tracing};
use crate::{Host, Version};

/// So many isolates may work for one class at once: what one object does for long keeps only those waiting that share its.
static MOST_HOMES: LazyLock<usize> = LazyLock::new(|| available_parallelism().map_or(1, usize::from));

/// All namespaces of a process, by their keys.
#[derive(Debug)]
pub struct Objects {
    root: PathBuf,
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
    population: Mutex<Population>,
    /// The WebSockets of objects that have some, or are in memory.
    sockets: Mutex<HashMap<ObjectId, Weak<ObjectSockets>>>,
}

/// The objects that have an instance, or soon will have, and where they are.
#[derive(Default)]
pub(crate) struct Population {
    live: HashMap<ObjectId, Live>,
    /// Those that take more objects, all with the code that the namespace has now.
    homes: Vec<Arc<Home>>,
}

/// The way to an object.
struct Live {
    home: Arc<Home>,
    actor: ActorId,
    /// How many events it was sent.
    sent: u64,
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
    /// Who is told of their events.
    pub tracer: Option<Arc<dyn Tracer>>,
    /// Where debuggers come to see them. All of the class are in one isolate then.
    pub inspector: Option<Inspector>,
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
        Self { root, classes, namespaces: Mutex::default(), budget: Arc::new(Budget::of_machine()) }
    }

    /// Which namespaces the scripts' classes have.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Removes what the objects of deleted classes have stored; live ones end before.
    pub async fn remove_deleted(&self) -> Result<(), durable::Error> {
        for key in self.classes.removed()? {
            self.namespace(&key).abandon().await;
            self.classes.remove_files(&key)?;
        }
        Ok(())
    }

    /// How many objects are in memory.
    pub fn live(&self) -> usize {
        self.budget.count()
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
            objects: durable::Namespace::new(key, &objects.root),
            budget: objects.budget.clone(),
            clock: AlarmClock::default(),
            class: watch::Sender::new(None),
            population: Mutex::default(),
            sockets: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// The code of these objects from now on. Instances of other code end when they have nothing to do.
    pub fn implement(&self, class: Class) {
        let inspector = class.inspector.clone();
        let first = self.0.class.send_replace(Some(class)).is_none();
        self.population().homes.clear();
        if let Some(inspector) = inspector {
            tokio::spawn(self.clone().receive(inspector, self.0.class.subscribe()));
        }
        if first {
            AlarmClock::start(self.clone());
        }
    }

    /// Has an isolate ready for each client of the inspector that comes, until the code is replaced.
    async fn receive(self, inspector: Inspector, mut replaced: watch::Receiver<Option<Class>>) {
        let mut client = 0;
        loop {
            tokio::select! {
                _ = replaced.changed() => return,
                next = inspector.wanted(client) => client = next,
            }
            if let Err(why) = self.home(&mut self.population()) {
                tracing::warn!(namespace = self.0.objects.key(), "no isolate for the inspector: {why}");
            }
        }
    }

    /// How many of these objects are in memory.
    pub fn live(&self) -> usize {
        self.population().live.len()
    }

    /// See [`durable::Namespace::charge`].
    pub fn charge(&self, quota: &durable::Quota) {
        self.0.objects.charge(quota);
    }

    /// See [`durable::Namespace::size`].
    pub fn size(&self) -> std::io::Result<u64> {
        self.0.objects.size()
    }

    /// See [`durable::Namespace::stored`].
    pub fn stored(&self, after: Option<&ObjectId>, most: usize) -> std::io::Result<Vec<(ObjectId, u64)>> {
        self.0.objects.stored(after, most)
    }

    /// Nobody implements these objects any more. Returns when none is live.
    async fn abandon(&self) {
        self.0.class.send_replace(None);
        self.0.clock.clear();
        while !self.population().live.is_empty() {
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
        let traced = self.trace(&ObjectEvent::Request(&request), request.invocations.told());
        let outcome =
            self.event(id, name, usage(&traced), |event, answer| FetchEvent::job(event, request, answer)).await;
        ended(traced, &outcome, |response| End::Response(response.status().as_u16()));
        outcome
    }

    /// Begins to watch an event, where somebody wants to know.
    pub(crate) fn trace(&self, event: &ObjectEvent<'_>, told: &Arc<[Arc<str>]>) -> Option<Box<dyn Tracing>> {
        let tracer = self.0.class.borrow().as_ref()?.tracer.clone()?;
        tracer.begin(event, told)
    }

    /// Runs the object's alarm handler, if its alarm is due, as it was at `due`. `retry`: how many times it has failed.
    pub(crate) async fn alarm(&self, id: ObjectId, due: i64, retry: u32) -> Outcome<()> {
        let run: isolate::Begin = Box::new(move |scope, id| {
            let arguments = [
                v8::Integer::new_from_unsigned(scope, id.0).into(),
                v8::Integer::new_from_unsigned(scope, retry).into(),
            ];
            crate::runtime::call(scope, |hooks| &hooks.alarm, &arguments);
        });
        let traced = self.trace(&ObjectEvent::Alarm(due), Origin::default().invocations.told());
        let invocations = traced.as_ref().and_then(|traced| traced.invocations()).unwrap_or_default();
        let job = |event, answer| Event::job(event, answer, Origin { invocations, ..Origin::default() }, run);
        let outcome = self.event(id, None, usage(&traced), job).await;
        ended(traced, &outcome, |()| End::Done);
        outcome
    }

    /// Tells the object what happens on one of its WebSockets; resolves when it has been told.
    pub(crate) async fn socket(&self, object: &Object, number: u32, event: SocketEvent, origin: Origin) -> Outcome<()> {
        let traced = self.trace(&ObjectEvent::of_socket(&event), origin.invocations.told());
        let run: isolate::Begin = Box::new(move |scope, id| {
            let [kind, first, second, third] = event.arguments(scope);
            let id = v8::Integer::new_from_unsigned(scope, id.0).into();
            let number = v8::Integer::new_from_unsigned(scope, number).into();
            crate::runtime::call(scope, |hooks| &hooks.socket, &[id, number, kind, first, second, third]);
        });
        let job = |event, answer| Event::job(event, answer, origin, run);
        let outcome = self.event(object.id, object.name.clone(), usage(&traced), job).await;
        ended(traced, &outcome, |()| End::Done);
        outcome
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
        usage: Usage,
        job: impl FnOnce(ContextId, Answer<T>) -> Job,
    ) -> Outcome<T> {
        let (answer, outcome) = Answer::new(usage);
        let event = ContextId::next();
        let mailbox = self.send(id, name, job(event, answer));
        mailbox.outcome(event, outcome).await
    }

    /// Sends the object a job. Jobs for one object begin in the order in which they are sent.
    pub(crate) fn send(&self, id: ObjectId, name: Option<String>, job: Job) -> Mailbox {
        self.send_in(&mut self.population(), Object { namespace: self.clone(), id, name }, job)
    }

    pub(crate) fn send_in(&self, population: &mut Population, object: Object, mut job: Job) -> Mailbox {
        if !population.live.contains_key(&object.id) {
            let home = match self.home(population) {
                Ok(home) => home,
                Err(why) => {
                    job.data.fail(failed(why));
                    return Mailbox::new().0;
                }
            };
            let (actor, resident) = (ActorId::next(), Arc::new(self.0.budget.admit()));
            home.admit(actor, object.clone(), resident.clone());
            population.live.insert(object.id, Live { home, actor, sent: 0, resident });
        }
        let Some(live) = population.live.get_mut(&object.id) else { unreachable!("it was inserted above") };
        live.sent += 1;
        live.resident.used();
        job.actor = Some(live.actor);
        live.home.mailbox().send(job);
        live.home.mailbox().clone()
    }

    /// Where one more object may live: the isolate with the fewest, or a new one. Or why there is none.
    fn home(&self, population: &mut Population) -> Result<Arc<Home>, String> {
        let most = match &*self.0.class.borrow() {
            Some(class) if class.inspector.is_some() => 1,
            _ => *MOST_HOMES,
        };
        let homes = population.homes.iter().filter(|home| home.has_room());
        let (fewest, count) = (homes.clone().min_by_key(|home| home.objects()), homes.count());
        if let Some(home) = fewest.filter(|home| home.objects() == 0 || count >= most) {
            return Ok(home.clone());
        }
        let mut class = self.0.class.subscribe();
        let Some(implemented) = class.borrow_and_update().clone() else {
            let key = self.0.objects.key();
            return Err(format!(
                "No Worker of this process implements the Durable Object namespace {key}: start the Worker that exports the class too."
            ));
        };
        let home = Home::start(self.clone(), implemented, class);
        let home = home.map_err(|error| format!("No thread can be had for objects under inspection: {error}"))?;
        population.homes.push(home.clone());
        Ok(home)
    }

    /// Lets an object go that has no instance any more, if it has got all `received` that it was sent.
    pub(crate) fn forget(&self, population: &mut Population, id: ObjectId, actor: ActorId, received: u64) -> bool {
        let is_done = |live: &Live| live.actor == actor && live.sent == received;
        let forgotten = population.live.get(&id).is_some_and(is_done);
        if forgotten {
            population.live.remove(&id);
        }
        forgotten
    }

    /// Lets an isolate go that has no objects. Whether nothing can come there any more.
    pub(crate) fn close(&self, population: &mut Population, home: &Arc<Home>) -> bool {
        population.homes.retain(|other| !Arc::ptr_eq(other, home));
        home.objects() == 0
    }

    pub(crate) fn population(&self) -> MutexGuard<'_, Population> {
        self.0.population.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a watched event, or one that is not, is known by.
pub(crate) fn usage(traced: &Option<Box<dyn Tracing>>) -> Usage {
    traced.as_ref().map(|traced| traced.usage()).unwrap_or_default()
}

fn ended<T>(traced: Option<Box<dyn Tracing>>, outcome: &Outcome<T>, end: impl FnOnce(&T) -> End<'static>) {
    if let Some(traced) = traced {
        traced.ended(match outcome {
            Ok(value) => end(value),
            Err(cause) => End::Failed(cause),
        });
    }
}

pub(crate) fn failed(message: String) -> Failure {
    Failure::Reset(Arc::new(isolate::JsException { name: "Error".into(), message, ..Default::default() }))
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
