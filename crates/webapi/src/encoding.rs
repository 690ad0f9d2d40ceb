//! Text encoding and decoding (<https://encoding.spec.whatwg.org>) for `js/encoding.js`.

use std::collections::HashMap;

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, UTF_8, mem};
use isolate::{Args, JsError, Op, v8};

use crate::views::{latin1_string, utf16_string, with_bytes, write_bytes};

pub const OPS: &[Op] = &[
    isolate::op!(op_utf8_encode),
    isolate::op!(op_utf8_encode_into),
    isolate::op!(op_encoding_name),
    isolate::op!(op_utf8_decode),
    isolate::op!(op_text_decode),
    isolate::op!(op_decoder_start),
    isolate::op!(op_decoder_push),
    isolate::op!(op_decoder_drop),
];

const INVALID: &str = "Failed to decode input.";
const TOO_LONG: &str = "Cannot create a string longer than 0x1fffffe8 characters";

/// Decoders between two chunks of a stream. They belong to the isolate, as a `TextDecoder` may outlive a request;
/// JavaScript drops those that it abandons.
#[derive(Default)]
struct Decoders {
    by_id: HashMap<u32, Streaming>,
    last: u32,
}

struct Streaming {
    decoder: Decoder,
    fatal: bool,
}

// === UTF-8 encoding ===

/// `op_utf8_encode(string)` → `Uint8Array`
fn op_utf8_encode(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(string) = args.get(0).try_cast::<v8::String>() else { return };
    let bytes = v8::ValueView::new(scope, string).to_cow_lossy().into_owned().into_bytes();
    let array = isolate::new_bytes(scope, bytes);
    rv.set(array.into());
}

/// `op_utf8_encode_into(string, destination: Uint8Array)` → `[read, written]`
fn op_utf8_encode_into(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let (Ok(string), Ok(destination)) =
        (args.get(0).try_cast::<v8::String>(), args.get(1).try_cast::<v8::ArrayBufferView>())
    else {
        return;
    };
    let room = destination.byte_length();
    let (read, written) = {
        let view = v8::ValueView::new(scope, string);
        match view.data() {
            v8::ValueViewData::OneByte(units) => {
                let fitting = &units[..room.min(units.len())];
                if fitting.is_ascii() {
                    write_bytes(destination, fitting);
                    (fitting.len(), fitting.len())
                } else {
                    let mut bytes = vec![0; room.min(units.len() * 2)];
                    let (read, written) = mem::convert_latin1_to_utf8_partial(units, &mut bytes);
                    write_bytes(destination, &bytes[..written]);
                    (read, written)
                }
            }
            v8::ValueViewData::TwoByte(units) => {
                let mut bytes = vec![0; room.min(units.len() * 3)];
                let (read, written) = mem::convert_utf16_to_utf8_partial(units, &mut bytes);
                write_bytes(destination, &bytes[..written]);
                (read, written)
            }
        }
    };
    let counts = [v8::Number::new(scope, read as f64).into(), v8::Number::new(scope, written as f64).into()];
    let counts = v8::Array::new_with_elements(scope, &counts);
    rv.set(counts.into());
}

// === Decoding ===

/// `op_encoding_name(label)` → the encoding's name in lower case, or undefined when the label names none that may decode.
fn op_encoding_name(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let label = isolate::string_arg(scope, &args, 0);
    if let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) {
        let name = isolate::new_string(scope, &encoding.name().to_ascii_lowercase());
        rv.set(name.into());
    }
}

/// `op_utf8_decode(view, fatal, ignoreBOM)` → string. The whole input at once, the form that nearly every Worker uses.
fn op_utf8_decode(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let fatal = args.get(1).is_true();
    let ignore_bom = args.get(2).is_true();
    let decoded = with_bytes(&args, 0, |bytes| {
        let bytes = if ignore_bom { bytes } else { bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes) };
        if fatal && !v8::simdutf::validate_utf8(bytes) {
            return Err(JsError::type_error(INVALID));
        }
        v8::String::new_from_utf8(scope, bytes, v8::NewStringType::Normal).ok_or_else(|| JsError::error(TOO_LONG))
    });
    match decoded {
        Some(Ok(string)) => rv.set(string.into()),
        Some(Err(error)) => isolate::throw(scope, error),
        None => {}
    }
}

