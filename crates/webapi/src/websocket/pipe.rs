//! Two ends of one socket within the process. What one end sends, the other receives, in order.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::BoxFuture;
use isolate::JsError;

use super::{Charge, Close, Message};

/// Bytes under way past which a sender that can wait should.
const HIGH_WATER: usize = 1024 * 1024;

/// What a message waits for before it may leave: [`isolate::output_gate`].
pub type Gate = BoxFuture<'static, Result<(), JsError>>;

/// One end. When it is dropped the other end learns that nobody is here any more.
#[derive(Debug)]
pub struct Socket {
    pub inlet: Inlet,
    pub outlet: Outlet,
    /// What the two sides have agreed on in the handshake: `WebSocket.protocol` and `WebSocket.extensions`.
    pub protocol: Option<String>,
    pub extensions: Option<String>,
    _end: End,
}

/// Says that this end is gone when it is dropped.
#[derive(Debug)]
struct End {
    incoming: Arc<Line>,
    outgoing: Arc<Line>,
}

/// Where an end's messages go. Clones are the same.
#[derive(Clone, Debug)]
pub struct Outlet {
    line: Arc<Line>,
}

/// Where an end's messages come from. Clones are the same: each message is taken once.
#[derive(Clone, Debug)]
pub struct Inlet {
    line: Arc<Line>,
}

/// What an end receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    Message(Message),
    /// The connection broke for this reason.
    Failed(String),
    /// The other end has gone without a Close.
    Gone,
}

/// The messages of one direction.
#[derive(Default)]
struct Line(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    bytes: usize,
    closed: bool,
    failed: Option<String>,
    sender_gone: bool,
    receiver_gone: bool,
    receiver: Option<Waker>,
    /// Those that wait for room or for the receiver's end.
    waiting: Vec<Waker>,
}

struct Queued {
    message: Message,
    gate: Option<Gate>,
    _charge: Option<Charge>,
}

/// Two connected ends.
pub fn pair() -> (Socket, Socket) {
    let (there, back) = (Arc::new(Line::default()), Arc::new(Line::default()));
    (Socket::new(back.clone(), there.clone()), Socket::new(there, back))
}

// === impl Socket ===

impl Socket {
    fn new(incoming: Arc<Line>, outgoing: Arc<Line>) -> Self {
        Self {
            inlet: Inlet { line: incoming.clone() },
            outlet: Outlet { line: outgoing.clone() },
            protocol: None,
            extensions: None,
            _end: End { incoming, outgoing },
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut outgoing = self.outgoing.lock();
        outgoing.sender_gone = true;
        outgoing.wake_receiver();
        drop(outgoing);
        let mut incoming = self.incoming.lock();
        incoming.receiver_gone = true;
        // What nobody will take must not be kept.
        let unread = std::mem::take(&mut incoming.queue);
        incoming.bytes = 0;
        incoming.wake_waiting();
        drop(incoming);
        drop(unread);
    }
}

// === impl Outlet ===

impl Outlet {
    /// Sends a message, once `gate` is open. After a Close, and when nobody receives any more, it goes nowhere.
    pub fn send(&self, message: Message, gate: Option<Gate>, charge: Option<Charge>) {
        let mut state = self.line.lock();
        if state.closed || state.receiver_gone || state.failed.is_some() {
            return;
        }
        state.closed = matches!(message, Message::Close(_));
        state.bytes += message.weight();
        state.queue.push_back(Queued { message, gate, _charge: charge });
        state.wake_receiver();
    }

    /// Breaks this direction off: the receiver learns why after what was sent.
    pub fn fail(&self, reason: String) {
        let mut state = self.line.lock();
        if !state.closed && state.failed.is_none() {
            state.failed = Some(reason);
            state.wake_receiver();
        }
    }

    /// Resolves when little is under way, or nobody receives any more: then `false`.
    pub async fn room(&self) -> bool {
        std::future::poll_fn(|cx| {
            let mut state = self.line.lock();
            if state.receiver_gone {
                return Poll::Ready(false);
            }
            if state.bytes < HIGH_WATER {
                return Poll::Ready(true);
            }
            state.watch(cx);
            Poll::Pending
        })
        .await
    }

    /// Resolves when the other end has gone.
    pub async fn gone(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.line.lock();
            if state.receiver_gone {
                return Poll::Ready(());
            }
            state.watch(cx);
            Poll::Pending
        })
        .await;
    }

    /// Whether a Close was sent, or can't be any more.
    pub fn is_closed(&self) -> bool {
        let state = self.line.lock();
        state.closed || state.receiver_gone
    }
}

// === impl Inlet ===

impl Inlet {
    /// What comes next. After a Close, a failure or the other end's going nothing does.
    pub async fn next(&self) -> Incoming {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Incoming> {
        let mut state = self.line.lock();
        let Some(first) = state.queue.front_mut() else {
            let State { failed, sender_gone, .. } = &*state;
            return match (failed, sender_gone) {
                (Some(reason), _) => Poll::Ready(Incoming::Failed(reason.clone())),
                (None, true) => Poll::Ready(Incoming::Gone),
                (None, false) => {
                    state.receiver = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        };
        if let Some(gate) = &mut first.gate {
            match Pin::new(gate).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => first.gate = None,
                Poll::Ready(Err(error)) => {
                    // What follows from a change that was not kept must not show.
                    state.queue.clear();
                    state.bytes = 0;
                    state.failed = Some(error.message.clone());
                    return Poll::Ready(Incoming::Failed(error.message));
                }
            }
        }
        let Some(Queued { message, .. }) = state.queue.pop_front() else { return Poll::Pending };
        let before = state.bytes;
        state.bytes = before.saturating_sub(message.weight());
        if before >= HIGH_WATER && state.bytes < HIGH_WATER {
            state.wake_waiting();
        }
        Poll::Ready(Incoming::Message(message))
    }
}

// === impl Line ===

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        f.debug_struct("Line").field("messages", &state.queue.len()).field("closed", &state.closed).finish()
    }
}

// === impl State ===

impl State {
    fn wake_receiver(&mut self) {
        if let Some(waker) = self.receiver.take() {
            waker.wake();
        }
    }

    fn wake_waiting(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }

    fn watch(&mut self, cx: &Context<'_>) {
        if !self.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.waiting.push(cx.waker().clone());
        }
    }
}

// === impl Close ===

impl From<Close> for Message {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}
