//! Watches the events of Durable Objects, as those of their Worker, and follows those that begin here.

use std::sync::{Arc, Weak};

use serde_json::{Value, json};
use workers::{End, Invocations, ObjectEvent, SpanSource, Tracer, Tracing, Usage};

use crate::deployed::Live;
use crate::tail::{Of, Watched, service_request};
use crate::traces::{self, Invocation};
use crate::{Inner, Platform};

/// For the objects of one class. It does not keep the platform alive, whose objects have it.
pub(crate) struct ObjectTracer {
    platform: Weak<Inner>,
    of: Of,
    class: Arc<str>,
    source: SpanSource,
}

struct Watching {
    watched: Option<Watched>,
    followed: Option<Arc<Invocation>>,
}

// === impl ObjectTracer ===

impl ObjectTracer {
    pub(crate) fn of(platform: &Platform, live: &Live, class: &str) -> Arc<dyn Tracer> {
        let (of, source) = (Of::live(live), live.source.clone());
        Arc::new(Self { platform: Arc::downgrade(&platform.0), of, class: class.into(), source })
    }
}

impl Tracer for ObjectTracer {
    fn begin(&self, event: &ObjectEvent<'_>, told: &Arc<[Arc<str>]>) -> Option<Box<dyn Tracing>> {
        let platform = self.platform.upgrade().map(Platform)?;
        let watched = platform.is_watched(&self.of.script).then(|| {
            let watched = platform.begin_watch_of(self.of.clone(), told_of(event), told.clone());
            watched.of_object(self.class.clone())
        });
        let followed = match event {
            ObjectEvent::Alarm(due) => platform.follow_alarm(&self.source, (&self.of, &self.class), *due),
            // All others come from an event, to whose trace they belong.
            _ => None,
        };
        (watched.is_some() || followed.is_some()).then(|| Box::new(Watching { watched, followed }) as Box<dyn Tracing>)
    }
}

/// What is told of an event of an object.
pub fn told_of(event: &ObjectEvent<'_>) -> Value {
    let socket = |event: Value| json!({ "getWebSocketEvent": event });
    match event {
        ObjectEvent::Request(request) => service_request(request),
        ObjectEvent::Call(method) => json!({ "rpcMethod": method }),
        ObjectEvent::Alarm(due) => {
            let due = chrono::DateTime::from_timestamp_millis(*due).unwrap_or_default();
            json!({ "scheduledTime": due.to_rfc3339_opts(chrono::SecondsFormat::Millis, true) })
        }
        ObjectEvent::Message => socket(json!({ "webSocketEventType": "message" })),
        ObjectEvent::Close { code, was_clean } => {
            socket(json!({ "webSocketEventType": "close", "code": code, "wasClean": was_clean }))
        }
        ObjectEvent::Error => socket(json!({ "webSocketEventType": "error" })),
    }
}

// === impl Watching ===

impl Tracing for Watching {
    fn usage(&self) -> Usage {
        traces::usage(self.watched.as_ref(), self.followed.as_ref())
    }

    fn invocations(&self) -> Option<Invocations> {
        Some(self.followed.as_ref()?.invocations())
    }

    fn ended(&self, end: End<'_>) {
        if let Some(watched) = &self.watched {
            match end {
                End::Done => watched.answered(None, None),
                End::Response(status) => watched.answered(Some(status), None),
                End::Thrown => watched.threw(),
                End::Failed(cause) => watched.answered(None, Some(cause)),
            }
        }
        if let Some(followed) = &self.followed {
            match end {
                End::Done => followed.answered(None, None),
                End::Response(status) => followed.answered(Some(status), None),
                End::Thrown => followed.ended(None, "exception"),
                End::Failed(cause) => followed.answered(None, Some(cause)),
            }
        }
    }
}
