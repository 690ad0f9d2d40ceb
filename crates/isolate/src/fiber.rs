//! A fiber: code on a stack of its own that can stop in its middle, wherever that is, and be resumed from another thread. It is for
//! native code that calls back and can't be told to return first, while what it asks for takes a turn of JavaScript, or many.
//!
//! JavaScript never runs on a fiber: V8 knows the stacks of threads alone.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

/// The most fibers of a process at once. Each stack takes two of the memory mappings that the kernel allows a process (65,530).
const MAX_FIBERS: usize = 8192;

static ALIVE: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The fiber that runs on this thread; 0: none.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// Takes `I`s and gives `O`s, one for one, until its body has returned the last. Dropped before, the body is unwound.
pub struct Fiber<I: Send + 'static, O: Send + 'static> {
    coroutine: Coroutine<I, O, O, DefaultStack>,
    id: u64,
    /// Counted until the stack is gone: fields are dropped in order.
    _alive: Alive,
}

/// The fiber's side, for its body to hand out within.
pub struct Port<I, O> {
    yielder: *const Yielder<I, O>,
    id: u64,
}

struct Alive;

/// Says again which fiber ran on this thread before, also when a panic comes out of the one that ran since.
struct Running {
    before: u64,
}

// SAFETY: a body is `Send`, and so is all that goes in and comes out. What the body makes lives on its stack or on the heap, both
// of which go where the fiber goes, and is only touched while it runs, on one thread at a time. What could still tell threads apart
// is a thread-local that is held across `Port::swap`; bodies hold none, which is the one rule for them that the compiler doesn't see.
unsafe impl<I: Send + 'static, O: Send + 'static> Send for Fiber<I, O> {}

// SAFETY: the pointer is only followed by `swap`, which first makes sure that its fiber is the one running on this thread.
unsafe impl<I: Send, O: Send> Send for Port<I, O> {}

// === impl Fiber ===

impl<I: Send + 'static, O: Send + 'static> Fiber<I, O> {
    /// A fiber with so many bytes of stack, of which only those that are used take memory. It begins when it is first resumed, with
    /// what it is resumed with. Fails when the process has too many.
    pub fn new(stack: usize, body: impl FnOnce(Port<I, O>, I) -> O + Send + 'static) -> io::Result<Self> {
        let alive = Alive::count()?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let coroutine = Coroutine::with_stack(DefaultStack::new(stack)?, move |yielder: &Yielder<I, O>, first| {
            body(Port { yielder, id }, first)
        });
        Ok(Self { coroutine, id, _alive: alive })
    }

    /// Runs the body until it gives something; `None`: it has returned before. A panic of the body's comes out here, and ends it.
    pub fn resume(&mut self, input: I) -> Option<O> {
        if self.coroutine.done() {
            return None;
        }
        let _running = Running::enter(self.id);
        Some(match self.coroutine.resume(input) {
            CoroutineResult::Yield(output) | CoroutineResult::Return(output) => output,
        })
    }
}

impl<I: Send + 'static, O: Send + 'static> Drop for Fiber<I, O> {
    fn drop(&mut self) {
        // What is dropped while the body unwinds may still look at which fiber it is in.
        let _running = Running::enter(self.id);
        self.coroutine.force_unwind();
    }
}

// === impl Port ===

impl<I, O> Port<I, O> {
    /// Gives `output`, and waits for the next input. Panics outside of its fiber.
    pub fn swap(&self, output: O) -> I {
        assert_eq!(current(), self.id, "a fiber's port is used outside of it");
        // SAFETY: the yielder lives as long as the body runs, and the body is what runs on this thread: see above.
        unsafe { &*self.yielder }.suspend(output)
    }
}

impl<I, O> Clone for Port<I, O> {
    fn clone(&self) -> Self {
        Self { yielder: self.yielder, id: self.id }
    }
}

// === impl Running ===

impl Running {
    fn enter(id: u64) -> Self {
        Self { before: CURRENT.replace(id) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// Never inlined: a caller that has been resumed on another thread must not remember where this thread's variable was.
#[inline(never)]
fn current() -> u64 {
    CURRENT.get()
}

// === impl Alive ===

impl Alive {
    fn count() -> io::Result<Self> {
        let counted =
            ALIVE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |alive| (alive < MAX_FIBERS).then_some(alive + 1));
        counted.map(|_| Self).map_err(|_| io::Error::other(format!("{MAX_FIBERS} fibers are in use")))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn counter() -> Fiber<u32, u32> {
        Fiber::new(64 * 1024, |port: Port<u32, u32>, mut next: u32| {
            let mut sum = 0;
            while next != 0 {
                sum += next;
                next = port.swap(sum);
            }
            sum * 100
        })
        .unwrap()
    }

    #[test]
    fn goes_on_where_it_was_on_any_thread() {
        let mut fiber = counter();
        assert_eq!(fiber.resume(1), Some(1));
        let mut fiber = std::thread::spawn(move || {
            assert_eq!(fiber.resume(2), Some(3));
            fiber
        })
        .join()
        .unwrap();
        let mut other = counter();
        assert_eq!(other.resume(5), Some(5));
        assert_eq!(fiber.resume(0), Some(300));
        assert_eq!(fiber.resume(7), None);
        assert_eq!(other.resume(0), Some(500));
    }

    #[test]
    fn drops_what_it_holds_when_it_is_dropped_in_its_middle() {
        let held = Arc::new(());
        let inner = held.clone();
        let mut fiber = Fiber::new(64 * 1024, move |port: Port<(), ()>, ()| {
            let _held = inner;
            loop {
                port.swap(());
            }
        })
        .unwrap();
        fiber.resume(());
        assert_eq!(Arc::strong_count(&held), 2);
        std::thread::spawn(move || drop(fiber)).join().unwrap();
        assert_eq!(Arc::strong_count(&held), 1);
        drop(Fiber::<(), ()>::new(64 * 1024, |_, ()| ()).unwrap());
    }

    #[test]
    fn panics_come_out_where_it_was_resumed() {
        let mut fiber = Fiber::new(64 * 1024, |_: Port<(), ()>, ()| panic!("inside")).unwrap();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fiber.resume(()))).is_err());
        assert_eq!(fiber.resume(()), None);
    }

    #[test]
    fn a_port_works_in_its_fiber_alone() {
        let (give, take) = std::sync::mpsc::channel();
        let mut fiber = Fiber::new(64 * 1024, move |port: Port<(), ()>, ()| {
            give.send(port.clone()).unwrap();
            port.swap(());
        })
        .unwrap();
        fiber.resume(());
        let port = take.recv().unwrap();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| port.swap(()))).is_err());
    }
}
