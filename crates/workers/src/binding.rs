//! What `env` holds: the bindings of a Worker's version.

use bytes::Bytes;
use isolate::{JsException, ModuleSource, v8};

/// One property of `env`.
pub struct Binding {
    pub name: String,
    pub value: BindingValue,
}

pub enum BindingValue {
    /// `vars` and secrets of type string, and `text_blobs`.
    Text(String),
    /// `vars` of any other JSON type: the value's JSON text.
    Json(String),
    /// `data_blobs`: an `ArrayBuffer`.
    Data(Bytes),
    /// `wasm_modules`: a `WebAssembly.Module`, compiled once for all isolates.
    Wasm(ModuleSource),
}

/// The `env` object.
pub(crate) fn env<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bindings: &[Binding],
) -> Result<v8::Local<'s, v8::Object>, JsException> {
    let env = v8::Object::new(scope);
    for binding in bindings {
        let value = value(scope, &binding.value).ok_or_else(|| JsException {
            name: "Error".into(),
            message: format!("The value of the binding {:?} can't be made.", binding.name),
            ..JsException::default()
        })?;
        let name = isolate::new_string(scope, &binding.name);
        env.create_data_property(scope, name.into(), value);
    }
    Ok(env)
}

fn value<'s>(scope: &mut v8::PinScope<'s, '_>, value: &BindingValue) -> Option<v8::Local<'s, v8::Value>> {
    Some(match value {
        BindingValue::Text(text) => isolate::new_string(scope, text).into(),
        BindingValue::Json(json) => {
            let json = isolate::new_string(scope, json);
            v8::json::parse(scope, json)?
        }
        BindingValue::Data(data) => isolate::new_bytes(scope, data.to_vec()).buffer(scope)?.into(),
        BindingValue::Wasm(module) => module.wasm(scope)?.into(),
    })
}
