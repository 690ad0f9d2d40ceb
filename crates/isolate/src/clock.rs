//! The clock that a Worker sees: it stands still while code runs and moves on when the isolate's event loop delivers
//! I/O, so that a script can't time its neighbours (Cloudflare: "Security model", step 1).
//!
//! V8 asks the C library's `gettimeofday` for wall time (`Date`, `Temporal.Now`, `Intl`). This crate defines that symbol
//! for the whole program: on a thread that is running a Worker it answers with the frozen time, elsewhere with the real.

use std::cell::Cell;

thread_local! {
    /// Microseconds since the Unix epoch that this thread's JavaScript sees; negative: the real clock.
    static FROZEN_MICROS: Cell<i64> = const { Cell::new(-1) };
}

/// Milliseconds since the Unix epoch, now, with fractions.
pub fn unix_millis() -> f64 {
    real_micros() as f64 / 1000.0
}

/// Makes the current thread's wall clock stand at a time until dropped.
pub(crate) struct Freeze(());

impl Freeze {
    pub(crate) fn at(unix_millis: f64) -> Self {
        FROZEN_MICROS.set((unix_millis * 1000.0) as i64);
        Self(())
    }
}

impl Drop for Freeze {
    fn drop(&mut self) {
        FROZEN_MICROS.set(-1);
    }
}

fn real_micros() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid out-pointer; CLOCK_REALTIME always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &mut now) };
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

/// The C library's `gettimeofday`, with this module's meaning of now.
///
/// # Safety
/// As POSIX has it: `tv` is null or points to a `timeval`; `tz` is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(tv: *mut libc::timeval, _tz: *mut libc::c_void) -> libc::c_int {
    let frozen = FROZEN_MICROS.try_with(Cell::get).unwrap_or(-1);
    let micros = if frozen >= 0 { frozen } else { real_micros() };
    if !tv.is_null() {
        // SAFETY: the caller hands a valid pointer or null.
        unsafe { tv.write(libc::timeval { tv_sec: micros / 1_000_000, tv_usec: micros % 1_000_000 }) };
    }
    0
}

/// CPU time that the current thread has used, in nanoseconds.
pub(crate) fn thread_cpu_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid out-pointer; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The id of the calling thread's CPU clock, readable from other threads while the thread lives.
pub(crate) fn thread_cpu_clock() -> libc::clockid_t {
    let mut id: libc::clockid_t = 0;
    // SAFETY: the calling thread exists and `id` is a valid out-pointer.
    unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut id) };
    id
}

/// Reads another thread's CPU clock; `None` once that thread is gone.
pub(crate) fn cpu_clock_nanos(id: libc::clockid_t) -> Option<u64> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid out-pointer; a stale id makes the call fail, nothing worse.
    let failed = unsafe { libc::clock_gettime(id, &mut now) } != 0;
    (!failed).then_some(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
}
