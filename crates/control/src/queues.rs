//! Queues: their names and settings, purging and deletion. Consumers are in `queue_consumers.rs`, messages in `queue_messages.rs`.

use axum::extract::{RawQuery, State};
use http::StatusCode;
use platform::Product;
use queue::{Error, Queue, Settings};
use registry::{BindingKind, Resource, ResourceKind, Stamp};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok, page};
use crate::extract::{JsonBody, Segments};
use crate::{queue_consumers, scripts};

/// <https://developers.cloudflare.com/queues/platform/limits/>
const MAX_QUEUES: usize = 10_000;
const MAX_NAME: usize = 63;
/// Queues of one page, where the request does not say.
const PAGE: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, patch, delete))
        .routes(routes!(purge, purged))
        .routes(routes!(metrics))
}

/// The account's queue of this id. Another account's looks as if it were not there.
pub(crate) fn known(control: &Control, account: &str, id: &str) -> Result<Resource, ApiError> {
    let found = control.registry().resource(account, ResourceKind::Queue, id)?;
    let found = found.filter(|resource| resource.id == id);
    found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, 11000, format!("Queue '{id}' does not exist.")))
}

/// What is in it.
pub(crate) fn opened(control: &Control, account: &str, id: &str) -> Result<Queue, ApiError> {
    let Resource { id, .. } = known(control, account, id)?;
    Ok(control.platform().services().queue(account, &id))
}

/// Makes a queue.
pub(crate) async fn make(
    control: &Control,
    account: &str,
    name: &str,
    settings: Settings,
) -> Result<Resource, ApiError> {
    check_name(name)?;
    if control.registry().resources(account, ResourceKind::Queue)?.len() >= MAX_QUEUES {
        let message = format!("An account may have {MAX_QUEUES} queues, and this one has them.");
        return Err(ApiError::bad_request(10026, message));
    }
    let document = json!({ "modified": Stamp::now() });
    let made = control.registry().create_resource(account, ResourceKind::Queue, name, document).await;
    let queue = made.map_err(|error| match error {
        registry::Error::Taken { .. } => ApiError::new(
            StatusCode::CONFLICT,
            11009,
            format!("Queue name '{name}' is already taken. Please use a different name and try again."),
        ),
        error => error.into(),
    })?;
    let queues = control.platform().services().queues();
    if let Err(error) = queues.create(&queue.id, settings).await {
        control.registry().delete_resource(&queue.id).await?;
        return Err(error.into());
    }
    Ok(queue)
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(legal) {
        true => Ok(()),
        false => Err(ApiError::bad_request(
            11003,
            format!("Invalid queue name {name:?}. A name has 1 to {MAX_NAME} characters: letters, digits, - and _."),
        )),
    }
}

impl From<Error> for ApiError {
    /// The numbers are those of <https://developers.cloudflare.com/queues/reference/error-codes/>.
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Engine(error) => return Self::internal(error),
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::StorageLimit => StatusCode::TOO_MANY_REQUESTS,
            Error::MessageSize(_) | Error::BatchSize(_) | Error::BatchCount(_) => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.code(), error.to_string())
    }
}

/// Of all Workers, the queues that each one's deployed version sends to.
fn producers(control: &Control, account: &str) -> Result<Vec<(String, String)>, ApiError> {
    let mut producers = Vec::new();
    for script in control.registry().scripts(Some(account))? {
        let Some(version) = scripts::deployed(control, &script)? else { continue };
        for binding in version.document.bindings {
            if let BindingKind::Queue { queue_name, .. } = binding.kind {
                producers.push((queue_name, script.name.clone()));
            }
        }
    }
    producers.sort();
    producers.dedup();
    Ok(producers)
}

