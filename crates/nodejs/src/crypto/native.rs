//! What the functions of the binding have in common: their arguments, and values of any shape as their results.

use isolate::{Args, v8};
use webapi::views::with_bytes;

use super::failure::{Failure, Result};

/// What a function gives back.
pub(super) enum Value {
    Undefined,
    Bool(bool),
    Number(f64),
    Text(String),
    /// A `Uint8Array`.
    Bytes(Vec<u8>),
    List(Vec<Value>),
    /// An object without a prototype, so that nothing of a Worker's is asked for names that it lacks.
    Record(Vec<(String, Value)>),
}

/// `native! { hash_digest => digest }`: ops by the functions under them, `fn(&mut v8::PinScope, &Args) -> Result<impl Into<Value>>`,
/// whose failures are thrown; and the list of them, `OPS`.
macro_rules! native {
    ($($name:ident => $function:ident),* $(,)?) => {
        $(
            fn $name(scope: &mut isolate::v8::PinScope, args: isolate::Args, rv: isolate::v8::ReturnValue) {
                let result = $function(scope, &args);
                $crate::crypto::native::give(scope, rv, result);
            }
        )*
        pub(super) const OPS: &[isolate::Op] = &[$(isolate::op!($name)),*];
    };
}
pub(super) use native;

pub(super) fn give(scope: &mut v8::PinScope, mut rv: v8::ReturnValue, result: Result<impl Into<Value>>) {
    match result {
        Ok(value) => {
            let value = value.into().into_js(scope);
            rv.set(value);
        }
        Err(failure) => failure.throw(scope),
    }
}

// === Arguments ===

/// A copy of the bytes of a view or a buffer; none for anything else.
pub(super) fn bytes(scope: &mut v8::PinScope, args: &Args, index: i32) -> Vec<u8> {
    isolate::bytes_arg(scope, args, index).unwrap_or_default()
}

/// Bytes where there are any: `None` for undefined and null.
pub(super) fn optional_bytes(scope: &mut v8::PinScope, args: &Args, index: i32) -> Option<Vec<u8>> {
    isolate::bytes_arg(scope, args, index)
}

/// Calls `read` with the bytes of a view, without a copy of them.
pub(super) fn reading<T>(args: &Args, index: i32, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
    with_bytes(args, index, read)
        .ok_or_else(|| Failure::type_error("ERR_INVALID_ARG_TYPE", "The argument must be a view of bytes"))
}

pub(super) fn text(scope: &mut v8::PinScope, args: &Args, index: i32) -> String {
    isolate::string_arg(scope, args, index)
}

/// `None` for what is no string.
pub(super) fn optional_text(scope: &mut v8::PinScope, args: &Args, index: i32) -> Option<String> {
    args.get(index).is_string().then(|| isolate::string_arg(scope, args, index))
}

/// A whole number, of which JavaScript has made sure that it is one; 0 for anything else.
pub(super) fn integer(scope: &mut v8::PinScope, args: &Args, index: i32) -> i64 {
    args.get(index).integer_value(scope).unwrap_or(0)
}

/// `None` for what is no number.
pub(super) fn optional_integer(scope: &mut v8::PinScope, args: &Args, index: i32) -> Option<i64> {
    args.get(index).is_number().then(|| integer(scope, args, index))
}

pub(super) fn size(scope: &mut v8::PinScope, args: &Args, index: i32) -> usize {
    usize::try_from(integer(scope, args, index)).unwrap_or(0)
}

/// Zeroed bytes, if so many still fit the isolate.
pub(super) fn zeroed(scope: &mut v8::PinScope, length: usize) -> Result<Vec<u8>> {
    if length > 1 << 16 && !isolate::require_memory(scope, length) {
        return Err(Failure::Stopped);
    }
    Ok(vec![0; length])
}

// === impl Value ===

impl Value {
    fn into_js<'s>(self, scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Value> {
        match self {
            Self::Undefined => v8::undefined(scope).into(),
            Self::Bool(value) => v8::Boolean::new(scope, value).into(),
            Self::Number(value) => v8::Number::new(scope, value).into(),
            Self::Text(value) => isolate::new_string(scope, &value).into(),
            Self::Bytes(value) => isolate::new_bytes(scope, value).into(),
            Self::List(values) => {
                let values: Vec<_> = values.into_iter().map(|value| value.into_js(scope)).collect();
                v8::Array::new_with_elements(scope, &values).into()
            }
            Self::Record(entries) => {
                let (mut names, mut values) = (Vec::new(), Vec::new());
                for (name, value) in entries {
                    names.push(isolate::new_string(scope, &name).into());
                    values.push(value.into_js(scope));
                }
                let prototype = v8::null(scope).into();
                v8::Object::with_prototype_and_properties(scope, prototype, &names, &values).into()
            }
        }
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Undefined
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Number(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Number(value as f64)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Undefined, Into::into)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        Self::List(values.into_iter().collect())
    }
}
