//! How readily the kernel lets other threads run before this one is through. A thread with a long time slice gives way to
//! any thread with a short one that wakes up; its share of the processor stays the same. Linux 6.12 and later (EEVDF with
//! `sched_attr::sched_runtime`); elsewhere nothing happens.

/// The shortest and the longest that Linux takes.
const SHORT_NANOS: u64 = 100_000;
const LONG_NANOS: u64 = 100_000_000;

/// A thread, as the kernel's scheduler names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tid(libc::pid_t);

// === impl Tid ===

impl Tid {
    pub(crate) fn current() -> Self {
        // SAFETY: takes no arguments and can't fail.
        Self(unsafe { libc::gettid() })
    }

    /// Lets this thread give way to others that have more urgent, shorter work.
    pub(crate) fn lengthen(self) {
        self.set(LONG_NANOS);
    }

    /// Lets this thread run soon whenever it wakes up.
    pub(crate) fn shorten(self) {
        self.set(SHORT_NANOS);
    }

    /// Back to the slice that threads have by default.
    pub(crate) fn restore(self) {
        self.set(0);
    }

    /// A refusal (an older kernel, a sandbox) leaves the thread as it was, which is slower for others and not wrong.
    fn set(self, nanos: u64) {
        let size = size_of::<libc::sched_attr>() as u32;
        let mut attributes = libc::sched_attr {
            size,
            sched_policy: 0,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 0,
            sched_runtime: 0,
            sched_deadline: 0,
            sched_period: 0,
        };
        // SAFETY: the kernel writes no more than `size` bytes into `attributes`.
        let got = unsafe { libc::syscall(libc::SYS_sched_getattr, self.0, &mut attributes, size, 0) };
        if got != 0 || attributes.sched_policy != libc::SCHED_OTHER as u32 {
            return;
        }
        attributes.sched_runtime = nanos;
        // SAFETY: `attributes` is a valid structure of the size that it names; only this process's threads are touched.
        unsafe { libc::syscall(libc::SYS_sched_setattr, self.0, &attributes, 0) };
    }
}

/// For a thread that prepares what is not needed yet: it gives way to all others from now on, and so do threads that it
/// starts.
pub fn give_way() {
    Tid::current().lengthen();
}
