//! A cron trigger's run of a Worker.

use std::sync::Arc;

use isolate::{ContextId, v8};

use crate::event::{Answer, Event, Origin};
use crate::{Invocations, Via};

/// What a scheduled handler is told.
pub struct Scheduled {
    /// The cron expression that fired; empty when none did.
    pub cron: String,
    /// Milliseconds since the Unix epoch.
    pub scheduled_time: f64,
    /// The code of the location that runs it.
    pub colo: Arc<str>,
    pub invocations: Invocations,
}

// === impl Scheduled ===

impl Scheduled {
    pub(crate) fn job(self, id: ContextId, answer: Answer<()>) -> isolate::Job {
        let origin =
            Origin { colo: Some(self.colo.clone()), invocations: self.invocations.clone(), via: Via::default() };
        let run: isolate::Begin = Box::new(move |scope, id| {
            let arguments = [
                v8::Integer::new_from_unsigned(scope, id.0).into(),
                isolate::new_string(scope, &self.cron).into(),
                v8::Number::new(scope, self.scheduled_time).into(),
            ];
            crate::runtime::call(scope, |hooks| &hooks.scheduled, &arguments);
        });
        Event::job(id, answer, origin, run)
    }
}
