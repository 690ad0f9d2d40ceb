//! Header lists between native code and JavaScript, where they are flat: `[name, value, name, value, …]`.

use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue};
use isolate::{JsError, v8};

/// A header list for JavaScript. Values that are no UTF-8 are shown with replacement characters.
pub fn to_js<'s>(scope: &v8::PinScope<'s, '_>, headers: &HeaderMap) -> v8::Local<'s, v8::Array> {
    let mut flat: Vec<v8::Local<v8::Value>> = Vec::with_capacity(headers.len() * 2);
    for (name, value) in headers {
        flat.push(isolate::new_string(scope, name.as_str()).into());
        flat.push(isolate::new_string(scope, &String::from_utf8_lossy(value.as_bytes())).into());
    }
    v8::Array::new_with_elements(scope, &flat)
}

/// Adds JavaScript's header list to `headers`. What is no array has no headers.
pub fn from_js(scope: &mut v8::PinScope, flat: v8::Local<v8::Value>, headers: &mut HeaderMap) -> Result<(), JsError> {
    let Ok(flat) = flat.try_cast::<v8::Array>() else { return Ok(()) };
    headers.reserve(flat.length() as usize / 2);
    for index in (0..flat.length()).step_by(2) {
        let (Some(name), Some(value)) = (flat.get_index(scope, index), flat.get_index(scope, index + 1)) else { break };
        let mut buffer = [MaybeUninit::uninit(); 256];
        let name = name.to_string(scope).map(|name| name.to_rust_cow_lossy(scope, &mut buffer)).unwrap_or_default();
        let value = value.to_rust_string_lossy(scope);
        let known = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| JsError::type_error(format!("Invalid header name: {name}")))?;
        let value = HeaderValue::from_maybe_shared(bytes::Bytes::from(value))
            .map_err(|_| JsError::type_error(format!("Invalid header value of {name}.")))?;
        headers.append(known, value);
    }
    Ok(())
}
