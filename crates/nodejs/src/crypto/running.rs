//! Hashes and ciphers that are under way: resources of their event, of which an isolate may have so many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use isolate::v8;

use super::failure::{Failure, Result};

/// One takes a kilobyte or two that V8 does not count.
const MOST: usize = 16_384;

#[derive(Default)]
struct Count(Arc<AtomicUsize>);

struct Running<T> {
    value: T,
    count: Arc<AtomicUsize>,
}

/// The number by which JavaScript knows `value` from now on.
pub(super) fn start<T: Send + 'static>(scope: &mut v8::PinScope, value: T) -> Result<u32> {
    if isolate::embedder::<Count>(scope).is_none() {
        isolate::put(scope, Count::default());
    }
    let count = isolate::embedder::<Count>(scope).map(|count| count.0.clone()).unwrap_or_default();
    if count.fetch_add(1, Ordering::Relaxed) >= MOST {
        count.fetch_sub(1, Ordering::Relaxed);
        return Err(Failure::range_error(
            "ERR_OUT_OF_RANGE",
            format!("More than {MOST} hashes and ciphers are under way: end them with digest() or final()."),
        ));
    }
    Ok(isolate::resources(scope).add(Running { value, count }))
}

/// What has this number, unless it belongs to another event.
pub(super) fn get<'a, T: Send + 'static>(scope: &'a mut v8::PinScope, number: i64) -> Result<&'a mut T> {
    let number = u32::try_from(number).unwrap_or(0);
    if isolate::resources(scope).get::<Running<T>>(number).is_none() {
        return Err(Failure::Plain(isolate::foreign(scope)));
    }
    match isolate::resources(scope).get::<Running<T>>(number) {
        Some(running) => Ok(&mut running.value),
        None => Err(Failure::Stopped),
    }
}

/// Ends what has this number.
pub(super) fn end<T: Send + 'static>(scope: &mut v8::PinScope, number: i64) {
    isolate::resources(scope).take::<Running<T>>(u32::try_from(number).unwrap_or(0));
}

// === impl Running ===

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
