//! From an upload to a version: checked, tried, and only then kept.

use platform::AssembleError;
use registry::{
    Annotations, Module, NewDeployment, NewVersion, Script, ScriptSettings, Stamp, Token, Version, VersionDocument,
};
use workers::ModuleKind;

use crate::envelope::ApiError;
use crate::form::{self, Form};
use crate::metadata::Metadata;
use crate::parts::Parts;
use crate::{Control, assets, bindings, migrations, queue_consumers, tail_consumers};

/// What is kept of the version before, as the platform does: a deployment never loses its secrets.
const SECRETS: [&str; 2] = ["secret_text", "secret_key"];
/// Room for the metadata beside the modules.
const FORM_OVERHEAD: usize = 16 << 20;
pub(crate) const MAX_UPLOAD: usize = 256 << 20;

/// What becomes of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// `PUT …/scripts/{name}`: it answers from now on.
    Deployed,
    /// `POST …/versions`: it waits.
    Kept,
}

/// Takes an upload for the Worker `name`, which is made where it is not there.
pub(crate) async fn upload(
    control: &Control,
    caller: &Token,
    account: &str,
    name: &str,
    parts: Parts,
    fate: Fate,
) -> Result<(Script, Version), ApiError> {
    check_name(name)?;
    let plan = control.platform().plan(account)?;
    let Form { json, modules } = form::read(parts, "metadata", plan.script_bytes + FORM_OVERHEAD).await?;
    let metadata = Metadata::read(&json)?;
    let code: usize =
        modules.iter().filter(|module| !module.name.ends_with(".map")).map(|part| part.content.len()).sum();
    if code > plan.script_bytes {
        let message = format!("Your Worker exceeded the size limit of {} MiB.", plan.script_bytes >> 20);
        return Err(ApiError::new(http::StatusCode::PAYLOAD_TOO_LARGE, 10027, message));
    }

    if let Some(consumers) = &metadata.tail_consumers {
        tail_consumers::check(control, account, name, consumers)?;
    }

    let known = control.registry().script(account, name)?;
    let script = match &known {
        Some(script) => script.clone(),
        None if fate == Fate::Kept => return Err(ApiError::no_worker()),
        None => new_script(control, account, name, plan.scripts)?,
    };
    let before = control.registry().newest_version(&script.tag)?;
    let mut keep = metadata.keep_bindings.clone();
    // `wrangler deploy` names nothing to keep, also where it uploads a version to deploy that.
    if fate == Fate::Deployed || keep.is_empty() {
        keep.extend(SECRETS.map(str::to_owned));
    }
    let vault = control.registry().vault();
    let bindings = bindings::incoming(&metadata.bindings, &keep, before.as_ref(), vault, &script.tag)?;

    let planned = migrations::plan(control.registry(), &script, metadata.migrations.as_ref())?;
    if planned.is_some() && fate == Fate::Kept {
        return Err(ApiError::bad_request(
            10211,
            "Migrations cannot be uploaded with a version: deploy it with `wrangler deploy`.",
        ));
    }
    let classes = planned.as_ref().map_or(&script.settings.classes, |planned| &planned.classes);
    migrations::check(&script, classes, &bindings)?;

    let keep = metadata.keep_assets;
    let assets = assets::named(control, account, name, metadata.assets.as_ref(), keep, before.as_ref()).await?;
    let (main, service_worker) = main_part(&metadata, &modules, assets.is_some())?;
    if let Some(assets) = &assets {
        assets::check(&assets.config, !main.is_empty())?;
    }
    let trigger = if fate == Fate::Deployed { "upload" } else { "version_upload" };
    let document = VersionDocument {
        main,
        service_worker,
        bindings,
        compatibility_date: metadata.compatibility_date.clone(),
        compatibility_flags: metadata.compatibility_flags.clone().unwrap_or_default(),
        limits: metadata.limits.unwrap_or_default(),
        annotations: Annotations { triggered_by: Some(trigger.into()), ..metadata.annotations.clone() },
        source: "wrangler".into(),
        author: caller.name.clone(),
        migration_tag: script.settings.migration_tag.clone(),
        assets,
        ..VersionDocument::default()
    };
    let (NewVersion { document, modules }, exported) = trial(control, &script, document, modules).await?;
    if let Some(planned) = &planned {
        planned.check_exports(&exported)?;
    }

    if known.is_none() {
        control.registry().create_script(account, name, &script.tag).await?;
    }
    if let Some(planned) = planned {
        migrations::carry_out(control, &script.tag, planned).await?;
    }
    // What waits changes nothing of what answers.
    if fate == Fate::Deployed {
        control.registry().change_script(&script.tag, move |settings| settings_of(settings, &metadata)).await?;
    }
    let deployment = NewDeployment {
        source: "wrangler".into(),
        author: caller.name.clone(),
        annotations: Annotations { triggered_by: Some("upload".into()), ..document.annotations.clone() },
        ..NewDeployment::default()
    };
    let new = NewVersion { document, modules };
    let version =
        control.registry().add_version(&script.tag, new, (fate == Fate::Deployed).then_some(deployment)).await?;
    control.platform().refresh(&script.tag).await?;
    let script = control.registry().script_of_tag(&script.tag)?.ok_or_else(ApiError::no_worker)?;
    Ok((script, version))
}