fn shown(control: &Control, queue: &Resource, producers: &[(String, String)]) -> Result<Value, ApiError> {
    let settings = control.platform().services().queues().queue(&queue.id).settings()?;
    let consumers: Vec<Value> = match control.registry().queue_consumer(&queue.id)? {
        Some(consumer) => vec![queue_consumers::shown(control, queue, &consumer)?],
        None => Vec::new(),
    };
    let producers: Vec<Value> = producers
        .iter()
        .filter(|(name, _)| *name == queue.name)
        .map(|(_, script)| json!({ "type": "worker", "script": script }))
        .collect();
    let modified = queue.document["modified"].as_i64().map_or(queue.created, Stamp);
    Ok(json!({
        "queue_id": queue.id,
        "queue_name": queue.name,
        "created_on": queue.created.to_string(),
        "modified_on": modified.to_string(),
        "settings": {
            "delivery_delay": settings.delivery_delay,
            "delivery_paused": settings.paused,
            "message_retention_period": settings.retention,
        },
        "producers_total_count": producers.len(),
        "producers": producers,
        "consumers_total_count": consumers.len(),
        "consumers": consumers,
    }))
}

/// The values of a parameter of the query, which may stand there several times.
fn asked(query: Option<&str>, name: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

#[utoipa::path(get, path = "/accounts/{account}/queues", tag = "Queues",
    params(("account" = String, Path), ("name" = Option<Vec<String>>, Query, description = "Only the queues of these names"),
        ("page" = Option<usize>, Query), ("per_page" = Option<usize>, Query)),
    responses((status = 200, description = "The account's queues")))]
async fn list(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let number = |name: &str| {
        let value = asked(query.as_deref(), name).into_iter().next();
        let number = value.map(|value| value.parse::<usize>().ok().filter(|number| *number > 0));
        number.map(|number| {
            number.ok_or_else(|| ApiError::bad_request(10029, format!("{name} must be a number from 1.")))
        })
    };
    let (number, per_page) = (number("page").transpose()?, number("per_page").transpose()?);
    let names = asked(query.as_deref(), "name");
    let mut queues = control.registry().resources(&account, ResourceKind::Queue)?;
    if !names.is_empty() {
        queues.retain(|queue| names.contains(&queue.name));
    }
    let producers = producers(&control, &account)?;
    let queues = queues.iter().map(|queue| shown(&control, queue, &producers)).collect::<Result<_, _>>()?;
    page(queues, number, per_page.or(Some(PAGE)))
}

#[derive(Debug, Deserialize)]
struct Body {
    queue_name: Option<String>,
    #[serde(default)]
    settings: Wanted,
}

/// What is not named stays.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    delivery_delay: Option<i64>,
    delivery_paused: Option<bool>,
    message_retention_period: Option<i64>,
}

// === impl Wanted ===

impl Wanted {
    fn over(&self, settings: Settings) -> Result<Settings, ApiError> {
        let seconds = |wanted: Option<i64>, before: u32, name: &str| match wanted {
            None => Ok(before),
            Some(wanted) => u32::try_from(wanted)
                .map_err(|_| ApiError::from(Error::Settings(format!("{name} can't be {wanted} seconds.")))),
        };
        Ok(Settings {
            delivery_delay: seconds(self.delivery_delay, settings.delivery_delay, "delivery_delay")?,
            retention: seconds(self.message_retention_period, settings.retention, "message_retention_period")?,
            paused: self.delivery_paused.unwrap_or(settings.paused),
        })
    }
}

#[utoipa::path(post, path = "/accounts/{account}/queues", tag = "Queues", params(("account" = String, Path)),
    responses((status = 200, description = "The new queue"), (status = 409, description = "There is one of this name")))]
async fn create(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    JsonBody(body): JsonBody<Body>,
) -> Outcome {
    let settings = body.settings.over(Settings::default())?;
    let queue = make(&control, &account, body.queue_name.as_deref().unwrap_or_default(), settings).await?;
    // A consumer may name it for its dead letters.
    control.platform().refresh_queues()?;
    ok(shown(&control, &queue, &producers(&control, &account)?)?)
}

#[utoipa::path(get, path = "/accounts/{account}/queues/{queue}", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)), responses((status = 200, description = "The queue")))]
async fn get(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    ok(shown(&control, &known(&control, &account, &id)?, &producers(&control, &account)?)?)
}

