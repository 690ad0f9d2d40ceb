//! `internalBinding('util')`: what JavaScript can't learn of an object by itself.

use isolate::{Args, Op, op, v8};

pub(crate) const OPS: &[Op] = &[
    op!(get_promise_details),
    op!(get_proxy_details),
    op!(preview_entries),
    op!(get_own_non_index_properties),
    op!(get_constructor_name),
    op!(is_constructor),
    op!(is_array_buffer_detached),
];

/// `getPromiseDetails(promise)` → `[state, result]`, `[0]` while it is pending, undefined for what is no promise.
fn get_promise_details(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(promise) = args.get(0).try_cast::<v8::Promise>() else { return };
    let number = match promise.state() {
        v8::PromiseState::Pending => 0,
        v8::PromiseState::Fulfilled => 1,
        v8::PromiseState::Rejected => 2,
    };
    let mut details = vec![v8::Integer::new(scope, number).into()];
    if number != 0 {
        details.push(promise.result(scope));
    }
    rv.set(v8::Array::new_with_elements(scope, &details).into());
}

/// `getProxyDetails(value, both = true)` → `[target, handler]`, or the target alone; undefined for what is no proxy.
fn get_proxy_details(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(proxy) = args.get(0).try_cast::<v8::Proxy>() else { return };
    let target = proxy.get_target(scope);
    if args.length() > 1 && args.get(1).is_false() {
        return rv.set(target);
    }
    let handler = proxy.get_handler(scope);
    rv.set(v8::Array::new_with_elements(scope, &[target, handler]).into());
}

/// `previewEntries(iterator, tell = false)` → the entries of a collection or of an iterator over one, or `[entries, arePairs]`.
fn preview_entries(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(object) = args.get(0).try_cast::<v8::Object>() else { return };
    let (entries, are_pairs) = object.preview_entries(scope);
    let Some(entries) = entries else { return };
    if args.length() < 2 {
        return rv.set(entries.into());
    }
    let are_pairs = v8::Boolean::new(scope, are_pairs).into();
    rv.set(v8::Array::new_with_elements(scope, &[entries.into(), are_pairs]).into());
}

/// `getOwnNonIndexProperties(object, filter)` → the names of the object's own properties but for integer indices.
fn get_own_non_index_properties(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(object) = args.get(0).try_cast::<v8::Object>() else { return };
    let only_enumerable = args.get(1).uint32_value(scope).unwrap_or(0) != 0;
    let filter = if only_enumerable { v8::PropertyFilter::ONLY_ENUMERABLE } else { v8::PropertyFilter::ALL_PROPERTIES };
    let options = v8::GetPropertyNamesArgs {
        mode: v8::KeyCollectionMode::OwnOnly,
        property_filter: filter,
        index_filter: v8::IndexFilter::SkipIndices,
        key_conversion: v8::KeyConversionMode::KeepNumbers,
    };
    if let Some(names) = object.get_property_names(scope, options) {
        rv.set(names.into());
    }
}

/// `getConstructorName(object)`
fn get_constructor_name(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    if let Ok(object) = args.get(0).try_cast::<v8::Object>() {
        rv.set(object.get_constructor_name().into());
    }
}

/// `isConstructor(function)`
fn is_constructor(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    rv.set_bool(args.get(0).try_cast::<v8::Object>().is_ok_and(|object| object.is_constructor()));
}

/// `isArrayBufferDetached(buffer)`
fn is_array_buffer_detached(_scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    rv.set_bool(args.get(0).try_cast::<v8::ArrayBuffer>().is_ok_and(|buffer| buffer.was_detached()));
}
