//! `internalBinding('buffer')`: the bytes under Node's `Buffer`. Bounds that its JavaScript has checked are checked again.

use isolate::{Args, JsError, Op, op, v8};
use webapi::views::{with_bytes, write_bytes_at};

use crate::encoding::Encoding;
use crate::error::{throw, throw_out_of_range};
use crate::search::{self, Step};

pub(crate) const OPS: &[Op] = &[
    op!(ascii_slice),
    op!(base64_slice),
    op!(base64url_slice),
    op!(latin1_slice),
    op!(hex_slice),
    op!(ucs2_slice),
    op!(utf8_slice),
    op!(ascii_write),
    op!(base64_write),
    op!(base64url_write),
    op!(latin1_write),
    op!(hex_write),
    op!(ucs2_write),
    op!(utf8_write),
    op!(byte_length_utf8),
    op!(compare),
    op!(compare_offset),
    op!(fill),
    op!(index_of_buffer),
    op!(index_of_number),
    op!(index_of_string),
    op!(is_ascii),
    op!(is_utf8),
];

/// Argument `index` as a position; `default` for undefined. `None`: an exception is pending.
fn position(scope: &mut v8::PinScope, args: &Args, index: i32, default: usize) -> Option<usize> {
    let value = args.get(index);
    if value.is_undefined() {
        return Some(default);
    }
    let value = value.integer_value(scope)?;
    let position = usize::try_from(value).ok();
    if position.is_none() {
        throw_out_of_range(scope);
    }
    position
}

fn this_bytes<T>(args: &Args, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let view = args.this().try_cast::<v8::ArrayBufferView>().ok()?;
    let mut on_heap = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    Some(read(view.get_contents(&mut on_heap)))
}

fn not_a_buffer(scope: &mut v8::PinScope) {
    throw(scope, "ERR_INVALID_ARG_TYPE", JsError::type_error("argument must be a buffer"));
}

// === Slices: buffer.utf8Slice(start, end) ===

fn slice(scope: &mut v8::PinScope, args: &Args, mut rv: v8::ReturnValue, encoding: Encoding) {
    let Some(length) = this_bytes(args, <[u8]>::len) else { return not_a_buffer(scope) };
    let Some(start) = position(scope, args, 0, 0) else { return };
    let Some(end) = position(scope, args, 1, length) else { return };
    let end = end.max(start);
    if end > length {
        return throw_out_of_range(scope);
    }
    match this_bytes(args, |bytes| encoding.string(scope, bytes.get(start..end).unwrap_or_default())).flatten() {
        Some(string) => rv.set(string.into()),
        None => throw(
            scope,
            "ERR_STRING_TOO_LONG",
            JsError::error("Cannot create a string longer than 0x1fffffe8 characters"),
        ),
    }
}

// === Writes: buffer.utf8Write(string, offset, length) -> how many bytes ===

fn write(scope: &mut v8::PinScope, args: &Args, mut rv: v8::ReturnValue, encoding: Encoding) {
    let Ok(view) = args.this().try_cast::<v8::ArrayBufferView>() else { return not_a_buffer(scope) };
    let Ok(string) = args.get(0).try_cast::<v8::String>() else {
        return throw(scope, "ERR_INVALID_ARG_TYPE", JsError::type_error("argument must be a string"));
    };
    let length = view.byte_length();
    let Some(offset) = position(scope, args, 1, 0) else { return };
    if offset > length {
        return throw(
            scope,
            "ERR_BUFFER_OUT_OF_BOUNDS",
            JsError::range_error("\"offset\" is outside of buffer bounds"),
        );
    }
    let Some(room) = position(scope, args, 2, length - offset) else { return };
    let room = room.min(length - offset);
    let bytes = encoding.bytes(scope, string);
    let fitting = fitting(&bytes, room, encoding);
    write_bytes_at(view, offset, &bytes[..fitting]);
    rv.set_double(fitting as f64);
}

/// How many of the bytes fit without a character in part.
fn fitting(bytes: &[u8], room: usize, encoding: Encoding) -> usize {
    if bytes.len() <= room {
        return bytes.len();
    }
    match encoding {
        Encoding::Utf8 => (0..=room).rev().find(|end| bytes[*end] & 0xc0 != 0x80).unwrap_or(0),
        Encoding::Utf16Le => room & !1,
        _ => room,
    }
}

macro_rules! encodings {
    ($($slice:ident $write:ident $encoding:ident),* $(,)?) => {
        $(
            fn $slice(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
                slice(scope, &args, rv, Encoding::$encoding);
            }
            fn $write(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
                write(scope, &args, rv, Encoding::$encoding);
            }
        )*
    };
}

encodings! {
    ascii_slice ascii_write Ascii, base64_slice base64_write Base64, base64url_slice base64url_write Base64Url,
    latin1_slice latin1_write Latin1, hex_slice hex_write Hex, ucs2_slice ucs2_write Utf16Le, utf8_slice utf8_write Utf8,
}

/// `byteLengthUtf8(string)`
fn byte_length_utf8(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    if let Ok(string) = args.get(0).try_cast::<v8::String>() {
        rv.set_double(string.utf8_length(scope) as f64);
    }
}

