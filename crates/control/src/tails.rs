//! Tails: `wrangler tail` makes one and then listens on a WebSocket, whose URL is the only right that it needs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use http::HeaderMap;
use http::header::HOST;
use platform::{Filters, Watch};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{Segments, Whole};
use crate::scripts::known;

/// The WebSocket subprotocol.
const TRACE: &str = "trace-v1";
/// How long a tail waits for its WebSocket.
const PATIENCE: Duration = Duration::from_secs(60);
const MAX_FILTERS: usize = 64 << 10;

/// Tails whose WebSocket has not come yet, by their keys, which nobody can guess.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<HashMap<String, (Instant, Watch)>>);

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(post)).routes(routes!(delete))
}

/// Where the WebSockets are. Outside of `/client/v4`: they come without a token.
pub(crate) fn sockets() -> axum::Router<Control> {
    axum::Router::new().route("/tails/{key}", get(listen))
}

#[utoipa::path(post, path = "/accounts/{account}/workers/scripts/{script}/tails", tag = "Tails",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "A URL at which each event of the Worker is told of, with the subprotocol trace-v1")))]
async fn post(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    headers: HeaderMap,
    // wrangler says text/plain.
    Whole(body): Whole,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let body = std::str::from_utf8(&body).map_err(|_| ApiError::bad_request(10021, "The filters are not UTF-8."))?;
    let filters = match body.trim() {
        "" => Filters::default(),
        text if text.len() > MAX_FILTERS => return Err(ApiError::bad_request(10021, "The filters are too long.")),
        text => serde_json::from_str(text)
            .map_err(|error| ApiError::bad_request(10021, format!("The filters can't be read: {error}")))?,
    };
    let watch = control.platform().watch(&script.tag, filters);
    let watch = watch.ok_or_else(|| {
        let message = "You have reached the limit of 10 tails of this Worker at a time.";
        ApiError::new(http::StatusCode::TOO_MANY_REQUESTS, 10057, message)
    })?;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| ApiError::bad_request(10021, "The request has no Host."))?;
    // Whose it is stands first, for a process that has only the URL to go by.
    let key = format!("{account}{}{}", registry::new_hex_id(), registry::new_hex_id());
    let id = watch.id.clone();
    let expires = registry::Stamp(registry::Stamp::now().0 + i64::try_from(watch.expires_in.as_millis()).unwrap_or(0));
    control.tails().put(key.clone(), watch);
    ok(json!({ "id": id, "url": format!("ws://{host}/tails/{key}"), "expires_at": expires.to_string() }))
}

#[utoipa::path(delete, path = "/accounts/{account}/workers/scripts/{script}/tails/{tail}", tag = "Tails",
    params(("account" = String, Path), ("script" = String, Path), ("tail" = String, Path)),
    responses((status = 200, description = "The tail has ended")))]
async fn delete(
    State(control): State<Control>,
    Segments((account, name, id)): Segments<(String, String, String)>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    match control.platform().end_watch(&script.tag, &id) {
        true => ok(Value::Null),
        false => {
            Err(ApiError::new(http::StatusCode::NOT_FOUND, 10059, format!("There is no tail {id:?} of this Worker.")))
        }
    }
}

async fn listen(
    State(control): State<Control>,
    Segments(key): Segments<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let watch = control.tails().take(&key);
    let missing = || ApiError::new(http::StatusCode::NOT_FOUND, 10059, "There is no such tail: ask for a new one.");
    let watch = watch.ok_or_else(missing)?;
    // wrangler's first message is not masked, against the protocol.
    let upgrade = upgrade.protocols([TRACE]).max_message_size(MAX_FILTERS).accept_unmasked_frames(true);
    Ok(upgrade.on_upgrade(|socket| tell(socket, watch)))
}

/// Sends each event, until either side has had enough.
async fn tell(mut socket: WebSocket, mut watch: Watch) {
    loop {
        tokio::select! {
            event = watch.events.recv() => {
                let Some(event) = event else { break };
                if socket.send(Message::Text(event.to_string().into())).await.is_err() {
                    return;
                }
            }
            said = socket.recv() => match said {
                // What wrangler says besides (`{debug: false}`) changes nothing; pings are answered.
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
    // The other side may be gone.
    let _ = socket.send(Message::Close(None)).await;
}

// === impl Waiting ===

impl Waiting {
    fn put(&self, key: String, watch: Watch) {
        self.waiting().insert(key, (Instant::now(), watch));
    }

    fn take(&self, key: &str) -> Option<Watch> {
        self.waiting().remove(key).map(|(_, watch)| watch)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, (Instant, Watch)>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (since, _)| since.elapsed() < PATIENCE);
        waiting
    }
}
