//! A Worker as it is deployed: one version, or two that share its traffic, each with a lane of its own.

use std::sync::{Arc, Weak};
use std::time::Duration;

use registry::{Script, Version};
use tokio::sync::{OnceCell, mpsc};
use workers::{Level, LogLine, Notice, SpanSource, TraceLog, Traced, Worker};

use crate::account_gate::AccountGate;
use crate::assemble::{self, AssembleError, assemble};
use crate::gate::Gate;
use crate::meter::Meter;
use crate::object_tracer::ObjectTracer;
use crate::program::Program;
use crate::site;
use crate::{Inner, Platform, Unavailable};

/// Notices of one version that may wait to be heard.
const NOTICES: usize = 1024;

/// A deployment, loaded when it is first asked for.
#[derive(Default)]
pub(crate) struct Slot(OnceCell<Arc<Deployed>>);

pub(crate) struct Deployed {
    pub(crate) script: Script,
    /// Each with its share of the traffic, in per cent.
    versions: Vec<(f64, Arc<Live>)>,
}

/// A version that runs.
pub(crate) struct Live {
    /// The version's.
    pub(crate) id: String,
    /// The tag of its script.
    pub(crate) script: String,
    /// The account's id.
    pub(crate) account: String,
    /// The Worker's name.
    pub(crate) name: String,
    pub(crate) program: Program,
    pub(crate) meter: Arc<Meter>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) account_gate: Arc<AccountGate>,
    /// What is said of all its spans.
    pub(crate) source: SpanSource,
}

// === impl Slot ===

impl Slot {
    pub(crate) async fn get(&self, platform: &Platform, script: &str) -> Result<Arc<Deployed>, Unavailable> {
        let load = || async {
            let (platform, script) = (platform.clone(), script.to_owned());
            let loading = tokio::task::spawn_blocking(move || load(&platform, &script));
            loading.await.unwrap_or_else(|error| Err(Unavailable::Broken(error.to_string())))
        };
        self.0.get_or_try_init(load).await.cloned()
    }
}

/// Reads a deployment from the registry and makes its lanes, which need no isolate before the first event.
fn load(platform: &Platform, tag: &str) -> Result<Arc<Deployed>, Unavailable> {
    let registry = platform.registry();
    let broken = |error: &dyn std::fmt::Display| Unavailable::Broken(error.to_string());
    let script = registry.script_of_tag(tag).map_err(|error| broken(&error))?.ok_or(Unavailable::NoWorker)?;
    let deployment = registry.deployment(tag).map_err(|error| broken(&error))?.ok_or(Unavailable::NotDeployed)?;
    // Of the Worker, whichever of its versions answers.
    let gate = Gate::new(&platform.plan(&script.account).map_err(|error| broken(&error))?);
    let mut versions = Vec::new();
    for share in &deployment.document.versions {
        let version = registry.version(tag, &share.version_id).map_err(|error| broken(&error))?;
        let version = version.ok_or_else(|| broken(&format!("the version {} is gone", share.version_id)))?;
        let main = versions.is_empty();
        let live = live(platform, &script, &version, gate.clone(), main).map_err(|error| broken(&error))?;
        versions.push((share.percentage, Arc::new(live)));
    }
    Ok(Arc::new(Deployed { script, versions }))
}

