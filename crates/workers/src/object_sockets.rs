//! WebSockets that a Durable Object has accepted with `ctx.acceptWebSocket()`: kept here and not by the instance, which may
//! leave memory while they stay open. What comes on them is an event for the object, which wakes it.
//! <https://developers.cloudflare.com/durable-objects/best-practices/websockets/>

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use isolate::v8;
use webapi::websocket::{Close, Incoming, Inlet, Message, Outlet, Socket};

use crate::event::Origin;
use crate::object::Object;

/// On one object:
/// <https://developers.cloudflare.com/durable-objects/api/state/#acceptwebsocket>
const MAX_SOCKETS: usize = 32_768;

const NO_CLOSE: &str = "WebSocket disconnected without sending Close frame.";
const ABNORMAL: u16 = 1006;

/// The accepted WebSockets of one object.
#[derive(Default)]
pub(crate) struct ObjectSockets(Mutex<State>);

#[derive(Default)]
struct State {
    last: u32,
    open: BTreeMap<u32, Entry>,
    auto_response: Option<AutoResponse>,
    event_timeout: Option<Duration>,
}

struct Entry {
    socket: Socket,
    tags: Vec<String>,
    attachment: Option<Vec<u8>>,
    /// When a message of it was last answered without the object, in milliseconds since the epoch.
    answered_at: Option<f64>,
    /// The other side has sent its Close.
    closed: bool,
}

/// A message that is answered without the object, and the answer.
#[derive(Clone)]
pub(crate) struct AutoResponse {
    pub(crate) request: String,
    pub(crate) response: String,
}

/// One socket, for an instance that does not know it yet.
pub(crate) struct Known {
    pub(crate) outlet: Outlet,
    pub(crate) attachment: Option<Vec<u8>>,
    pub(crate) closed: bool,
}

/// What happens on a socket.
pub(crate) enum SocketEvent {
    Text(String),
    Binary(Bytes),
    Close(Close, bool),
    Error(String),
}

// === impl ObjectSockets ===

