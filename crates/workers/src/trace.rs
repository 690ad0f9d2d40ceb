//! What one event says: lines of its console and exceptions that nobody caught, for whoever watches it. Bounded: a Worker can't
//! fill memory by talking.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use isolate::{Args, JsException, v8};

/// Bytes of lines and exceptions that one event may leave.
const MAX_BYTES: usize = 128 << 10;
const MAX_ITEMS: usize = 1000;

/// One line of an event's console.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceLog {
    /// Milliseconds since the Unix epoch.
    pub timestamp: u64,
    /// "debug", "log", "info", "warn" or "error".
    pub level: &'static str,
    /// What was said, each argument as JSON text.
    pub message: Vec<String>,
}

/// An exception that reached nobody.
#[derive(Clone, Debug)]
pub struct TraceException {
    /// Milliseconds since the Unix epoch.
    pub timestamp: u64,
    pub exception: JsException,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    pub logs: Vec<TraceLog>,
    pub exceptions: Vec<TraceException>,
    /// There was more.
    pub truncated: bool,
}

/// Collects what an event says; whoever made it learns of all when the event has ended, with its `waitUntil` work.
#[derive(Clone)]
pub struct Trace(Arc<Inner>);

struct Inner {
    said: Mutex<Said>,
    ended: Mutex<Option<Ended>>,
}

type Ended = Box<dyn FnOnce(Traced) + Send>;

#[derive(Default)]
struct Said {
    traced: Traced,
    bytes: usize,
}

// === impl Trace ===

impl Trace {
    /// `ended` is called once nobody can add anything any more.
    pub fn new(ended: impl FnOnce(Traced) + Send + 'static) -> Self {
        Self(Arc::new(Inner { said: Mutex::default(), ended: Mutex::new(Some(Box::new(ended))) }))
    }

    pub(crate) fn log(&self, level: &'static str, message: Vec<String>) {
        let bytes = message.iter().map(String::len).sum();
        let log = TraceLog { timestamp: now(), level, message };
        self.add(bytes, |traced| traced.logs.push(log));
    }

    /// Notes an exception that the event ended with, or that reached nobody.
    pub fn exception(&self, exception: JsException) {
        let bytes = exception.message.len() + exception.name.len();
        let exception = TraceException { timestamp: now(), exception };
        self.add(bytes, |traced| traced.exceptions.push(exception));
    }

    fn add(&self, bytes: usize, add: impl FnOnce(&mut Traced)) {
        let mut said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        let full = said.traced.logs.len() + said.traced.exceptions.len() >= MAX_ITEMS;
        if full || said.bytes + bytes > MAX_BYTES {
            said.traced.truncated = true;
            return;
        }
        said.bytes += bytes;
        add(&mut said.traced);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let said = std::mem::take(self.said.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(ended) = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            ended(said.traced);
        }
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trace")
    }
}

/// `op_trace(level, arguments)`: for the current event, which is traced.
pub(crate) fn op_trace(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let Some(trace) = crate::event::trace(scope) else { return };
    let level = match args.get(0).uint32_value(scope) {
        Some(0) => "debug",
        Some(2) => "warn",
        Some(3) => "error",
        Some(4) => "info",
        _ => "log",
    };
    let Ok(said) = v8::Local::<v8::Array>::try_from(args.get(1)) else { return };
    let mut message = Vec::new();
    for index in 0..said.length() {
        message.extend(said.get_index(scope, index).and_then(|value| json(scope, value)));
    }
    trace.log(level, message);
}

/// `op_trace_exception(error)`: the current event ends with it; whoever asked is told by other means.
pub(crate) fn op_trace_exception(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    if let Some(trace) = crate::event::trace(scope) {
        trace.exception(JsException::capture(scope, args.get(0)));
    }
}

/// A value's JSON text; what has none is told by its name. `None`: it threw.
fn json(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<String> {
    v8::tc_scope!(let scope, scope);
    let json =
        match value.is_object() || value.is_string() || value.is_number() || value.is_boolean() || value.is_null() {
            true => v8::json::stringify(scope, value).map(|json| json.to_rust_string_lossy(scope)),
            false => None,
        };
    // A function and undefined have no JSON, though they throw nothing.
    match json.filter(|json| json != "undefined") {
        Some(json) => Some(json),
        None => {
            let text = value.to_detail_string(scope)?.to_rust_string_lossy(scope);
            Some(format!("{text:?}")).filter(|_| !scope.has_terminated())
        }
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
