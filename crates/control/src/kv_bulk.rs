//! Many keys of a KV namespace with one request.

use axum::extract::{DefaultBodyLimit, State};
use http::StatusCode;
use kv::{Namespace, Place, PutOptions, Write};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments, Whole, json};
use crate::kv::{blocking, opened};
use crate::kv_values::parsed;

/// <https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_update/>
const MAX_PAIRS: usize = 10_000;
const MAX_BODY: usize = 100 << 20;
/// Writes that are made as one.
const BATCH: usize = 1000;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    let large = OpenApiRouter::new().routes(routes!(put, delete)).routes(routes!(post_delete));
    OpenApiRouter::new().merge(large.layer(DefaultBodyLimit::max(MAX_BODY))).routes(routes!(get))
}

#[derive(Debug, Deserialize)]
struct Pair {
    key: String,
    value: String,
    /// Seconds since the Unix epoch.
    #[serde(default)]
    expiration: Option<f64>,
    /// Seconds from now.
    #[serde(default)]
    expiration_ttl: Option<f64>,
    #[serde(default)]
    metadata: Option<Value>,
    /// The value is base64.
    #[serde(default)]
    base64: bool,
}

// === impl Pair ===

impl Pair {
    fn write(self, namespace: &Namespace) -> Result<Write, ApiError> {
        let Self { key, value, expiration, expiration_ttl, metadata, base64 } = self;
        // Wrangler takes fractions too.
        let seconds = |seconds: Option<f64>| seconds.map(|seconds| seconds as i64);
        let options = PutOptions {
            expiration: seconds(expiration),
            expiration_ttl: seconds(expiration_ttl),
            metadata: metadata.filter(|metadata| !metadata.is_null()).map(|metadata| metadata.to_string()),
        };
        let named = |error: ApiError| ApiError { message: format!("{key:?}: {}", error.message), ..error };
        let value = match base64 {
            false => value.into_bytes(),
            true => base64_simd::forgiving_decode_to_vec(value.as_bytes())
                .map_err(|_| named(ApiError::bad_request(10012, "the value is not base64")))?,
        };
        let put = namespace.put(&key, options).and_then(|put| put.value(value));
        put.map_err(|error| named(error.into()))
    }
}

#[utoipa::path(put, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/bulk", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path)),
    responses((status = 200, description = "All pairs are stored, each thousand at once")))]
async fn put(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    Whole(body): Whole,
) -> Outcome {
    let namespace = opened(&control, &account, &id)?;
    let checking = namespace.clone();
    // All are right before the first is written.
    let writes = blocking(move || {
        let pairs: Vec<Pair> = json(&body)?;
        count(pairs.len())?;
        pairs.into_iter().map(|pair| pair.write(&checking)).collect::<Result<Vec<_>, _>>()
    });
    change(&namespace, writes.await?).await
}

fn count(pairs: usize) -> Result<(), ApiError> {
    match pairs > MAX_PAIRS {
        true => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            10024,
            format!("One request may have {MAX_PAIRS} keys, but this one has {pairs}."),
        )),
        false => Ok(()),
    }
}

async fn change(namespace: &Namespace, writes: Vec<Write>) -> Outcome {
    let count = writes.len();
    let mut writes = writes.into_iter();
    loop {
        let batch: Vec<Write> = writes.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        namespace.write(Place::Central, batch).await?;
    }
    ok(json!({ "successful_key_count": count, "unsuccessful_keys": [] }))
}

#[utoipa::path(delete, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/bulk", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path)),
    responses((status = 200, description = "None of the keys is there any more")))]
async fn delete(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(keys): JsonBody<Vec<Named>>,
) -> Outcome {
    let namespace = opened(&control, &account, &id)?;
    count(keys.len())?;
    let writes = keys.iter().map(|key| Write::delete(key.name())).collect::<Result<_, _>>()?;
    change(&namespace, writes).await
}

#[utoipa::path(post, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/bulk/delete", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path)),
    responses((status = 200, description = "None of the keys is there any more")))]
async fn post_delete(
    control: State<Control>,
    segments: Segments<(String, String)>,
    keys: JsonBody<Vec<Named>>,
) -> Outcome {
    delete(control, segments, keys).await
}

/// A key, or what a list says of it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Key(String),
    Listed { name: String },
}

// === impl Named ===

impl Named {
    fn name(&self) -> &str {
        match self {
            Self::Key(name) | Self::Listed { name } => name,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Wanted {
    keys: Vec<String>,
    /// `text` or `json`.
    #[serde(default, rename = "type")]
    kind: Kind,
    #[serde(default, rename = "withMetadata")]
    with_metadata: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Text,
    Json,
}

#[utoipa::path(post, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/bulk/get", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path)),
    responses((status = 200, description = "The values of up to 100 keys, null for those that are not there")))]
async fn get(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(Wanted { keys, kind, with_metadata }): JsonBody<Wanted>,
) -> Outcome {
    let namespace = opened(&control, &account, &id)?;
    let values = blocking(move || {
        let entries = namespace.get_many(Place::Central, &keys)?;
        let mut values = Map::new();
        for (key, entry) in keys.into_iter().zip(entries) {
            let Some(entry) = entry else {
                values.insert(key, Value::Null);
                continue;
            };
            let value = match kind {
                Kind::Text => Value::from(String::from_utf8_lossy(&entry.value)),
                Kind::Json => serde_json::from_slice(&entry.value)
                    .map_err(|error| ApiError::bad_request(10012, format!("{key:?} is not JSON: {error}")))?,
            };
            let shown = match with_metadata {
                false => value,
                true => {
                    let metadata = entry.metadata.as_deref().map(parsed).transpose()?;
                    json!({ "value": value, "metadata": metadata, "expiration": entry.expiration })
                }
            };
            values.insert(key, shown);
        }
        Ok(values)
    });
    ok(json!({ "values": values.await? }))
}
