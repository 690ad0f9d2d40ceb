//! Every action that changes something is written down with who did it and how it ended.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use registry::Entry;

use crate::Control;
use crate::access::Caller;

/// Longer paths are cut in the log.
const MAX_SUBJECT: usize = 512;

pub(crate) async fn write_down(State(control): State<Control>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    if method == Method::GET || method == Method::HEAD {
        return next.run(request).await;
    }
    let caller = request.extensions().get::<Caller>().cloned();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let subject: String = request.uri().path().chars().take(MAX_SUBJECT).collect();
    let response = next.run(request).await;
    if let Some(Caller(token)) = caller {
        let action = format!("{method} {}", route.as_deref().unwrap_or("unknown"));
        let entry =
            Entry { account: token.account, token: token.id, action, subject, status: response.status().as_u16() };
        if let Err(error) = control.registry().audit(entry).await {
            tracing::error!(%error, "an action could not be written to the audit log");
        }
    }
    response
}