impl ObjectSockets {
    /// Takes a socket over, and gives what comes on it to `object` from now on. `None`: there are too many.
    pub(crate) fn accept(
        self: &Arc<Self>,
        object: Object,
        socket: Socket,
        tags: Vec<String>,
        attachment: Option<Vec<u8>>,
        origin: Origin,
    ) -> Option<(u32, Outlet)> {
        let (inlet, outlet) = (socket.inlet.clone(), socket.outlet.clone());
        let mut state = self.lock();
        if state.open.len() >= MAX_SOCKETS {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.open.insert(number, Entry { socket, tags, attachment, answered_at: None, closed: false });
        drop(state);
        tokio::spawn(read(self.clone(), object, number, inlet, outlet.clone(), origin));
        Some((number, outlet))
    }

    /// The sockets that are open: the latest first; those with a tag the other way round, as the platform has it.
    pub(crate) fn numbers(&self, tag: Option<&str>) -> Vec<u32> {
        let state = self.lock();
        match tag {
            None => state.open.keys().rev().copied().collect(),
            Some(tag) => {
                let tagged = state.open.iter().filter(|(_, entry)| entry.tags.iter().any(|own| own == tag));
                tagged.map(|(number, _)| *number).collect()
            }
        }
    }

    pub(crate) fn known(&self, number: u32) -> Option<Known> {
        let state = self.lock();
        let entry = state.open.get(&number)?;
        Some(Known { outlet: entry.socket.outlet.clone(), attachment: entry.attachment.clone(), closed: entry.closed })
    }

    pub(crate) fn tags(&self, number: u32) -> Option<Vec<String>> {
        Some(self.lock().open.get(&number)?.tags.clone())
    }

    pub(crate) fn answered_at(&self, number: u32) -> Option<f64> {
        self.lock().open.get(&number)?.answered_at
    }

    pub(crate) fn attach(&self, number: u32, attachment: Vec<u8>) {
        if let Some(entry) = self.lock().open.get_mut(&number) {
            entry.attachment = Some(attachment);
        }
    }

    pub(crate) fn set_auto_response(&self, pair: Option<AutoResponse>) {
        self.lock().auto_response = pair;
    }

    pub(crate) fn auto_response(&self) -> Option<AutoResponse> {
        self.lock().auto_response.clone()
    }

    pub(crate) fn set_event_timeout(&self, timeout: Option<Duration>) {
        self.lock().event_timeout = timeout;
    }

    pub(crate) fn event_timeout(&self) -> Option<Duration> {
        self.lock().event_timeout
    }

    /// Breaks all connections off, and forgets what was set.
    pub(crate) fn disconnect(&self) {
        let mut state = self.lock();
        // Numbers are not used again: the tasks that read know by them whether their socket is still here.
        let open = std::mem::take(&mut state.open);
        state.auto_response = None;
        state.event_timeout = None;
        drop(state);
        drop(open);
    }

    /// Answers a message that asks for no more. `false`: it is the object's.
    fn answer(&self, number: u32, text: &str, outlet: &Outlet) -> bool {
        let mut state = self.lock();
        let Some(pair) = state.auto_response.as_ref().filter(|pair| pair.request == text).cloned() else {
            return false;
        };
        if let Some(entry) = state.open.get_mut(&number) {
            entry.answered_at = Some(isolate::unix_millis());
        }
        outlet.send(Message::Text(pair.response), None, None);
        true
    }

    fn close(&self, number: u32) {
        if let Some(entry) = self.lock().open.get_mut(&number) {
            entry.closed = true;
        }
    }

    fn has(&self, number: u32) -> bool {
        self.lock().open.contains_key(&number)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the object what comes on a socket, one thing after the other, until the socket is over.
async fn read(sockets: Arc<ObjectSockets>, object: Object, number: u32, inlet: Inlet, outlet: Outlet, origin: Origin) {
    loop {
        let (event, last) = match inlet.next().await {
            Incoming::Message(Message::Text(text)) if sockets.answer(number, &text, &outlet) => continue,
            Incoming::Message(Message::Text(text)) => (SocketEvent::Text(text), false),
            Incoming::Message(Message::Binary(bytes)) => (SocketEvent::Binary(bytes), false),
            Incoming::Message(Message::Close(close)) => (SocketEvent::Close(close, true), true),
            Incoming::Failed(reason) => (SocketEvent::Error(reason), true),
            Incoming::Gone => (SocketEvent::Close(Close { code: ABNORMAL, reason: NO_CLOSE.to_owned() }, false), true),
        };
        if last {
            sockets.close(number);
        }
        // The object has broken the connection off itself.
        if !sockets.has(number) {
            return;
        }
        if let Err(cause) = object.namespace.socket(&object, number, event, origin.clone()).await {
            tracing::warn!(?cause, object = %object.id, "an event of a Durable Object's WebSocket was lost");
        }
        if last {
            break;
        }
    }
    // The object may still have to send its own Close.
    outlet.gone().await;
    sockets.lock().open.remove(&number);
}

// === impl SocketEvent ===

impl SocketEvent {
    /// The arguments of the hook after the event's and the socket's numbers.
    pub(crate) fn arguments<'s>(self, scope: &mut v8::PinScope<'s, '_>) -> [v8::Local<'s, v8::Value>; 4] {
        let undefined: v8::Local<v8::Value> = v8::undefined(scope).into();
        match self {
            Self::Text(text) => [
                isolate::new_string(scope, "message").into(),
                isolate::new_string(scope, &text).into(),
                undefined,
                undefined,
            ],
            Self::Binary(bytes) => [
                isolate::new_string(scope, "message").into(),
                isolate::new_bytes(scope, bytes.into()).into(),
                undefined,
                undefined,
            ],
            Self::Close(close, clean) => [
                isolate::new_string(scope, "close").into(),
                v8::Integer::new(scope, close.code.into()).into(),
                isolate::new_string(scope, &close.reason).into(),
                v8::Boolean::new(scope, clean).into(),
            ],
            Self::Error(reason) => [
                isolate::new_string(scope, "error").into(),
                isolate::new_string(scope, &reason).into(),
                undefined,
                undefined,
            ],
        }
    }
}
