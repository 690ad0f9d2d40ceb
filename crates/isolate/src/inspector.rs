//! The way between a client of the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/v8/) and the isolates of one
//! script, one after the other: the client stays while isolates are replaced, and each new one is told what the client had set.
//! What V8 has to do with it is in `inspector/inspection.rs`.

mod inspection;
mod replay;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use futures::task::AtomicWaker;
use tokio::sync::{Notify, watch};

use replay::Replay;

pub(crate) use inspection::Inspection;
pub use inspection::{inspected, report_exception};

/// Bytes for the client that may wait. An isolate that has more to say stands still until it has taken some.
const MAX_OUT: usize = 32 << 20;
/// Bytes for the isolate that may wait. A client that sends more is let go.
const MAX_IN: usize = 64 << 20;

/// What a script's isolates have of the inspector. Only those of the newest one ([`Inspector::successor`]) are inspected.
#[derive(Clone)]
pub struct Inspector {
    shared: Arc<Shared>,
    generation: u64,
}

/// A client. Dropped, it lets go of the script, which goes on where it was paused.
pub struct Client {
    shared: Arc<Shared>,
    number: u64,
    ready: Arc<Notify>,
}

/// The client was replaced by another, sent more than can wait, or the inspector was closed.
#[derive(Debug, thiserror::Error)]
#[error("the inspector has let this client go")]
pub struct Detached;

pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes isolates' threads: one that is paused, one that waits for its client to take what it said.
    changed: Condvar,
    /// Wakes the task of the current isolate.
    waker: AtomicWaker,
    /// An interrupt was asked for and has not come yet.
    interrupting: AtomicBool,
    /// The newest generation, and the number of the client; 0: none.
    wanted: watch::Sender<(u64, u64)>,
}

#[derive(Default)]
struct State {
    generation: u64,
    /// The number of the isolate that is inspected now, and how it is interrupted.
    isolate: u64,
    handle: Option<v8::IsolateHandle>,
    client: Option<Attached>,
    clients: u64,
    closed: bool,
}

struct Attached {
    number: u64,
    inbox: Queue,
    outbox: Queue,
    ready: Arc<Notify>,
    replay: Replay,
    /// It has met an isolate before.
    met: bool,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<String>,
    bytes: usize,
}

/// What an isolate's session is to do next.
enum Next {
    Nothing,
    /// The client is gone, or another isolate is inspected now.
    Leave,
    /// There is this client, whose messages of before say what it had set.
    Meet(u64, Vec<String>),
    Message(String),
}

// === impl Queue ===

impl Queue {
    fn push(&mut self, message: String) {
        self.bytes += message.len();
        self.messages.push_back(message);
    }

    fn pop(&mut self) -> Option<String> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }
}

// === impl Inspector ===

impl Default for Inspector {
    fn default() -> Self {
        let shared = Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            waker: AtomicWaker::new(),
            interrupting: AtomicBool::new(false),
            wanted: watch::Sender::new((0, 0)),
        };
        Self { shared: Arc::new(shared), generation: 0 }
    }
}

impl Inspector {
    /// For isolates that come in the place of all before. What of those is paused goes on.
    pub fn successor(&self) -> Self {
        let generation = {
            let mut state = self.shared.lock();
            state.generation += 1;
            state.generation
        };
        self.shared.wanted.send_modify(|(newest, _)| *newest = generation);
        self.shared.poke();
        Self { shared: self.shared.clone(), generation }
    }

    /// Lets a client in, in the place of the one before.
    pub fn attach(&self) -> Client {
        let ready = Arc::new(Notify::new());
        let (number, closed) = {
            let mut state = self.shared.lock();
            state.clients += 1;
            let number = state.clients;
            let before = match state.closed {
                true => None,
                false => state.client.replace(Attached {
                    number,
                    inbox: Queue::default(),
                    outbox: Queue::default(),
                    ready: ready.clone(),
                    replay: Replay::default(),
                    met: false,
                }),
            };
            if let Some(before) = before {
                before.ready.notify_one();
            }
            (number, state.closed)
        };
        if !closed {
            self.shared.wanted.send_modify(|(_, client)| *client = number);
            self.shared.poke();
        }
        Client { shared: self.shared.clone(), number, ready }
    }

