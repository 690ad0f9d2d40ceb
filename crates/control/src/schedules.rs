//! Cron triggers of a Worker.

use axum::extract::State;
use registry::Schedule;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::scripts::known;

/// <https://developers.cloudflare.com/workers/platform/limits/>
const MAX_CRONS: usize = 250;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(get, put))
}

fn shown(schedules: &[Schedule]) -> Value {
    let schedules = schedules.iter().map(|Schedule { cron, created, .. }| {
        json!({ "cron": cron, "created_on": created.to_string(), "modified_on": created.to_string() })
    });
    json!({ "schedules": schedules.collect::<Vec<Value>>() })
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/schedules", tag = "Schedules",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The Worker's cron triggers")))]
async fn get(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    let script = known(&control, &account, &name)?;
    ok(shown(&control.registry().schedules(Some(&script.tag))?))
}

#[derive(Debug, Deserialize)]
struct Item {
    cron: String,
}

#[utoipa::path(put, path = "/accounts/{account}/workers/scripts/{script}/schedules", tag = "Schedules",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The Worker's cron triggers from now on")))]
async fn put(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let invalid = |message: String| ApiError::bad_request(10100, message);
    let items: Vec<Item> =
        Vec::deserialize(body).map_err(|error| invalid(format!("The schedules can't be read: {error}")))?;
    if items.len() > MAX_CRONS {
        return Err(invalid(format!("A Worker may have {MAX_CRONS} cron triggers, but this one has {}.", items.len())));
    }
    for Item { cron } in &items {
        platform::parse_cron(cron).map_err(&invalid)?;
    }
    let crons = items.into_iter().map(|item| item.cron).collect();
    ok(shown(&control.registry().set_schedules(&script.tag, crons).await?))
}
