//! From a project on disk to a Worker's version: configuration, variables, the build command, the bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::dev::queues;
use crate::dev::services::Services;
use crate::objects::{self, ObjectClass};
use crate::site;
use crate::state::{LOCAL_ACCOUNT, State};
use assets::Site;
use bundle::Bundle;
use config::{DevVars, Project, VarArgument, WorkerConfig};
use webapi::fetch::{Outbound, Policy};
use workers::{Binding, BindingValue, Compatibility, Limits, ModuleGraph, ModuleKind, ModuleSource, Own, Version};

/// CPU time after which even a Worker whose limits are not enforced is stopped: it hangs.
const HANG: Duration = Duration::from_secs(30);

/// A project ready to run.
pub struct Loaded {
    pub project: Project,
    /// `None`: it has static assets alone.
    pub code: Option<Code>,
    pub assets: Option<Arc<Site>>,
    /// What its owner should know, a paragraph each.
    pub warnings: Vec<String>,
    /// Files whose changes change the Worker.
    pub watch: Vec<PathBuf>,
}

pub struct Code {
    pub bundle: Bundle,
    pub version: Version,
    /// The Durable Object classes among its exports.
    pub classes: Vec<ObjectClass>,
}

/// Why a project can't run.
#[derive(Debug)]
pub struct LoadError {
    /// Complete: what is wrong, where, what to do.
    pub message: String,
    /// Files whose changes may be the repair.
    pub watch: Vec<PathBuf>,
}

/// How a project is loaded, besides what its own files say.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    pub env: Option<String>,
    pub vars: Vec<VarArgument>,
    pub enforce_limits: bool,
    /// What bindings to services are bound to.
    pub state: Arc<State>,
    /// The Workers that service bindings lead to.
    pub services: Arc<Services>,
}

pub async fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, LoadError> {
    let failed = |message: String, watch: Vec<PathBuf>| LoadError { message, watch };
    let guessed = || ["wrangler.toml", "wrangler.json", "wrangler.jsonc", "skerry.toml"].map(|name| path.join(name));
    let project = Project::load(path, options.env.as_deref()).map_err(|error| {
        failed(error.to_string(), if path.is_dir() { guessed().into() } else { vec![path.to_owned()] })
    })?;
    let mut watch = project.config_files();
    let vars = project.dev_vars(&options.vars).map_err(|error| failed(error.to_string(), watch.clone()))?;
    watch.extend(vars.watched.iter().cloned());

    let worker = &project.worker;
    build_command(worker).await.map_err(|message| failed(message, watch.clone()))?;
    let assets = site::read(&project, &mut watch).await.map_err(|message| failed(message, watch.clone()))?;
    let unknown = Compatibility::unknown(&worker.compatibility_flags).map(|flag| {
        format!("the compatibility flag `{flag}` is unknown to this version of Skerry, and changes nothing")
    });
    let warnings = project.warnings.iter().chain(&vars.warnings).map(ToString::to_string);
    let mut warnings: Vec<_> = warnings.chain(unknown).collect();
    let Some(main) = &worker.main else { return Ok(Loaded { project, code: None, assets, warnings, watch }) };

    let bundle = bundle::bundle(&bundle_options(&project, main)).await.map_err(|error| {
        let message = error.to_string();
        failed(message, watch.iter().cloned().chain(error.watch).collect())
    })?;
    watch.extend(bundle.watch.iter().cloned());
    warnings.extend(bundle.warnings.iter().map(ToString::to_string));
    let mut bindings =
        bindings(worker, &vars, &bundle, &options.state).map_err(|message| failed(message, watch.clone()))?;
    bindings.extend(services(worker, options));
    bindings.extend(worker.environment.assets.iter().filter_map(|configured| {
        let (name, site) = (configured.binding.clone()?, assets.clone()?);
        Some(Binding { name, value: BindingValue::Service(Arc::new(platform::AssetsBinding(site))) })
    }));
    let classes = objects::classes(worker, options.state.objects().classes())
        .map_err(|message| failed(message, watch.clone()))?;
    let version = Version {
        name: worker.name.as_str().to_owned(),
        modules: Arc::new(modules(&bundle)),
        bindings,
        own: own(worker, &classes, options),
        outbound: None,
        compatibility: compatibility(worker),
        limits: limits(&worker.limits, options.enforce_limits),
    };
    Ok(Loaded { project, code: Some(Code { bundle, version, classes }), assets, warnings, watch })
}

fn limits(limits: &config::Limits, enforced: bool) -> Limits {
    Limits {
        cpu: Some(if enforced { limits.cpu } else { HANG }),
        memory: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
        subrequests: limits.subrequests,
        ..Limits::default()
    }
}

