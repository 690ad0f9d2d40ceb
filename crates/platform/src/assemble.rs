//! From a version as the registry has it to one that an isolate can run: modules by their kinds, bindings to what they lead to,
//! limits by the account's plan.

use std::sync::Arc;

use assets::Site;
use registry::{Binding, BindingKind, Module, Resource, ResourceKind, Script, Version};
use workers::{BindingValue, Entrypoint, ModuleGraph, ModuleKind, ModuleSource, Own, Props};

use crate::Platform;
use crate::peers::Peer;
use crate::site::{AssetsBinding, compatibility};

/// Why a version can't run.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The version itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// It is bound to something that its account does not have. `code` is the platform's number.
    #[error("{message}")]
    Missing { code: u32, message: String },
    /// Its top level threw, or it does not compile.
    #[error("{0}")]
    Start(Arc<workers::StartError>),
    #[error(transparent)]
    Registry(#[from] registry::Error),
}

/// How a module of this MIME type is meant; `None`: Skerry has no such modules.
pub fn content_kind(mime: &str) -> Option<ModuleKind> {
    let essence = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "application/javascript+module" | "text/javascript+module" => ModuleKind::EsModule,
        "application/javascript" | "text/javascript" => ModuleKind::CommonJs,
        "application/wasm" => ModuleKind::Wasm,
        "text/plain" | "text/html" => ModuleKind::Text,
        "application/octet-stream" => ModuleKind::Data,
        "application/json" => ModuleKind::Json,
        _ => return None,
    })
}

/// What maps a bundle's lines to its sources': kept with the version, no module of it.
pub(crate) const SOURCE_MAP: &str = "application/source-map";

pub(crate) fn assemble(
    platform: &Platform,
    script: &Script,
    version: &Version,
    modules: Vec<Module>,
    site: Option<&Arc<Site>>,
) -> Result<workers::Version, AssembleError> {
    let document = &version.document;
    let bindings = document.bindings.iter().map(|binding| {
        let value = value(platform, script, version, &modules, site, binding).map_err(|error| match error {
            AssembleError::Invalid(reason) => {
                AssembleError::Invalid(format!("binding {} of type {} {reason}", binding.name, type_of(binding)))
            }
            error => error,
        })?;
        Ok(workers::Binding { name: binding.name.clone(), value })
    });
    let bindings = bindings.collect::<Result<_, AssembleError>>()?;
    let plan = platform.plan(&script.account)?;
    Ok(workers::Version {
        name: format!("{}/{}", script.account, script.name),
        modules: Arc::new(graph(version, modules)?),
        bindings,
        own: own(platform, script, version)?,
        compatibility: compatibility(version),
        limits: plan.limits(document.limits),
        outbound: Some(platform.in_force().outbound(&script.account)),
    })
}

/// What the Worker finds of itself.
fn own(platform: &Platform, script: &Script, version: &Version) -> Result<Own, AssembleError> {
    let objects = platform.services().objects();
    let namespace = |class: &String| {
        let key = objects.classes().key(&script.tag, class);
        let key = key.map_err(|error| AssembleError::Invalid(format!("the class {class} can't be found: {error}")))?;
        Ok((class.clone(), objects.namespace(&key)))
    };
    Ok(Own {
        service: Some(Peer::own(platform, &script.account, &script.name, &version.id)),
        objects: script.settings.classes.keys().map(namespace).collect::<Result<_, AssembleError>>()?,
    })
}

