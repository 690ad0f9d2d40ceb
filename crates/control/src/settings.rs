//! What a Worker is set to: bindings and compatibility of its newest version, and what holds for all versions.

use axum::Extension;
use axum::extract::{DefaultBodyLimit, State};
use registry::{
    Annotations, NewDeployment, NewVersion, Script, ScriptSettings, Token, UserLimits, Version, VersionDocument,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{JsonBody, Segments};
use crate::metadata::check_compatibility;
use crate::parts::Parts;
use crate::scripts::{known, newest};
use crate::{Control, bindings, form, migrations, tail_consumers};

const MAX_SETTINGS: usize = 8 << 20;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    let forms = OpenApiRouter::new().routes(routes!(get, patch)).layer(DefaultBodyLimit::max(MAX_SETTINGS));
    OpenApiRouter::new().merge(forms).routes(routes!(script_settings, patch_script_settings))
}

fn shown(script: &Script, version: &Version) -> Value {
    let VersionDocument { bindings, compatibility_date, compatibility_flags, limits, .. } = &version.document;
    json!({
        "bindings": bindings::shown(bindings),
        "compatibility_date": compatibility_date,
        "compatibility_flags": compatibility_flags,
        "usage_model": "standard",
        "limits": limits,
        "placement": {},
        "migration_tag": script.settings.migration_tag,
        "tags": script.settings.tags,
        "tail_consumers": script.settings.tail_consumers,
        "logpush": script.settings.logpush,
        "observability": script.settings.observability,
    })
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/settings", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "The settings of the newest version; secrets by name alone")))]
async fn get(State(control): State<Control>, Segments((account, name)): Segments<(String, String)>) -> Outcome {
    let script = known(&control, &account, &name)?;
    let version = newest(&control, &script)?.ok_or_else(ApiError::no_worker)?;
    ok(shown(&script, &version))
}

/// The part `settings`: what is named changes, all else stays.
#[derive(Debug, Deserialize)]
struct Patch {
    bindings: Option<Vec<Value>>,
    compatibility_date: Option<String>,
    compatibility_flags: Option<Vec<String>>,
    limits: Option<UserLimits>,
    #[serde(default)]
    annotations: Annotations,
    #[serde(flatten)]
    script: ScriptPatch,
}

#[utoipa::path(patch, path = "/accounts/{account}/workers/scripts/{script}/settings", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path)),
    request_body(content_type = "multipart/form-data", description = "`settings` as JSON"),
    responses((status = 200, description = "A version with the new settings is deployed")))]
async fn patch(
    State(control): State<Control>,
    Extension(Caller(token)): Extension<Caller>,
    Segments((account, name)): Segments<(String, String)>,
    parts: Parts,
) -> Outcome {
    let form = form::read(parts, "settings", MAX_SETTINGS).await?;
    let patch: Patch = serde_json::from_str(&form.json)
        .map_err(|error| ApiError::bad_request(10021, format!("The settings can't be read: {error}")))?;
    check_compatibility(patch.compatibility_date.as_deref(), patch.compatibility_flags.as_deref())?;
    let script = known(&control, &account, &name)?;
    if let Some(consumers) = &patch.script.tail_consumers {
        tail_consumers::check(&control, &account, &name, consumers)?;
    }
    let version = newest(&control, &script)?.ok_or_else(ApiError::no_worker)?;
    let mut document = version.document.clone();
    if let Some(named) = &patch.bindings {
        let vault = control.registry().vault();
        document.bindings = bindings::incoming(named, &[], Some(&version), vault, &script.tag)?;
        migrations::check(&script, &script.settings.classes, &document.bindings)?;
    }
    if let Some(date) = patch.compatibility_date {
        document.compatibility_date = Some(date);
    }
    if let Some(flags) = patch.compatibility_flags {
        document.compatibility_flags = flags;
    }
    if let Some(limits) = patch.limits {
        document.limits = limits;
    }
    document.annotations = patch.annotations;
    let version = derive(&control, &token, &script, &version, document, "settings_update").await?;
    let script_patch = patch.script;
    control.registry().change_script(&script.tag, move |settings| script_patch.apply(settings)).await?;
    control.platform().follow_tail_consumers(&known(&control, &account, &name)?);
    ok(shown(&known(&control, &account, &name)?, &version))
}

/// Deploys the code of `version` under another document: changed settings, changed secrets.
pub(crate) async fn derive(
    control: &Control,
    token: &Token,
    script: &Script,
    version: &Version,
    document: VersionDocument,
    trigger: &str,
) -> Result<Version, ApiError> {
    let annotations = Annotations { triggered_by: Some(trigger.into()), ..document.annotations.clone() };
    let author = token.name.clone();
    let document = VersionDocument { annotations: annotations.clone(), author: author.clone(), ..document };
    let tried = Version { document, ..version.clone() };
    let modules = control.registry().modules(&version.id)?;
    control.platform().try_start(script, &tried, modules).await.map_err(crate::upload::unable)?;
    let deployment = NewDeployment { source: "wrangler".into(), author, annotations, ..NewDeployment::default() };
    let new = NewVersion::derived(version, tried.document);
    let version = control.registry().add_version(&script.tag, new, Some(deployment)).await?;
    control.platform().refresh(&script.tag).await?;
    Ok(version)
}

/// What holds for all versions.
#[derive(Debug, Default, Deserialize)]
struct ScriptPatch {
    logpush: Option<bool>,
    tail_consumers: Option<Vec<Value>>,
    observability: Option<Value>,
    tags: Option<Vec<String>>,
}

// === impl ScriptPatch ===

impl ScriptPatch {
    fn apply(self, settings: &mut ScriptSettings) {
        settings.logpush = self.logpush.unwrap_or(settings.logpush);
        if let Some(consumers) = self.tail_consumers {
            settings.tail_consumers = consumers;
        }
        if let Some(observability) = self.observability {
            settings.observability = Some(observability);
        }
        if let Some(tags) = self.tags {
            settings.tags = tags;
        }
    }
}

fn script_shown(settings: &ScriptSettings) -> Value {
    json!({
        "logpush": settings.logpush,
        "tail_consumers": settings.tail_consumers,
        "observability": settings.observability,
        "tags": settings.tags,
    })
}

#[utoipa::path(get, path = "/accounts/{account}/workers/scripts/{script}/script-settings", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "What holds for all versions")))]
async fn script_settings(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
) -> Outcome {
    ok(script_shown(&known(&control, &account, &name)?.settings))
}

#[utoipa::path(patch, path = "/accounts/{account}/workers/scripts/{script}/script-settings", tag = "Workers",
    params(("account" = String, Path), ("script" = String, Path)),
    responses((status = 200, description = "What holds for all versions from now on")))]
async fn patch_script_settings(
    State(control): State<Control>,
    Segments((account, name)): Segments<(String, String)>,
    JsonBody(patch): JsonBody<Value>,
) -> Outcome {
    let script = known(&control, &account, &name)?;
    let patch = ScriptPatch::deserialize(patch)
        .map_err(|error| ApiError::bad_request(10021, format!("The settings can't be read: {error}")))?;
    if let Some(consumers) = &patch.tail_consumers {
        tail_consumers::check(&control, &account, &name, consumers)?;
    }
    let settings = control.registry().change_script(&script.tag, move |settings| patch.apply(settings)).await?;
    control.platform().follow_tail_consumers(&Script { settings: settings.clone(), ..script });
    ok(script_shown(&settings))
}
