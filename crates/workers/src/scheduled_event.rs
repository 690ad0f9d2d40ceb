//! A cron trigger's run of a Worker.

use std::any::Any;
use std::time::Duration;

use isolate::{ContextData, ContextId, Failure, v8};

use crate::Invocations;
use crate::event::Answer;

/// What a scheduled handler is told.
pub struct Scheduled {
    /// The cron expression that fired; empty when none did.
    pub cron: String,
    /// Milliseconds since the Unix epoch.
    pub scheduled_time: f64,
}

pub(crate) struct ScheduledEvent {
    pub(crate) answer: Answer<()>,
    pub(crate) invocations: Invocations,
}

// === impl ScheduledEvent ===

impl ScheduledEvent {
    pub(crate) fn job(id: ContextId, scheduled: Scheduled, answer: Answer<()>) -> isolate::Job {
        let run: isolate::Begin = Box::new(move |scope, id| {
            let arguments = [
                v8::Integer::new_from_unsigned(scope, id.0).into(),
                isolate::new_string(scope, &scheduled.cron).into(),
                v8::Number::new(scope, scheduled.scheduled_time).into(),
            ];
            crate::runtime::call(scope, |hooks| &hooks.scheduled, &arguments);
        });
        isolate::Job { id, data: Box::new(Self { answer, invocations: Invocations::default() }), run }
    }
}

impl ContextData for ScheduledEvent {
    fn fail(&mut self, failure: Failure) {
        self.answer.fail(failure);
    }

    fn used(&mut self, cpu: Duration) {
        self.answer.used(cpu);
    }

    fn awaits_answer(&self) -> bool {
        self.answer.awaits_answer()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}
