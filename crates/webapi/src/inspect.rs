//! What `inspect()` can't learn in JavaScript without side effects or at all: proxies, promises, iterators.

use isolate::{Args, Op, op, v8};

pub const OPS: &[Op] = &[op!(op_inspect_details)];

/// `op_inspect_details(value)` → undefined for most, else
/// `["proxy", target | null, handler]` (null: revoked), `["promise", 0 pending | 1 fulfilled | 2 rejected, result]`,
/// `["iterator", items, arePairs]` of a Map or a Set, `["error"]`, `["arguments"]`, `["generator"]`, `["module"]`.
fn op_inspect_details(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let value = args.get(0);
    let mut details: Vec<v8::Local<v8::Value>> = Vec::with_capacity(3);
    if let Ok(proxy) = value.try_cast::<v8::Proxy>() {
        details.push(isolate::new_string(scope, "proxy").into());
        let target = if proxy.is_revoked() { v8::null(scope).into() } else { proxy.get_target(scope) };
        details.push(target);
        details.push(proxy.get_handler(scope));
    } else if let Ok(promise) = value.try_cast::<v8::Promise>() {
        details.push(isolate::new_string(scope, "promise").into());
        let (state, result) = match promise.state() {
            v8::PromiseState::Pending => (0, v8::undefined(scope).into()),
            v8::PromiseState::Fulfilled => (1, promise.result(scope)),
            v8::PromiseState::Rejected => (2, promise.result(scope)),
        };
        details.push(v8::Integer::new(scope, state).into());
        details.push(result);
    } else if (value.is_map_iterator() || value.is_set_iterator())
        && let Some((items, pairs)) = value.try_cast::<v8::Object>().ok().map(|object| object.preview_entries(scope))
        && let Some(items) = items
    {
        details.push(isolate::new_string(scope, "iterator").into());
        details.push(items.into());
        details.push(v8::Boolean::new(scope, pairs).into());
    } else {
        let name = if value.is_native_error() {
            "error"
        } else if value.is_arguments_object() {
            "arguments"
        } else if value.is_generator_object() {
            "generator"
        } else if value.is_module_namespace_object() {
            "module"
        } else {
            return;
        };
        details.push(isolate::new_string(scope, name).into());
    }
    rv.set(v8::Array::new_with_elements(scope, &details).into());
}
