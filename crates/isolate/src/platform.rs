//! V8's platform: one per process. Work that V8 wants done on an isolate's own thread is queued here and run in that
//! isolate's next turn.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};

use futures::task::AtomicWaker;
use rustc_hash::FxHashMap;

/// Tasks that V8 posted for one isolate.
#[derive(Default)]
pub(crate) struct ForegroundTasks {
    queue: Mutex<VecDeque<v8::Task>>,
    pub(crate) waker: AtomicWaker,
}

static ISOLATES: LazyLock<Mutex<FxHashMap<usize, Arc<ForegroundTasks>>>> = LazyLock::new(Mutex::default);

struct Queues;

/// Starts V8, once in a process. Must be called before any thread that will run an isolate is made (V8 guards its tables
/// with memory protection keys, whose rights a thread inherits at birth), so before the async runtime starts.
pub fn initialize() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        crate::arenas::limit();
        v8::V8::set_flags_from_string(concat!(
            // A Worker's wasm memory counts against its limit: 2048 pages are 128 MiB.
            "--wasm-max-mem-pages=2048 ",
            // Idle isolates should be small; hot ones still grow their young generation.
            "--no-freeze-flags-after-init ",
        ));
        // V8's own threads collect garbage and compile: they inherit that they give way to who answers requests.
        let thread = crate::slice::Tid::current();
        thread.lengthen();
        let platform = v8::new_custom_platform(2, false, true, Queues).make_shared();
        thread.restore();
        v8::V8::initialize_platform(platform);
        v8::V8::initialize();
    });
}

fn address(isolate: &v8::Isolate) -> usize {
    // SAFETY: the pointer is only used as a key, never followed; the newtype is transparent over it.
    unsafe { std::mem::transmute::<v8::UnsafeRawIsolatePtr, *mut c_void>(isolate.as_raw_isolate_ptr()) as usize }
}

fn tasks_of(isolate: usize) -> Arc<ForegroundTasks> {
    ISOLATES.lock().unwrap_or_else(PoisonError::into_inner).entry(isolate).or_default().clone()
}

/// The queue of an isolate.
pub(crate) fn tasks(isolate: &v8::Isolate) -> (usize, Arc<ForegroundTasks>) {
    let address = address(isolate);
    (address, tasks_of(address))
}

/// Forgets an isolate that is gone, and what was posted for it.
pub(crate) fn forget(isolate: usize) {
    let tasks = ISOLATES.lock().unwrap_or_else(PoisonError::into_inner).remove(&isolate);
    drop(tasks);
}

// === impl ForegroundTasks ===

impl ForegroundTasks {
    fn push(&self, task: v8::Task) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(task);
        self.waker.wake();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(crate) fn take(&self) -> VecDeque<v8::Task> {
        std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// === impl Queues ===

impl v8::PlatformImpl for Queues {
    fn post_task(&self, isolate: *mut c_void, task: v8::Task) {
        tasks_of(isolate as usize).push(task);
    }

    fn post_non_nestable_task(&self, isolate: *mut c_void, task: v8::Task) {
        tasks_of(isolate as usize).push(task);
    }

    /// V8 delays only its own housekeeping, such as shrinking idle heaps; nothing waits for it.
    fn post_delayed_task(&self, _isolate: *mut c_void, task: v8::Task, _delay_in_seconds: f64) {
        drop(task);
    }

    fn post_non_nestable_delayed_task(&self, _isolate: *mut c_void, task: v8::Task, _delay_in_seconds: f64) {
        drop(task);
    }

    fn post_idle_task(&self, _isolate: *mut c_void, task: v8::IdleTask) {
        drop(task);
    }
}
