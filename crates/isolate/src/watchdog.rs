//! Ends JavaScript that passes its CPU time. Each thread that runs isolates has a slot; one watchdog thread reads the CPU
//! clocks of the slots in use, once a millisecond, and terminates what is over its deadline. It sleeps when nothing runs.
//!
//! It also keeps I/O going beside a script that runs long: the async runtime wakes no other thread for the sake of the
//! one task that a thread goes on to run, and if that thread had the I/O driver, nobody has. A task from outside wakes one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::clock;

const TICK: Duration = Duration::from_millis(1);
/// Ticks without work after which the watchdog goes to sleep.
const IDLE_TICKS: u32 = 50;

/// What the thread of a slot runs at the moment.
struct Armed {
    handle: v8::IsolateHandle,
    /// On the thread's CPU clock, in nanoseconds.
    deadline: u64,
    fired: bool,
    /// The watchdog has met this very step before.
    seen: bool,
}

struct Slot {
    clock: libc::clockid_t,
    /// The async runtime that the thread belongs to.
    runtime: Option<tokio::runtime::Handle>,
    armed: Mutex<Option<Armed>>,
}

struct Watchdog {
    slots: Mutex<Vec<Arc<Slot>>>,
    thread: Thread,
}

static ASLEEP: AtomicBool = AtomicBool::new(true);

thread_local! {
    static SLOT: Arc<Slot> = register();
}

/// Arms the current thread's slot: `handle` is terminated once the thread's CPU clock passes `deadline` nanoseconds.
/// [`disarm`] must follow on the same thread.
pub(crate) fn arm(handle: v8::IsolateHandle, deadline: u64) {
    SLOT.with(|slot| *lock(&slot.armed) = Some(Armed { handle, deadline, fired: false, seen: false }));
    if ASLEEP.load(Ordering::Relaxed) && ASLEEP.swap(false, Ordering::AcqRel) {
        watchdog().thread.unpark();
    }
}

/// Clears the current thread's slot; whether the deadline had passed and execution was terminated.
pub(crate) fn disarm() -> bool {
    SLOT.with(|slot| lock(&slot.armed).take().is_some_and(|armed| armed.fired))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn register() -> Arc<Slot> {
    let slot = Arc::new(Slot {
        clock: clock::thread_cpu_clock(),
        runtime: tokio::runtime::Handle::try_current().ok(),
        armed: Mutex::new(None),
    });
    lock(&watchdog().slots).push(slot.clone());
    slot
}

fn watchdog() -> &'static Watchdog {
    static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();
    WATCHDOG.get_or_init(|| {
        let thread = thread::Builder::new()
            .name("watchdog".into())
            .spawn(watch)
            .expect("the kernel refuses a thread for the CPU watchdog")
            .thread()
            .clone();
        Watchdog { slots: Mutex::new(Vec::new()), thread }
    })
}

fn watch() {
    let mut idle_ticks = 0;
    loop {
        if idle_ticks >= IDLE_TICKS {
            ASLEEP.store(true, Ordering::Release);
            thread::park_timeout(Duration::from_secs(1));
            idle_ticks = 0;
        }
        thread::sleep(TICK);
        idle_ticks = if check_slots() { 0 } else { idle_ticks + 1 };
    }
}

/// Terminates what is over its deadline; whether any slot was armed.
fn check_slots() -> bool {
    let mut any = false;
    // A slot whose thread is gone is only held here.
    let mut slots = lock(&watchdog().slots);
    slots.retain(|slot| Arc::strong_count(slot) > 1);
    for slot in slots.iter() {
        let mut armed = lock(&slot.armed);
        let Some(running) = armed.as_mut() else { continue };
        any = true;
        if std::mem::replace(&mut running.seen, true)
            && let Some(runtime) = &slot.runtime
        {
            runtime.spawn(std::future::ready(()));
        }
        if clock::cpu_clock_nanos(slot.clock).is_some_and(|used| used >= running.deadline) {
            running.fired = true;
            running.handle.terminate_execution();
        }
    }
    any
}
