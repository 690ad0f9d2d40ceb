//! An isolate under inspection: from when, and until when.

use super::Isolate;
use crate::Inspector;
use crate::inspector::Inspection;
use crate::lock::locked;

impl Isolate {
    /// Puts the isolate under inspection, before a script is in it. It must then stay on this thread: V8's profiler looks at the thread that
    /// starts it, and a pause holds it.
    pub fn inspect(&mut self, inspector: &Inspector, title: &str) {
        let inspection = {
            let (mut locker, context) = locked(&self.shared, &self.context, &mut self.lock);
            v8::scope_with_context!(let scope, &mut *locker, context);
            Inspection::begin(scope, inspector, title)
        };
        if inspection.is_some() {
            self.lock.keep(&self.shared);
        }
        self.state().inspection = inspection;
    }

    /// Ends the inspection: the isolate may move to other threads again.
    pub fn end_inspection(&mut self) {
        let Some(inspection) = self.state().inspection.take() else { return };
        {
            let (mut locker, context) = locked(&self.shared, &self.context, &mut self.lock);
            v8::scope_with_context!(let scope, &mut *locker, context);
            inspection.end(scope);
        }
        self.lock.let_go();
    }
}