/// Runs the configuration's `build.command`, as wrangler does before bundling.
async fn build_command(worker: &WorkerConfig) -> Result<(), String> {
    let Some(command) = &worker.build.command else { return Ok(()) };
    let cwd = &worker.build.cwd;
    let status = tokio::process::Command::new("sh").arg("-c").arg(command).current_dir(cwd).status().await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the build command `{command}` in {} failed ({status})", cwd.display())),
        Err(error) => Err(format!("the build command `{command}` in {} can't be run: {error}", cwd.display())),
    }
}

pub fn compatibility(worker: &WorkerConfig) -> Compatibility {
    Compatibility::new(&worker.compatibility_date.to_string(), &worker.compatibility_flags)
}

fn bundle_options(project: &Project, main: &Path) -> bundle::Options {
    let worker = &project.worker;
    let on = compatibility(worker);
    bundle::Options {
        define: worker.define.clone().into_iter().collect(),
        alias: worker.alias.clone().into_iter().collect(),
        rules: worker.rules.iter().filter_map(rule).collect(),
        minify: worker.minify,
        keep_names: worker.keep_names,
        jsx_factory: Some(worker.jsx_factory.clone()),
        jsx_fragment: Some(worker.jsx_fragment.clone()),
        tsconfig: worker.tsconfig.clone(),
        no_bundle: worker.no_bundle,
        find_additional_modules: worker.find_additional_modules,
        base_dir: Some(worker.base_dir.clone()),
        preserve_file_names: worker.preserve_file_names,
        nodejs_compat: on.has_nodejs(),
        nodejs_als: on.is_on("nodejs_als"),
        ..bundle::Options::new(&project.root, main)
    }
}

fn rule(rule: &config::Rule) -> Option<bundle::Rule> {
    use bundle::RuleType;
    let kind = match rule.kind {
        config::ModuleType::EsModule => RuleType::EsModule,
        config::ModuleType::CommonJs => RuleType::CommonJs,
        config::ModuleType::CompiledWasm => RuleType::CompiledWasm,
        config::ModuleType::Text => RuleType::Text,
        config::ModuleType::Data => RuleType::Data,
        // The configuration has warned of these by name.
        config::ModuleType::PythonModule | config::ModuleType::PythonRequirement => return None,
    };
    Some(bundle::Rule { kind, globs: rule.globs.clone(), fallthrough: rule.fallthrough })
}

fn modules(bundle: &Bundle) -> ModuleGraph {
    let modules = bundle.modules.iter().map(|module| {
        let kind = match (module.kind, bundle.format) {
            (bundle::ModuleKind::EsModule, bundle::Format::ServiceWorker) if module.name == bundle.main => {
                ModuleKind::Script
            }
            (kind, _) => module_kind(kind),
        };
        (module.name.clone(), ModuleSource::new(kind, module.content.clone()))
    });
    ModuleGraph::new(bundle.main.clone(), modules)
}

fn module_kind(kind: bundle::ModuleKind) -> ModuleKind {
    match kind {
        bundle::ModuleKind::EsModule => ModuleKind::EsModule,
        bundle::ModuleKind::CommonJs => ModuleKind::CommonJs,
        bundle::ModuleKind::Text => ModuleKind::Text,
        bundle::ModuleKind::Data => ModuleKind::Data,
        bundle::ModuleKind::Wasm => ModuleKind::Wasm,
        bundle::ModuleKind::Json => ModuleKind::Json,
    }
}

/// What the Worker finds of itself.
fn own(worker: &WorkerConfig, classes: &[ObjectClass], options: &LoadOptions) -> Own {
    let namespace = |class: &ObjectClass| (class.name.clone(), options.state.objects().namespace(&class.key));
    Own { service: Some(options.services.own(worker.name.as_str())), objects: classes.iter().map(namespace).collect() }
}

/// Bindings to what this process keeps and serves.
fn services(worker: &WorkerConfig, options: &LoadOptions) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for d1 in &worker.environment.d1_databases {
        let database = options.state.d1.database(crate::state::d1_id(d1));
        bindings.push(Binding { name: d1.binding.clone(), value: BindingValue::D1(database) });
    }
    for producer in worker.environment.queues.iter().flat_map(|queues| &queues.producers) {
        let queue = options.state.queues().queue(queues::name_of(producer)).delayed(producer.delivery_delay);
        bindings.push(Binding { name: producer.binding.clone(), value: BindingValue::Queue(queue) });
    }
    for workflow in &worker.environment.workflows {
        let why = format!("The binding {:?} is of a workflow, and Skerry runs none.", workflow.binding);
        bindings.push(Binding { name: workflow.binding.clone(), value: BindingValue::Missing(why) });
    }
    for service in &worker.environment.services {
        let value = BindingValue::Service(options.services.bind(worker.name.as_str(), service));
        bindings.push(Binding { name: service.binding.clone(), value });
    }
    bindings
}

