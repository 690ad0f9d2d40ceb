//! Durable Objects' events, for whoever watches their Worker: these come from inside, so that the object's own namespace tells of them.

use std::sync::Arc;

use crate::Invocations;
use crate::event::{Cause, Usage};
use crate::fetch_event::Request;
use crate::object_sockets::SocketEvent;

/// What an object is about to do.
pub enum ObjectEvent<'e> {
    Request(&'e Request),
    /// A call of this method.
    Call(&'e str),
    /// The alarm that was set for this time, in milliseconds since the Unix epoch.
    Alarm(i64),
    /// A message came on a WebSocket.
    Message,
    /// A WebSocket was closed, with this code.
    Close {
        code: u16,
        was_clean: bool,
    },
    /// A WebSocket broke.
    Error,
}

/// Tells of the events of a class's objects.
pub trait Tracer: Send + Sync {
    /// Begins to watch an event, where somebody wants to know. `told`: see [`crate::Invocations::told`].
    fn begin(&self, event: &ObjectEvent<'_>, told: &Arc<[Arc<str>]>) -> Option<Box<dyn Tracing>>;
}

/// An event that is watched.
pub trait Tracing: Send {
    /// What the event is known by.
    fn usage(&self) -> Usage;

    /// The place in a trace that the event leads on from, where it begins one.
    fn invocations(&self) -> Option<Invocations> {
        None
    }

    /// How it has ended.
    fn ended(&self, end: End<'_>);
}

pub enum End<'e> {
    Done,
    Response(u16),
    /// It threw, and who called it was told.
    Thrown,
    Failed(&'e Cause),
}

// === impl ObjectEvent ===

impl ObjectEvent<'_> {
    pub(crate) fn of_socket(event: &SocketEvent) -> Self {
        match event {
            SocketEvent::Text(_) | SocketEvent::Binary(_) => Self::Message,
            SocketEvent::Close(close, was_clean) => Self::Close { code: close.code, was_clean: *was_clean },
            SocketEvent::Error(_) => Self::Error,
        }
    }
}
