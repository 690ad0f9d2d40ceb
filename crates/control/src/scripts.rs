//! Workers by name: upload, list, look at, delete.

use axum::Extension;
use axum::extract::{DefaultBodyLimit, State};
use http::header::{CONTENT_TYPE, HeaderValue};
use registry::{Module, Script, Version};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::access::Caller;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{Asked, Segments};
use crate::parts::Parts;
use crate::upload::{Fate, MAX_UPLOAD, upload};

pub(crate) fn routes() -> OpenApiRouter<Control> {
    let uploads = OpenApiRouter::new().routes(routes!(put)).layer(DefaultBodyLimit::max(MAX_UPLOAD));
    OpenApiRouter::new()
        .merge(uploads)
        .routes(routes!(list))
        .routes(routes!(content, delete))
        .routes(routes!(content_v2))
        .routes(routes!(service, delete_service))
}

/// The Worker of this name, which the account must have.
pub(crate) fn known(control: &Control, account: &str, name: &str) -> Result<Script, ApiError> {
    control.registry().script(account, name)?.ok_or_else(ApiError::no_worker)
}

/// The version that was uploaded last.
pub(crate) fn newest(control: &Control, script: &Script) -> Result<Option<Version>, ApiError> {
    Ok(control.registry().newest_version(&script.tag)?)
}

/// The version that has most of the traffic.
pub(crate) fn deployed(control: &Control, script: &Script) -> Result<Option<Version>, ApiError> {
    let Some(deployment) = control.registry().deployment(&script.tag)? else { return Ok(None) };
    let shares = deployment.document.versions;
    let Some(most) = shares.iter().max_by(|one, other| one.percentage.total_cmp(&other.percentage)) else {
        return Ok(None);
    };
    Ok(control.registry().version(&script.tag, &most.version_id)?)
}

fn shown(script: &Script, version: Option<&Version>) -> Value {
    let document = version.map(|version| &version.document);
    json!({
        "id": script.name,
        "tag": script.tag,
        "tags": script.settings.tags,
        "etag": document.map(|document| &document.etag),
        "handlers": document.map(|document| &document.handlers),
        "created_on": script.created.to_string(),
        "modified_on": script.modified.to_string(),
        "usage_model": "standard",
        "compatibility_date": document.and_then(|document| document.compatibility_date.as_deref()),
        "compatibility_flags": document.map(|document| &document.compatibility_flags),
        "last_deployed_from": document.map(|document| &document.source),
        "logpush": script.settings.logpush,
        "has_assets": document.is_some_and(|document| document.assets.is_some()),
        "has_modules": document.is_some_and(|document| document.has_code() && !document.service_worker),
        "migration_tag": script.settings.migration_tag,
    })
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts", tag = "Workers", params(("account" = String, Path)),
    responses((status = 200, description = "The account's Workers")))]
async fn list(State(control): State<Control>, Segments(account): Segments<String>) -> Outcome {
    let scripts = control.registry().scripts(Some(&account))?;
    ok(scripts.iter().map(|script| listed(&control, script)).collect::<Result<Vec<Value>, ApiError>>()?)
}

/// With what is deployed and whether it has a host of its own, which the dashboard's list shows.
fn listed(control: &Control, script: &Script) -> Result<Value, ApiError> {
    let versions = control.registry().versions(&script.tag)?;
    let number = |id: &str| versions.iter().find(|version| version.id == id).map(|version| version.number);
    let deployment = control.registry().deployment(&script.tag)?.map(|deployment| {
        let versions = deployment.document.versions.iter().map(|share| {
            json!({ "version_id": share.version_id, "percentage": share.percentage, "number": number(&share.version_id) })
        });
        json!({
            "id": deployment.id,
            "created_on": deployment.created.to_string(),
            "author_email": deployment.document.author,
            "versions": versions.collect::<Vec<Value>>(),
        })
    });
    let mut shown = shown(script, versions.first());
    shown["deployment"] = deployment.into();
    shown["subdomain"] = json!(script.settings.subdomain);
    Ok(shown)
}

#[utoipa::path(put, path = "/accounts/{account}/workers/scripts/{script}", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path)),
    request_body(content_type = "multipart/form-data", description = "`metadata` as JSON, and a part for each module"),
    responses((status = 200, description = "The version is deployed"), (status = 400, description = "It can't run: the error says why")))]
async fn put(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((account, name)): Segments<(String, String)>,
    parts: Parts,
) -> Outcome {
    let (script, version) = upload(&control, &token, &account, &name, parts, Fate::Deployed).await?;
    let mut shown = shown(&script, Some(&version));
    shown["deployment_id"] = version.id.replace('-', "").into();
    shown["startup_time_ms"] = version.document.startup_time_ms.into();
    ok(shown)
}

/// The modules of the deployed version: one by itself, several as a form.
#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The code")))]
async fn content(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
) -> Result<http::Response<axum::body::Body>, ApiError> {
    code(&control, &account, &name)
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/content/v2", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The code")))]
async fn content_v2(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
) -> Result<http::Response<axum::body::Body>, ApiError> {
    code(&control, &account, &name)
}

