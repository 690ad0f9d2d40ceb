//! A bucket's rules for requests that browsers send from other origins, in the API's form.

use axum::extract::State;
use http::StatusCode;
use r2::cors::CorsRule;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(get, put, delete))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    allowed: Allowed,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expose_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age_seconds: Option<i32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Allowed {
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Rules {
    rules: Vec<Rule>,
}

// === impl Rule ===

impl Rule {
    fn kept(self) -> CorsRule {
        let Self { id, allowed: Allowed { origins, methods, headers }, expose_headers: expose, max_age_seconds } = self;
        CorsRule { id, origins, methods, headers, expose, max_age: max_age_seconds }
    }

    fn of(kept: CorsRule) -> Self {
        let CorsRule { id, origins, methods, headers, expose, max_age } = kept;
        let allowed = Allowed { origins, methods, headers };
        Self { id, allowed, expose_headers: expose, max_age_seconds: max_age }
    }
}

#[utoipa::path(get, path = "/accounts/{account}/r2/buckets/{bucket}/cors", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)), responses((status = 200, description = "The rules")))]
async fn get(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    let none = || ApiError::new(StatusCode::NOT_FOUND, 10059, "The CORS configuration does not exist.");
    let text = control.platform().services().r2(&account).cors(&name).await?.ok_or_else(none)?;
    let kept = r2::cors::read(&text).map_err(|error| ApiError::internal(&error))?;
    ok(json!({ "rules": kept.into_iter().map(Rule::of).collect::<Vec<_>>() }))
}

#[utoipa::path(put, path = "/accounts/{account}/r2/buckets/{bucket}/cors", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)),
    responses((status = 200, description = "The rules hold from now on")))]
async fn put(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(Rules { rules }): JsonBody<Rules>,
) -> Outcome {
    let kept: Vec<CorsRule> = rules.into_iter().map(Rule::kept).collect();
    let text = r2::cors::write(&kept).map_err(|error| ApiError::bad_request(10040, error.to_string()))?;
    control.platform().services().r2(&account).set_cors(&name, Some(text)).await?;
    ok(Value::Null)
}

#[utoipa::path(delete, path = "/accounts/{account}/r2/buckets/{bucket}/cors", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)),
    responses((status = 200, description = "The bucket has no rules any more")))]
async fn delete(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    control.platform().services().r2(&account).set_cors(&name, None).await?;
    ok(Value::Null)
}