#[utoipa::path(put, path = "/accounts/{account}/queues/{queue}", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "The queue with these settings, and all others as they are by default")))]
async fn put(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Body>,
) -> Outcome {
    let queue = known(&control, &account, &id)?;
    change(&control, &account, queue, &body, Settings::default()).await
}

#[utoipa::path(patch, path = "/accounts/{account}/queues/{queue}", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "The queue with these settings, and all others as they were")))]
async fn patch(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Body>,
) -> Outcome {
    let queue = known(&control, &account, &id)?;
    let before = opened(&control, &account, &id)?.settings()?;
    change(&control, &account, queue, &body, before).await
}

async fn change(control: &Control, account: &str, queue: Resource, body: &Body, before: Settings) -> Outcome {
    if body.queue_name.as_ref().is_some_and(|name| *name != queue.name) {
        // Workers are bound to queues by their names.
        return Err(ApiError::bad_request(11003, "A queue keeps its name: make another, and delete this one."));
    }
    opened(control, account, &queue.id)?.configure(body.settings.over(before)?).await?;
    let document = json!({ "modified": Stamp::now() });
    let changing = control.registry().change_resource(ResourceKind::Queue, &queue.id, &queue.name, document.clone());
    changing.await?;
    ok(shown(control, &Resource { document, ..queue }, &producers(control, account)?)?)
}

#[utoipa::path(delete, path = "/accounts/{account}/queues/{queue}", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "The queue is gone with all that was in it")))]
async fn delete(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    let Resource { id, .. } = known(&control, &account, &id)?;
    // Its name goes last: a deletion that was broken off can be asked for again. It goes on although the client leaves.
    let deleting = tokio::spawn(async move {
        control.platform().services().queues().delete(&id).await?;
        control.platform().services().quota(&account).forget(Product::Queues, &id);
        control.registry().delete_resource(&id).await?;
        control.platform().refresh_queues()?;
        Ok::<_, ApiError>(())
    });
    deleting.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))?;
    ok(Value::Null)
}

#[derive(Debug, Deserialize)]
struct Purge {
    #[serde(default)]
    delete_messages_permanently: bool,
}

#[utoipa::path(post, path = "/accounts/{account}/queues/{queue}/purge", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "The messages that were in the queue are gone")))]
async fn purge(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Purge>,
) -> Outcome {
    let resource = known(&control, &account, &id)?;
    if !body.delete_messages_permanently {
        return Err(ApiError::bad_request(100_128, "A purge must say \"delete_messages_permanently\": true."));
    }
    let queue = opened(&control, &account, &id)?;
    let purging = tokio::spawn(async move { queue.purge().await });
    purging.await.map_err(|error| ApiError::internal(&error))??;
    let now = Stamp::now();
    let document = json!({ "modified": now, "purged": now });
    let changing = control.registry().change_resource(ResourceKind::Queue, &id, &resource.name, document.clone());
    changing.await?;
    ok(shown(&control, &Resource { document, ..resource }, &producers(&control, &account)?)?)
}

/// A purge is over when it has been answered.
#[utoipa::path(get, path = "/accounts/{account}/queues/{queue}/purge", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "When the queue was purged last")))]
async fn purged(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    let started = known(&control, &account, &id)?.document["purged"].as_i64().map(|at| Stamp(at).to_string());
    ok(json!({ "completed": started.is_some().to_string(), "started_at": started }))
}

#[utoipa::path(get, path = "/accounts/{account}/queues/{queue}/metrics", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "What waits in the queue")))]
async fn metrics(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    ok(shown_metrics(opened(&control, &account, &id)?.metrics()?))
}

pub(crate) fn shown_metrics(metrics: queue::Metrics) -> Value {
    json!({
        "backlog_count": metrics.messages,
        "backlog_bytes": metrics.bytes,
        "oldest_message_timestamp_ms": metrics.oldest.unwrap_or(0),
    })
}