/// Whether what a new version is bound to is there, and its account's own.
pub(crate) async fn check(platform: &Platform, script: &Script, version: &Version) -> Result<(), AssembleError> {
    for Binding { name, kind } in &version.document.bindings {
        let (code, message) = match kind {
            BindingKind::KvNamespace { namespace_id }
                if owned(platform, script, ResourceKind::KvNamespace, namespace_id)?.is_none() =>
            {
                (10041, format!("KV namespace '{namespace_id}' not found."))
            }
            BindingKind::D1 { id } if owned(platform, script, ResourceKind::D1Database, id)?.is_none() => {
                (10181, format!("D1 binding '{name}' references database '{id}' which was not found."))
            }
            BindingKind::Hyperdrive { id } if owned(platform, script, ResourceKind::Hyperdrive, id)?.is_none() => {
                (10181, format!("Hyperdrive binding '{name}' references configuration '{id}' which was not found."))
            }
            BindingKind::Queue { queue_name, .. } if queue_of(platform, script, queue_name)?.is_none() => {
                (11000, format!("Queue '{queue_name}' does not exist."))
            }
            BindingKind::R2Bucket { bucket_name, .. } => {
                let bucket = platform.services().r2(&script.account).existing(bucket_name);
                match bucket.exists().await {
                    Ok(true) => continue,
                    Ok(false) => (
                        10085,
                        format!("R2 bucket '{bucket_name}' not found. Please use a different name and try again."),
                    ),
                    Err(error) => {
                        return Err(AssembleError::Invalid(format!("binding {name} of type r2_bucket: {error}")));
                    }
                }
            }
            _ => continue,
        };
        return Err(AssembleError::Missing { code, message });
    }
    Ok(())
}

fn type_of(binding: &Binding) -> &'static str {
    binding.kind.type_name()
}

fn graph(version: &Version, modules: Vec<Module>) -> Result<ModuleGraph, AssembleError> {
    let document = &version.document;
    let mut sources = Vec::with_capacity(modules.len());
    for Module { name, kind, content } in modules {
        if kind == SOURCE_MAP || is_blob(version, &name) {
            continue;
        }
        let kind = match content_kind(&kind) {
            Some(_) if document.service_worker && name == document.main => ModuleKind::Script,
            Some(kind) => kind,
            None => {
                let message = format!("the module {name:?} has the type {kind:?}, of which Skerry has no modules");
                return Err(AssembleError::Invalid(message));
            }
        };
        sources.push((name, ModuleSource::new(kind, content)));
    }
    Ok(ModuleGraph::new(document.main.clone(), sources))
}

/// Whether a part is what a binding has, and so no module of its own.
fn is_blob(version: &Version, name: &str) -> bool {
    version.document.bindings.iter().any(|binding| match &binding.kind {
        BindingKind::WasmModule { part } | BindingKind::TextBlob { part } | BindingKind::DataBlob { part } => {
            part == name
        }
        _ => false,
    })
}

