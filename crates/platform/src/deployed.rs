//! A Worker as it is deployed: one version, or two that share its traffic, each with a lane of its own.

use std::sync::Arc;

use registry::{Script, Version};
use tokio::sync::{OnceCell, mpsc};
use workers::{Notice, Worker};

use crate::assemble::{self, AssembleError, assemble};
use crate::{Platform, Unavailable};

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
    pub(crate) worker: Worker,
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
    let mut versions = Vec::new();
    for share in &deployment.document.versions {
        let version = registry.version(tag, &share.version_id).map_err(|error| broken(&error))?;
        let version = version.ok_or_else(|| broken(&format!("the version {} is gone", share.version_id)))?;
        let main = versions.is_empty();
        let live = live(platform, &script, &version, main).map_err(|error| broken(&error))?;
        versions.push((share.percentage, Arc::new(live)));
    }
    Ok(Arc::new(Deployed { script, versions }))
}

/// `main`: its Durable Object classes are the ones that objects run from now on.
pub(crate) fn live(platform: &Platform, script: &Script, version: &Version, main: bool) -> Result<Live, AssembleError> {
    let modules = platform.registry().modules(&version.id)?;
    let assembled = Arc::new(assemble(platform, script, version, modules)?);
    let (notices, heard) = mpsc::channel(NOTICES);
    tokio::spawn(listen(heard, script.name.clone()));
    if main {
        let objects = platform.services().objects();
        for (class, sql) in &script.settings.classes {
            let key = objects.classes().key(&script.tag, class);
            let key =
                key.map_err(|error| AssembleError::Invalid(format!("the class {class} can't be found: {error}")))?;
            objects.namespace(&key).implement(workers::Class {
                host: platform.0.host.clone(),
                version: assembled.clone(),
                name: class.clone(),
                sql: *sql,
                notices: notices.clone(),
            });
        }
    }
    let worker = Worker::spawn(platform.0.host.clone(), assembled, notices);
    Ok(Live { id: version.id.clone(), script: script.tag.clone(), worker })
}

/// Starts a version once and serves nothing with it.
pub(crate) async fn try_start(
    platform: &Platform,
    script: &Script,
    version: &Version,
    modules: Vec<registry::Module>,
) -> Result<workers::Started, AssembleError> {
    assemble::check(platform, script, version).await?;
    let assembled = Arc::new(assemble(platform, script, version, modules)?);
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

/// Hears what a version says, until its last isolate is gone.
async fn listen(mut heard: mpsc::Receiver<Notice>, script: String) {
    while let Some(notice) = heard.recv().await {
        match notice {
            Notice::Log(line) => tracing::debug!(worker = script, level = ?line.level, "{}", line.text),
            Notice::Uncaught(exception) => {
                tracing::debug!(worker = script, "{}: {}", exception.name, exception.message)
            }
        }
    }
}
