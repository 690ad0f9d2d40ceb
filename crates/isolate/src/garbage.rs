//! When V8 is asked to look for garbage. Left to itself it waits until a heap has grown by 8 MiB, however small it is: an isolate of 3 MiB that
//! keeps a little of each request too long would come to four times its size, and a host has many of them.

/// How often an isolate at work is looked at, in milliseconds.
const PAUSE: f64 = 10_000.0;
/// Growth, since the last time that little was used, that is worth a collection.
const GROWTH: usize = 2 << 20;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Garbage {
    /// When the isolate is looked at next, in milliseconds since 1970.
    due: f64,
    /// The least that was used since V8 was asked.
    least: usize,
}

// === impl Garbage ===

impl Garbage {
    /// Looks at the isolate, which must be locked, if it is time. V8 marks in small steps beside its other work.
    pub(crate) fn look(mut self, isolate: &mut v8::Isolate, now: f64) -> Self {
        if now < self.due {
            return self;
        }
        let used = isolate.get_heap_statistics().used_heap_size();
        let is_first = self.due == 0.0;
        self.due = now + PAUSE;
        self.least = if is_first { used } else { self.least.min(used) };
        if used > self.least + GROWTH.max(self.least / 2) {
            self.least = used;
            isolate.memory_pressure_notification(v8::MemoryPressureLevel::Moderate);
        }
        self
    }
}