/// `op_text_decode(encodingName, view, fatal, ignoreBOM)` → string, the whole input at once.
fn op_text_decode(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let fatal = args.get(2).is_true();
    let ignore_bom = args.get(3).is_true();
    let mut decoder = new_decoder(scope, &args, ignore_bom);
    let decoded = with_bytes(&args, 1, |bytes| push(&mut decoder, bytes, fatal, true));
    finish(scope, decoded, &mut rv);
}

/// `op_decoder_start(encodingName, fatal, ignoreBOM)` → an id for [`op_decoder_push`].
fn op_decoder_start(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let fatal = args.get(1).is_true();
    let ignore_bom = args.get(2).is_true();
    let decoder = new_decoder(scope, &args, ignore_bom);
    if isolate::embedder::<Decoders>(scope).is_none() {
        isolate::put(scope, Decoders::default());
    }
    let Some(decoders) = isolate::embedder::<Decoders>(scope) else { return };
    decoders.last = decoders.last.wrapping_add(1);
    decoders.by_id.insert(decoders.last, Streaming { decoder, fatal });
    rv.set_uint32(decoders.last);
}

/// `op_decoder_push(id, view, last)` → string. The decoder is gone after the last chunk and after an error.
fn op_decoder_push(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let id = args.get(0).uint32_value(scope).unwrap_or(0);
    let last = args.get(2).is_true();
    let Some(mut streaming) = isolate::embedder::<Decoders>(scope).and_then(|decoders| decoders.by_id.remove(&id))
    else {
        return;
    };
    let fatal = streaming.fatal;
    let decoded = with_bytes(&args, 1, |bytes| push(&mut streaming.decoder, bytes, fatal, last));
    if !last
        && matches!(decoded, Some(Ok(_)))
        && let Some(decoders) = isolate::embedder::<Decoders>(scope)
    {
        decoders.by_id.insert(id, streaming);
    }
    finish(scope, decoded, &mut rv);
}

/// `op_decoder_drop(id)`
fn op_decoder_drop(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let id = args.get(0).uint32_value(scope).unwrap_or(0);
    if let Some(decoders) = isolate::embedder::<Decoders>(scope) {
        decoders.by_id.remove(&id);
    }
}

fn new_decoder(scope: &mut v8::PinScope, args: &Args, ignore_bom: bool) -> Decoder {
    let name = isolate::string_arg(scope, args, 0);
    let encoding = Encoding::for_label(name.as_bytes()).unwrap_or(UTF_8);
    if ignore_bom { encoding.new_decoder_without_bom_handling() } else { encoding.new_decoder_with_bom_removal() }
}

fn push(decoder: &mut Decoder, bytes: &[u8], fatal: bool, last: bool) -> Result<Vec<u16>, JsError> {
    let too_long = || JsError::error(TOO_LONG);
    let mut units = vec![0; decoder.max_utf16_buffer_length(bytes.len()).ok_or_else(too_long)?];
    let written = if fatal {
        match decoder.decode_to_utf16_without_replacement(bytes, &mut units, last) {
            (DecoderResult::InputEmpty, _, written) => written,
            (DecoderResult::OutputFull, ..) => return Err(too_long()),
            (DecoderResult::Malformed(..), ..) => return Err(JsError::type_error(INVALID)),
        }
    } else {
        match decoder.decode_to_utf16(bytes, &mut units, last) {
            (CoderResult::InputEmpty, _, written, _) => written,
            (CoderResult::OutputFull, ..) => return Err(too_long()),
        }
    };
    units.truncate(written);
    Ok(units)
}

fn finish(scope: &mut v8::PinScope, decoded: Option<Result<Vec<u16>, JsError>>, rv: &mut v8::ReturnValue) {
    let string = match decoded {
        Some(Ok(units)) => to_string(scope, &units).ok_or_else(|| JsError::error(TOO_LONG)),
        Some(Err(error)) => Err(error),
        None => return,
    };
    match string {
        Ok(string) => rv.set(string.into()),
        Err(error) => isolate::throw(scope, error),
    }
}

fn to_string<'s>(scope: &v8::PinScope<'s, '_>, units: &[u16]) -> Option<v8::Local<'s, v8::String>> {
    if !mem::is_utf16_latin1(units) {
        return utf16_string(scope, units);
    }
    let mut narrow = vec![0; units.len()];
    mem::convert_utf16_to_latin1_lossy(units, &mut narrow);
    latin1_string(scope, &narrow)
}
