//! What answers of a Worker: its static assets and, behind them, its code.

use std::sync::Arc;

use assets::Site;
use http::Response;
use webapi::body::Outgoing;
use workers::{
    Cause, Decisions, Invocation, JsException, Outcome, QueueBatch, Request, Returned, Scheduled, Tailed, Usage, Worker,
};

use crate::site::{self, Seen};

/// A version of a Worker, with one of the two at least.
pub struct Program {
    pub assets: Option<Arc<Site>>,
    pub code: Option<Worker>,
}

// === impl Program ===

impl Program {
    /// The answer of the assets, where the request is theirs, or of the code. A request to a named entrypoint is the code's.
    pub async fn fetch(&self, request: Request, usage: Usage) -> Outcome<Response<Outgoing>> {
        if let Some(assets) = &self.assets
            && request.entrypoint.name.is_none()
        {
            let seen = Seen { method: &request.method, url: &request.url, headers: &request.headers };
            if let Some(response) = site::answer(assets, &seen, self.code.is_some()).await {
                return Ok(response);
            }
        }
        self.worker()?.fetch(request, usage).await
    }

    pub async fn call(&self, invocation: Invocation) -> Outcome<Returned> {
        self.worker()?.call(invocation).await
    }

    pub async fn scheduled(&self, event: Scheduled, usage: Usage) -> Outcome<()> {
        self.worker()?.scheduled(event, usage).await
    }

    pub async fn queue(&self, batch: QueueBatch, usage: Usage) -> (Outcome<()>, Decisions) {
        match self.worker() {
            Ok(worker) => worker.queue(batch, usage).await,
            Err(cause) => (Err(cause), Decisions::default()),
        }
    }

    pub async fn tail(&self, tailed: Tailed, usage: Usage) -> Outcome<()> {
        self.worker()?.tail(tailed, usage).await
    }

    fn worker(&self) -> Outcome<&Worker> {
        let none = || JsException {
            name: "Error".into(),
            message: "The Worker has static assets alone, and no code.".into(),
            ..JsException::default()
        };
        self.code.as_ref().ok_or_else(|| Cause::Exception(none()))
    }
}
