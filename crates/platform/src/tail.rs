//! Tails: who watches a Worker sees each of its events when it has ended, in the trace format that `wrangler tail` reads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use workers::{Cause, Failure, JsException, Trace, TraceException, TraceLog, Traced, Usage};

use crate::Platform;
use crate::deployed::Live;

mod filter;
mod redact;

pub use filter::Filters;

/// Tails of one Worker at a time, as on the platform.
const MOST: usize = 10;
/// How long a tail is kept that nobody ends.
const LIFE: Duration = Duration::from_secs(6 * 60 * 60);
/// Events that may wait for a slow watcher; those past it are lost to it.
const WAITING: usize = 256;

/// All tails, by their Workers' tags.
#[derive(Default)]
pub(crate) struct Tails {
    tails: Mutex<HashMap<String, Vec<Tail>>>,
    /// So that a Worker that nobody watches costs no lock.
    count: AtomicUsize,
}

struct Tail {
    id: String,
    filters: Filters,
    events: mpsc::Sender<Arc<Value>>,
    expires: Instant,
}

/// What a watcher gets.
pub struct Watch {
    pub id: String,
    pub expires_in: Duration,
    pub events: mpsc::Receiver<Arc<Value>>,
}

/// What is known of an event before it has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// With all that is hidden from those who watch.
    pub(crate) event: Value,
    /// The entrypoint that it was an event of, where that has a name.
    entrypoint: Option<Arc<str>>,
    in_object: bool,
    pub(crate) outcome: Option<&'static str>,
    began: Option<Instant>,
    timestamp: i64,
}

/// Whose events they are.
#[derive(Clone, Debug)]
pub struct Of {
    /// The script's tag.
    pub script: String,
    /// The Worker's name.
    pub name: String,
    /// The version's id.
    pub version: String,
}

/// An event that is watched.
pub struct Watched {
    facts: Arc<Mutex<Facts>>,
    pub usage: Usage,
}

// === impl Tails ===

impl Tails {
    /// Watches the Worker with this tag. `None`: too many do already.
    pub(crate) fn watch(&self, script: &str, filters: Filters) -> Option<Watch> {
        let (events, watched) = mpsc::channel(WAITING);
        let id = registry::new_hex_id();
        let mut tails = self.tails();
        let of_script = tails.entry(script.to_owned()).or_default();
        of_script.retain(Tail::is_wanted);
        if of_script.len() >= MOST {
            return None;
        }
        of_script.push(Tail { id: id.clone(), filters, events, expires: Instant::now() + LIFE });
        self.recount(&tails);
        Some(Watch { id, expires_in: LIFE, events: watched })
    }

    /// Ends a tail. Whether there was one.
    pub(crate) fn end(&self, script: &str, id: &str) -> bool {
        let mut tails = self.tails();
        let Some(of_script) = tails.get_mut(script) else { return false };
        let before = of_script.len();
        of_script.retain(|tail| tail.id != id);
        let ended = of_script.len() < before;
        self.recount(&tails);
        ended
    }

    fn are_watching(&self, script: &str) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.tails().contains_key(script)
    }

    /// Tells whoever watches the Worker of an event.
    fn tell(&self, script: &str, event: &Arc<Value>) {
        let mut tails = self.tails();
        let Some(of_script) = tails.get_mut(script) else { return };
        of_script.retain(|tail| {
            if tail.filters.let_through(event) {
                // A watcher that is too slow loses events rather than holding up the Worker.
                let _ = tail.events.try_send(event.clone());
            }
            tail.is_wanted()
        });
        self.recount(&tails);
    }

    fn recount(&self, tails: &HashMap<String, Vec<Tail>>) {
        self.count.store(tails.values().map(Vec::len).sum(), Ordering::Relaxed);
    }

    fn tails(&self) -> MutexGuard<'_, HashMap<String, Vec<Tail>>> {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.retain(|_, of_script| !of_script.is_empty());
        tails
    }
}

// === impl Tail ===

impl Tail {
    fn is_wanted(&self) -> bool {
        !self.events.is_closed() && self.expires > Instant::now()
    }
}

// === impl Of ===

impl Of {
    pub(crate) fn live(live: &Live) -> Self {
        Self { script: live.script.clone(), name: live.name.clone(), version: live.id.clone() }
    }
}

// === impl Platform ===

impl Platform {
    /// Watches a Worker's events. `None`: too many do already.
    pub fn watch(&self, script: &str, filters: Filters) -> Option<Watch> {
        self.0.tails.watch(script, filters)
    }

    /// Ends a watch. Whether there was one.
    pub fn end_watch(&self, script: &str, id: &str) -> bool {
        self.0.tails.end(script, id)
    }

    /// Whether a Worker's events are to be told of.
    pub(crate) fn is_watched(&self, script: &str) -> bool {
        self.0.tails.are_watching(script) || self.0.tail_workers.are_told_of(script)
    }

    /// Begins to watch an event; `event` is what it is about.
    pub(crate) fn begin_watch(&self, live: &Live, event: Value) -> Watched {
        self.begin_watch_after(live, event, Arc::default())
    }

    /// The same of an event to which something led that the tail Workers `told` were told of.
    pub(crate) fn begin_watch_after(&self, live: &Live, event: Value, told: Arc<[Arc<str>]>) -> Watched {
        self.begin_watch_of(Of::live(live), event, told)
    }

