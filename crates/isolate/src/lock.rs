//! An isolate's lock: taken for each turn, or kept by the one thread of an isolate that is under inspection. With the lock V8 lets go of what it
//! has noted for the thread, and that is where the step leads that a debugger has asked for: over an `await`, into the next event.

use std::ops::{Deref, DerefMut};

/// The lock while it is held.
pub(crate) enum Lock<'a> {
    Taken(v8::Locker<'a>),
    Kept(&'a mut v8::Locker<'static>),
}

/// The lock of an isolate whose thread keeps it, or nothing.
#[derive(Default)]
pub(crate) struct KeptLock(Option<v8::Locker<'static>>);

/// An isolate's lock for a while, and its context.
pub(crate) fn locked<'a>(
    shared: &'a Option<v8::SharedIsolate>,
    context: &'a Option<v8::Global<v8::Context>>,
    kept: &'a mut KeptLock,
) -> (Lock<'a>, &'a v8::Global<v8::Context>) {
    match (shared, context) {
        (Some(shared), Some(context)) => (kept.lock(shared), context),
        _ => unreachable!("an isolate keeps its parts until it is dropped"),
    }
}

// === impl KeptLock ===

impl KeptLock {
    pub(crate) fn lock<'a>(&'a mut self, shared: &'a v8::SharedIsolate) -> Lock<'a> {
        match &mut self.0 {
            Some(kept) => Lock::Kept(kept),
            None => Lock::Taken(shared.lock()),
        }
    }

    /// Takes the lock until [`KeptLock::let_go`], on the same thread.
    pub(crate) fn keep(&mut self, shared: &Option<v8::SharedIsolate>) {
        let Some(shared) = shared else { return };
        // SAFETY: the lifetime ties the lock to the handle. The isolate itself it keeps alive, and it goes before the handle does.
        self.0 = Some(unsafe { std::mem::transmute::<v8::Locker<'_>, v8::Locker<'static>>(shared.lock()) });
    }

    /// Releases for a moment what is kept: V8 then frees handles that were dropped on other threads.
    pub(crate) fn catch_up(&mut self) {
        if let Some(kept) = &mut self.0 {
            kept.unlock(|| ());
        }
    }

    pub(crate) fn let_go(&mut self) {
        self.0 = None;
    }
}

// === impl Lock ===

impl Deref for Lock<'_> {
    type Target = v8::Isolate;

    fn deref(&self) -> &v8::Isolate {
        match self {
            Self::Taken(locker) => locker,
            Self::Kept(locker) => locker,
        }
    }
}

impl DerefMut for Lock<'_> {
    fn deref_mut(&mut self) -> &mut v8::Isolate {
        match self {
            Self::Taken(locker) => locker,
            Self::Kept(locker) => locker,
        }
    }
}
