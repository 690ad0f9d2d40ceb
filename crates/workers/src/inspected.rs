//! Threads of isolates that are under inspection.

use std::io;
use std::thread;

/// As that of the async runtime's own threads.
const STACK: usize = 4 << 20;

/// Does what keeps such an isolate on a thread of its own, which a pause may hold and V8's profiler may look at.
pub(crate) fn spawn(keeping: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Handle::current();
    thread::Builder::new().name("inspected".into()).stack_size(STACK).spawn(move || runtime.block_on(keeping))?;
    Ok(())
}
