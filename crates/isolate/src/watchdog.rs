//! Ends JavaScript that passes its CPU time. Each thread that runs isolates has a slot; one watchdog thread reads the CPU
//! clocks of the slots in use, twice a millisecond, and terminates what is over its deadline. It sleeps when nothing runs.
//!
//! A script that lasts makes its thread give way to others, so that they need not wait for the end of its time slice.
//!
//! The watchdog also keeps I/O going beside a script that runs long: the async runtime wakes no other thread for the sake of the
//! one task that a thread goes on to run, and if that thread had the I/O driver, nobody has. A task from outside wakes one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::clock;
use crate::memory::Memory;
use crate::slice::Tid;

pub(crate) const TICK: Duration = Duration::from_micros(500);
/// Ticks without work after which the watchdog goes to sleep.
const IDLE_TICKS: u32 = 100;

/// What the thread of a slot runs at the moment.
struct Armed {
    /// The isolate's account, by which it is stopped or looked at.
    memory: Arc<Memory>,
    /// CPU time allowed, in nanoseconds, from when the watchdog first meets it.
    budget: u64,
    /// The thread's CPU clock when the watchdog first met it: never more than a tick after it began.
    met_at: Option<u64>,
    /// It lasts, and the thread has been told to give way to others.
    gives_way: bool,
    fired: bool,
}

/// What became of a step that was armed.
pub(crate) struct Disarmed {
    /// Its budget was used up, and execution was terminated.
    pub(crate) fired: bool,
    /// The thread's CPU clock a tick or less after the step began; `None` for a step shorter than that.
    pub(crate) met_at: Option<u64>,
}

struct Slot {
    tid: Tid,
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

/// Arms the current thread's slot: the isolate of `memory` is stopped once the thread has used `budget` of CPU time, give
/// or take a tick. [`disarm`] must follow on the same thread. Costs no system call: short steps are never measured.
pub(crate) fn arm(memory: Arc<Memory>, budget: Duration) {
    let budget = budget.as_nanos() as u64;
    SLOT.with(|slot| *lock(&slot.armed) = Some(Armed { memory, budget, met_at: None, gives_way: false, fired: false }));
    if ASLEEP.load(Ordering::Relaxed) && ASLEEP.swap(false, Ordering::AcqRel) {
        watchdog().thread.unpark();
    }
}

/// Clears the current thread's slot.
pub(crate) fn disarm() -> Disarmed {
    let Some(armed) = SLOT.with(|slot| lock(&slot.armed).take()) else {
        return Disarmed { fired: false, met_at: None };
    };
    if armed.gives_way {
        Tid::current().restore();
    }
    Disarmed { fired: armed.fired, met_at: armed.met_at }
}

/// What a thread had armed, while something else than the script takes its time.
pub(crate) struct Suspended {
    armed: Option<Armed>,
    at: u64,
}

/// Stops counting the current thread's CPU time until [`resume`].
pub(crate) fn suspend() -> Suspended {
    Suspended { armed: SLOT.with(|slot| lock(&slot.armed).take()), at: clock::thread_cpu_nanos() }
}

/// Goes on counting where [`suspend`] stopped.
pub(crate) fn resume(suspended: Suspended) {
    let Some(mut armed) = suspended.armed else { return };
    let now = clock::thread_cpu_nanos();
    armed.met_at = Some(armed.met_at.map_or(now, |met_at| met_at + (now - suspended.at)));
    SLOT.with(|slot| *lock(&slot.armed) = Some(armed));
}

/// Whether what runs on this thread has passed a limit and is to stop: for native work that V8 can't interrupt.
pub fn must_stop() -> bool {
    SLOT.with(|slot| lock(&slot.armed).as_ref().is_some_and(|armed| armed.fired || armed.memory.exceeded()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn register() -> Arc<Slot> {
    let slot = Arc::new(Slot {
        tid: Tid::current(),
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
    Tid::current().shorten();
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
        let Some(now) = clock::cpu_clock_nanos(slot.clock) else { continue };
        let met_at = *running.met_at.get_or_insert(now);
        if let Some(runtime) = &slot.runtime {
            runtime.spawn(std::future::ready(()));
        }
        if now - met_at >= running.budget {
            running.fired = true;
            running.memory.terminate();
        } else if now > met_at {
            running.memory.check_soon();
            if !running.gives_way {
                running.gives_way = true;
                slot.tid.lengthen();
            }
        }
    }
    any
}
