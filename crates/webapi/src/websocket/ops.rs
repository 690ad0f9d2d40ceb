//! The ops under `WebSocket` and `WebSocketPair`. JavaScript names an end of a socket by its number in the resource table.

use std::sync::Arc;

use http::header::{SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderValue, StatusCode};
use isolate::{Args, JsError, Op, OpValue, op, v8};
use url::Url;

use super::{Budget, Close, Incoming, Message, Outlet, Socket, connect, pair};
use crate::fetch::Outbound;

pub const OPS: &[Op] = &[
    op!(op_websocket_pair),
    op!(op_websocket_open),
    op!(op_websocket_receive),
    op!(op_websocket_send),
    op!(op_websocket_close),
    op!(op_websocket_over),
    op!(op_websocket_drop),
];

/// What an isolate's messages that nobody has received yet may hold in memory.
const UNSENT: usize = 64 * 1024 * 1024;

/// The budget that an isolate's messages are charged to.
struct Unsent(Arc<Budget>);

/// Whether the Worker's WebSockets may compress their messages: the compatibility flag `web_socket_compression`.
pub struct Compression(pub bool);

// === impl Compression ===

impl Compression {
    pub fn is_on(scope: &mut v8::PinScope) -> bool {
        isolate::embedder::<Self>(scope).is_some_and(|compression| compression.0)
    }
}

/// Puts an end within reach of the current event's JavaScript.
pub fn hold(scope: &mut v8::PinScope, socket: Socket) -> u32 {
    isolate::resources(scope).add(socket)
}

/// The same for an end that is received from elsewhere.
pub fn hold_outlet(scope: &mut v8::PinScope, outlet: Outlet) -> u32 {
    isolate::resources(scope).add(outlet)
}

/// Takes an end out of JavaScript's reach, with the messages that it has not received.
pub fn release(scope: &mut v8::PinScope, rid: u32) -> Option<Socket> {
    isolate::resources(scope).take::<Socket>(rid)
}

fn throw_foreign(scope: &mut v8::PinScope) {
    let error = isolate::foreign(scope);
    isolate::throw(scope, error);
}

fn rid_arg(scope: &mut v8::PinScope, args: &Args) -> u32 {
    args.get(0).uint32_value(scope).unwrap_or(0)
}

fn outlet(scope: &mut v8::PinScope, rid: u32) -> Option<Outlet> {
    let resources = isolate::resources(scope);
    if let Some(socket) = resources.get::<Socket>(rid) {
        return Some(socket.outlet.clone());
    }
    resources.get::<Outlet>(rid).cloned()
}

/// `op_websocket_pair()` → two numbers, of connected ends
fn op_websocket_pair(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let (one, other) = pair();
    let numbers = [hold(scope, one), hold(scope, other)];
    let numbers = numbers.map(|number| v8::Integer::new_from_unsigned(scope, number).into());
    rv.set(v8::Array::new_with_elements(scope, &numbers).into());
}

/// `op_websocket_open(url, protocols)` → a promise of `[number, protocol, extensions]`, null where none was agreed on.
/// `url`: `http:` or `https:`; `protocols`: a header's value, or undefined.
fn op_websocket_open(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let url = isolate::string_arg(scope, &args, 0);
    let Ok(url) = Url::parse(&url) else {
        return isolate::throw(scope, JsError::syntax_error("WebSocket Constructor: The url is invalid."));
    };
    let mut headers = HeaderMap::new();
    if args.get(1).is_string()
        && let Ok(protocols) = HeaderValue::from_str(&isolate::string_arg(scope, &args, 1))
    {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocols);
    }
    if Compression::is_on(scope) {
        // As browsers have it.
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
    }
    if let Some(Err(error)) = isolate::io_context(scope).map(isolate::IoContext::take_subrequest) {
        return isolate::throw(scope, error);
    }
    let Some(outbound) = isolate::embedder::<Outbound>(scope).cloned() else {
        return isolate::throw(scope, JsError::error("This Worker has no outbound network."));
    };
    let outbound = outbound.here(scope);
    let mut span = isolate::begin_span(scope, || "websocket_connect".into());
    span.fact("server.address", || url.host_str().unwrap_or_default());
    isolate::spawn_output(scope, rv, async move {
        let opened = span.watch(connect(&outbound, &url, headers)).await?;
        let status = opened.response.status();
        let Some(socket) = opened.socket else { return Err(not_switched(status)) };
        Ok(OpValue::With(Box::new(move |scope| {
            let agreed = [socket.protocol.clone(), socket.extensions.clone()];
            let number = hold(scope, socket);
            let [protocol, extensions] = agreed.map(|text| -> v8::Local<v8::Value> {
                match text {
                    Some(text) => isolate::new_string(scope, &text).into(),
                    None => v8::null(scope).into(),
                }
            });
            let parts = [v8::Integer::new_from_unsigned(scope, number).into(), protocol, extensions];
            let parts: v8::Local<v8::Value> = v8::Array::new_with_elements(scope, &parts).into();
            v8::Global::new(scope, parts)
        })))
    });
}

