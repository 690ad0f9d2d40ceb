//! The arenas of C's allocator, which V8 and SQLite take their memory from.

/// Has one arena for each processor. glibc makes eight, and threads that come and go leave each of them full of holes: with Durable
/// Objects that were opened and closed on the threads of a pool, the process kept half as much again.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn limit() {
    let processors = std::thread::available_parallelism().map_or(2, |count| count.get());
    let arenas = i32::try_from(processors.max(2)).unwrap_or(i32::MAX);
    // SAFETY: it sets a number of the allocator's own, under the allocator's own lock.
    if unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) } == 0 {
        tracing::debug!("the number of malloc's arenas could not be bounded");
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn limit() {}
