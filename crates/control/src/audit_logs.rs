//! The audit log as its readers get it, in the shape of Cloudflare's.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use registry::{Audit, Entry};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, listed};
use crate::extract::Segments;

const MAX_LIMIT: u32 = 1000;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// Only entries older than the one with this id: `result_info.before` of the answer before.
    before: Option<i64>,
    /// From 1 to 1000; 100 when left out.
    limit: Option<u32>,
}

#[utoipa::path(get, path = "/accounts/{account}/audit_logs", tag = "Accounts",
    params(("account" = String, Path), Listing),
    responses((status = 200, description = "What was changed, by whom, the newest first. Where there is more, `result_info.before` leads to it")))]
async fn list(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    query: Result<Query<Listing>, QueryRejection>,
) -> Outcome {
    let invalid = |message: String| ApiError::bad_request(10201, message);
    let Query(Listing { before, limit }) = query.map_err(|rejection| invalid(rejection.body_text()))?;
    let limit = limit.unwrap_or(100);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(invalid(format!("The limit should be from 1 to {MAX_LIMIT}, but is {limit}.")));
    }
    // One more than is shown, to know whether there is more.
    let mut audits = control.registry().audits(&account, before, limit + 1)?;
    let more = audits.len() > limit as usize;
    audits.truncate(limit as usize);
    let names: HashMap<String, String> =
        control.registry().tokens(Some(&account))?.into_iter().map(|token| (token.id, token.name)).collect();
    let before = audits.last().filter(|_| more).map(|audit| audit.id);
    let info = json!({ "count": audits.len(), "before": before });
    listed(audits.iter().map(|audit| shown(audit, &names)).collect::<Vec<Value>>(), info)
}

/// `names`: of the tokens that are still there.
fn shown(audit: &Audit, names: &HashMap<String, String>) -> Value {
    let Entry { account, token, action, subject, status } = &audit.entry;
    json!({
        "id": audit.id.to_string(),
        "when": audit.at.to_string(),
        "action": { "type": action, "result": (200..400).contains(status) },
        "actor": { "id": token, "type": if token == "cli" { "system" } else { "user" }, "name": names.get(token) },
        "resource": { "id": subject },
        "owner": { "id": account },
        "interface": if token == "cli" { "CLI" } else { "API" },
        "metadata": { "status": status },
    })
}
