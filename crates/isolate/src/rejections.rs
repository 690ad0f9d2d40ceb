//! Promises that were rejected with nobody listening. What is still unheard when the microtasks have run is reported.

/// Rejected promises without a handler, in order.
#[derive(Default)]
pub(crate) struct Rejections {
    unheard: Vec<(v8::Global<v8::Promise>, v8::Global<v8::Value>)>,
}

// === impl Rejections ===

impl Rejections {
    pub(crate) fn add(&mut self, promise: v8::Global<v8::Promise>, reason: v8::Global<v8::Value>) {
        self.unheard.push((promise, reason));
    }

    pub(crate) fn handled(&mut self, promise: &v8::Global<v8::Promise>) {
        self.unheard.retain(|(unheard, _)| unheard != promise);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unheard.is_empty()
    }

    pub(crate) fn take(&mut self) -> Vec<(v8::Global<v8::Promise>, v8::Global<v8::Value>)> {
        std::mem::take(&mut self.unheard)
    }
}
