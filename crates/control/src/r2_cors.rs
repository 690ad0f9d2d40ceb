//! A bucket's rules for requests that browsers send from other origins, in the API's form.

use axum::extract::State;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::r2::no_jurisdiction;

/// As S3 has it.
const RULES: usize = 100;
/// Bytes of all rules.
const SIZE: usize = 64 << 10;
const METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE", "HEAD"];

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(get, put, delete))
}

/// A rule as the bucket keeps it: the S3 API writes and reads the same.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    id: Option<String>,
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    expose: Vec<String>,
    max_age: Option<i32>,
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
    fn check(&self) -> Result<(), ApiError> {
        let Allowed { origins, methods, headers } = &self.allowed;
        if origins.is_empty() || methods.is_empty() {
            return Err(invalid("A CORS rule has no origin, or no method.".into()));
        }
        if let Some(method) = methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(invalid(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )));
        }
        if let Some(text) = origins.iter().chain(headers).find(|text| text.matches('*').count() > 1) {
            return Err(invalid(format!("\"{text}\" can not have more than one wildcard.")));
        }
        match self.expose_headers.iter().find(|name| HeaderName::try_from(name.as_str()).is_err()) {
            Some(name) => Err(invalid(format!("The exposed header \"{name}\" is not a header's name."))),
            None => Ok(()),
        }
    }

    fn kept(self) -> Kept {
        let Self { id, allowed: Allowed { origins, methods, headers }, expose_headers: expose, max_age_seconds } = self;
        Kept { id, origins, methods, headers, expose, max_age: max_age_seconds }
    }

    fn of(kept: Kept) -> Self {
        let Kept { id, origins, methods, headers, expose, max_age } = kept;
        let allowed = Allowed { origins, methods, headers };
        Self { id, allowed, expose_headers: expose, max_age_seconds: max_age }
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::bad_request(10040, message)
}

#[utoipa::path(get, path = "/accounts/{account}/r2/buckets/{bucket}/cors", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)), responses((status = 200, description = "The rules")))]
async fn get(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Outcome {
    no_jurisdiction(&headers)?;
    let none = || ApiError::new(StatusCode::NOT_FOUND, 10059, "The CORS configuration does not exist.");
    let text = control.platform().services().r2(&account).cors(&name).await?.ok_or_else(none)?;
    let kept: Vec<Kept> = serde_json::from_str(&text).map_err(|error| ApiError::internal(&error))?;
    ok(json!({ "rules": kept.into_iter().map(Rule::of).collect::<Vec<_>>() }))
}

#[utoipa::path(put, path = "/accounts/{account}/r2/buckets/{bucket}/cors", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)),
    responses((status = 200, description = "The rules hold from now on")))]
async fn put(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    headers: HeaderMap,
    JsonBody(Rules { rules }): JsonBody<Rules>,
) -> Outcome {
    no_jurisdiction(&headers)?;
    if rules.is_empty() || rules.len() > RULES {
        return Err(invalid(format!("The CORS configuration should have 1 to {RULES} rules.")));
    }
    rules.iter().try_for_each(Rule::check)?;
    let kept: Vec<Kept> = rules.into_iter().map(Rule::kept).collect();
    let text = serde_json::to_string(&kept).map_err(|error| ApiError::internal(&error))?;
    if text.len() > SIZE {
        return Err(invalid("The CORS configuration is too large.".into()));
    }
    control.platform().services().r2(&account).set_cors(&name, Some(text)).await?;
    ok(Value::Null)
}

#[utoipa::path(delete, path = "/accounts/{account}/r2/buckets/{bucket}/cors", tag = "R2",
    params(("account" = String, Path), ("bucket" = String, Path)),
    responses((status = 200, description = "The bucket has no rules any more")))]
async fn delete(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Outcome {
    no_jurisdiction(&headers)?;
    control.platform().services().r2(&account).set_cors(&name, None).await?;
    ok(Value::Null)
}