fn code(control: &Control, account: &str, name: &str) -> Result<http::Response<axum::body::Body>, ApiError> {
    let script = known(control, account, name)?;
    let version = match deployed(control, &script)? {
        Some(version) => version,
        None => newest(control, &script)?.ok_or_else(ApiError::no_worker)?,
    };
    let modules = control.registry().modules(&version.id)?;
    let entrypoint = HeaderValue::from_str(&version.document.main);
    let (kind, body) = match <[Module; 1]>::try_from(modules) {
        Ok([module]) => (module.kind, module.content),
        Err(modules) => form(&modules),
    };
    let mut response = http::Response::new(body.into());
    let kind = HeaderValue::from_str(&kind).map_err(|error| ApiError::internal(&error))?;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if let Ok(entrypoint) = entrypoint {
        response.headers_mut().insert("cf-entrypoint", entrypoint);
    }
    Ok(response)
}

/// A form of modules, with its type.
fn form(modules: &[Module]) -> (String, Vec<u8>) {
    let boundary = format!("skerry-{}", registry::new_hex_id());
    let mut body = Vec::new();
    for Module { name, kind, content } in modules {
        let name = name.replace('"', "%22").replace(['\r', '\n'], " ");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Delete {
    /// Also while others are bound to it.
    #[serde(default)]
    force: Option<String>,
}

#[utoipa::path(delete, path = "/accounts/{account}/workers/scripts/{script}", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path), Delete),
    responses((status = 200, description = "The Worker is gone, with its versions and its Durable Objects")))]
async fn delete(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    Asked(query): Asked<Delete>,
) -> Outcome {
    remove(&control, &account, &name, query.force.as_deref() == Some("true")).await
}

/// Workers as wrangler asks for them before a deployment.
#[utoipa::path(get, path = "/accounts/{account}/workers/services/{script}", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The Worker"), (status = 404, description = "There is none of this name")))]
async fn service(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    let missing = || {
        let message = "workers.api.error.service_not_found: this Worker does not exist on your account.";
        ApiError::new(http::StatusCode::NOT_FOUND, 10090, message)
    };
    let script = control.registry().script(&account, &name)?.ok_or_else(missing)?;
    let shown = shown(&script, newest(&control, &script)?.as_ref());
    ok(json!({
        "id": script.name,
        "created_on": script.created.to_string(),
        "modified_on": script.modified.to_string(),
        "usage_model": "standard",
        "default_environment": {
            "environment": "production",
            "created_on": script.created.to_string(),
            "modified_on": script.modified.to_string(),
            "script": shown,
        },
        "environments": [{
            "environment": "production",
            "created_on": script.created.to_string(),
            "modified_on": script.modified.to_string(),
        }],
    }))
}

#[utoipa::path(delete, path = "/accounts/{account}/workers/services/{script}", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path), Delete),
    responses((status = 200, description = "The Worker is gone, with its versions and its Durable Objects")))]
async fn delete_service(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    Asked(query): Asked<Delete>,
) -> Outcome {
    remove(&control, &account, &name, query.force.as_deref() == Some("true")).await
}

async fn remove(control: &Control, account: &str, name: &str, force: bool) -> Outcome {
    let script = known(control, account, name)?;
    if !force && let Some(other) = dependent(control, &script)? {
        return Err(ApiError::bad_request(
            10064,
            format!(
                "Cannot delete this Worker as the Worker {other:?} is bound to it. Delete it with force to do so nevertheless."
            ),
        ));
    }
    let classes: Vec<String> = script.settings.classes.keys().cloned().collect();
    control.registry().delete_script(&script.tag).await?;
    control.platform().refresh(&script.tag).await?;
    control.platform().refresh_queues()?;
    if !classes.is_empty() {
        let gone = durable::Migration { tag: "deleted".into(), deleted: classes, ..durable::Migration::default() };
        let objects = control.platform().services().objects();
        objects.classes().advance(&script.tag, &[gone]).map_err(|error| ApiError::internal(&error))?;
        objects.remove_deleted().await.map_err(|error| ApiError::internal(&error))?;
        measured(control.platform().clone(), script.account.clone()).await?;
    }
    ok(Value::Null)
}

/// Notes what is left of an account's Durable Objects, after some have gone.
pub(crate) async fn measured(platform: platform::Platform, account: String) -> Result<(), ApiError> {
    let measuring = tokio::task::spawn_blocking(move || platform.measure_objects(&account)).await;
    measuring.map_err(|error| ApiError::internal(&error))?.map_err(|error| ApiError::internal(&error))
}

/// A Worker that is bound to this one.
fn dependent(control: &Control, script: &Script) -> Result<Option<String>, ApiError> {
    use registry::BindingKind::{DurableObjectNamespace, Service};
    for other in control.registry().scripts(Some(&script.account))? {
        let Some(version) = deployed(control, &other)?.filter(|_| other.tag != script.tag) else { continue };
        let bound = version.document.bindings.iter().any(|binding| match &binding.kind {
            Service { service, .. } => *service == script.name,
            DurableObjectNamespace { script_name, .. } => script_name.as_deref() == Some(&script.name),
            _ => false,
        });
        let told = platform::tail_consumers(&other.settings.tail_consumers).any(|name| name == script.name);
        if bound || told {
            return Ok(Some(other.name));
        }
    }
    Ok(None)
}
