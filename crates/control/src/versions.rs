//! Versions: uploaded without being deployed, listed, looked at.

use axum::Extension;
use axum::extract::{DefaultBodyLimit, State};
use registry::Version;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{Asked, Segments};
use crate::parts::Parts;
use crate::scripts::known;
use crate::upload::{Fate, MAX_UPLOAD, upload};
use crate::{Control, bindings};

pub(crate) fn routes() -> OpenApiRouter<Control> {
    let uploads = OpenApiRouter::new().routes(routes!(list, post)).layer(DefaultBodyLimit::max(MAX_UPLOAD));
    OpenApiRouter::new().merge(uploads).routes(routes!(view))
}

/// A version without its bindings, as lists have it.
fn listed(version: &Version) -> Value {
    let document = &version.document;
    json!({
        "id": version.id,
        "number": version.number,
        "metadata": {
            "created_on": version.created.to_string(),
            "modified_on": version.created.to_string(),
            "source": document.source,
            "author_id": document.author,
            "author_email": document.author,
            "hasPreview": true,
            "has_preview": true,
        },
        "annotations": document.annotations,
    })
}

fn shown(version: &Version) -> Value {
    let document = &version.document;
    let mut shown = listed(version);
    shown["startup_time_ms"] = document.startup_time_ms.into();
    shown["resources"] = json!({
        "bindings": bindings::shown(&document.bindings),
        "script": {
            "etag": document.etag,
            "handlers": document.handlers,
            "last_deployed_from": document.source,
        },
        "script_runtime": {
            "compatibility_date": document.compatibility_date,
            "compatibility_flags": document.compatibility_flags,
            "usage_model": "standard",
            "limits": document.limits,
            "migration_tag": document.migration_tag,
        },
    });
    shown
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// From 1.
    page: Option<usize>,
    per_page: Option<usize>,
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/versions", tag = "Versions",
    params(("account" = String, Path), ("script" = String, Path), Listing),
    responses((status = 200, description = "The versions, the newest first")))]
async fn list(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    Asked(query): Asked<Listing>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let per_page = query.per_page.unwrap_or(100).clamp(1, 100);
    let before = (query.page.unwrap_or(1).max(1) - 1).saturating_mul(per_page);
    let versions = control.registry().versions(&script.tag)?;
    let items: Vec<Value> = versions.iter().skip(before).take(per_page).map(listed).collect();
    ok(json!({ "items": items }))
}

#[utoipa::path(post, path = "/accounts/{account}/workers/scripts/{script}/versions", tag = "Versions",
    params(("account" = String, Path), ("script" = String, Path)),
    request_body(content_type = "multipart/form-data", description = "`metadata` as JSON, and a part for each module"),
    responses((status = 200, description = "The version is kept, and answers at its own host where previews are on")))]
async fn post(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((account, name)): Segments<(String, String)>,
    parts: Parts,
) -> Outcome {
    let (_, version) = upload(&control, &token, &account, &name, parts, Fate::Kept).await?;
    ok(shown(&version))
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/versions/{version}", tag = "Versions",
    params(("account" = String, Path), ("script" = String, Path), ("version" = String, Path)),
    responses((status = 200, description = "The version with its bindings; secrets by name alone")))]
async fn view(
    State(control): State<Control>,
    Segments((account, name, id)): Segments<(String, String, String)>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let missing =
        || ApiError::new(http::StatusCode::NOT_FOUND, 10222, format!("There is no version {id:?} of this Worker."));
    ok(shown(&control.registry().version(&script.tag, &id)?.ok_or_else(missing)?))
}