fn not_switched(status: StatusCode) -> JsError {
    JsError::type_error(format!(
        "Failed to establish the WebSocket connection: expected server to reply with HTTP status code 101 (switching \
         protocols), but received {} instead.",
        status.as_u16()
    ))
}

/// `op_websocket_receive(number, waits)` → a promise of what comes next: text, bytes, `[code, reason]` of a Close, or null
/// when the other end has gone; it rejects when the connection broke. `waits`: the event is kept for it.
fn op_websocket_receive(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args);
    let Some(inlet) = isolate::resources(scope).get::<Socket>(rid).map(|socket| socket.inlet.clone()) else {
        return throw_foreign(scope);
    };
    let receive = async move {
        match inlet.next().await {
            Incoming::Message(Message::Text(text)) => Ok(OpValue::String(text)),
            Incoming::Message(Message::Binary(bytes)) => Ok(OpValue::Bytes(bytes.into())),
            Incoming::Message(Message::Close(close)) => Ok(OpValue::With(Box::new(move |scope| closed(scope, &close)))),
            Incoming::Gone => Ok(OpValue::Null),
            Incoming::Failed(reason) => Err(JsError::error(reason)),
        }
    };
    isolate::spawn_incoming(scope, rv, args.get(1).is_true(), receive);
}

fn closed(scope: &mut v8::PinScope, close: &Close) -> v8::Global<v8::Value> {
    let parts = [v8::Integer::new(scope, close.code.into()).into(), isolate::new_string(scope, &close.reason).into()];
    let parts: v8::Local<v8::Value> = v8::Array::new_with_elements(scope, &parts).into();
    v8::Global::new(scope, parts)
}

/// `op_websocket_send(number, message)`: text or bytes
fn op_websocket_send(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args);
    let Some(outlet) = outlet(scope, rid) else { return throw_foreign(scope) };
    let message = match isolate::bytes_arg(scope, &args, 1) {
        Some(bytes) => Message::Binary(bytes.into()),
        None => Message::Text(isolate::string_arg(scope, &args, 1)),
    };
    let Some(charge) = unsent(scope).charge(message.weight()) else {
        return isolate::throw(
            scope,
            JsError::error(format!(
                "Can't send: the WebSocket messages of this Worker that nobody has received yet take up {} MiB.",
                UNSENT / 1024 / 1024
            )),
        );
    };
    let gate = isolate::output_gate(scope);
    outlet.send(message, gate, Some(charge));
}

fn unsent(scope: &mut v8::PinScope) -> Arc<Budget> {
    if let Some(Unsent(budget)) = isolate::embedder::<Unsent>(scope) {
        return budget.clone();
    }
    let budget = Budget::new(UNSENT);
    isolate::put(scope, Unsent(budget.clone()));
    budget
}

/// `op_websocket_close(number, code, reason)`. Code 1005: none.
fn op_websocket_close(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args);
    let Some(outlet) = outlet(scope, rid) else { return throw_foreign(scope) };
    let code = args.get(1).uint32_value(scope).and_then(|code| u16::try_from(code).ok()).unwrap_or(Close::NO_STATUS);
    let reason = isolate::string_arg(scope, &args, 2);
    let gate = isolate::output_gate(scope);
    outlet.send(Close { code, reason }.into(), gate, None);
}

/// `op_websocket_over(number)` → a promise that is fulfilled when the other end has gone
fn op_websocket_over(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args);
    let Some(outlet) = outlet(scope, rid) else { return throw_foreign(scope) };
    isolate::spawn_background(scope, rv, async move {
        outlet.gone().await;
        Ok(().into())
    });
}

/// `op_websocket_drop(number)`: nothing more is sent or received here.
fn op_websocket_drop(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args);
    let resources = isolate::resources(scope);
    drop(resources.take::<Socket>(rid));
    drop(resources.take::<Outlet>(rid));
}
