//! The structured clone algorithm (HTML §2.7) over V8's serializer, for `js/structured_clone.js`. Objects of the platform's
//! own classes are host objects: the data has a number in their place, and JavaScript keeps what the number stands for.

use std::cell::Cell;
use std::rc::Rc;

use isolate::{Args, JsError, Op, v8};
use v8::{ValueDeserializerHelper, ValueSerializerHelper};

pub const OPS: &[Op] =
    &[isolate::op!(op_clone), isolate::op!(op_serialize), isolate::op!(op_deserialize), isolate::op!(op_detach)];

/// What stands in the data for host objects: `is(object)` → boolean, `write(object)` → the number that it is known by.
struct HostWriter<'a> {
    is: v8::Local<'a, v8::Function>,
    write: v8::Local<'a, v8::Function>,
    plain: v8::Local<'a, v8::Value>,
    /// Whether a host object was met.
    met: Rc<Cell<bool>>,
}

/// The host objects by number, made before: V8 runs no JavaScript while it reads.
struct HostReader<'a> {
    objects: v8::Local<'a, v8::Array>,
}

/// `op_clone(value, is, write)` → the clone; where host objects were met, what [`op_serialize`] returns.
fn op_clone(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let none = v8::Array::new(scope, 0);
    let Some((bytes, met)) = serialize(scope, args.get(0), none, args.get(1), args.get(2)) else { return };
    if met {
        let bytes = isolate::new_bytes(scope, bytes);
        rv.set(bytes.into());
    } else if let Some(value) = deserialize(scope, &bytes, none, none) {
        rv.set(value);
    }
}

/// `op_serialize(value, buffers, is, write)` → `Uint8Array`. `buffers` are the `ArrayBuffer`s that move instead of being
/// copied; [`op_deserialize`] wants their successors in the same order.
fn op_serialize(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(buffers) = args.get(1).try_cast::<v8::Array>() else { return };
    if let Some((bytes, _)) = serialize(scope, args.get(0), buffers, args.get(2), args.get(3)) {
        let bytes = isolate::new_bytes(scope, bytes);
        rv.set(bytes.into());
    }
}

/// The data, and whether host objects were met. `None`: an exception is pending.
fn serialize(
    scope: &mut v8::PinScope,
    value: v8::Local<v8::Value>,
    buffers: v8::Local<v8::Array>,
    is: v8::Local<v8::Value>,
    write: v8::Local<v8::Value>,
) -> Option<(Vec<u8>, bool)> {
    let (is, write) = (is.try_cast().ok()?, write.try_cast().ok()?);
    let context = scope.get_current_context();
    let plain = v8::Object::new(scope).get_prototype(scope)?;
    let met = Rc::new(Cell::new(false));
    let writer = HostWriter { is, write, plain, met: met.clone() };
    let serializer = v8::ValueSerializer::new(scope, Box::new(writer));
    for_each_buffer(scope, buffers, |id, buffer| serializer.transfer_array_buffer(id, buffer));
    serializer.write_header();
    serializer.write_value(context, value)?;
    Some((serializer.release(), met.get()))
}

/// `op_deserialize(bytes, buffers, hostObjects)` → value
fn op_deserialize(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let (Some(bytes), Ok(buffers), Ok(objects)) =
        (isolate::bytes_arg(scope, &args, 0), args.get(1).try_cast::<v8::Array>(), args.get(2).try_cast::<v8::Array>())
    else {
        return;
    };
    if let Some(value) = deserialize(scope, &bytes, buffers, objects) {
        rv.set(value);
    }
}

/// `None`: an exception is pending.
fn deserialize<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
    buffers: v8::Local<v8::Array>,
    objects: v8::Local<v8::Array>,
) -> Option<v8::Local<'s, v8::Value>> {
    let context = scope.get_current_context();
    let deserializer = v8::ValueDeserializer::new(scope, Box::new(HostReader { objects }), bytes);
    for_each_buffer(scope, buffers, |id, buffer| deserializer.transfer_array_buffer(id, buffer));
    deserializer.read_header(context)?;
    deserializer.read_value(context)
}

fn for_each_buffer<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    buffers: v8::Local<v8::Array>,
    mut each: impl FnMut(u32, v8::Local<'s, v8::ArrayBuffer>),
) {
    for id in 0..buffers.length() {
        if let Some(buffer) = buffers.get_index(scope, id).and_then(|buffer| buffer.try_cast().ok()) {
            each(id, buffer);
        }
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
        self.met.set(true);
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
