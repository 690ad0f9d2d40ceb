//! Deployments: which versions answer, with which share of the traffic.

use axum::Extension;
use axum::extract::State;
use registry::{Annotations, Deployment, NewDeployment, Share};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::access::Caller;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::scripts::known;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(list, post))
}

fn shown(deployment: &Deployment) -> Value {
    let NewDeployment { versions, source, author, annotations } = &deployment.document;
    json!({
        "id": deployment.id,
        "source": source,
        "strategy": "percentage",
        "author_email": author,
        "created_on": deployment.created.to_string(),
        "annotations": annotations,
        "versions": versions,
    })
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/deployments", tag = "Deployments",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The deployments, the newest first: that one holds")))]
async fn list(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    let script = known(&control, &account, &name)?;
    let deployments: Vec<Value> = control.registry().deployments(&script.tag)?.iter().map(shown).collect();
    ok(json!({ "deployments": deployments }))
}

#[derive(Debug, Deserialize)]
struct Body {
    strategy: String,
    versions: Vec<Share>,
    #[serde(default)]
    annotations: Annotations,
}

#[utoipa::path(post, path = "/accounts/{account}/workers/scripts/{script}/deployments", tag = "Deployments",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The deployment holds")))]
async fn post(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let invalid = |message: String| ApiError::bad_request(10220, message);
    let Body { strategy, versions, annotations } =
        Body::deserialize(body).map_err(|error| invalid(format!("The deployment can't be read: {error}")))?;
    if strategy != "percentage" {
        return Err(invalid(format!("The strategy should be \"percentage\", but is {strategy:?}.")));
    }
    if !(1..=2).contains(&versions.len()) {
        return Err(invalid(format!("A deployment has one or two versions, but this one has {}.", versions.len())));
    }
    let legal = versions.iter().all(|share| (0.0..=100.0).contains(&share.percentage));
    let sum: f64 = versions.iter().map(|share| share.percentage).sum();
    if !legal || (sum - 100.0).abs() > 0.01 {
        return Err(invalid(format!("The versions' percentages should be 100 together, but are {sum}.")));
    }
    let triggered_by = annotations.triggered_by.clone().or_else(|| Some("deployment".into()));
    let new = NewDeployment {
        versions,
        source: "wrangler".into(),
        author: token.name,
        annotations: Annotations { triggered_by, ..annotations },
    };
    let deployment = control.registry().deploy(&script.tag, new).await?;
    control.platform().refresh(&script.tag).await?;
    ok(shown(&deployment))
}