// === Comparing ===

/// `compare(a, b)` → -1, 0 or 1
fn compare(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let order = with_bytes(&args, 0, |a| with_bytes(&args, 1, |b| a.cmp(b))).flatten();
    rv.set_int32(order.map_or(0, |order| order as i32));
}

/// `compareOffset(source, target, targetStart, sourceStart, targetLength, sourceLength)` → -1, 0 or 1
fn compare_offset(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let mut numbers = [0; 4];
    for (index, number) in numbers.iter_mut().enumerate() {
        let Some(position) = position(scope, &args, index as i32 + 2, 0) else { return };
        *number = position;
    }
    let [target_start, source_start, target_length, source_length] = numbers;
    let part = |bytes: &[u8], start: usize, length: usize| {
        bytes.get(start..).map(|rest| rest[..length.min(rest.len())].to_vec())
    };
    let source = with_bytes(&args, 0, |bytes| part(bytes, source_start, source_length)).flatten();
    let target = with_bytes(&args, 1, |bytes| part(bytes, target_start, target_length)).flatten();
    match source.zip(target) {
        Some((source, target)) => rv.set_int32(source.cmp(&target) as i32),
        None => throw_out_of_range(scope),
    }
}

// === Filling and finding ===

/// `fill(buffer, value, start, end, encoding)` → -1: nothing to fill with, -2: out of bounds
fn fill(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(view) = args.get(0).try_cast::<v8::ArrayBufferView>() else { return not_a_buffer(scope) };
    let Some(start) = position(scope, &args, 2, 0) else { return };
    let Some(end) = position(scope, &args, 3, view.byte_length()) else { return };
    if start > end || end > view.byte_length() {
        return rv.set_int32(-2);
    }
    let value = args.get(1);
    let pattern = if let Ok(string) = value.try_cast::<v8::String>() {
        let encoding = Encoding::of(scope, args.get(4));
        encoding.bytes(scope, string)
    } else if value.is_array_buffer_view() {
        with_bytes(&args, 1, <[u8]>::to_vec).unwrap_or_default()
    } else {
        vec![value.uint32_value(scope).unwrap_or(0) as u8]
    };
    if pattern.is_empty() {
        return rv.set_int32(-1);
    }
    let filled: Vec<u8> = pattern.into_iter().cycle().take(end - start).collect();
    write_bytes_at(view, start, &filled);
}

/// Where `needle` is in `bytes`, from `offset` on, or backwards from there; -1: nowhere.
fn find(bytes: &[u8], needle: &[u8], offset: i64, step: Step, forward: bool) -> i64 {
    let length = bytes.len() as i64;
    let from = if offset >= 0 { offset } else { offset + length };
    let from = match forward {
        true => from.max(0),
        false if from < 0 && !needle.is_empty() => return -1,
        false => from.clamp(0, length),
    };
    if needle.is_empty() {
        return from.min(length);
    }
    let found = match forward {
        true => search::forward(bytes, needle, from as usize, step),
        false => search::backward(bytes, needle, from as usize, step),
    };
    found.map_or(-1, |at| at as i64)
}

fn find_in(scope: &mut v8::PinScope, args: &Args, mut rv: v8::ReturnValue, needle: &[u8], forward: bool, step: Step) {
    let offset = args.get(2).integer_value(scope).unwrap_or(0);
    match with_bytes(args, 0, |bytes| find(bytes, needle, offset, step, forward)) {
        Some(found) => rv.set_double(found as f64),
        None => not_a_buffer(scope),
    }
}

fn step_of(encoding: Encoding) -> Step {
    if encoding == Encoding::Utf16Le { Step::Unit } else { Step::Byte }
}

/// `indexOfString(buffer, string, offset, encoding, forward)`
fn index_of_string(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Ok(string) = args.get(1).try_cast::<v8::String>() else { return };
    let encoding = Encoding::of(scope, args.get(3));
    let needle = encoding.bytes(scope, string);
    find_in(scope, &args, rv, &needle, args.get(4).is_true(), step_of(encoding));
}

/// `indexOfBuffer(buffer, needle, offset, encoding, forward)`
fn index_of_buffer(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(needle) = with_bytes(&args, 1, <[u8]>::to_vec) else { return not_a_buffer(scope) };
    let step = step_of(Encoding::of(scope, args.get(3)));
    find_in(scope, &args, rv, &needle, args.get(4).is_true(), step);
}

/// `indexOfNumber(buffer, byte, offset, forward)`
fn index_of_number(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let byte = args.get(1).uint32_value(scope).unwrap_or(0) as u8;
    find_in(scope, &args, rv, &[byte], args.get(3).is_true(), Step::Byte);
}

/// `isAscii(view)`
fn is_ascii(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    rv.set_bool(with_bytes(&args, 0, <[u8]>::is_ascii).unwrap_or(true));
}

/// `isUtf8(view)`
fn is_utf8(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    rv.set_bool(with_bytes(&args, 0, |bytes| str::from_utf8(bytes).is_ok()).unwrap_or(true));
}
