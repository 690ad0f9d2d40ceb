//! Workers' own hosts: the account's label below the base domain, and whether a Worker answers there.

use axum::Json;
use axum::extract::{Path, State};
use registry::Subdomain;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::scripts::known;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(account)).routes(routes!(get, post, delete))
}

#[utoipa::path(get, path = "/accounts/{account}/workers/subdomain", tag = "Routing", params(("account" = String, Path)),
    responses((status = 200, description = "The account's label: <worker>.<subdomain>.<base domain>")))]
async fn account(State(control): State<Control>, Path(account): Path<String>) -> Outcome {
    let account = control.registry().account(&account)?;
    let account = account.ok_or_else(|| ApiError::internal(&"the token's account is gone"))?;
    ok(json!({ "subdomain": account.subdomain }))
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/subdomain", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "Whether the Worker answers at its own host, and its versions at theirs")))]
async fn get(State(control): State<Control>, Path((account, name)): Path<(String, String)>) -> Outcome {
    ok(known(&control, &account, &name)?.settings.subdomain)
}

#[derive(Debug, Deserialize)]
struct Body {
    enabled: bool,
    previews_enabled: Option<bool>,
}

#[utoipa::path(post, path = "/accounts/{account}/workers/scripts/{script}/subdomain", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "Whether the Worker answers at its own host from now on")))]
async fn post(
    State(control): State<Control>,
    Path((account, name)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Outcome {
    let Body { enabled, previews_enabled } = Body::deserialize(body)
        .map_err(|error| ApiError::bad_request(10034, format!("The settings can't be read: {error}")))?;
    set(&control, &account, &name, Subdomain { enabled, previews_enabled: previews_enabled.unwrap_or(enabled) }).await
}

#[utoipa::path(delete, path = "/accounts/{account}/workers/scripts/{script}/subdomain", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The Worker has no host of its own any more")))]
async fn delete(State(control): State<Control>, Path((account, name)): Path<(String, String)>) -> Outcome {
    set(&control, &account, &name, Subdomain::default()).await
}

async fn set(control: &Control, account: &str, name: &str, subdomain: Subdomain) -> Outcome {
    let script = known(control, account, name)?;
    control.registry().change_script(&script.tag, move |settings| settings.subdomain = subdomain).await?;
    control.platform().reroute()?;
    ok(subdomain)
}
