//! What a tail Worker is told of another Worker's events.

use std::sync::Arc;

use isolate::{ContextId, v8};

use crate::event::{Answer, Event, Origin};
use crate::{Invocations, Via};

/// Events that have ended, for a `tail` handler.
pub struct Tailed {
    /// The JSON text of an array with an object for each (`js/tail.js`).
    pub items: String,
    /// The code of the location that tells.
    pub colo: Arc<str>,
    /// Who has been told already of what led here.
    pub invocations: Invocations,
}

// === impl Tailed ===

impl Tailed {
    pub(crate) fn job(self, id: ContextId, answer: Answer<()>) -> isolate::Job {
        let origin = Origin { colo: Some(self.colo), invocations: self.invocations, via: Via::default() };
        let run: isolate::Begin = Box::new(move |scope, id| {
            let arguments =
                [v8::Integer::new_from_unsigned(scope, id.0).into(), isolate::new_string(scope, &self.items).into()];
            crate::runtime::call(scope, |hooks| &hooks.tail, &arguments);
        });
        Event::job(id, answer, origin, run)
    }
}