    /// Lets the client go, for good: none comes after it.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.drop_client(|_| true);
    }

    /// Waits until a client wants an isolate of this script, other than the client `tried`, and says which.
    pub async fn wanted(&self, tried: u64) -> u64 {
        let mut wanted = self.shared.wanted.subscribe();
        let found = wanted.wait_for(|(newest, client)| *newest == self.generation && *client != 0 && *client != tried);
        match found.await.map(|found| found.1) {
            Ok(client) => client,
            // The sender is in `self`.
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether a client is there.
    pub fn is_attached(&self) -> bool {
        self.shared.lock().client.is_some()
    }
}

// === impl Client ===

impl Client {
    /// Sends one message of the protocol.
    pub fn send(&self, message: String) -> Result<(), Detached> {
        {
            let mut state = self.shared.lock();
            let client = state.client.as_mut().filter(|client| client.number == self.number).ok_or(Detached)?;
            if client.inbox.bytes + message.len() > MAX_IN {
                return Err(Detached);
            }
            client.inbox.push(message);
        }
        self.shared.poke();
        Ok(())
    }

    /// The next message for it; `None`: it was let go.
    pub async fn next(&self) -> Option<String> {
        loop {
            {
                let mut state = self.shared.lock();
                let client = state.client.as_mut().filter(|client| client.number == self.number)?;
                if let Some(message) = client.outbox.pop() {
                    drop(state);
                    self.shared.changed.notify_all();
                    return Some(message);
                }
            }
            self.ready.notified().await;
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.drop_client(|client| client.number == self.number);
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_client(&self, which: impl Fn(&Attached) -> bool) {
        let gone = self.lock().client.take_if(|client| which(client));
        if let Some(client) = gone {
            self.wanted.send_modify(|(_, number)| {
                if *number == client.number {
                    *number = 0;
                }
            });
            client.ready.notify_one();
            self.poke();
        }
    }

    /// Something has changed for the current isolate, whatever it is at: a pause, JavaScript, or nothing.
    fn poke(&self) {
        self.changed.notify_all();
        self.waker.wake();
        let handle = self.lock().handle.clone();
        if let Some(handle) = handle
            && !self.interrupting.swap(true, Ordering::AcqRel)
        {
            handle.request_interrupt(inspection::interrupted, std::ptr::null_mut());
        }
    }

    /// An isolate of this generation is inspected from now on, under the number that is returned. `None`: there is a newer generation.
    fn enter(&self, generation: u64, handle: v8::IsolateHandle) -> Option<u64> {
        let mut state = self.lock();
        if state.generation != generation {
            return None;
        }
        state.isolate += 1;
        state.handle = Some(handle);
        self.interrupting.store(false, Ordering::Release);
        let number = state.isolate;
        drop(state);
        self.changed.notify_all();
        Some(number)
    }

    fn leave(&self, isolate: u64) {
        let mut state = self.lock();
        if state.isolate == isolate {
            state.handle = None;
        }
    }

    /// What isolate `isolate` of a generation is to do next, whose session is of the client `session`; 0: it has none.
    fn next(&self, generation: u64, isolate: u64, session: u64) -> Next {
        let mut state = self.lock();
        let current = state.isolate == isolate && state.generation == generation;
        match state.client.as_mut().filter(|_| current) {
            None if session == 0 => Next::Nothing,
            None => Next::Leave,
            Some(client) if client.number != session => {
                if client.met {
                    client.outbox.push(r#"{"method":"Debugger.resumed","params":{}}"#.into());
                    client.outbox.push(r#"{"method":"Runtime.executionContextsCleared","params":{}}"#.into());
                    client.ready.notify_one();
                }
                client.met = true;
                Next::Meet(client.number, client.replay.messages())
            }
            Some(client) => match client.inbox.pop() {
                Some(message) => {
                    client.replay.sent(&message);
                    Next::Message(message)
                }
                None => Next::Nothing,
            },
        }
    }

    /// Whether `next` would give something; otherwise wakes the task when it may.
    fn poll_next(&self, cx: &mut std::task::Context<'_>, generation: u64, isolate: u64, session: u64) -> bool {
        let state = self.lock();
        // There is one waker: an isolate whose time is over must not take it from the one that is inspected now.
        if state.isolate == isolate && state.generation == generation {
            self.waker.register(cx.waker());
        }
        Self::has_news(&state, generation, isolate, session)
    }

    /// Whether `next` would give something.
    fn has_news(state: &State, generation: u64, isolate: u64, session: u64) -> bool {
        let current = state.isolate == isolate && state.generation == generation;
        match state.client.as_ref().filter(|_| current) {
            None => session != 0,
            Some(client) => client.number != session || !client.inbox.messages.is_empty(),
        }
    }

    /// Stands still until `next` gives something.
    fn wait(&self, generation: u64, isolate: u64, session: u64) {
        let mut state = self.lock();
        while !Self::has_news(&state, generation, isolate, session) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a message of isolate `isolate` to the client `session`; stands still while too much waits for that. `answers`: the id of the
    /// client's message that it answers.
    fn emit(&self, generation: u64, isolate: u64, session: u64, message: String, answers: Option<i32>) {
        let mut state = self.lock();
        loop {
            let current = state.isolate == isolate && state.generation == generation;
            let Some(client) = state.client.as_mut().filter(|client| current && client.number == session) else {
                return;
            };
            if client.outbox.bytes < MAX_OUT {
                if let Some(id) = answers {
                    client.replay.answered(id, &message);
                }
                client.outbox.push(message);
                client.ready.notify_one();
                return;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
