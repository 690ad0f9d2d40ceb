//! KV namespaces: their names, and deletion with all that is in them. Values are in `kv_values.rs`, many at once in `kv_bulk.rs`.

use axum::extract::State;
use http::StatusCode;
use kv::Namespace;
use platform::Product;
use registry::{Resource, ResourceKind};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok, page};
use crate::extract::{Asked, JsonBody, Segments};

/// <https://developers.cloudflare.com/kv/platform/limits/>
const MAX_NAMESPACES: usize = 1000;
/// Bytes.
const MAX_TITLE: usize = 512;
/// Namespaces of one page, where the request does not say.
const PAGE: usize = 20;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, rename, delete))
}

/// The account's namespace of this id. Another account's looks as if it were not there.
pub(crate) fn known(control: &Control, account: &str, id: &str) -> Result<Resource, ApiError> {
    let found = control.registry().resource(account, ResourceKind::KvNamespace, id)?;
    let found = found.filter(|resource| resource.id == id);
    found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, 10013, "namespace not found"))
}

/// What is in it.
pub(crate) fn opened(control: &Control, account: &str, id: &str) -> Result<Namespace, ApiError> {
    let Resource { id, .. } = known(control, account, id)?;
    Ok(control.platform().services().kv_namespace(account, &id))
}

/// Runs what reads values, which may wait for a disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
}

impl From<kv::Error> for ApiError {
    /// The numbers are those of <https://developers.cloudflare.com/api/resources/kv/>.
    fn from(error: kv::Error) -> Self {
        use kv::Error;
        let message = error.to_string();
        match error {
            Error::EmptyKey | Error::DotKey(_) => Self::bad_request(10023, message),
            Error::Engine(error) => Self::internal(&error),
            Error::Refused { status, reason, .. } => {
                let code = match status {
                    404 => 10013,
                    413 => 10024,
                    414 => 10030,
                    _ if reason.starts_with("Invalid expiration_ttl") => 10034,
                    _ if reason.starts_with("Invalid expiration") => 10033,
                    _ if reason.starts_with("Invalid key_count_limit") => 10028,
                    _ => 10029,
                };
                Self::new(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, reason)
            }
        }
    }
}

fn shown(resource: &Resource) -> Value {
    json!({ "id": resource.id, "title": resource.name, "supports_url_encoding": true })
}

fn renamed(error: registry::Error) -> ApiError {
    match error {
        registry::Error::Taken { .. } => {
            ApiError::bad_request(10014, "a namespace with this account ID and title already exists")
        }
        error => error.into(),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listing {
    page: Option<usize>,
    /// 1 to 1000.
    per_page: Option<usize>,
    /// `id` or `title`.
    order: Option<String>,
    /// `asc` or `desc`.
    direction: Option<String>,
}

#[utoipa::path(get, path = "/accounts/{account}/storage/kv/namespaces", tag = "KV",
    params(("account" = String, Path), Listing), responses((status = 200, description = "The account's namespaces")))]
async fn list(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    Asked(asked): Asked<Listing>,
) -> Outcome {
    if asked.page == Some(0) {
        return Err(ApiError::bad_request(10007, "malformed page argument: pages are counted from 1"));
    }
    if asked.per_page.is_some_and(|per_page| !(1..=1000).contains(&per_page)) {
        return Err(ApiError::bad_request(10008, "malformed per_page argument: it should be from 1 to 1000"));
    }
    let mut namespaces = control.registry().resources(&account, ResourceKind::KvNamespace)?;
    if asked.order.as_deref() != Some("title") {
        namespaces.sort_by(|one, other| one.id.cmp(&other.id));
    }
    if asked.direction.as_deref() == Some("desc") {
        namespaces.reverse();
    }
    page(namespaces.iter().map(shown).collect(), asked.page, asked.per_page.or(Some(PAGE)))
}

#[derive(Debug, Deserialize)]
struct Titled {
    title: Option<String>,
}

// === impl Titled ===

impl Titled {
    fn title(self) -> Result<String, ApiError> {
        let title = self.title.filter(|title| !title.trim().is_empty());
        let title = title.ok_or_else(|| ApiError::bad_request(10019, "missing title"))?;
        match title.len() > MAX_TITLE {
            true => Err(ApiError::bad_request(10010, format!("a title has at most {MAX_TITLE} bytes"))),
            false => Ok(title),
        }
    }
}

#[utoipa::path(post, path = "/accounts/{account}/storage/kv/namespaces", tag = "KV", params(("account" = String, Path)),
    responses((status = 200, description = "The new namespace")))]
async fn create(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    JsonBody(body): JsonBody<Titled>,
) -> Outcome {
    let title = body.title()?;
    if control.registry().resources(&account, ResourceKind::KvNamespace)?.len() >= MAX_NAMESPACES {
        let message = format!("too many namespaces in this account: it may have {MAX_NAMESPACES}");
        return Err(ApiError::bad_request(10018, message));
    }
    let made = control.registry().create_resource(&account, ResourceKind::KvNamespace, &title, Value::Null).await;
    ok(shown(&made.map_err(renamed)?))
}

#[utoipa::path(get, path = "/accounts/{account}/storage/kv/namespaces/{namespace}", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path)), responses((status = 200, description = "The namespace")))]
async fn get(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    ok(shown(&known(&control, &account, &id)?))
}

#[utoipa::path(put, path = "/accounts/{account}/storage/kv/namespaces/{namespace}", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path)),
    responses((status = 200, description = "The namespace with its new title")))]
async fn rename(
    State(control): State<Control>,
    Segments((account, id)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Titled>,
) -> Outcome {
    let resource = known(&control, &account, &id)?;
    let title = body.title()?;
    let changed = control
        .registry()
        .change_resource(ResourceKind::KvNamespace, &resource.id, &title, resource.document.clone())
        .await;
    changed.map_err(renamed)?;
    ok(shown(&Resource { name: title, ..resource }))
}

#[utoipa::path(delete, path = "/accounts/{account}/storage/kv/namespaces/{namespace}", tag = "KV",
    params(("account" = String, Path), ("namespace" = String, Path)),
    responses((status = 200, description = "The namespace is gone with all that was in it")))]
async fn delete(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    let Resource { id, .. } = known(&control, &account, &id)?;
    // Its name goes last: a deletion that was broken off can be asked for again. It goes on although the client leaves.
    let deleting = tokio::spawn(async move {
        control.platform().services().kv().delete(&id).await?;
        control.platform().services().quota(&account).forget(Product::Kv, &id);
        control.registry().delete_resource(&id).await?;
        Ok::<_, ApiError>(())
    });
    deleting.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))?;
    ok(Value::Null)
}
