//! Watches the events of Durable Objects, as those of their Worker.

use std::sync::{Arc, Weak};

use serde_json::{Value, json};
use workers::{End, ObjectEvent, Tracer, Tracing, Usage};

use crate::deployed::Live;
use crate::tail::{Of, Watched, service_request};
use crate::{Inner, Platform};

/// For the objects of one class. It does not keep the platform alive, whose objects have it.
pub(crate) struct ObjectTracer {
    platform: Weak<Inner>,
    of: Of,
    class: Arc<str>,
}

struct Watching(Watched);

// === impl ObjectTracer ===

impl ObjectTracer {
    pub(crate) fn of(platform: &Platform, live: &Live, class: &str) -> Arc<dyn Tracer> {
        Arc::new(Self { platform: Arc::downgrade(&platform.0), of: Of::live(live), class: class.into() })
    }
}

impl Tracer for ObjectTracer {
    fn begin(&self, event: &ObjectEvent<'_>, told: &Arc<[Arc<str>]>) -> Option<Box<dyn Tracing>> {
        let platform = self.platform.upgrade().map(Platform)?;
        if !platform.is_watched(&self.of.script) {
            return None;
        }
        let watched = platform.begin_watch_of(self.of.clone(), told_of(event), told.clone());
        Some(Box::new(Watching(watched.of_object(self.class.clone()))))
    }
}

fn told_of(event: &ObjectEvent<'_>) -> Value {
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
        self.0.usage.clone()
    }

    fn ended(&self, end: End<'_>) {
        match end {
            End::Done => self.0.answered(None, None),
            End::Response(status) => self.0.answered(Some(status), None),
            End::Thrown => self.0.threw(),
            End::Failed(cause) => self.0.answered(None, Some(cause)),
        }
    }
}
