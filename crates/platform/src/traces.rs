//! Traces: which requests and runs are followed, and the span of each invocation that they lead to. Spans below those are begun
//! where the work is (`isolate::begin_span`).

mod parent;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use workers::{Cause, Followed, Invocations, OpenSpan, SpanSink, SpanSource, TraceId, Usage};

use crate::Platform;
use crate::deployed::Live;
use crate::tail::{Of, Watched, outcome};
use parent::Parent;

/// Which events are followed, and where their spans go.
pub struct Traces {
    pub sink: SpanSink,
    pub counts: Arc<traces::Counts>,
    /// The share of events that are followed, from 0 to 1.
    pub sample: f64,
    /// Whether a request that says of itself that it is followed, or that it is not, decides that.
    pub follow_parents: bool,
    /// Whether the servers that Workers ask are told of the trace.
    pub propagate: bool,
}

/// One invocation that is followed. It ends when it is dropped, which its event does last.
pub(crate) struct Invocation {
    state: Mutex<State>,
    usage: Usage,
}

struct State {
    span: OpenSpan,
    answered: bool,
}

// === impl Traces ===

impl Traces {
    /// In the text format of Prometheus.
    pub fn prometheus(&self) -> String {
        let name = "skerry_spans_total";
        let mut text = format!("# HELP {name} Spans of traces by what became of them.\n# TYPE {name} counter\n");
        let counts =
            [("exported", self.counts.exported()), ("failed", self.counts.failed()), ("dropped", self.sink.lost())];
        for (result, count) in counts {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{name}{{result=\"{result}\"}} {count}");
        }
        text
    }

    /// Begins to follow an event, where the lot or its parent says so.
    fn begin(&self, source: &SpanSource, parent: Option<Parent>, name: &'static str) -> Option<OpenSpan> {
        let chosen = match &parent {
            Some(parent) if self.follow_parents => parent.sampled,
            _ => fastrand::f64() < self.sample,
        };
        if !chosen {
            return None;
        }
        let place = match parent {
            Some(Parent { trace, span, .. }) => (trace, Some(span)),
            None => (TraceId(fastrand::u128(1..)), None),
        };
        let seed = fastrand::u64(..);
        Some(Followed::first(self.sink.clone(), source, place, seed, self.propagate, name.into()))
    }
}

// === impl Platform ===

impl Platform {
    /// Begins to follow a request, if it is to be.
    pub(crate) fn follow_request(&self, live: &Live, request: &edge::Request) -> Option<Arc<Invocation>> {
        let traces = self.traces()?;
        let mut span = traces.begin(&live.source, Parent::of(&request.headers), "fetch")?;
        span.fact("faas.trigger", || "http");
        span.fact("http.request.method", || request.method.as_str());
        span.fact("url.scheme", || if request.url.starts_with("https:") { "https" } else { "http" });
        span.fact("server.address", || request.host());
        span.fact("url.path", || path(request.path_and_query()));
        span.fact("cloudflare.ray_id", || request.ray.id());
        Some(Invocation::new(live, span))
    }

    /// Begins to follow a batch of a queue, if it is to be.
    pub(crate) fn follow_queue(&self, live: &Live, queue: &str, size: usize) -> Option<Arc<Invocation>> {
        let mut span = self.traces()?.begin(&live.source, None, "queue")?;
        span.fact("faas.trigger", || "queue");
        span.fact("cloudflare.handler_type", || "queue");
        span.fact("cloudflare.queue.name", || queue);
        span.fact("cloudflare.queue.batch_size", || size as i64);
        Some(Invocation::new(live, span))
    }

    /// Begins to follow what a tail Worker is told, if it is to be.
    pub(crate) fn follow_tail(&self, live: &Live, events: usize) -> Option<Arc<Invocation>> {
        let mut span = self.traces()?.begin(&live.source, None, "tail")?;
        span.fact("faas.trigger", || "other");
        span.fact("cloudflare.handler_type", || "tail");
        span.fact("cloudflare.trace.count", || events as i64);
        Some(Invocation::new(live, span))
    }

    /// Begins to follow the alarm of a Durable Object, if it is to be. `due`: milliseconds since the Unix epoch.
    pub(crate) fn follow_alarm(
        &self,
        source: &SpanSource,
        (of, class): (&Of, &str),
        due: i64,
    ) -> Option<Arc<Invocation>> {
        let mut span = self.traces()?.begin(source, None, "alarm")?;
        span.fact("faas.trigger", || "timer");
        span.fact("cloudflare.handler_type", || "alarm");
        span.fact("cloudflare.entrypoint", || class);
        span.fact("cloudflare.execution_model", || "stateful");
        span.fact("cloudflare.scheduled_time", || due);
        Some(Invocation::of(&of.name, &of.version, span))
    }

