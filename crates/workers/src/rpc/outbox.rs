//! What leaves an object leaves in order, however long each piece has to wait at the output gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use isolate::{JsError, v8};
use tokio::sync::mpsc;

type Passage = BoxFuture<'static, Result<(), JsError>>;
type Piece = Box<dyn FnOnce(Result<(), JsError>) + Send>;

/// What waits to leave the object.
struct Outbox {
    queue: mpsc::UnboundedSender<(Option<Passage>, Piece)>,
    waiting: Arc<AtomicUsize>,
}

/// Lets `piece` leave: now, where nothing has to wait. It is told when the gate stays shut.
pub(crate) fn leave(scope: &mut v8::PinScope, piece: impl FnOnce(Result<(), JsError>) + Send + 'static) {
    let passage = isolate::output_gate(scope);
    if let Some(outbox) = isolate::own::<Outbox>(scope) {
        if passage.is_some() || outbox.waiting.load(Ordering::Acquire) > 0 {
            outbox.push(passage, Box::new(piece));
        } else {
            piece(Ok(()));
        }
        return;
    }
    if passage.is_none() {
        return piece(Ok(()));
    }
    let outbox = Outbox::new();
    outbox.push(passage, Box::new(piece));
    isolate::put_own(scope, outbox);
}

// === impl Outbox ===

impl Outbox {
    fn new() -> Self {
        let (queue, mut pieces) = mpsc::unbounded_channel::<(Option<Passage>, Piece)>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = waiting.clone();
        tokio::spawn(async move {
            while let Some((passage, piece)) = pieces.recv().await {
                let passed = match passage {
                    Some(passage) => passage.await,
                    None => Ok(()),
                };
                piece(passed);
                left.fetch_sub(1, Ordering::Release);
            }
        });
        Self { queue, waiting }
    }

    fn push(&self, passage: Option<Passage>, piece: Piece) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _ = self.queue.send((passage, piece));
    }
}
