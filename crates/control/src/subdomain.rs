//! Workers' own hosts: the account's label below the base domain, and whether a Worker answers there.

use axum::extract::State;
use registry::{Account, Subdomain};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::scripts::known;
use crate::{Control, Front};

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(account)).routes(routes!(get, post, delete))
}

#[utoipa::path(get, path = "/accounts/{account}/workers/subdomain", tag = "Routing", params(("account" = String, Path)),
    responses((status = 200, description = "The account's label: <worker>.<subdomain>.<base domain>")))]
async fn account(State(control): State<Control>, Segments(account): Segments<String>) -> Outcome {
    let account = control.registry().account(&account)?;
    let account = account.ok_or_else(|| ApiError::internal(&"the token's account is gone"))?;
    ok(json!({ "subdomain": account.subdomain, "worker_url": worker_url(&control, &account)? }))
}

/// Where the account's Workers answer, with `{name}` for a Worker's name: the dashboard's links.
fn worker_url(control: &Control, account: &Account) -> Result<String, ApiError> {
    let base = control.platform().base_domain().as_str();
    let first = control.registry().accounts()?.first().is_some_and(|first| first.id == account.id);
    let host = if first { format!("{{name}}.{base}") } else { format!("{{name}}.{}.{base}", account.subdomain) };
    Ok(match control.0.front {
        Front { https: true, port: 443 } => format!("https://{host}"),
        Front { https: false, port: 80 } => format!("http://{host}"),
        Front { https: true, port } => format!("https://{host}:{port}"),
        Front { https: false, port } => format!("http://{host}:{port}"),
    })
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/subdomain", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "Whether the Worker answers at its own host, and its versions at theirs")))]
async fn get(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
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
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let Body { enabled, previews_enabled } = Body::deserialize(body)
        .map_err(|error| ApiError::bad_request(10034, format!("The settings can't be read: {error}")))?;
    set(&control, &account, &name, Subdomain { enabled, previews_enabled: previews_enabled.unwrap_or(enabled) }).await
}

#[utoipa::path(delete, path = "/accounts/{account}/workers/scripts/{script}/subdomain", tag = "Routing",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The Worker has no host of its own any more")))]
async fn delete(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    set(&control, &account, &name, Subdomain::default()).await
}

async fn set(control: &Control, account: &str, name: &str, subdomain: Subdomain) -> Outcome {
    let script = known(control, account, name)?;
    control.registry().change_script(&script.tag, move |settings| settings.subdomain = subdomain).await?;
    control.platform().reroute()?;
    ok(subdomain)
}
