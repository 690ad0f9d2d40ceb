//! The op behind `env.EVENTS.writeDataPoint()`: the point is checked now, and written when the isolate's output may leave.

use analytics::{Dataset, Point};
use isolate::{Args, JsError, Op, op, v8};

use crate::binding::service_arg;

pub(crate) const OPS: &[Op] = &[op!(op_analytics_write)];

/// `op_analytics_write(dataset, indexes, blobs, doubles)`: indexes and blobs are arrays of texts, bytes and nulls, doubles one of
/// numbers.
fn op_analytics_write(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let Some(dataset) = service_arg::<Dataset>(scope, &args, 0) else {
        return isolate::throw(scope, JsError::error("This dataset is not bound to the Worker."));
    };
    let (indexes, blobs) = (texts(scope, args.get(1)), texts(scope, args.get(2)));
    let doubles = items(scope, args.get(3)).iter().filter_map(|value| value.number_value(scope)).collect();
    match Point::new(indexes, blobs, doubles) {
        Ok(point) => crate::rpc::outbox::leave(scope, move |passed| {
            if passed.is_ok() {
                dataset.write(point);
            }
        }),
        Err(error) => isolate::throw(scope, JsError::type_error(error.to_string())),
    }
}

/// What is in an array, one more than any may have at most.
fn items<'s>(scope: &mut v8::PinScope<'s, '_>, value: v8::Local<v8::Value>) -> Vec<v8::Local<'s, v8::Value>> {
    let Ok(array) = value.try_cast::<v8::Array>() else { return Vec::new() };
    (0..array.length().min(21)).filter_map(|index| array.get_index(scope, index)).collect()
}

fn texts(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Vec<Option<String>> {
    let items = items(scope, value);
    items
        .into_iter()
        .map(|item| match item.try_cast::<v8::ArrayBufferView>() {
            Ok(view) => {
                let mut bytes = vec![0; view.byte_length()];
                let copied = view.copy_contents(&mut bytes);
                bytes.truncate(copied);
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            Err(_) => (!item.is_null()).then(|| item.to_rust_string_lossy(scope)),
        })
        .collect()
}
