//! The way into one isolate from anywhere in the process. Unlike a mailbox, which outlives the isolate that serves it, this
//! leads to that isolate and no other: for what has to do with something that is in it.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::state::state;
use crate::{Begin, ContextId, Job, Message};

/// Sends an isolate events, and what runs in those that it has. Clones lead to the same isolate.
#[derive(Clone, Debug)]
pub struct Remote(UnboundedSender<Message>);

/// What was sent to the isolate and has not run yet.
pub(crate) type Inbox = UnboundedReceiver<Message>;

// === impl Remote ===

impl Remote {
    pub(crate) fn new() -> (Self, Inbox) {
        let (sender, inbox) = unbounded_channel();
        (Self(sender), inbox)
    }

    /// A new event of the actor that `event`, which was begun, is of. When that has ended, the job is dropped.
    pub fn event(&self, event: ContextId, job: Job) {
        let _ = self.0.send(Message::EventOf(event, job));
    }

    /// Runs `run` within an event that was begun. When that has ended, or the isolate is gone, `run` is dropped.
    pub fn within(&self, event: ContextId, run: Begin) {
        let _ = self.0.send(Message::Within(event, run));
    }
}

/// The way into the isolate that `scope` is in.
pub fn remote(scope: &mut v8::PinScope) -> Remote {
    state(scope).remote.clone()
}
