//! D1 databases: create, list, look at, delete. Queries are in `d1_query.rs`, files of SQL in `d1_transfer.rs`.

use axum::extract::State;
use d1::{Database, Output, Statement};
use http::StatusCode;
use platform::Product;
use registry::{Resource, ResourceKind};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok, page};
use crate::extract::{Asked, JsonBody, Segments};

/// <https://developers.cloudflare.com/d1/platform/limits/>
const MAX_DATABASES: usize = 50_000;
/// Bytes.
const MAX_NAME: usize = 64;
/// Databases of one page, where the request does not say.
const PAGE: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(bookmark))
        .routes(routes!(restore))
}

/// The account's database of this id. Another account's looks as if it were not there.
pub(crate) fn known(control: &Control, account: &str, id: &str) -> Result<Resource, ApiError> {
    let found = control.registry().resource(account, ResourceKind::D1Database, id)?;
    let found = found.filter(|resource| resource.id == id);
    found.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, 7404, format!("The database {id} could not be found")))
}

/// What is in it.
pub(crate) fn opened(control: &Control, account: &str, id: &str) -> Result<Database, ApiError> {
    let Resource { id, .. } = known(control, account, id)?;
    Ok(control.platform().services().d1_database(account, &id))
}

pub(crate) fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::bad_request(7400, format!("The request is malformed: {}", message.into()))
}

impl From<d1::Error> for ApiError {
    fn from(error: d1::Error) -> Self {
        match error {
            d1::Error::Deleted => Self::new(StatusCode::NOT_FOUND, 7404, error.to_string()),
            error if error.is_internal() => Self::internal(&error),
            error => Self::bad_request(7500, error.to_string()),
        }
    }
}

impl From<d1::Failed> for ApiError {
    fn from(failed: d1::Failed) -> Self {
        failed.error.into()
    }
}

fn shown(resource: &Resource) -> Map<String, Value> {
    Map::from_iter([
        ("uuid".to_owned(), resource.id.as_str().into()),
        ("name".to_owned(), resource.name.as_str().into()),
        ("version".to_owned(), "production".into()),
        ("created_at".to_owned(), resource.created.to_string().into()),
    ])
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// Databases whose names have this in them.
    name: Option<String>,
    page: Option<usize>,
    per_page: Option<usize>,
}

#[utoipa::path(get, path = "/accounts/{account}/d1/database", tag = "D1", params(("account" = String, Path), Listing),
    responses((status = 200, description = "The account's databases by name")))]
async fn list(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    Asked(asked): Asked<Listing>,
) -> Outcome {
    if asked.page == Some(0) || asked.per_page == Some(0) {
        return Err(malformed("page and per_page are at least 1"));
    }
    let mut databases = control.registry().resources(&account, ResourceKind::D1Database)?;
    if let Some(wanted) = &asked.name {
        databases.retain(|database| database.name.contains(wanted));
    }
    page(databases.iter().map(shown).collect(), asked.page, asked.per_page.or(Some(PAGE)))
}

#[derive(Debug, Deserialize)]
struct NewDatabase {
    name: String,
    jurisdiction: Option<String>,
}

#[utoipa::path(post, path = "/accounts/{account}/d1/database", tag = "D1", params(("account" = String, Path)),
    responses((status = 200, description = "The new database")))]
async fn create(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    JsonBody(NewDatabase { name, jurisdiction }): JsonBody<NewDatabase>,
) -> Outcome {
    check_name(&name)?;
    if jurisdiction.is_some() {
        return Err(malformed("this server has no jurisdictions"));
    }
    if control.registry().resources(&account, ResourceKind::D1Database)?.len() >= MAX_DATABASES {
        let message = format!("You have reached the limit of {MAX_DATABASES} databases on your account.");
        return Err(ApiError::bad_request(7406, message));
    }
    let made = control.registry().create_resource(&account, ResourceKind::D1Database, &name, Value::Null).await;
    let made = made.map_err(|error| match error {
        registry::Error::Taken { .. } => {
            ApiError::bad_request(7502, format!("A database with the name '{name}' already exists"))
        }
        error => error.into(),
    })?;
    ok(shown(&made))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let legal = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    let begins = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    match begins && name.len() <= MAX_NAME && name.chars().all(legal) {
        true => Ok(()),
        false => Err(malformed(format!(
            "the name {name:?} should have 1 to {MAX_NAME} letters, digits, dashes and underscores, and begin with a letter or a digit"
        ))),
    }
}

#[utoipa::path(get, path = "/accounts/{account}/d1/database/{database}", tag = "D1",
    params(("account" = String, Path), ("database" = String, Path)),
    responses((status = 200, description = "The database, its size and the number of its tables")))]
async fn get(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    let resource = known(&control, &account, &id)?;
    let count = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let (outputs, _) = opened(&control, &account, &id)?.query(vec![Statement::new(count)]).await?;
    let [Output { rows, meta, .. }] = &outputs[..] else {
        return Err(ApiError::internal(&"a query gave no result"));
    };
    let tables = match rows.first().and_then(|row| row.first()) {
        Some(d1::Value::Integer(tables)) => *tables,
        _ => return Err(ApiError::internal(&"a count is no number")),
    };
    let mut shown = shown(&resource);
    shown.insert("num_tables".into(), tables.into());
    shown.insert("file_size".into(), meta.size_after.into());
    shown.insert("read_replication".into(), json!({ "mode": "disabled" }));
    ok(shown)
}

#[utoipa::path(delete, path = "/accounts/{account}/d1/database/{database}", tag = "D1",
    params(("account" = String, Path), ("database" = String, Path)),
    responses((status = 200, description = "The database is gone with its files")))]
async fn delete(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    let Resource { id, .. } = known(&control, &account, &id)?;
    // Its name goes last: a deletion that was broken off can be asked for again. It goes on although the client leaves.
    let deleting = tokio::spawn(async move {
        control.platform().services().d1().delete(&id).await?;
        control.platform().services().quota(&account).forget(Product::D1, &id);
        control.registry().delete_resource(&id).await?;
        Ok::<_, ApiError>(())
    });
    deleting.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))?;
    ok(Value::Null)
}

fn no_time_travel() -> ApiError {
    ApiError::bad_request(
        7500,
        "Time Travel is not supported by this version of Skerry. Keep exports instead: `wrangler d1 export --remote`.",
    )
}

#[utoipa::path(get, path = "/accounts/{account}/d1/database/{database}/time_travel/bookmark", tag = "D1",
    params(("account" = String, Path), ("database" = String, Path)),
    responses((status = 400, description = "Time Travel is not supported")))]
async fn bookmark(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    known(&control, &account, &id)?;
    Err(no_time_travel())
}

#[utoipa::path(post, path = "/accounts/{account}/d1/database/{database}/time_travel/restore", tag = "D1",
    params(("account" = String, Path), ("database" = String, Path)),
    responses((status = 400, description = "Time Travel is not supported")))]
async fn restore(State(control): State<Control>, Segments((account, id)): Segments<(String, String)>) -> Outcome {
    known(&control, &account, &id)?;
    Err(no_time_travel())
}