    pub(crate) fn begin_watch_of(&self, of: Of, event: Value, told: Arc<[Arc<str>]>) -> Watched {
        // Does not keep the platform: an event may outlive it.
        let platform = Arc::downgrade(&self.0);
        let (script, runtime) = (of.script.clone(), Handle::current());
        watch(of, event, Usage::default(), move |item, unredacted| {
            let Some(platform) = platform.upgrade() else { return };
            let item = Arc::new(item);
            platform.tails.tell(&script, &item);
            if platform.tail_workers.are_told_of(&script) {
                let mut item = Value::clone(&item);
                item["unredacted"] = unredacted;
                platform.tail_workers.tell(&platform, &runtime, &script, &item, &told);
            }
        })
    }

    /// Something that a Worker said outside of any event that is watched: in a Durable Object, or while it started.
    pub(crate) fn tell_line(&self, script: &str, name: &str, version: &str, traced: &Traced) {
        let facts = Facts { timestamp: registry::Stamp::now().0, ..Facts::default() };
        self.0.tails.tell(script, &Arc::new(item(name, version, &facts, traced, Duration::ZERO)));
    }
}

/// Begins to watch an event that is known by `usage`; `event` is what it is about. When it has ended, with all that it gave to
/// `waitUntil`, `tell` is given the item of it, and what is hidden in that.
pub fn watch(of: Of, event: Value, usage: Usage, tell: impl FnOnce(Value, Value) + Send + 'static) -> Watched {
    let facts = Facts { event, began: Some(Instant::now()), timestamp: registry::Stamp::now().0, ..Facts::default() };
    let facts = Arc::new(Mutex::new(facts));
    let (known, cpu) = (facts.clone(), usage.clone());
    let trace = Trace::new(move |traced| {
        let facts = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut item = item(&of.name, &of.version, &facts, &traced, cpu.cpu());
        let unredacted = redact::redact(&mut item["event"]);
        tell(item, unredacted.into());
    });
    Watched { facts, usage: usage.and_trace(trace) }
}

// === impl Watched ===

impl Watched {
    /// It is an event of an entrypoint that has a name.
    pub fn of_entrypoint(self, name: Option<Arc<str>>) -> Self {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).entrypoint = name;
        self
    }

    /// It is an event of an object of this class.
    pub fn of_object(self, class: Arc<str>) -> Self {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).in_object = true;
        self.of_entrypoint(Some(class))
    }

    /// It ended with an exception, which its trace has.
    pub fn threw(&self) {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).outcome = Some("exception");
    }

    /// How the event ended, as far as its answer goes.
    pub fn answered(&self, status: Option<u16>, cause: Option<&Cause>) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = status {
            facts.event["response"] = json!({ "status": status });
        }
        facts.outcome = Some(cause.map_or("ok", outcome));
        if let (Some(Cause::Exception(exception)), Some(trace)) = (cause, self.usage.trace()) {
            trace.exception(exception.clone());
        }
    }
}

/// How the platform calls the end of an event that failed.
pub(crate) fn outcome(cause: &Cause) -> &'static str {
    match cause {
        Cause::Runtime(Failure::CpuLimit) => "exceededCpu",
        Cause::Runtime(Failure::MemoryLimit) => "exceededMemory",
        Cause::Runtime(Failure::IsolateGone) => "unknown",
        Cause::Runtime(Failure::Start(_)) => "scriptNotFound",
        Cause::Exception(_) | Cause::Runtime(_) => "exception",
    }
}

/// A request, as a trace has it.
pub fn request(request: &edge::Request) -> Value {
    let mut event = event(&request.url, request.method.as_str(), &request.headers, Some(request.cf.to_json()));
    event["rayId"] = request.ray.id().into();
    event
}

/// A request from one Worker to another, as a trace has it.
pub fn service_request(request: &workers::Request) -> Value {
    event(&request.url, request.method.as_str(), &request.headers, request.cf.as_ref().map(|cf| cf()))
}

fn event(url: &str, method: &str, headers: &HeaderMap, cf: Option<String>) -> Value {
    let headers = headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), Value::String(String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    let mut request = json!({ "url": url, "method": method, "headers": headers.collect::<Map<String, Value>>() });
    if let Some(cf) = cf {
        request["cf"] = serde_json::from_str(&cf).unwrap_or_default();
    }
    json!({ "request": request })
}

/// All that is told of an event: a `TraceItem`.
fn item(name: &str, version: &str, facts: &Facts, traced: &Traced, cpu: Duration) -> Value {
    let wall = facts.began.map_or(0, |began| began.elapsed().as_millis() as u64);
    let mut item = json!({
        "wallTime": wall,
        "cpuTime": cpu.as_millis() as u64,
        "truncated": traced.truncated,
        "executionModel": if facts.in_object { "durableObject" } else { "stateless" },
        // A client that went away before the answer dropped the event.
        "outcome": facts.outcome.unwrap_or(if facts.began.is_some() { "canceled" } else { "ok" }),
        "scriptVersion": { "id": version },
        "scriptName": name,
        "diagnosticsChannelEvents": [],
        "exceptions": traced.exceptions.iter().map(exception).collect::<Vec<Value>>(),
        "logs": traced.logs.iter().map(log).collect::<Vec<Value>>(),
        "eventTimestamp": facts.timestamp,
        "event": facts.event,
    });
    if let Some(entrypoint) = &facts.entrypoint {
        item["entrypoint"] = (**entrypoint).into();
    }
    item
}

fn log(log: &TraceLog) -> Value {
    let message =
        log.message.iter().map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())));
    json!({ "message": message.collect::<Vec<Value>>(), "level": log.level, "timestamp": log.timestamp })
}

fn exception(thrown: &TraceException) -> Value {
    let JsException { name, message, stack, .. } = &thrown.exception;
    json!({ "name": name, "message": message, "stack": stack, "timestamp": thrown.timestamp })
}
