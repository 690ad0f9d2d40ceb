//! Messages of queues over HTTP: sent by anybody with a token, and pulled and acknowledged by consumers outside.

use std::time::Duration;

use axum::extract::State;
use base64_simd::STANDARD;
use queue::{ContentType, Error, Holder, LeaseId, Leased, NewMessage, Settlement, Terms};
use registry::ResourceKind;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::queue_consumers::{MAX_VISIBILITY_TIMEOUT_MS, PULL_SIZE, VISIBILITY_TIMEOUT_MS};
use crate::queues;

/// Messages that one request settles.
const MAX_SETTLED: usize = 1000;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(send)).routes(routes!(send_batch)).routes(routes!(pull)).routes(routes!(ack))
}

#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default)]
    body: Option<Value>,
    content_type: Option<String>,
    delay_seconds: Option<i64>,
}

// === impl Sent ===

impl Sent {
    fn message(self) -> Result<NewMessage, ApiError> {
        let body = self.body.ok_or_else(|| ApiError::bad_request(10207, "A message has no body."))?;
        let content_type = self.content_type.as_deref().map_or(Ok(ContentType::Json), str::parse::<ContentType>)?;
        let body = match (content_type, body) {
            (ContentType::Json, body) => body.to_string(),
            (ContentType::Text, Value::String(text)) => text,
            (ContentType::Text, _) => {
                return Err(ApiError::bad_request(
                    10207,
                    "A message of content type text must have a string as its body.",
                ));
            }
            // Neither can be written in JSON.
            (ContentType::Bytes | ContentType::V8, _) => {
                return Err(Error::ContentType(content_type.name().into()).into());
            }
        };
        Ok(NewMessage { body: body.into(), content_type, delay: self.delay_seconds })
    }
}

#[utoipa::path(post, path = "/accounts/{account}/queues/{queue}/messages", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "The message is durable")))]
async fn send(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(sent): JsonBody<Sent>,
) -> Outcome {
    let queue = queues::opened(&control, &account, &id)?;
    let metrics = queue.send(vec![sent.message()?], None).await?;
    ok(json!({ "metadata": { "metrics": queues::shown_metrics(metrics) } }))
}

#[derive(Debug, Deserialize)]
struct Batch {
    messages: Vec<Sent>,
    delay_seconds: Option<i64>,
}

#[utoipa::path(post, path = "/accounts/{account}/queues/{queue}/messages/batch", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "The messages are durable, all of them")))]
async fn send_batch(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(batch): JsonBody<Batch>,
) -> Outcome {
    let queue = queues::opened(&control, &account, &id)?;
    let messages = batch.messages.into_iter().map(Sent::message).collect::<Result<_, _>>()?;
    let metrics = queue.send(messages, batch.delay_seconds).await?;
    ok(json!({ "metadata": { "metrics": queues::shown_metrics(metrics) } }))
}

/// How messages are pulled from a queue, where that is allowed.
fn pulling(control: &Control, account: &str, queue: &str) -> Result<Terms, ApiError> {
    let consumer = control.registry().queue_consumer(queue)?.filter(|consumer| consumer.script.is_none());
    let settings = consumer.map(|consumer| consumer.settings).ok_or_else(|| {
        ApiError::bad_request(
            100_127,
            "This queue has no consumer of type http_pull: add one with `wrangler queues consumer http add`.",
        )
    })?;
    let dead_letter = match &settings.dead_letter_queue {
        Some(name) => control.registry().resource(account, ResourceKind::Queue, name)?,
        None => None,
    };
    Ok(Terms {
        holder: Holder::Outside,
        batch: settings.batch_size.unwrap_or(PULL_SIZE) as usize,
        lease: Duration::from_millis(settings.visibility_timeout_ms.unwrap_or(VISIBILITY_TIMEOUT_MS)),
        max_retries: settings.max_retries.unwrap_or(platform::MAX_RETRIES),
        retry_delay: settings.retry_delay.unwrap_or(0),
        dead_letter: dead_letter.map(|queue| queue.id),
    })
}

