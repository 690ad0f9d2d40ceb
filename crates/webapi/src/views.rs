//! Reading and writing what JavaScript hands to ops in place: the bytes of an `ArrayBufferView`, the units of a string.

use isolate::{Args, v8};

/// Calls `read` with the bytes of argument `index`, an `ArrayBufferView`; `None` when it is none.
/// No JavaScript runs meanwhile, so nothing changes under the borrow.
pub fn with_bytes<T>(args: &Args, index: i32, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let view = args.get(index).try_cast::<v8::ArrayBufferView>().ok()?;
    let mut on_heap = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    Some(read(view.get_contents(&mut on_heap)))
}

/// Copies `bytes` over the start of `view`; what doesn't fit is left out.
pub fn write_bytes(view: v8::Local<v8::ArrayBufferView>, bytes: &[u8]) {
    write_bytes_at(view, 0, bytes);
}

/// As [`write_bytes`], from byte `at` of the view on.
pub fn write_bytes_at(view: v8::Local<v8::ArrayBufferView>, at: usize, bytes: &[u8]) {
    let Some(store) = view.get_backing_store() else { return };
    let room = view.byte_length().saturating_sub(at);
    let start = view.byte_offset() + at;
    let end = start + room.min(bytes.len());
    let Some(cells) = store.get(start..end) else { return };
    for (cell, byte) in cells.iter().zip(bytes) {
        cell.set(*byte);
    }
}

/// A string of Latin-1 (so also ASCII) units, one byte each on V8's heap. `None` past V8's longest string.
pub fn latin1_string<'s>(scope: &v8::PinScope<'s, '_>, bytes: &[u8]) -> Option<v8::Local<'s, v8::String>> {
    v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal)
}

/// A string of UTF-16 units. `None` past V8's longest string.
pub fn utf16_string<'s>(scope: &v8::PinScope<'s, '_>, units: &[u16]) -> Option<v8::Local<'s, v8::String>> {
    v8::String::new_from_two_byte(scope, units, v8::NewStringType::Normal)
}