    /// Begins to follow the run of a cron trigger, if it is to be.
    pub(crate) fn follow_schedule(&self, live: &Live, cron: &str) -> Option<Arc<Invocation>> {
        let mut span = self.traces()?.begin(&live.source, None, "scheduled")?;
        span.fact("faas.trigger", || "timer");
        span.fact("faas.cron", || cron);
        Some(Invocation::new(live, span))
    }
}

/// Queries may hold secrets.
fn path(path_and_query: &str) -> &str {
    path_and_query.split(['?', '#']).next().unwrap_or_default()
}

/// The usage of an event that is perhaps watched, and perhaps followed.
pub(crate) fn usage(watched: Option<&Watched>, followed: Option<&Arc<Invocation>>) -> Usage {
    match (watched, followed) {
        (None, None) => Usage::default(),
        (Some(watched), None) => watched.usage.clone(),
        (watched, Some(followed)) => {
            let trace = watched.and_then(|watched| watched.usage.trace().cloned());
            let usage = followed.usage();
            match trace {
                Some(trace) => usage.and_trace(trace),
                None => usage,
            }
        }
    }
}

// === impl Invocation ===

impl Invocation {
    fn new(live: &Live, span: OpenSpan) -> Arc<Self> {
        Self::of(&live.name, &live.id, span)
    }

    fn of(worker: &str, version: &str, mut span: OpenSpan) -> Arc<Self> {
        span.fact("cloudflare.script_name", || worker);
        span.fact("cloudflare.script_version.id", || version);
        Arc::new(Self { state: Mutex::new(State { span, answered: false }), usage: Usage::default() })
    }

    /// An invocation by another one, which is followed.
    pub(crate) fn below(live: &Live, followed: Option<&Followed>, name: &'static str) -> Option<Arc<Self>> {
        let mut span = followed?.begin_event(&live.source, name.into());
        span.fact("faas.trigger", || "other");
        Some(Self::new(live, span))
    }

    /// The usage of its event, with which it ends.
    pub(crate) fn usage(self: &Arc<Self>) -> Usage {
        self.usage.clone().and_keep(self.clone())
    }

    /// Those that an event from outside begins with: what it invokes is below it.
    pub(crate) fn invocations(&self) -> Invocations {
        self.go_on(Invocations::default())
    }

    /// The same for an event that comes from another one.
    pub(crate) fn go_on(&self, invocations: Invocations) -> Invocations {
        self.with(|state| invocations.below(&state.span))
    }

    /// The same for a call.
    pub(crate) fn call(&self, invocation: workers::Invocation) -> workers::Invocation {
        self.with(|state| invocation.below(&state.span))
    }

    /// How it ended, as far as its answer goes.
    pub(crate) fn answered(&self, status: Option<u16>, cause: Option<&Cause>) {
        self.ended(status, cause.map_or("ok", outcome));
    }

    /// The same where the outcome has its name already.
    pub(crate) fn ended(&self, status: Option<u16>, outcome: &'static str) {
        self.with(|State { span, answered }| {
            *answered = true;
            if let Some(status) = status {
                span.fact("http.response.status_code", || i64::from(status));
            }
            span.fact("cloudflare.outcome", || outcome);
            if outcome != "ok" || status.is_some_and(|status| status >= 500) {
                span.fail();
            }
        });
    }

    fn with<T>(&self, then: impl FnOnce(&mut State) -> T) -> T {
        then(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        let cpu = self.usage.cpu();
        let start = self.usage.start();
        let State { span, answered } = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !*answered {
            // Its client went away before the answer.
            span.fact("cloudflare.outcome", || "canceled");
        }
        // Calls are not charged to themselves, and nothing of that kind is known of them.
        if cpu.is_zero() {
            return;
        }
        span.fact("cpu_time_ms", || cpu.as_secs_f64() * 1e3);
        span.fact("faas.coldstart", || start.is_some());
        if let Some(start) = start {
            span.fact("startup_time_ms", || start.as_secs_f64() * 1e3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_does_not_leave() {
        assert_eq!((path("/a/b?token=x#y"), path("/a#y"), path("/")), ("/a/b", "/a", "/"));
    }
}
