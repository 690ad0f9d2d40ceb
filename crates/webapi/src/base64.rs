//! `atob` and `btoa` (HTML §8.3) with the forgiving base64 of the Infra standard, and the base64url of JSON Web Keys.

use isolate::{Args, Op, v8};

use crate::views::{latin1_string, with_bytes};

pub const OPS: &[Op] = &[
    isolate::op!(op_atob),
    isolate::op!(op_btoa),
    isolate::op!(op_base64url_encode),
    isolate::op!(op_base64url_decode),
];

/// `op_atob(string)` → the decoded binary string, or undefined when the input is no base64.
fn op_atob(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(input) = args.get(0).try_cast::<v8::String>() else { return };
    let bytes = {
        let view = v8::ValueView::new(scope, input);
        match view.data() {
            v8::ValueViewData::OneByte(units) => base64_simd::forgiving_decode_to_vec(units).ok(),
            v8::ValueViewData::TwoByte(units) => {
                narrow(units).and_then(|units| base64_simd::forgiving_decode_to_vec(&units).ok())
            }
        }
    };
    if let Some(decoded) = bytes.and_then(|bytes| latin1_string(scope, &bytes)) {
        rv.set(decoded.into());
    }
}

/// `op_btoa(string)` → base64, or undefined when a character is above U+00FF.
fn op_btoa(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(input) = args.get(0).try_cast::<v8::String>() else { return };
    let encoded = {
        let view = v8::ValueView::new(scope, input);
        match view.data() {
            v8::ValueViewData::OneByte(units) => Some(base64_simd::STANDARD.encode_to_string(units)),
            v8::ValueViewData::TwoByte(units) => {
                narrow(units).map(|units| base64_simd::STANDARD.encode_to_string(units))
            }
        }
    };
    if let Some(string) = encoded.and_then(|encoded| latin1_string(scope, encoded.as_bytes())) {
        rv.set(string.into());
    }
}

/// `op_base64url_encode(view)` → string without padding (RFC 7515 §2).
fn op_base64url_encode(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let encoded = with_bytes(&args, 0, |bytes| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes));
    if let Some(string) = encoded.and_then(|encoded| latin1_string(scope, encoded.as_bytes())) {
        rv.set(string.into());
    }
}

/// `op_base64url_decode(string)` → `Uint8Array`, or undefined when the input is no base64url.
fn op_base64url_decode(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let input = isolate::string_arg(scope, &args, 0);
    if let Ok(bytes) = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(input.trim_end_matches('=')) {
        let array = isolate::new_bytes(scope, bytes);
        rv.set(array.into());
    }
}

fn narrow(units: &[u16]) -> Option<Vec<u8>> {
    units.iter().map(|unit| u8::try_from(*unit).ok()).collect()
}
