//! R2 buckets: create, list, look at, delete. Objects are in `r2_objects.rs`, rules for other origins in `r2_cors.rs`.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use r2::{BucketInfo, Error, StorageClass};
use registry::Stamp;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, listed, ok};
use crate::extract::{Asked, JsonBody, Segments};

/// Buckets of one page, at most and where the request does not say: wrangler reads only the first.
const PAGE: usize = 1000;
/// Buckets of an account; the platform allows more.
const MAX_BUCKETS: usize = 10_000;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, patch, delete))
}

impl From<Error> for ApiError {
    /// <https://developers.cloudflare.com/r2/api/error-codes/>
    fn from(error: Error) -> Self {
        if error.is_internal() {
            return Self::internal(&error);
        }
        let status = match error {
            Error::NoSuchBucket | Error::NoSuchUpload => StatusCode::NOT_FOUND,
            Error::BucketExists | Error::BucketNotEmpty => StatusCode::CONFLICT,
            Error::EntityTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Full => StatusCode::INSUFFICIENT_STORAGE,
            Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Error::InvalidRange => StatusCode::RANGE_NOT_SATISFIABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.code().unwrap_or(10029), error.to_string())
    }
}

/// The class that `cf-r2-storage-class` names.
pub(crate) fn storage_class(headers: &HeaderMap) -> Result<Option<StorageClass>, ApiError> {
    let Some(name) = headers.get("cf-r2-storage-class") else { return Ok(None) };
    Ok(Some(name.to_str().map_err(|_| Error::InvalidStorageClass)?.parse()?))
}

/// Refuses what is meant for buckets that are kept within a jurisdiction: there are none.
pub(crate) async fn no_jurisdiction(request: Request, next: Next) -> Response {
    match request.headers().get("cf-r2-jurisdiction").is_none_or(|name| name == "default") {
        true => next.run(request).await,
        false => {
            ApiError::bad_request(10029, "This server has no jurisdictions: leave --jurisdiction out.").into_response()
        }
    }
}

fn shown(bucket: &BucketInfo) -> Value {
    json!({
        "name": bucket.name,
        "creation_date": Stamp(bucket.created).to_string(),
        "storage_class": bucket.storage_class.name(),
        "jurisdiction": "default",
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listing {
    name_contains: Option<String>,
    /// Names behind this one.
    start_after: Option<String>,
    /// What the page before gave.
    cursor: Option<String>,
    /// 1 to 1000.
    per_page: Option<usize>,
    /// `asc` or `desc`.
    direction: Option<String>,
}

#[utoipa::path(get, path = "/accounts/{account}/r2/buckets", tag = "R2", params(("account" = String, Path), Listing),
    responses((status = 200, description = "The account's buckets by name")))]
async fn list(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    Asked(asked): Asked<Listing>,
) -> Outcome {
    let per_page = asked.per_page.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&per_page) {
        return Err(Error::InvalidMaxKeys.into());
    }
    let mut buckets = control.platform().services().r2(&account).buckets().await?;
    let descending = asked.direction.as_deref() == Some("desc");
    if descending {
        buckets.reverse();
    }
    let wanted = asked.name_contains.as_deref().unwrap_or_default();
    // A page's cursor is its last name.
    let after = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty()).or(asked.start_after.as_deref());
    let behind = |name: &str| after.is_none_or(|after| if descending { name < after } else { name > after });
    buckets.retain(|bucket| bucket.name.contains(wanted) && behind(&bucket.name));
    let more = buckets.len() > per_page;
    buckets.truncate(per_page);
    let cursor = buckets.last().filter(|_| more).map_or("", |bucket| bucket.name.as_str());
    let info = json!({ "cursor": cursor, "per_page": per_page });
    listed(json!({ "buckets": buckets.iter().map(shown).collect::<Vec<Value>>() }), info)
}

#[derive(Debug, Deserialize)]
struct NewBucket {
    name: String,
    #[serde(rename = "storageClass")]
    storage_class: Option<String>,
}

#[utoipa::path(post, path = "/accounts/{account}/r2/buckets", tag = "R2", params(("account" = String, Path)),
    responses((status = 200, description = "The new bucket")))]
async fn create(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    JsonBody(NewBucket { name, storage_class }): JsonBody<NewBucket>,
) -> Outcome {
    let r2 = control.platform().services().r2(&account);
    if r2.buckets().await?.len() >= MAX_BUCKETS {
        let message = format!("You have attempted to create more buckets than your account may have: {MAX_BUCKETS}.");
        return Err(ApiError::bad_request(10009, message));
    }
    let class = storage_class.map_or(Ok(StorageClass::default()), |class| class.parse())?;
    r2.create_bucket(&name, class).await?;
    ok(shown(&r2.info(&name).await?))
}

#[utoipa::path(get, path = "/accounts/{account}/r2/buckets/{bucket}", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)), responses((status = 200, description = "The bucket")))]
async fn get(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    ok(shown(&control.platform().services().r2(&account).info(&name).await?))
}

#[utoipa::path(patch, path = "/accounts/{account}/r2/buckets/{bucket}", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)),
    responses((status = 200, description = "New objects have the storage class of the header cf-r2-storage-class")))]
async fn patch(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Outcome {
    let r2 = control.platform().services().r2(&account);
    r2.set_storage_class(&name, storage_class(&headers)?.ok_or(Error::InvalidStorageClass)?).await?;
    ok(shown(&r2.info(&name).await?))
}

#[utoipa::path(delete, path = "/accounts/{account}/r2/buckets/{bucket}", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)),
    responses((status = 200, description = "The bucket, which was empty, is gone")))]
async fn delete(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    control.platform().services().r2(&account).delete_bucket(&name).await?;
    ok(json!({}))
}