#[derive(Debug, Deserialize)]
struct Pull {
    batch_size: Option<i64>,
    #[serde(alias = "visibility_timeout")]
    visibility_timeout_ms: Option<i64>,
}

#[utoipa::path(post, path = "/accounts/{account}/queues/{queue}/messages/pull", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "Messages that are due, which nobody else gets for a while")))]
async fn pull(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(asked): JsonBody<Pull>,
) -> Outcome {
    let queue = queues::opened(&control, &account, &id)?;
    let mut terms = pulling(&control, &account, queue.id())?;
    if let Some(size) = asked.batch_size {
        let size = usize::try_from(size).ok().filter(|size| (1..=queue::limits::BATCH).contains(size));
        terms.batch = size.ok_or_else(|| ApiError::bad_request(10206, "batch_size must be from 1 to 100."))?;
    }
    if let Some(timeout) = asked.visibility_timeout_ms {
        let timeout = u64::try_from(timeout).ok().filter(|timeout| *timeout <= MAX_VISIBILITY_TIMEOUT_MS);
        let wrong = || ApiError::bad_request(10207, "visibility_timeout_ms must be from 0 to 12 hours.");
        terms.lease = Duration::from_millis(timeout.ok_or_else(wrong)?);
    }
    let messages: Vec<Value> = queue.lease(&terms).await?.iter().map(shown).collect();
    ok(json!({ "messages": messages, "message_backlog_count": queue.metrics()?.messages }))
}

/// What is not text stands there in Base64, JSON too.
fn shown(leased: &Leased) -> Value {
    let Leased { lease, message } = leased;
    let body = match message.content_type {
        ContentType::Text => String::from_utf8_lossy(&message.body).into_owned(),
        ContentType::Bytes | ContentType::Json | ContentType::V8 => STANDARD.encode_to_string(&message.body),
    };
    json!({
        "id": message.id,
        "body": body,
        "timestamp_ms": message.timestamp,
        "attempts": message.attempts,
        "metadata": { "CF-Content-Type": message.content_type.name() },
        "lease_id": lease.to_string(),
    })
}

#[derive(Debug, Deserialize)]
struct Ack {
    #[serde(default)]
    acks: Vec<Named>,
    #[serde(default)]
    retries: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    lease_id: String,
    delay_seconds: Option<i64>,
}

#[utoipa::path(post, path = "/accounts/{account}/queues/{queue}/messages/ack", tag = "Queues",
    params(("account" = String, Path), ("queue" = String, Path)),
    responses((status = 200, description = "How many messages are acknowledged, and how many come again")))]
async fn ack(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(Ack { acks, retries }): JsonBody<Ack>,
) -> Outcome {
    let queue = queues::opened(&control, &account, &id)?;
    let terms = pulling(&control, &account, queue.id())?;
    if acks.len() + retries.len() > MAX_SETTLED {
        let message = format!("One request may acknowledge and retry {MAX_SETTLED} messages together.");
        return Err(ApiError::bad_request(10206, message));
    }
    let mut settlements = Vec::new();
    let mut warnings = Vec::new();
    let named = acks.into_iter().map(|named| (named, false)).chain(retries.into_iter().map(|named| (named, true)));
    for (Named { lease_id, delay_seconds }, retry) in named {
        let delay = delay_seconds.map(queue::limits::check_delay).transpose()?;
        match LeaseId::parse(&lease_id) {
            Some(lease) if retry => settlements.push((lease, Settlement::Retry { delay })),
            Some(lease) => settlements.push((lease, Settlement::Ack)),
            None => warnings.push(format!("{lease_id:?} is no lease id of this queue")),
        }
    }
    let settled = queue.settle(settlements, &terms).await?;
    ok(json!({
        "ackCount": settled.acked,
        "retryCount": settled.retried + settled.dead + settled.dropped,
        "warnings": warnings,
    }))
}
