//! Errors with Node's codes.

use isolate::{JsError, v8};

/// Throws `error` with the property `code`, as Node's native functions do.
pub(crate) fn throw(scope: &mut v8::PinScope, code: &str, error: JsError) {
    v8::tc_scope!(let scope, scope);
    isolate::throw(scope, error);
    let Some(exception) = scope.exception() else { return };
    scope.reset();
    if let Ok(exception) = exception.try_cast::<v8::Object>() {
        let key = isolate::new_string(scope, "code").into();
        let code = isolate::new_string(scope, code).into();
        exception.set(scope, key, code);
    }
    scope.throw_exception(exception);
    scope.rethrow();
}

pub(crate) fn throw_out_of_range(scope: &mut v8::PinScope) {
    throw(scope, "ERR_OUT_OF_RANGE", JsError::range_error("Index out of range"));
}
