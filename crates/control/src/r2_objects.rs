//! The objects of an R2 bucket. Bodies are streamed both ways, never held whole.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use r2::{Bucket, Error, Get, HttpMetadata, List, Object, ObjectBody, Put, Range};
use registry::Stamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, listed, ok};
use crate::extract::{Asked, Segments, stream};
use crate::r2::storage_class;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, put, delete))
}

/// The account's bucket of this name. Everything fails where there is none.
fn opened(control: &Control, account: &str, name: &str) -> Bucket {
    control.platform().services().r2(account).existing(name)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listing {
    prefix: Option<String>,
    /// Keys that have it behind the prefix are folded.
    delimiter: Option<String>,
    start_after: Option<String>,
    cursor: Option<String>,
    /// 1 to 1000.
    per_page: Option<u32>,
}

#[utoipa::path(get, path = "/accounts/{account}/r2/buckets/{bucket}/objects", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path), Listing),
    responses((status = 200, description = "A page of objects; result_info.cursor leads to the next")))]
async fn list(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    Asked(asked): Asked<Listing>,
) -> Outcome {
    let bucket = opened(&control, &account, &name);
    let page = bucket
        .list(List {
            prefix: asked.prefix.unwrap_or_default(),
            delimiter: asked.delimiter.unwrap_or_default(),
            cursor: asked.cursor.filter(|cursor| !cursor.is_empty()),
            start_after: asked.start_after,
            limit: asked.per_page,
            http: true,
            custom: true,
        })
        .await?;
    let info = json!({
        "cursor": page.cursor,
        "is_truncated": page.cursor.is_some(),
        "per_page": asked.per_page.unwrap_or(r2::limits::KEYS as u32),
        "delimited": page.prefixes,
    });
    listed(page.objects.iter().map(shown).collect::<Vec<Value>>(), info)
}

fn shown(object: &Object) -> Value {
    let HttpMetadata {
        content_type,
        content_language,
        content_disposition,
        content_encoding,
        cache_control,
        cache_expiry,
    } = object.http.clone();
    let fields = [
        ("contentType", content_type),
        ("contentLanguage", content_language),
        ("contentDisposition", content_disposition),
        ("contentEncoding", content_encoding),
        ("cacheControl", cache_control),
        ("cacheExpiry", cache_expiry.map(|millis| Stamp(millis).to_string())),
    ];
    let http: Map<String, Value> =
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
    let custom: Map<String, Value> =
        object.custom.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({
        "key": object.key,
        "version": object.version,
        "etag": object.etag,
        "size": object.size,
        "last_modified": Stamp(object.uploaded).to_string(),
        "http_metadata": http,
        "custom_metadata": custom,
        "storage_class": object.storage_class.name(),
    })
}

type Key = Segments<(String, String, String)>;

#[utoipa::path(get, path = "/accounts/{account}/r2/buckets/{bucket}/objects/{*key}", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path), ("key" = String, Path)),
    responses((status = 200, description = "The object's bytes, or the range that was asked for, without an envelope",
        content_type = "application/octet-stream")))]
async fn get(
    State(control): State<Control>,
    Segments((account, name, key)): Key,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let bucket = opened(&control, &account, &name);
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok()).map(|range| Range::Header(range.to_owned()));
    let found = bucket.get(&key, Get { range, ..Get::default() }).await?;
    let none = || ApiError::new(StatusCode::NOT_FOUND, 10007, "The specified key does not exist.");
    let ObjectBody { object, range, body, .. } = found.ok_or_else(none)?;
    let body = body.ok_or_else(|| ApiError::internal(&"a read without conditions came without a body"))?;
    let mut response = Response::new(Body::from_stream(body.into_stream()));
    describe(response.headers_mut(), &object);
    response.headers_mut().insert(CONTENT_LENGTH, range.length.into());
    if range.length != object.size {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = range.offset + range.length.saturating_sub(1);
        set(response.headers_mut(), CONTENT_RANGE, Some(&format!("bytes {}-{last}/{}", range.offset, object.size)));
    }
    Ok(response)
}

/// What the object's own metadata says of the answer.
fn describe(headers: &mut HeaderMap, object: &Object) {
    let date = |millis: i64| {
        let since = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        UNIX_EPOCH.checked_add(since).map(httpdate::fmt_http_date)
    };
    let http = &object.http;
    set(headers, CONTENT_TYPE, Some(http.content_type.as_deref().unwrap_or("application/octet-stream")));
    set(headers, CONTENT_LANGUAGE, http.content_language.as_deref());
    set(headers, CONTENT_DISPOSITION, http.content_disposition.as_deref());
    set(headers, CONTENT_ENCODING, http.content_encoding.as_deref());
    set(headers, CACHE_CONTROL, http.cache_control.as_deref());
    // Later years than 9999 have no HTTP date.
    let expiry = http.cache_expiry.filter(|millis| *millis < 253_402_300_800_000);
    set(headers, EXPIRES, expiry.and_then(date).as_deref());
    set(headers, LAST_MODIFIED, date(object.uploaded).as_deref());
    set(headers, ETAG, Some(&format!("\"{}\"", object.etag)));
    set(headers, ACCEPT_RANGES, Some("bytes"));
}

/// Metadata is anybody's text: what no header can hold is left out.
fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(name, value);
    }
}

#[utoipa::path(put, path = "/accounts/{account}/r2/buckets/{bucket}/objects/{*key}", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path), ("key" = String, Path)),
    responses((status = 200, description = "The body is stored")))]
async fn put(
    State(control): State<Control>,
    Segments((account, name, key)): Key,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let bucket = opened(&control, &account, &name);
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let options =
        Put { length, http: http_metadata(&headers)?, storage_class: storage_class(&headers)?, ..Put::default() };
    let stored = bucket.put(&key, stream(body), options).await?;
    ok(shown(&stored.ok_or(Error::PreconditionFailed)?))
}

fn http_metadata(headers: &HeaderMap) -> Result<HttpMetadata, ApiError> {
    let text = |name: HeaderName| match headers.get(&name).map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text.to_owned())),
        Some(Err(_)) => Err(ApiError::bad_request(10012, format!("The header {name} has characters beyond ASCII."))),
    };
    let cache_expiry = match text(EXPIRES)? {
        None => None,
        Some(date) => Some(expiry(&date).ok_or_else(|| {
            let message = format!("{date:?} is not a date as in `Wed, 21 Oct 2026 07:28:00 GMT`.");
            ApiError::bad_request(10012, message)
        })?),
    };
    Ok(HttpMetadata {
        content_type: text(CONTENT_TYPE)?,
        content_language: text(CONTENT_LANGUAGE)?,
        content_disposition: text(CONTENT_DISPOSITION)?,
        content_encoding: text(CONTENT_ENCODING)?,
        cache_control: text(CACHE_CONTROL)?,
        cache_expiry,
    })
}

/// Milliseconds since the epoch.
fn expiry(date: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

#[utoipa::path(delete, path = "/accounts/{account}/r2/buckets/{bucket}/objects/{*key}", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path), ("key" = String, Path)),
    responses((status = 200, description = "The object is not there any more")))]
async fn delete(State(control): State<Control>, Segments((account, name, key)): Key) -> Outcome {
    let bucket = opened(&control, &account, &name);
    bucket.delete(vec![key.clone()]).await?;
    ok(json!({ "key": key }))
}