fn value(
    platform: &Platform,
    script: &Script,
    version: &Version,
    modules: &[Module],
    site: Option<&Arc<Site>>,
    Binding { name, kind }: &Binding,
) -> Result<BindingValue, AssembleError> {
    let invalid = |reason: String| AssembleError::Invalid(reason);
    let services = platform.services();
    let part = |name: &str| {
        let found = modules.iter().find(|module| module.name == name);
        found
            .map(|module| module.content.clone())
            .ok_or_else(|| invalid(format!("names the part {name:?}, which is missing")))
    };
    Ok(match kind {
        BindingKind::PlainText { text } => BindingValue::Text(text.clone()),
        BindingKind::Json { json } => BindingValue::Json(json.to_string()),
        BindingKind::SecretText { sealed } => {
            BindingValue::Text(platform.registry().vault().open_sealed(&script.tag, sealed)?)
        }
        BindingKind::KvNamespace { namespace_id } => {
            // What was deleted after the deployment fails when it is used, and takes the Worker's other parts not along.
            match owned(platform, script, ResourceKind::KvNamespace, namespace_id)? {
                Some(Resource { id, .. }) => BindingValue::Kv(services.kv_namespace(&script.account, &id)),
                None => BindingValue::Kv(services.kv().none()),
            }
        }
        BindingKind::D1 { id } => match owned(platform, script, ResourceKind::D1Database, id)? {
            Some(Resource { id, .. }) => BindingValue::D1(services.d1_database(&script.account, &id)),
            None => BindingValue::D1(services.d1().none()),
        },
        BindingKind::R2Bucket { bucket_name, .. } => {
            BindingValue::R2(services.r2(&script.account).existing(bucket_name))
        }
        BindingKind::DurableObjectNamespace { class_name, script_name } => {
            let tag = match script_name.as_deref().filter(|name| *name != script.name) {
                None => script.tag.clone(),
                Some(name) => {
                    let other = platform.registry().script(&script.account, name)?;
                    other.ok_or_else(|| invalid(format!("names the Worker {name:?}, which is not there")))?.tag
                }
            };
            let key = services.objects().classes().key(&tag, class_name);
            let key = key.map_err(|error| invalid(format!("can't be found: {error}")))?;
            BindingValue::Objects(services.objects().namespace(&key))
        }
        BindingKind::Service { service, environment, entrypoint, props } => {
            let name = match environment {
                Some(environment) if environment != "production" => format!("{service}-{environment}"),
                _ => service.clone(),
            };
            let props = props.as_ref().map(|props| Props::Json(props.to_string().into()));
            let entrypoint = entrypoint.as_deref().filter(|name| *name != "default").map(Into::into);
            BindingValue::Service(Peer::bind(platform, &script.account, &name, Entrypoint { name: entrypoint, props }))
        }
        BindingKind::WasmModule { part: name } => BindingValue::Wasm(ModuleSource::new(ModuleKind::Wasm, part(name)?)),
        BindingKind::TextBlob { part: name } => BindingValue::Text(String::from_utf8_lossy(&part(name)?).into_owned()),
        BindingKind::DataBlob { part: name } => BindingValue::Data(part(name)?.into()),
        BindingKind::VersionMetadata {} => {
            let tag = version.document.annotations.tag.as_deref().unwrap_or_default();
            let timestamp = version.created.to_string();
            BindingValue::Json(serde_json::json!({ "id": version.id, "tag": tag, "timestamp": timestamp }).to_string())
        }
        BindingKind::Assets {} => {
            let site = site.ok_or_else(|| invalid("needs static assets, of which this version has none".into()))?;
            BindingValue::Service(Arc::new(AssetsBinding(site.clone())))
        }
        BindingKind::Queue { queue_name, delivery_delay } => {
            // As with KV: one that is not there any more refuses what is sent to it.
            let id = queue_of(platform, script, queue_name)?.map_or_else(String::new, |queue| queue.id);
            BindingValue::Queue(services.queue(&script.account, &id).delayed(*delivery_delay))
        }
        BindingKind::Ratelimit { namespace_id, simple } => {
            let period = ratelimit::Period::of_seconds(f64::from(simple.period));
            let period = period.ok_or_else(|| invalid("must have a `simple.period` of 10 or 60".into()))?;
            let rule = ratelimit::Rule { limit: f64::from(simple.limit), period };
            BindingValue::RateLimit(services.rate_limits().limiter(&script.account, namespace_id, rule))
        }
        BindingKind::AnalyticsEngine { dataset } => {
            BindingValue::Analytics(services.analytics().dataset(&script.account, dataset.as_deref().unwrap_or(name)))
        }
        BindingKind::Hyperdrive { id } => match owned(platform, script, ResourceKind::Hyperdrive, id)? {
            Some(config) => BindingValue::Hyperdrive(platform.open_hyperdrive(&config)?),
            None => BindingValue::Hyperdrive(services.hyperdrive().none()),
        },
        BindingKind::Inherit { .. } => return Err(invalid("names nothing that could be inherited".into())),
    })
}

/// The account's queue of this name.
fn queue_of(platform: &Platform, script: &Script, name: &str) -> Result<Option<Resource>, registry::Error> {
    let found = platform.registry().resource(&script.account, ResourceKind::Queue, name)?;
    Ok(found.filter(|queue| queue.name == name))
}

fn owned(
    platform: &Platform,
    script: &Script,
    kind: ResourceKind,
    id: &str,
) -> Result<Option<Resource>, registry::Error> {
    let found = platform.registry().resource(&script.account, kind, id)?;
    Ok(found.filter(|resource| resource.id == id))
}
