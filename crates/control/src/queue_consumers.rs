//! Consumers of queues: Workers, and whoever pulls messages over HTTP.

use std::ops::RangeInclusive;

use axum::extract::State;
use http::StatusCode;
use platform::{BATCH_SIZE, MAX_RETRIES, MAX_WAIT_TIME_MS};
use queue::Settings;
use registry::{ConsumerSettings, QueueConsumer, Resource, ResourceKind};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::{queues, scripts};

/// Messages of one pull, where neither the consumer nor the request says.
pub(crate) const PULL_SIZE: u32 = 5;
/// How long a message that was pulled is nobody else's, where neither the consumer nor the request says.
pub(crate) const VISIBILITY_TIMEOUT_MS: u64 = 30_000;
pub(crate) const MAX_VISIBILITY_TIMEOUT_MS: u64 = queue::limits::LEASE.as_millis() as u64;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, put, delete))
}

/// A Worker that consumes a queue must be able to.
pub(crate) fn check_handlers(handlers: &[String]) -> Result<(), ApiError> {
    match handlers.iter().any(|handler| handler == "queue") {
        true => Ok(()),
        false => Err(ApiError::bad_request(
            11001,
            "Queue handler is missing. Please see our docs for more information about creating handlers: \
             https://developers.cloudflare.com/queues/configuration/javascript-apis/#consumer.",
        )),
    }
}

/// The queue's consumer, where it is the one of this id.
fn known(control: &Control, queue: &Resource, id: &str) -> Result<QueueConsumer, ApiError> {
    let consumer = control.registry().queue_consumer(&queue.id)?.filter(|consumer| consumer.id == id);
    consumer.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, 11000, format!("Consumer '{id}' does not exist.")))
}

pub(crate) fn shown(control: &Control, queue: &Resource, consumer: &QueueConsumer) -> Result<Value, ApiError> {
    let QueueConsumer { id, script, created, settings, .. } = consumer;
    let mut shown = json!({
        "consumer_id": id,
        "queue_id": queue.id,
        "queue_name": queue.name,
        "created_on": created.to_string(),
        "dead_letter_queue": settings.dead_letter_queue,
        "type": if script.is_some() { "worker" } else { "http_pull" },
    });
    let max_retries = settings.max_retries.unwrap_or(MAX_RETRIES);
    let retry_delay = settings.retry_delay.unwrap_or(0);
    let Some(script) = script else {
        shown["settings"] = json!({
            "batch_size": settings.batch_size.unwrap_or(PULL_SIZE),
            "max_retries": max_retries,
            "retry_delay": retry_delay,
            "visibility_timeout_ms": settings.visibility_timeout_ms.unwrap_or(VISIBILITY_TIMEOUT_MS),
        });
        return Ok(shown);
    };
    let name = control.registry().script_of_tag(script)?.map(|script| script.name);
    shown["script"] = json!(name);
    shown["script_name"] = json!(name);
    shown["settings"] = json!({
        "batch_size": settings.batch_size.unwrap_or(BATCH_SIZE),
        "max_retries": max_retries,
        "retry_delay": retry_delay,
        "max_wait_time_ms": settings.max_wait_time_ms.unwrap_or(MAX_WAIT_TIME_MS),
        "max_concurrency": settings.max_concurrency,
    });
    Ok(shown)
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(alias = "script")]
    script_name: Option<String>,
    dead_letter_queue: Option<String>,
    #[serde(default)]
    settings: Wanted,
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    batch_size: Option<i64>,
    max_retries: Option<i64>,
    max_wait_time_ms: Option<i64>,
    max_concurrency: Option<i64>,
    retry_delay: Option<i64>,
    visibility_timeout_ms: Option<i64>,
}

// === impl Wanted ===

