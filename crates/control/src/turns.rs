//! Large bodies are read into memory: of each account so many at a time. The others wait, unread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Request;
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Large bodies of an account that are in memory at once.
const AT_ONCE: usize = 4;
/// A body of more bytes is large, and one that does not say.
const LARGE: u64 = 1 << 20;

/// Whose turn it is, by account.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Semaphore>>>);

// === impl Turns ===

impl Turns {
    /// Resolves when the account has room for the request's body, for as long as the permit is kept. A small one needs none.
    pub(crate) fn wait(
        &self,
        account: &str,
        request: &Request,
    ) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + use<> {
        let room = is_large(request).then(|| {
            let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            accounts.entry(account.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
        });
        async move {
            match room {
                // It is never closed.
                Some(room) => room.acquire_owned().await.ok(),
                None => None,
            }
        }
    }
}

/// R2's objects pass through, whatever their size.
fn is_large(request: &Request) -> bool {
    let passes = request.uri().path().contains("/r2/buckets/");
    !passes && request.body().size_hint().exact().is_none_or(|bytes| bytes > LARGE)
}
