//! What crosses from native code to JavaScript: plain values, made without V8 at hand, and errors with their class.

use bytes::Bytes;

/// A native result, turned into a JavaScript value when the isolate's turn comes.
pub enum OpValue {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    /// Becomes a `Uint8Array` over the same memory.
    Bytes(Vec<u8>),
    /// Becomes a `Uint8Array`; copied.
    Shared(Bytes),
    /// Built by the closure in the isolate's turn, for results of any other shape.
    With(MakeValue),
}

/// Makes a JavaScript value in the isolate's turn.
pub type MakeValue = Box<dyn FnOnce(&mut v8::PinScope) -> v8::Global<v8::Value> + Send>;

/// The class of a native error, as the Worker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsErrorKind {
    Error,
    TypeError,
    RangeError,
    SyntaxError,
    /// A `DOMException` of this name.
    Dom(&'static str),
}

/// An error for the Worker.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct JsError {
    pub kind: JsErrorKind,
    pub message: String,
}

// === impl OpValue ===

impl OpValue {
    pub(crate) fn into_js<'s>(self, scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Value> {
        match self {
            OpValue::Undefined => v8::undefined(scope).into(),
            OpValue::Null => v8::null(scope).into(),
            OpValue::Bool(value) => v8::Boolean::new(scope, value).into(),
            OpValue::Number(value) => v8::Number::new(scope, value).into(),
            OpValue::String(value) => crate::new_string(scope, &value).into(),
            OpValue::Bytes(value) => crate::new_bytes(scope, value).into(),
            OpValue::Shared(value) => crate::new_bytes(scope, value.to_vec()).into(),
            OpValue::With(make) => {
                let value = make(scope);
                v8::Local::new(scope, value)
            }
        }
    }
}

impl From<()> for OpValue {
    fn from((): ()) -> Self {
        OpValue::Undefined
    }
}

impl From<bool> for OpValue {
    fn from(value: bool) -> Self {
        OpValue::Bool(value)
    }
}

impl From<f64> for OpValue {
    fn from(value: f64) -> Self {
        OpValue::Number(value)
    }
}

impl From<u32> for OpValue {
    fn from(value: u32) -> Self {
        OpValue::Number(value.into())
    }
}

impl From<String> for OpValue {
    fn from(value: String) -> Self {
        OpValue::String(value)
    }
}

impl From<Vec<u8>> for OpValue {
    fn from(value: Vec<u8>) -> Self {
        OpValue::Bytes(value)
    }
}

impl From<Bytes> for OpValue {
    fn from(value: Bytes) -> Self {
        OpValue::Shared(value)
    }
}

// === impl JsError ===

impl JsError {
    pub fn error(message: impl Into<String>) -> Self {
        Self { kind: JsErrorKind::Error, message: message.into() }
    }

    pub fn type_error(message: impl Into<String>) -> Self {
        Self { kind: JsErrorKind::TypeError, message: message.into() }
    }

    pub fn range_error(message: impl Into<String>) -> Self {
        Self { kind: JsErrorKind::RangeError, message: message.into() }
    }

    pub fn syntax_error(message: impl Into<String>) -> Self {
        Self { kind: JsErrorKind::SyntaxError, message: message.into() }
    }

    /// A `DOMException` called `name`.
    pub fn dom(name: &'static str, message: impl Into<String>) -> Self {
        Self { kind: JsErrorKind::Dom(name), message: message.into() }
    }

    pub(crate) fn into_js<'s>(self, scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Value> {
        let message = crate::new_string(scope, &self.message);
        match self.kind {
            JsErrorKind::Error => v8::Exception::error(scope, message),
            JsErrorKind::TypeError => v8::Exception::type_error(scope, message),
            JsErrorKind::RangeError => v8::Exception::range_error(scope, message),
            JsErrorKind::SyntaxError => v8::Exception::syntax_error(scope, message),
            JsErrorKind::Dom(name) => {
                let name = crate::new_string(scope, name);
                let made = crate::hook(scope, "makeDOMException").and_then(|make| {
                    let this = v8::undefined(scope).into();
                    make.call(scope, this, &[message.into(), name.into()])
                });
                made.unwrap_or_else(|| v8::Exception::error(scope, message))
            }
        }
    }
}