/// The database that a Hyperdrive binding has on this machine. It is connected to when it is asked for something.
fn database(
    binding: &config::Hyperdrive,
    worker: &WorkerConfig,
    state: &State,
) -> Result<hyperdrive::Database, String> {
    let origin = hyperdrive::Origin::parse(&binding.local()?)
        .map_err(|error| format!("the connection string of the Hyperdrive binding `{}`: {error}", binding.binding))?;
    let settings = hyperdrive::Settings { origin, connections: hyperdrive::CONNECTIONS };
    let outbound = Outbound::new(Policy::development());
    let dial = workers::Dialer(move || Some(outbound.clone()));
    let id = format!("{}/{}", worker.name.as_str(), binding.binding);
    Ok(state.hyperdrive.open(&id, settings, Arc::new(dial)))
}

fn bindings(worker: &WorkerConfig, vars: &DevVars, bundle: &Bundle, state: &State) -> Result<Vec<Binding>, String> {
    let mut bindings = Vec::new();
    for (name, key) in objects::bindings(worker, state.objects().classes())? {
        bindings.push(Binding { name, value: BindingValue::Objects(state.objects().namespace(&key)) });
    }
    for (name, var) in &vars.vars {
        let value = match var {
            config::Var::Text(text) | config::Var::Secret(text) => BindingValue::Text(text.clone()),
            config::Var::Json(json) => BindingValue::Json(json.to_string()),
        };
        bindings.push(Binding { name: name.clone(), value });
    }
    let mut files =
        |paths: &std::collections::BTreeMap<String, PathBuf>, key: &str, make: fn(Vec<u8>) -> BindingValue| {
            for (name, path) in paths {
                let content = std::fs::read(path)
                    .map_err(|error| format!("{key}.{name}: {} can't be read: {error}", path.display()))?;
                bindings.push(Binding { name: name.clone(), value: make(content) });
            }
            Ok::<_, String>(())
        };
    files(&worker.text_blobs, "text_blobs", |content| {
        BindingValue::Text(String::from_utf8_lossy(&content).into_owned())
    })?;
    files(&worker.data_blobs, "data_blobs", |content| BindingValue::Data(content.into()))?;
    files(&worker.wasm_modules, "wasm_modules", |content| {
        BindingValue::Wasm(ModuleSource::new(ModuleKind::Wasm, content))
    })?;
    for bucket in &worker.environment.r2_buckets {
        let value = BindingValue::R2(state.r2().bucket(crate::r2::local_name(bucket)));
        bindings.push(Binding { name: bucket.binding.clone(), value });
    }
    for namespace in &worker.environment.kv_namespaces {
        let value = BindingValue::Kv(state.kv().namespace(crate::kv::local_id(namespace)));
        bindings.push(Binding { name: namespace.binding.clone(), value });
    }
    for limit in worker.environment.rate_limits()? {
        let period = ratelimit::Period::of_seconds(limit.simple.period.seconds());
        let period = period.ok_or_else(|| format!("{}: there is no such period", limit.name))?;
        let rule = ratelimit::Rule { limit: limit.simple.limit, period };
        let limiter = state.rate_limits.limiter(LOCAL_ACCOUNT, &limit.namespace_id, rule);
        bindings.push(Binding { name: limit.name, value: BindingValue::RateLimit(limiter) });
    }
    for dataset in &worker.environment.analytics_engine_datasets {
        let name = dataset.dataset.as_deref().unwrap_or(&dataset.binding);
        let value = BindingValue::Analytics(state.analytics.dataset(LOCAL_ACCOUNT, name));
        bindings.push(Binding { name: dataset.binding.clone(), value });
    }
    for hyperdrive in &worker.environment.hyperdrive {
        let value = BindingValue::Hyperdrive(database(hyperdrive, worker, state)?);
        bindings.push(Binding { name: hyperdrive.binding.clone(), value });
    }
    if let Some(version) = &worker.environment.version_metadata {
        // Each load is a version, which nothing else knows.
        let facts = serde_json::json!({ "id": registry::new_uuid(), "tag": "", "timestamp": registry::Stamp::now().to_string() });
        bindings.push(Binding { name: version.binding.clone(), value: BindingValue::Json(facts.to_string()) });
    }
    if bundle.format == bundle::Format::ServiceWorker {
        // A classic script can't import: it finds the modules beside it as globals.
        for module in bundle.modules.iter().filter(|module| module.name != bundle.main) {
            let value = match module.kind {
                bundle::ModuleKind::Wasm => {
                    BindingValue::Wasm(ModuleSource::new(ModuleKind::Wasm, module.content.clone()))
                }
                bundle::ModuleKind::Data => BindingValue::Data(module.content.clone()),
                _ => BindingValue::Text(String::from_utf8_lossy(&module.content).into_owned()),
            };
            bindings.push(Binding { name: module.global_name(), value });
        }
    }
    Ok(bindings)
}