/// `main`: its Durable Object classes are the ones that objects run from now on.
pub(crate) fn live(
    platform: &Platform,
    script: &Script,
    version: &Version,
    gate: Arc<Gate>,
    main: bool,
) -> Result<Live, AssembleError> {
    let assets = site::load(platform, script, version)?;
    platform.0.tail_workers.follow(script);
    let mut live = Live {
        id: version.id.clone(),
        script: script.tag.clone(),
        account: script.account.clone(),
        name: script.name.clone(),
        program: Program { assets, code: None },
        meter: platform.meters().of(&script.account, &script.name),
        gate,
        account_gate: platform.account_gate(&script.account)?,
        source: Arc::from([
            ("service.name", script.name.as_str().into()),
            ("service.namespace", script.account.as_str().into()),
            ("service.version", version.id.as_str().into()),
        ]),
    };
    if !version.document.has_code() {
        return Ok(live);
    }
    let modules = platform.registry().modules(&version.id)?;
    let assembled = Arc::new(assemble(platform, script, version, modules, live.program.assets.as_ref())?);
    let (notices, heard) = mpsc::channel(NOTICES);
    let said_by = Said { script: script.tag.clone(), name: script.name.clone(), version: version.id.clone() };
    tokio::spawn(said_by.listen(heard, Arc::downgrade(&platform.0)));
    if main {
        let objects = platform.services().objects();
        for (class, sql) in &script.settings.classes {
            let key = objects.classes().key(&script.tag, class);
            let key =
                key.map_err(|error| AssembleError::Invalid(format!("the class {class} can't be found: {error}")))?;
            platform.services().object_namespace(&script.account, &key).implement(workers::Class {
                host: platform.0.host.clone(),
                version: assembled.clone(),
                name: class.clone(),
                sql: *sql,
                notices: notices.clone(),
                tracer: Some(ObjectTracer::of(platform, &live, class)),
                inspector: None,
            });
        }
    }
    live.program.code = Some(Worker::spawn(platform.0.host.clone(), assembled, notices));
    Ok(live)
}

/// Starts a version once and serves nothing with it.
pub(crate) async fn try_start(
    platform: &Platform,
    script: &Script,
    version: &Version,
    modules: Vec<registry::Module>,
) -> Result<workers::Started, AssembleError> {
    assemble::check(platform, script, version).await?;
    let assets = site::load(platform, script, version)?;
    if !version.document.has_code() {
        return Ok(workers::Started { cpu: Duration::ZERO, handlers: Vec::new(), classes: Vec::new() });
    }
    let assembled = Arc::new(assemble(platform, script, version, modules, assets.as_ref())?);
    let host = platform.0.host.clone();
    let starting = tokio::task::spawn_blocking(move || workers::start_once(&host, &assembled));
    let started = starting.await.map_err(|error| AssembleError::Invalid(error.to_string()))?;
    started.map_err(|error| AssembleError::Start(Arc::new(error)))
}

// === impl Deployed ===

impl Deployed {
    /// The version that a request meets: the one that it names, else one by the shares. Requests with the same `affinity` meet
    /// the same version.
    pub(crate) fn choose(&self, named: Option<&str>, affinity: Option<&str>) -> Option<&Arc<Live>> {
        if let Some(named) = named
            && let Some((_, live)) = self.versions.iter().find(|(_, live)| live.id == named)
        {
            return Some(live);
        }
        let mut point = 100.0 * affinity.map_or_else(fastrand::f64, |key| fraction(&self.script.tag, key));
        let (last, others) = self.versions.split_last()?;
        for (share, live) in others {
            if point < *share {
                return Some(live);
            }
            point -= share;
        }
        Some(&last.1)
    }
}

/// A number from 0 to 1 that is always the same for a key.
fn fraction(script: &str, key: &str) -> f64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (script, key).hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whose notices they are.
struct Said {
    script: String,
    name: String,
    version: String,
}

// === impl Said ===

impl Said {
    /// Hears what a version says, until its last isolate is gone.
    async fn listen(self, mut heard: mpsc::Receiver<Notice>, platform: Weak<Inner>) {
        while let Some(notice) = heard.recv().await {
            match notice {
                Notice::Log(line) => {
                    tracing::debug!(worker = self.name, level = ?line.level, "{}", line.text);
                    // What its event's own trace has is told when the event has ended.
                    let platform = platform.upgrade().map(Platform).filter(|_| !line.traced);
                    if let Some(platform) = platform.filter(|platform| platform.is_watched(&self.script)) {
                        platform.tell_line(&self.script, &self.name, &self.version, &traced(&line));
                    }
                }
                Notice::Uncaught(exception) => {
                    tracing::debug!(worker = self.name, "{}: {}", exception.name, exception.message);
                }
            }
        }
    }
}

fn traced(line: &LogLine) -> Traced {
    let level = match line.level {
        Level::Debug => "debug",
        Level::Log => "log",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    let timestamp = u64::try_from(registry::Stamp::now().0).unwrap_or_default();
    let message = vec![serde_json::Value::from(line.text.as_str()).to_string()];
    Traced { logs: vec![TraceLog { timestamp, level, message }], ..Traced::default() }
}
