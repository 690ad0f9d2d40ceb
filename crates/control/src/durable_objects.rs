//! The namespaces of Durable Objects that an account has, and the objects in one that have stored something.

use axum::extract::State;
use durable::ObjectId;
use registry::Script;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workers::ObjectNamespace;

use crate::Control;
use crate::envelope::{ApiError, Outcome, listed, page};
use crate::extract::{Asked, Segments};

/// Objects in one answer.
const MOST: usize = 1000;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(namespaces)).routes(routes!(objects))
}

/// One class of one Worker.
struct Class<'s> {
    script: &'s Script,
    name: &'s str,
    sql: bool,
    objects: ObjectNamespace,
    /// 32 hexadecimal digits, made of the namespace's key.
    id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Part {
    page: Option<usize>,
    per_page: Option<usize>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct After {
    limit: Option<usize>,
    cursor: Option<String>,
}

#[utoipa::path(get, path = "/accounts/{account}/workers/durable_objects/namespaces", tag = "Durable Objects",
    params(("account" = String, Path), Part), responses((status = 200, description = "The namespaces, one for each class")))]
async fn namespaces(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    Asked(Part { page: number, per_page }): Asked<Part>,
) -> Outcome {
    let scripts = control.registry().scripts(Some(&account))?;
    let classes = classes(&control, &scripts)?;
    page(classes.iter().map(shown).collect(), number, per_page)
}

fn shown(Class { script, name, sql, objects, id }: &Class<'_>) -> Value {
    json!({
        "id": id, "name": format!("{}_{name}", script.name), "script": script.name, "class": name, "use_sqlite": sql,
        // Not Cloudflare's.
        "in_memory": objects.live(),
    })
}

#[utoipa::path(get, path = "/accounts/{account}/workers/durable_objects/namespaces/{namespace}/objects", tag = "Durable Objects",
    params(("account" = String, Path), ("namespace" = String, Path), After),
    responses((status = 200, description = "The objects that have stored something")))]
async fn objects(
    State(control): State<Control>,
    Segments((account, namespace)): Segments<(String, String)>,
    Asked(After { limit, cursor }): Asked<After>,
) -> Outcome {
    let scripts = control.registry().scripts(Some(&account))?;
    let found = classes(&control, &scripts)?.into_iter().find(|class| class.id == namespace);
    let objects = found
        .ok_or_else(|| ApiError::new(http::StatusCode::NOT_FOUND, 10066, "Durable Object namespace not found."))?
        .objects;
    let after: Option<ObjectId> = cursor
        .map(|cursor| cursor.parse().map_err(|_| ApiError::bad_request(10029, "The cursor is none of this list's.")))
        .transpose()?;
    let limit = limit.unwrap_or(MOST).clamp(1, MOST);
    // A folder of many files takes its time.
    let read = tokio::task::spawn_blocking(move || objects.stored(after.as_ref(), limit));
    let part = read.await.map_err(|error| ApiError::internal(&error))?.map_err(|error| ApiError::internal(&error))?;
    let cursor = part.last().filter(|_| part.len() == limit).map(|(id, _)| id.to_string());
    let all = part.iter().map(|(id, size)| json!({ "id": id.to_string(), "hasStoredData": true, "size": size }));
    listed(all.collect::<Vec<Value>>(), json!({ "count": part.len(), "cursor": cursor }))
}

fn classes<'s>(control: &Control, scripts: &'s [Script]) -> Result<Vec<Class<'s>>, ApiError> {
    let objects = control.platform().services().objects();
    let mut classes = Vec::new();
    for script in scripts {
        for (name, sql) in &script.settings.classes {
            let key = objects.classes().key(&script.tag, name).map_err(|error| ApiError::internal(&error))?;
            let (objects, id) = (objects.namespace(&key), registry::domain_hex_id(&key));
            classes.push(Class { script, name, sql: *sql, objects, id });
        }
    }
    Ok(classes)
}
