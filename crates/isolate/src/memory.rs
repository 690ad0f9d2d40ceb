//! Memory accounting of one isolate: V8's heap, array buffers, which V8 asks us for, and what V8 itself counts outside
//! its heap (WebAssembly memories). Passing the limit ends the script by termination, before V8 would end the process.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// How far past its limit a heap may grow while its script is being ended. A builtin at work notices nothing until it
/// returns: with less room than it takes, V8 would collect garbage in vain at every step, or end the process.
const HEADROOM: usize = 512 << 20;

/// How large a heap's old generation grows before V8 looks for garbage in it for the first time; what it finds then says when it
/// looks again. Left to itself, V8 waits for half of the limit, and an isolate that makes little of it looks like a leak for an hour.
const FIRST_COLLECTION: usize = 6 << 20;

/// How often V8 asks again for a buffer that was refused, each time after collecting garbage.
const RETRIES: u32 = 3;

/// Shared between an isolate, its allocator and its heap-limit callback.
pub(crate) struct Memory {
    limit: usize,
    /// Array buffers, from our allocator and from native code.
    external: AtomicUsize,
    /// The heap's size when it was last measured, and what V8 counted outside it beyond `external`.
    heap: AtomicUsize,
    /// Refusals in a row.
    refused: AtomicU32,
    exceeded: AtomicBool,
    /// A look in the middle of a step was asked for and has not been taken yet.
    look_asked: AtomicBool,
    handle: OnceLock<v8::IsolateHandle>,
}

// === impl Memory ===

impl Memory {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            external: AtomicUsize::new(0),
            heap: AtomicUsize::new(0),
            refused: AtomicU32::new(0),
            exceeded: AtomicBool::new(false),
            look_asked: AtomicBool::new(false),
            handle: OnceLock::new(),
        })
    }

    /// Isolate parameters that account to `self`.
    pub(crate) fn create_params(self: &Arc<Self>) -> v8::CreateParams {
        // SAFETY: the vtable's functions take the very type whose pointer is handed over, and `drop` gives it back.
        let allocator = unsafe { v8::new_rust_allocator(Arc::into_raw(self.clone()), &ALLOCATOR) };
        let first = FIRST_COLLECTION.min(self.limit);
        v8::CreateParams::default()
            .heap_limits(0, self.limit)
            .set_initial_old_generation_size_in_bytes(first)
            .array_buffer_allocator(allocator.make_shared())
    }

    /// Begins to watch `isolate`'s heap. `self` must outlive the isolate: its allocator sees to that.
    pub(crate) fn watch(self: &Arc<Self>, isolate: &mut v8::Isolate) {
        let _ = self.handle.set(isolate.thread_safe_handle());
        isolate.add_near_heap_limit_callback(near_heap_limit, Arc::as_ptr(self) as *mut c_void);
    }

    pub(crate) fn measure(&self, isolate: &mut v8::Isolate) {
        let heap = isolate.get_heap_statistics().used_heap_size();
        let uncounted = outside(isolate).saturating_sub(self.external.load(Ordering::Relaxed));
        self.heap.store(heap + uncounted, Ordering::Relaxed);
    }

    /// Whether so much lies outside the heap that all should be measured.
    pub(crate) fn has_much_external(&self, isolate: &mut v8::Isolate) -> bool {
        outside(isolate).max(self.external.load(Ordering::Relaxed)) > self.limit / 4
    }

    /// Whether the isolate is within its limit once garbage is gone; otherwise the script is being ended.
    pub(crate) fn check(&self, isolate: &mut v8::Isolate) -> bool {
        self.measure(isolate);
        if self.has_room() {
            return true;
        }
        isolate.low_memory_notification();
        self.measure(isolate);
        self.fits(0)
    }

    /// Checks the isolate soon, in the middle of what it runs. From any thread.
    pub(crate) fn check_soon(&self) {
        let Some(handle) = self.handle.get() else { return };
        if !self.look_asked.swap(true, Ordering::AcqRel) {
            handle.request_interrupt(look, self as *const Self as *mut c_void);
        }
    }

    /// To be called when the isolate has been locked: of what was asked for while another thread had it, V8 tells that thread alone.
    pub(crate) fn locked(&self) {
        if self.look_asked.swap(false, Ordering::AcqRel) {
            self.check_soon();
        }
    }

    /// Stops the script where it is.
    pub(crate) fn terminate(&self) {
        if let Some(handle) = self.handle.get() {
            handle.terminate_execution();
        }
    }

    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Acquire)
    }

    fn exceed(&self) {
        self.exceeded.store(true, Ordering::Release);
        self.terminate();
    }

    /// Bytes of the heap, as it was last measured, and of what lies outside.
    pub(crate) fn used(&self) -> usize {
        self.heap.load(Ordering::Relaxed) + self.external.load(Ordering::Relaxed)
    }

    /// Whether what was last measured is within the limit.
    fn has_room(&self) -> bool {
        self.used() <= self.limit
    }

    /// Whether `bytes` more fit the heap as it was last measured; otherwise the script is being ended.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        let fits = self.used().saturating_add(bytes) <= self.limit;
        if !fits {
            self.exceed();
        }
        fits
    }

    /// A backing store over `bytes`, without a copy, that counts as external memory while it lives.
    pub(crate) fn backing_store(self: &Arc<Self>, bytes: Vec<u8>) -> v8::UniqueRef<v8::BackingStore> {
        // The bytes are there whether they fit or not. The end of the step finds out, but one step may ask for many of them.
        self.external.fetch_add(bytes.len(), Ordering::Relaxed);
        if !self.has_room() {
            self.check_soon();
        }
        let mut held = Box::new(Held { bytes, memory: self.clone() });
        let (data, len) = (held.bytes.as_mut_ptr(), held.bytes.len());
        // SAFETY: `data` points to `len` bytes that stay where they are until `release` drops their vector.
        unsafe {
            v8::ArrayBuffer::new_backing_store_from_ptr(
                data as *mut c_void,
                len,
                release,
                Box::into_raw(held) as *mut c_void,
            )
        }
    }

    /// Counts `bytes` that V8 asks for; `false`: they do not fit now. V8 then collects garbage and asks again, three
    /// times; when that was in vain, the script is being ended.
    fn reserve(&self, bytes: usize) -> bool {
        let external = self.external.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if external.saturating_add(self.heap.load(Ordering::Relaxed)) <= self.limit {
            self.refused.store(0, Ordering::Relaxed);
            return true;
        }
        self.external.fetch_sub(bytes, Ordering::Relaxed);
        if bytes > self.limit || self.refused.fetch_add(1, Ordering::Relaxed) >= RETRIES {
            self.exceed();
        }
        false
    }
}

