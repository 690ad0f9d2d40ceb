//! The values of a KV namespace, one at a time, and the list of its keys.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use kv::{Entry, ListOptions, Listed, Place, PutOptions, Write, limits};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, listed, ok};
use crate::extract::{Asked, Segments, Whole, too_large};
use crate::kv::{blocking, opened};
use crate::parts::Parts;

/// Room for the form around a value.
const FORM_OVERHEAD: usize = 64 << 10;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    let values = OpenApiRouter::new().routes(routes!(get, put, delete));
    OpenApiRouter::new()
        .merge(values.layer(DefaultBodyLimit::max(limits::VALUE + FORM_OVERHEAD)))
        .routes(routes!(keys))
        .routes(routes!(metadata))
}

fn no_key(action: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, 10009, format!("{action}: 'key not found'"))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listing {
    prefix: Option<String>,
    /// At most 1000.
    limit: Option<i64>,
    cursor: Option<String>,
}

#[utoipa::path(get, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/keys", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path), Listing),
    responses((status = 200, description = "A page of keys; result_info.cursor leads to the next")))]
async fn keys(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    Asked(Listing { prefix, limit, cursor }): Asked<Listing>,
) -> Outcome {
    let namespace = opened(&control, &account, &id)?;
    let options = ListOptions { prefix, limit, cursor };
    let page = blocking(move || Ok(namespace.list(Place::Central, &options)?)).await?;
    let info = json!({ "count": page.keys.len(), "cursor": page.cursor.unwrap_or_default() });
    listed(page.keys.into_iter().map(shown).collect::<Result<Vec<_>, _>>()?, info)
}

fn shown(key: Listed) -> Result<Value, ApiError> {
    let Listed { name, expiration, metadata } = key;
    let mut shown = Map::from_iter([("name".to_owned(), Value::from(name))]);
    if let Some(expiration) = expiration {
        shown.insert("expiration".into(), expiration.into());
    }
    if let Some(metadata) = metadata {
        shown.insert("metadata".into(), parsed(&metadata)?);
    }
    Ok(shown.into())
}

/// Metadata is kept as the text that it came as.
pub(crate) fn parsed(metadata: &str) -> Result<Value, ApiError> {
    serde_json::from_str(metadata).map_err(|error| ApiError::internal(&error))
}

type Key = Segments<(String, String, String)>;

async fn found(control: &Control, (account, id, key): (String, String, String)) -> Result<Option<Entry>, ApiError> {
    let namespace = opened(control, &account, &id)?;
    blocking(move || Ok(namespace.get(Place::Central, &key)?)).await
}

#[utoipa::path(get, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/values/{key}", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path), ("key" = String, Path, description = "Percent-encoded")),
    responses((status = 200, description = "The value's bytes, without an envelope", content_type = "application/octet-stream")))]
async fn get(State(control): State<Control>, Segments(key): Key) -> Result<Response, ApiError> {
    let Entry { value, expiration, .. } = found(&control, key).await?.ok_or_else(|| no_key("get"))?;
    let mut response = value.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Some(expiration) = expiration {
        response.headers_mut().insert(HeaderName::from_static("expiration"), expiration.into());
    }
    Ok(response)
}

#[utoipa::path(get, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/metadata/{key}", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path), ("key" = String, Path, description = "Percent-encoded")),
    responses((status = 200, description = "The key's metadata, or null")))]
async fn metadata(State(control): State<Control>, Segments(key): Key) -> Outcome {
    let entry = found(&control, key).await?.ok_or_else(|| no_key("get metadata"))?;
    ok(entry.metadata.as_deref().map(parsed).transpose()?)
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Lifetime {
    /// Seconds since the Unix epoch.
    expiration: Option<i64>,
    /// Seconds from now.
    expiration_ttl: Option<i64>,
}

#[utoipa::path(put, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/values/{key}", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path), ("key" = String, Path, description = "Percent-encoded"),
        Lifetime),
    responses((status = 200, description = "The value, or the parts `value` and `metadata` of the form, are stored")))]
async fn put(
    State(control): State<Control>,
    Segments((account, id, key)): Key,
    Asked(Lifetime { expiration, expiration_ttl }): Asked<Lifetime>,
    request: Request,
) -> Outcome {
    let namespace = opened(&control, &account, &id)?;
    let is_form = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
    let (value, metadata) = match is_form {
        true => form(request).await?,
        false => (Whole::from_request(request, &()).await?.0, None),
    };
    let options = PutOptions { expiration, expiration_ttl, metadata };
    let write = namespace.put(&key, options)?.value(value)?;
    namespace.write(Place::Central, vec![write]).await?;
    ok(Value::Null)
}

/// The parts `value` and `metadata`, in any order.
async fn form(request: Request) -> Result<(Bytes, Option<String>), ApiError> {
    let invalid = |message: String| ApiError::bad_request(10012, message);
    let mut parts = Parts::from_request(request, &()).await.map_err(|error| invalid(error.message))?;
    let unreadable = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => invalid(format!("The form can't be read: {}", error.body_text())),
    };
    let (mut value, mut metadata) = (None, None);
    while let Some(part) = parts.next().await.map_err(unreadable)? {
        let place = match part.name() {
            Some("value") => &mut value,
            Some("metadata") => &mut metadata,
            name => return Err(invalid(format!("The form has a part {name:?} besides `value` and `metadata`."))),
        };
        if place.replace(part.bytes().await.map_err(unreadable)?).is_some() {
            return Err(invalid("The form has a part twice.".into()));
        }
    }
    let value = value.ok_or_else(|| invalid("The form has no part `value`.".into()))?;
    let Some(metadata) = metadata.filter(|metadata| !metadata.is_empty()) else { return Ok((value, None)) };
    let parsed: Value =
        serde_json::from_slice(&metadata).map_err(|error| invalid(format!("The metadata is not JSON: {error}")))?;
    Ok((value, Some(parsed.to_string()).filter(|text| text != "null")))
}

#[utoipa::path(delete, path = "/accounts/{account}/storage/kv/namespaces/{namespace}/values/{key}", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path), ("key" = String, Path, description = "Percent-encoded")),
    responses((status = 200, description = "The key is not there any more")))]
async fn delete(State(control): State<Control>, Segments((account, id, key)): Key) -> Outcome {
    let namespace = opened(&control, &account, &id)?;
    namespace.write(Place::Central, vec![Write::delete(&key)?]).await?;
    ok(Value::Null)
}
