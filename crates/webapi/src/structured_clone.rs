//! The structured clone algorithm (HTML §2.7) over V8's serializer, for `js/structured_clone.js`. Objects of the platform's
//! own classes are host objects: the data has a number in their place, and JavaScript keeps what the number stands for.

use isolate::{Args, JsError, Op, v8};

pub const OPS: &[Op] = &[isolate::op!(op_serialize), isolate::op!(op_deserialize), isolate::op!(op_detach)];

/// What stands in the data for host objects: `is(object)` → boolean, `write(object)` → the number that it is known by.
struct HostWriter<'a> {
    is: v8::Local<'a, v8::Function>,
    write: v8::Local<'a, v8::Function>,
    plain: v8::Local<'a, v8::Value>,
}

/// The host objects by number, made before: V8 runs no JavaScript while it reads.
struct HostReader<'a> {
    objects: v8::Local<'a, v8::Array>,
}

/// `op_serialize(value, buffers, is, write)` → `Uint8Array`. `buffers` are the `ArrayBuffer`s that move instead of being
/// copied; [`op_deserialize`] wants their successors in the same order.
fn op_serialize(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let (Ok(buffers), Ok(is), Ok(write)) = (
        args.get(1).try_cast::<v8::Array>(),
        args.get(2).try_cast::<v8::Function>(),
        args.get(3).try_cast::<v8::Function>(),
    ) else {
        return isolate::throw(scope, JsError::type_error("op_serialize takes a list of buffers and two functions"));
    };
    let context = scope.get_current_context();
    let plain = v8::Object::new(scope).get_prototype(scope).unwrap_or_else(|| v8::null(scope).into());
    let serializer = v8::ValueSerializer::new(scope, Box::new(HostWriter { is, write, plain }));
    for id in 0..buffers.length() {
        let buffer = buffers.get_index(scope, id).and_then(|buffer| buffer.try_cast::<v8::ArrayBuffer>().ok());
        let Some(buffer) = buffer else { continue };
        v8::ValueSerializerHelper::transfer_array_buffer(&serializer, id, buffer);
    }
    v8::ValueSerializerHelper::write_header(&serializer);
    // On failure the exception is pending already.
    if serializer.write_value(context, args.get(0)) != Some(true) {
        return;
    }
    let bytes = isolate::new_bytes(scope, serializer.release());
    rv.set(bytes.into());
}

/// `op_deserialize(bytes, buffers, hostObjects)` → value
fn op_deserialize(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let (Some(bytes), Ok(buffers), Ok(objects)) =
        (isolate::bytes_arg(scope, &args, 0), args.get(1).try_cast::<v8::Array>(), args.get(2).try_cast::<v8::Array>())
    else {
        return isolate::throw(scope, JsError::type_error("op_deserialize takes bytes and two lists"));
    };
    let context = scope.get_current_context();
    let deserializer = v8::ValueDeserializer::new(scope, Box::new(HostReader { objects }), &bytes);
    for id in 0..buffers.length() {
        let buffer = buffers.get_index(scope, id).and_then(|buffer| buffer.try_cast::<v8::ArrayBuffer>().ok());
        let Some(buffer) = buffer else { continue };
        v8::ValueDeserializerHelper::transfer_array_buffer(&deserializer, id, buffer);
    }
    if v8::ValueDeserializerHelper::read_header(&deserializer, context) != Some(true) {
        return;
    }
    if let Some(value) = deserializer.read_value(context) {
        rv.set(value);
    }
}

/// `op_detach(buffer)` → a new `ArrayBuffer` with the memory of `buffer`, which is detached; undefined when it can't be.
fn op_detach(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(buffer) = args.get(0).try_cast::<v8::ArrayBuffer>() else { return };
    if buffer.was_detached() || !buffer.is_detachable() {
        return;
    }
    let store = buffer.get_backing_store();
    if buffer.detach(None) != Some(true) {
        return;
    }
    let successor = v8::ArrayBuffer::with_backing_store(scope, &store);
    rv.set(successor.into());
}

// === impl HostWriter ===

impl v8::ValueSerializerImpl for HostWriter<'_> {
    fn throw_data_clone_error<'s>(&self, scope: &mut v8::PinScope<'s, '_>, message: v8::Local<'s, v8::String>) {
        let message = message.to_rust_string_lossy(scope);
        isolate::throw(scope, JsError::dom("DataCloneError", message));
    }

    fn has_custom_host_object(&self, _isolate: &v8::Isolate) -> bool {
        true
    }

    fn is_host_object<'s>(&self, scope: &mut v8::PinScope<'s, '_>, object: v8::Local<'s, v8::Object>) -> Option<bool> {
        // Plain objects, the bulk of any data, are not worth a call.
        if object.get_prototype(scope).is_some_and(|prototype| prototype.strict_equals(self.plain)) {
            return Some(false);
        }
        let undefined = v8::undefined(scope).into();
        self.is.call(scope, undefined, &[object.into()]).map(|answer| answer.is_true())
    }

    fn write_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
        serializer: &dyn v8::ValueSerializerHelper,
    ) -> Option<bool> {
        let undefined = v8::undefined(scope).into();
        let number = self.write.call(scope, undefined, &[object.into()])?.uint32_value(scope)?;
        serializer.write_uint32(number);
        Some(true)
    }
}

// === impl HostReader ===

impl v8::ValueDeserializerImpl for HostReader<'_> {
    fn read_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        deserializer: &dyn v8::ValueDeserializerHelper,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let mut number = 0;
        let object = if deserializer.read_uint32(&mut number) { self.objects.get_index(scope, number) } else { None };
        let object = object.and_then(|object| object.try_cast().ok());
        if object.is_none() {
            isolate::throw(scope, JsError::dom("DataCloneError", "Unable to deserialize cloned data."));
        }
        object
    }
}
