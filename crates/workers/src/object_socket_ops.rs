//! The ops by which an instance accepts WebSockets and finds them again.

use std::sync::Arc;
use std::time::Duration;

use isolate::{Args, JsError, Op, op, v8};
use webapi::websocket;

use crate::event::{Origin, event_begun};
use crate::object_sockets::{AutoResponse, Known, ObjectSockets};
use crate::object_state::state;

pub(crate) const OPS: &[Op] = &[
    op!(op_object_socket_accept),
    op!(op_object_sockets),
    op!(op_object_socket),
    op!(op_object_socket_tags),
    op!(op_object_socket_attach),
    op!(op_object_socket_answered_at),
    op!(op_object_socket_begun),
    op!(op_object_auto_response),
    op!(op_object_auto_response_set),
    op!(op_object_event_timeout),
    op!(op_object_event_timeout_set),
];

const FULL: &str = "only 32768 websockets can be accepted on a single Durable Object instance";

fn sockets(scope: &mut v8::PinScope) -> Option<Arc<ObjectSockets>> {
    state(scope).map(|state| state.sockets.clone())
}

fn number_arg(scope: &mut v8::PinScope, args: &Args) -> u32 {
    args.get(0).uint32_value(scope).unwrap_or(0)
}

fn array<'s>(scope: &v8::PinScope<'s, '_>, elements: &[v8::Local<'s, v8::Value>]) -> v8::Local<'s, v8::Array> {
    v8::Array::new_with_elements(scope, elements)
}

/// `op_object_socket_accept(rid, tags, attachment)` → `[rid to send to, the socket's number]`
fn op_object_socket_accept(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let mut tags = Vec::new();
    if let Ok(list) = args.get(1).try_cast::<v8::Array>() {
        for index in 0..list.length() {
            let tag = list.get_index(scope, index).map(|tag| tag.to_rust_string_lossy(scope));
            tags.extend(tag);
        }
    }
    let attachment = isolate::bytes_arg(scope, &args, 2);
    let origin = Origin::current(scope);
    let Some((sockets, object)) = state(scope).map(|state| (state.sockets.clone(), state.object.clone())) else {
        return isolate::throw(scope, JsError::error("acceptWebSocket() is for Durable Objects."));
    };
    let Some(socket) = websocket::ops::release(scope, rid) else {
        let error = isolate::foreign(scope);
        return isolate::throw(scope, error);
    };
    let Some((number, outlet)) = sockets.accept(object, socket, tags, attachment, origin) else {
        return isolate::throw(scope, JsError::error(FULL));
    };
    let rid = websocket::ops::hold_outlet(scope, outlet);
    let parts = [rid, number].map(|number| v8::Integer::new_from_unsigned(scope, number).into());
    rv.set(array(scope, &parts).into());
}

/// `op_object_sockets(tag)` → the numbers of the open sockets, or of those with the tag
fn op_object_sockets(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let tag = args.get(0).is_string().then(|| isolate::string_arg(scope, &args, 0));
    let numbers = sockets(scope).map(|sockets| sockets.numbers(tag.as_deref())).unwrap_or_default();
    let numbers: Vec<v8::Local<v8::Value>> =
        numbers.into_iter().map(|number| v8::Integer::new_from_unsigned(scope, number).into()).collect();
    rv.set(array(scope, &numbers).into());
}

/// `op_object_socket(number)` → `[rid to send to, attachment, closed by the other side, closed here]`, or undefined
fn op_object_socket(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let number = number_arg(scope, &args);
    let Some(Known { outlet, attachment, closed }) = sockets(scope).and_then(|sockets| sockets.known(number)) else {
        return;
    };
    let closed_here = outlet.is_closed();
    let rid = websocket::ops::hold_outlet(scope, outlet);
    let attachment = match attachment {
        Some(bytes) => isolate::new_bytes(scope, bytes).into(),
        None => v8::undefined(scope).into(),
    };
    let parts = [
        v8::Integer::new_from_unsigned(scope, rid).into(),
        attachment,
        v8::Boolean::new(scope, closed).into(),
        v8::Boolean::new(scope, closed_here).into(),
    ];
    rv.set(array(scope, &parts).into());
}

/// `op_object_socket_tags(number)` → its tags
fn op_object_socket_tags(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let number = number_arg(scope, &args);
    let tags = sockets(scope).and_then(|sockets| sockets.tags(number)).unwrap_or_default();
    let tags: Vec<v8::Local<v8::Value>> = tags.iter().map(|tag| isolate::new_string(scope, tag).into()).collect();
    rv.set(array(scope, &tags).into());
}

/// `op_object_socket_attach(number, bytes)`
fn op_object_socket_attach(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let number = number_arg(scope, &args);
    if let (Some(sockets), Some(bytes)) = (sockets(scope), isolate::bytes_arg(scope, &args, 1)) {
        sockets.attach(number, bytes);
    }
}

/// `op_object_socket_answered_at(number)` → milliseconds since the epoch, or undefined
fn op_object_socket_answered_at(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let number = number_arg(scope, &args);
    if let Some(at) = sockets(scope).and_then(|sockets| sockets.answered_at(number)) {
        rv.set_double(at);
    }
}

/// `op_object_socket_begun()`: the object has been told of the current socket event, and may be told of the next.
fn op_object_socket_begun(scope: &mut v8::PinScope, _args: Args, _rv: v8::ReturnValue) {
    event_begun(scope);
    if let Some(timeout) = sockets(scope).and_then(|sockets| sockets.event_timeout()) {
        isolate::expire_after(scope, timeout);
    }
}

/// `op_object_auto_response()` → `[request, response]`, or undefined
fn op_object_auto_response(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    let Some(pair) = sockets(scope).and_then(|sockets| sockets.auto_response()) else { return };
    let parts = [pair.request, pair.response].map(|text| isolate::new_string(scope, &text).into());
    rv.set(array(scope, &parts).into());
}

/// `op_object_auto_response_set(request, response)`; undefined: none any more
fn op_object_auto_response_set(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let pair = args.get(0).is_string().then(|| AutoResponse {
        request: isolate::string_arg(scope, &args, 0),
        response: isolate::string_arg(scope, &args, 1),
    });
    if let Some(sockets) = sockets(scope) {
        sockets.set_auto_response(pair);
    }
}

/// `op_object_event_timeout()` → milliseconds, or undefined
fn op_object_event_timeout(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    if let Some(timeout) = sockets(scope).and_then(|sockets| sockets.event_timeout()) {
        rv.set_double(timeout.as_millis() as f64);
    }
}

/// `op_object_event_timeout_set(milliseconds)`; undefined: none any more
fn op_object_event_timeout_set(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let timeout = args.get(0).is_number().then(|| args.get(0).uint32_value(scope)).flatten();
    if let Some(sockets) = sockets(scope) {
        sockets.set_event_timeout(timeout.map(|millis| Duration::from_millis(millis.into())));
    }
}
