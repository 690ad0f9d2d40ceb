//! The way into an isolate: events go in, and whoever sent one hears how it ended.

use http::Response;
use isolate::{ContextId, Failure, Message};
use tokio::sync::{mpsc, oneshot};
use webapi::body::Outgoing;

use crate::event::{Answer, Cause, Outcome, Usage};
use crate::fetch_event::{FetchEvent, Request};

/// Sends events to whatever isolate serves them at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    sender: mpsc::UnboundedSender<Message>,
}

/// Tells the isolate when the one who waits for an event's answer is gone.
struct Abandon<'a> {
    mailbox: &'a Mailbox,
    id: ContextId,
    unanswered: bool,
}

// === impl Mailbox ===

impl Mailbox {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Message>) {
        let (sender, inbox) = mpsc::unbounded_channel();
        (Self { sender }, inbox)
    }

    /// Handles a request. Dropping the future says that nobody wants the response any more.
    pub(crate) async fn fetch(&self, request: Request, usage: Usage) -> Outcome<Response<Outgoing>> {
        let (answer, outcome) = Answer::new(usage);
        let id = ContextId::next();
        self.send(FetchEvent::job(id, request, answer));
        self.outcome(id, outcome).await
    }

    /// What becomes of event `id`, which was sent here. Dropping the future tells the event that nobody waits for it.
    pub(crate) async fn outcome<T>(&self, id: ContextId, outcome: oneshot::Receiver<Outcome<T>>) -> Outcome<T> {
        let mut abandon = Abandon { mailbox: self, id, unanswered: true };
        let outcome = outcome.await;
        abandon.unanswered = false;
        outcome.unwrap_or(Err(Cause::Runtime(Failure::IsolateGone)))
    }

    /// Tells an event that nobody waits for its answer any more.
    pub(crate) fn abandon(&self, id: ContextId) {
        let _ = self.sender.send(Message::Within(id, Box::new(crate::fetch_event::gone)));
    }

    pub(crate) fn send(&self, job: isolate::Job) {
        // The isolate's task lives as long as a sender does; were it gone, the dropped job would answer for itself.
        let _ = self.sender.send(Message::Event(job));
    }
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if self.unanswered {
            self.mailbox.abandon(self.id);
        }
    }
}