impl Wanted {
    /// <https://developers.cloudflare.com/queues/platform/limits/>
    fn checked(&self, dead_letter_queue: Option<String>) -> Result<ConsumerSettings, ApiError> {
        let within = |wanted: Option<i64>, name: &str, range: RangeInclusive<i64>| match wanted {
            Some(wanted) if !range.contains(&wanted) => {
                Err(invalid(format!("{name} is {wanted}, and must be from {} to {}.", range.start(), range.end())))
            }
            wanted => Ok(wanted.map(i64::unsigned_abs)),
        };
        let small =
            |wanted, name: &str, range| within(wanted, name, range).map(|value| value.map(|value| value as u32));
        let visibility = 0..=MAX_VISIBILITY_TIMEOUT_MS as i64;
        Ok(ConsumerSettings {
            batch_size: small(self.batch_size, "batch_size", 1..=queue::limits::BATCH as i64)?,
            max_retries: small(self.max_retries, "max_retries", 0..=100)?,
            max_wait_time_ms: small(self.max_wait_time_ms, "max_wait_time_ms", 0..=60_000)?,
            max_concurrency: small(self.max_concurrency, "max_concurrency", 1..=250)?,
            retry_delay: small(self.retry_delay, "retry_delay", 0..=i64::from(queue::limits::DELAY))?,
            visibility_timeout_ms: within(self.visibility_timeout_ms, "visibility_timeout_ms", visibility)?,
            dead_letter_queue,
        })
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::bad_request(100_127, message)
}

/// What the body asks for: the consumer's script, and its settings.
async fn wanted(
    control: &Control,
    account: &str,
    queue: &Resource,
    body: &Body,
) -> Result<(Option<String>, ConsumerSettings), ApiError> {
    let script = match body.kind.as_deref() {
        Some("worker") | None => {
            let name = body.script_name.as_deref().unwrap_or_default();
            let script = scripts::known(control, account, name)?;
            let version = match scripts::deployed(control, &script)? {
                Some(version) => Some(version),
                None => scripts::newest(control, &script)?,
            };
            check_handlers(version.as_ref().map_or(&[], |version| &version.document.handlers))?;
            Some(script.tag)
        }
        Some("http_pull") => None,
        Some(other) => {
            return Err(invalid(format!("A consumer of type {other:?} is not there: worker, or http_pull.")));
        }
    };
    let dead_letter = body.dead_letter_queue.clone().filter(|name| !name.is_empty());
    let settings = body.settings.checked(dead_letter)?;
    if let Some(name) = &settings.dead_letter_queue {
        if *name == queue.name {
            return Err(invalid("A queue can't be its own dead letter queue.".into()));
        }
        // As on the platform, one that is not there is made.
        if control.registry().resource(account, ResourceKind::Queue, name)?.is_none() {
            queues::make(control, account, name, Settings::default()).await?;
        }
    }
    Ok((script, settings))
}

#[utoipa::path(get, path = "/accounts/{account}/queues/{queue}/consumers", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "The queue's consumer, where it has one")))]
async fn list(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    let queue = queues::known(&control, &account, &id)?;
    let consumer = control.registry().queue_consumer(&queue.id)?;
    let consumers = consumer.iter().map(|consumer| shown(&control, &queue, consumer)).collect::<Result<Vec<_>, _>>()?;
    ok(consumers)
}

#[utoipa::path(post, path = "/accounts/{account}/queues/{queue}/consumers", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "The new consumer"), (status = 409, description = "The queue has one already")))]
async fn create(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Body>,
) -> Outcome {
    let queue = queues::known(&control, &account, &id)?;
    let taken = || {
        let message = format!("Queue '{}' already has a consumer.", queue.name);
        ApiError::new(StatusCode::CONFLICT, 11004, message)
    };
    if control.registry().queue_consumer(&queue.id)?.is_some() {
        return Err(taken());
    }
    let (script, settings) = wanted(&control, &account, &queue, &body).await?;
    let made = control.registry().create_queue_consumer(&queue.id, script, settings).await;
    let consumer = made.map_err(|error| match error {
        registry::Error::Taken { .. } => taken(),
        error => error.into(),
    })?;
    control.platform().refresh_queues()?;
    ok(shown(&control, &queue, &consumer)?)
}

#[utoipa::path(get, path = "/accounts/{account}/queues/{queue}/consumers/{consumer}", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path), ("consumer" = String, Path)),
    responses((status = 200, description = "The consumer")))]
async fn get(
    State(control): State<Control>,
    Segments((account, id, consumer)): Segments<(String, String, String)>,
) -> Outcome {
    let queue = queues::known(&control, &account, &id)?;
    ok(shown(&control, &queue, &known(&control, &queue, &consumer)?)?)
}

#[utoipa::path(put, path = "/accounts/{account}/queues/{queue}/consumers/{consumer}", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path), ("consumer" = String, Path)),
    responses((status = 200, description = "The consumer from now on")))]
async fn put(
    State(control): State<Control>,
    Segments((account, id, consumer)): Segments<(String, String, String)>,
    JsonBody(body): JsonBody<Body>,
) -> Outcome {
    let queue = queues::known(&control, &account, &id)?;
    let consumer = known(&control, &queue, &consumer)?;
    let (script, settings) = wanted(&control, &account, &queue, &body).await?;
    control.registry().change_queue_consumer(&consumer.id, script.clone(), settings.clone()).await?;
    control.platform().refresh_queues()?;
    ok(shown(&control, &queue, &QueueConsumer { script, settings, ..consumer })?)
}

#[utoipa::path(delete, path = "/accounts/{account}/queues/{queue}/consumers/{consumer}", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path), ("consumer" = String, Path)),
    responses((status = 200, description = "The queue has no consumer, and keeps its messages")))]
async fn delete(
    State(control): State<Control>,
    Segments((account, id, consumer)): Segments<(String, String, String)>,
) -> Outcome {
    let queue = queues::known(&control, &account, &id)?;
    let consumer = known(&control, &queue, &consumer)?;
    control.registry().delete_queue_consumer(&consumer.id).await?;
    control.platform().refresh_queues()?;
    ok(Value::Null)
}