/// What V8 counts outside its heap. Of WebAssembly memories, its heap statistics tell nothing; this does.
fn outside(isolate: &mut v8::Isolate) -> usize {
    usize::try_from(isolate.adjust_amount_of_external_allocated_memory(0)).unwrap_or(0)
}

/// Bytes of native code that an array buffer shows.
struct Held {
    bytes: Vec<u8>,
    memory: Arc<Memory>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.external.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

unsafe extern "C" fn release(_data: *mut c_void, _len: usize, held: *mut c_void) {
    // SAFETY: the pointer is the one that `backing_store` took from its box; V8 calls this once.
    drop(unsafe { Box::from_raw(held as *mut Held) });
}

/// V8 calls this between two pieces of a script's work, after [`Memory::check_soon`].
unsafe extern "C" fn look(mut isolate: v8::UnsafeRawIsolatePtr, memory: *mut c_void) {
    // SAFETY: V8 hands over the isolate that runs on this thread; the reference ends with this call.
    let isolate = unsafe { v8::Isolate::ref_from_raw_isolate_ptr_mut(&mut isolate) };
    // SAFETY: `memory` is the account of that isolate, whose allocator keeps it alive.
    let memory = unsafe { &*(memory as *const Memory) };
    // A script that is being ended is not looked at again: V8 ends it when no interrupt is left, and a look may last longer than it takes the
    // watchdog to ask for the next. What is asked for meanwhile is what is being done.
    if !memory.exceeded() && memory.has_much_external(isolate) {
        memory.check(isolate);
    }
    memory.look_asked.store(false, Ordering::Release);
}

/// V8 calls this when collecting garbage no longer helps. The script is told to stop; until it has, the heap may grow:
/// refusing would end the process, and every other Worker with it.
unsafe extern "C" fn near_heap_limit(data: *mut c_void, current: usize, _initial: usize) -> usize {
    // SAFETY: `data` is the `Memory` that `watch` handed over; the isolate's allocator keeps it alive.
    let memory = unsafe { &*(data as *const Memory) };
    memory.exceed();
    current + HEADROOM
}

static ALLOCATOR: v8::RustAllocatorVtable<Memory> =
    v8::RustAllocatorVtable { allocate, allocate_uninitialized, free, drop: drop_memory };

fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.max(1), 16).ok()
}

unsafe extern "C" fn allocate(memory: &Memory, len: usize) -> *mut c_void {
    match layout(len) {
        // SAFETY: the layout's size is not zero.
        Some(layout) if memory.reserve(len) => unsafe { alloc_zeroed(layout) as *mut c_void },
        _ => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn allocate_uninitialized(memory: &Memory, len: usize) -> *mut c_void {
    match layout(len) {
        // SAFETY: the layout's size is not zero.
        Some(layout) if memory.reserve(len) => unsafe { alloc(layout) as *mut c_void },
        _ => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn free(memory: &Memory, data: *mut c_void, len: usize) {
    memory.external.fetch_sub(len, Ordering::Relaxed);
    if let Some(layout) = layout(len) {
        // SAFETY: V8 gives back what `allocate` or `allocate_uninitialized` returned for this `len`.
        unsafe { dealloc(data as *mut u8, layout) };
    }
}

unsafe extern "C" fn drop_memory(memory: *const Memory) {
    // SAFETY: the pointer is the one that `create_params` took from its `Arc`.
    drop(unsafe { Arc::from_raw(memory) });
}
