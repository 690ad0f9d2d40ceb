//! What a certificate authority asks for at `/.well-known/acme-challenge/`, to see that a name leads here (RFC 8555 §8.3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PREFIX: &str = "/.well-known/acme-challenge/";

/// The challenges that are to be answered now: their tokens, and the answers.
#[derive(Default)]
pub struct Challenges(Mutex<HashMap<String, String>>);

/// Answers challenges, and leaves all else to another handler.
pub struct Answering<H> {
    pub challenges: Arc<Challenges>,
    pub handler: H,
}

// === impl Challenges ===

impl Challenges {
    pub(super) fn add(&self, token: &str, answer: &str) {
        self.all().insert(token.to_owned(), answer.to_owned());
    }

    pub(super) fn remove(&self, token: &str) {
        self.all().remove(token);
    }

    fn answer(&self, path: &str) -> Option<String> {
        self.all().get(path.strip_prefix(PREFIX)?).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Answering ===

impl<H: edge::Handler> edge::Handler for Answering<H> {
    async fn handle(&self, request: edge::Request) -> edge::Response {
        match self.challenges.answer(request.path_and_query()) {
            Some(answer) => edge::Response::new(answer.into()),
            None => self.handler.handle(request).await,
        }
    }
}