/// The module that runs first, and whether it is a classic script. A version with assets may do without code.
fn main_part(metadata: &Metadata, modules: &[Module], has_assets: bool) -> Result<(String, bool), ApiError> {
    let (main, service_worker) = match (&metadata.main_module, &metadata.body_part) {
        (Some(main), _) => (main, false),
        (None, Some(part)) => (part, true),
        (None, None) if has_assets && modules.is_empty() => return Ok((String::new(), false)),
        (None, None) => {
            return Err(ApiError::bad_request(10021, "The metadata names neither main_module nor body_part."));
        }
    };
    let Some(module) = modules.iter().find(|module| module.name == *main) else {
        let message = format!("No such module: {main:?}, the main module, is not in the upload.");
        return Err(ApiError::bad_request(10021, message));
    };
    if !service_worker && platform::content_kind(&module.kind) != Some(ModuleKind::EsModule) {
        let message = format!("The main module {main:?} must be an ES module, and is of type {:?}.", module.kind);
        return Err(ApiError::bad_request(10021, message));
    }
    Ok((main.clone(), service_worker))
}

/// Starts the version, as it would be, once: what can't start is not kept. Besides it, the classes that it exports.
async fn trial(
    control: &Control,
    script: &Script,
    document: VersionDocument,
    modules: Vec<Module>,
) -> Result<(NewVersion, Vec<String>), ApiError> {
    let (id, created) = (registry::new_uuid(), Stamp::now());
    let version = Version { id, script: script.tag.clone(), number: 0, created, document };
    let started = control.platform().try_start(script, &version, modules.clone()).await.map_err(unable)?;
    if control.registry().consumes_queues(&script.tag)? {
        queue_consumers::check_handlers(&started.handlers)?;
    }
    let at_least = u64::from(version.document.has_code());
    let startup_time_ms = u64::try_from(started.cpu.as_millis()).unwrap_or(u64::MAX).max(at_least);
    let document = VersionDocument { startup_time_ms, handlers: started.handlers, ..version.document };
    Ok((NewVersion::uploaded(document, modules), started.classes))
}

/// What the platform answers for a version that can't run.
pub(crate) fn unable(error: AssembleError) -> ApiError {
    match error {
        AssembleError::Invalid(reason) => ApiError::bad_request(10021, reason),
        AssembleError::Missing { code, message } => ApiError::bad_request(code, message),
        AssembleError::Start(error) => ApiError::bad_request(10021, error.to_string()),
        AssembleError::Registry(error) => error.into(),
    }
}

fn new_script(control: &Control, account: &str, name: &str, most: usize) -> Result<Script, ApiError> {
    if control.registry().scripts(Some(account))?.len() >= most {
        return Err(ApiError::new(
            http::StatusCode::FORBIDDEN,
            10037,
            format!("You have exceeded the limit of {most} Workers on your account."),
        ));
    }
    let now = Stamp::now();
    Ok(Script {
        tag: registry::new_hex_id(),
        account: account.to_owned(),
        name: name.to_owned(),
        created: now,
        modified: now,
        settings: ScriptSettings::default(),
    })
}

/// What an upload says of all versions at once.
fn settings_of(settings: &mut ScriptSettings, metadata: &Metadata) {
    if let Some(logpush) = metadata.logpush {
        settings.logpush = logpush;
    }
    if let Some(consumers) = &metadata.tail_consumers {
        settings.tail_consumers.clone_from(consumers);
    }
    if let Some(observability) = &metadata.observability {
        settings.observability = Some(observability.clone());
    }
    if let Some(tags) = &metadata.tags {
        settings.tags.clone_from(tags);
    }
}

/// A Worker's name becomes a label of its host.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte != b'-');
    let bytes = name.as_bytes();
    let right = bytes.len() <= 63
        && bytes.iter().copied().all(legal)
        && edge(bytes.first().copied())
        && edge(bytes.last().copied());
    match right {
        true => Ok(()),
        false => Err(ApiError::bad_request(
            10016,
            format!(
                "Invalid Worker name {name:?}. A name has at most 63 characters: lowercase letters, digits, - and _, and neither begins nor ends with a dash."
            ),
        )),
    }
}
