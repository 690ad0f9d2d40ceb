//! Secrets: set and deleted one at a time, each time with a new version that is deployed. Their values are never shown.

use axum::Extension;
use axum::extract::State;
use registry::{Binding, BindingKind, Script, Version};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::access::Caller;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::scripts::{known, newest};
use crate::settings::derive;

/// <https://developers.cloudflare.com/workers/platform/limits/#environment-variables>
const MAX_SECRET: usize = 5 << 10;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(list, put)).routes(routes!(get, delete))
}

/// Secrets are of the newest version. The platform refuses to change them while that one is not deployed.
fn current(control: &Control, account: &str, name: &str) -> Result<(Script, Version), ApiError> {
    let script = known(control, account, name)?;
    let version = newest(control, &script)?.ok_or_else(ApiError::no_worker)?;
    Ok((script, version))
}

fn deployed(control: &Control, script: &Script, version: &Version) -> Result<(), ApiError> {
    let deployment = control.registry().deployment(&script.tag)?;
    let shares = deployment.map(|deployment| deployment.document.versions).unwrap_or_default();
    match shares.iter().any(|share| share.version_id == version.id) {
        true => Ok(()),
        false => Err(ApiError::bad_request(
            10215,
            "Secret edit failed. You attempted to modify a secret, but the latest version of your Worker isn't currently \
             deployed. Please ensure that the latest version of your Worker is fully deployed before modifying secrets.",
        )),
    }
}

fn is_secret(binding: &Binding) -> bool {
    matches!(binding.kind, BindingKind::SecretText { .. })
}

fn shown(name: &str) -> Value {
    json!({ "name": name, "type": "secret_text" })
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/secrets", tag = "Secrets",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The secrets' names")))]
async fn list(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    let (_, version) = current(&control, &account, &name)?;
    let secrets = version.document.bindings.iter().filter(|binding| is_secret(binding));
    ok(secrets.map(|binding| shown(&binding.name)).collect::<Vec<Value>>())
}

#[derive(Debug, Deserialize)]
struct Secret {
    name: String,
    text: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[utoipa::path(put, path = "/accounts/{account}/workers/scripts/{script}/secrets", tag = "Secrets",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "A version with the secret is deployed")))]
async fn put(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Outcome {
    let invalid = |message: String| ApiError::bad_request(10054, message);
    let secret = Secret::deserialize(body).map_err(|error| invalid(format!("The secret can't be read: {error}")))?;
    if secret.kind.as_deref().is_some_and(|kind| kind != "secret_text") {
        return Err(invalid("A secret is of type secret_text.".into()));
    }
    if secret.name.is_empty() || secret.text.len() > MAX_SECRET {
        return Err(invalid(format!("A secret has a name, and at most {} KB.", MAX_SECRET >> 10)));
    }
    let (script, version) = current(&control, &account, &name)?;
    deployed(&control, &script, &version)?;
    let taken = |binding: &&Binding| binding.name == secret.name && !is_secret(binding);
    if let Some(binding) = version.document.bindings.iter().find(taken) {
        let message =
            format!("Binding name '{}' already in use by a binding of type {}.", secret.name, binding.kind.type_name());
        return Err(ApiError::bad_request(10053, message));
    }
    let sealed = control.registry().vault().seal(&script.tag, &secret.text)?;
    let mut document = version.document.clone();
    document.bindings.retain(|binding| binding.name != secret.name);
    document.bindings.push(Binding { name: secret.name.clone(), kind: BindingKind::SecretText { sealed } });
    derive(&control, &token, &script, &version, document, "secret").await?;
    ok(shown(&secret.name))
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/secrets/{secret}", tag = "Secrets",
    params(("account" = String, Path), ("script" = String, Path), ("secret" = String, Path)),
    responses((status = 200, description = "There is such a secret")))]
async fn get(
    State(control): State<Control>,
    Segments((account, name, secret)): Segments<(String, String, String)>,
) -> Outcome {
    let (_, version) = current(&control, &account, &name)?;
    find(&version, &secret)?;
    ok(shown(&secret))
}

#[utoipa::path(delete, path = "/accounts/{account}/workers/scripts/{script}/secrets/{secret}", tag = "Secrets",
    params(("account" = String, Path), ("script" = String, Path), ("secret" = String, Path)),
    responses((status = 200, description = "A version without the secret is deployed")))]
async fn delete(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((account, name, secret)): Segments<(String, String, String)>,
) -> Outcome {
    let (script, version) = current(&control, &account, &name)?;
    find(&version, &secret)?;
    deployed(&control, &script, &version)?;
    let mut document = version.document.clone();
    document.bindings.retain(|binding| binding.name != secret);
    derive(&control, &token, &script, &version, document, "secret").await?;
    ok(Value::Null)
}

fn find(version: &Version, secret: &str) -> Result<(), ApiError> {
    let found = version.document.bindings.iter().any(|binding| binding.name == secret && is_secret(binding));
    let missing = || ApiError::new(http::StatusCode::NOT_FOUND, 10056, format!("Secret {secret:?} not found."));
    found.then_some(()).ok_or_else(missing)
}
