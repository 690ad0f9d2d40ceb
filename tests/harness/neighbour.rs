//! A Worker of another account that is asked all the time: whatever happens to the server, it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::{Request, Served, eventually, text};

pub struct Neighbour {
    answers: Arc<AtomicUsize>,
    leaves: Arc<AtomicBool>,
    asking: JoinHandle<()>,
}

// === impl Neighbour ===

impl Neighbour {
    /// Makes the account and deploys the Worker, which is asked from then on.
    pub async fn start(served: &Served) -> Self {
        let (account, token) = served.another_account().await;
        let source = "let n = 0; export default { fetch() { return new Response(`calm ${++n}`); } };";
        served.upload_as(&account, &token, "neighbour", json!({}), source).await;
        let (answers, leaves) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (address, counted, left) = (served.http(), answers.clone(), leaves.clone());
        let asking = tokio::spawn(async move {
            while !left.load(Ordering::Relaxed) {
                let asked = Request::new(address, "GET", "/").header("host", "neighbour.other.localhost").send().await;
                // The count goes on: its isolate is the one that it was.
                let nth = counted.fetch_add(1, Ordering::Relaxed) + 1;
                assert_eq!(text(asked).await, format!("calm {nth}"));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let this = Self { answers, leaves, asking };
        this.answers().await;
        this
    }

    /// Waits for three more answers, the last of which was asked for and given from now on.
    pub async fn answers(&self) {
        let before = self.answers.load(Ordering::Relaxed);
        eventually(|| async { self.asking.is_finished() || self.answers.load(Ordering::Relaxed) >= before + 3 }).await;
        assert!(!self.asking.is_finished(), "the neighbour was not answered");
    }

    /// Every answer has been the right one.
    pub async fn was_calm(self) {
        self.answers().await;
        self.leaves.store(true, Ordering::Relaxed);
        self.asking.await.expect("the neighbour was answered");
    }
}
