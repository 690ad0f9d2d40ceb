//! Versions that are looked at by themselves, before they are deployed or after. A few are kept ready.

use std::sync::{Arc, Mutex, PoisonError};

use registry::{Script, Version};

use crate::deployed::{self, Live};
use crate::gate::Gate;
use crate::{Platform, Unavailable};

/// How many are ready at once, of all Workers together.
const KEPT: usize = 32;

/// The one asked for last is the last.
#[derive(Default)]
pub(crate) struct Previews(Mutex<Vec<Arc<Live>>>);

// === impl Previews ===

impl Previews {
    /// Makes a version ready that is not.
    pub(crate) async fn load(
        &self,
        platform: &Platform,
        script: &Script,
        version: &Version,
    ) -> Result<Arc<Live>, Unavailable> {
        let live = {
            let (platform, script, version) = (platform.clone(), script.clone(), version.clone());
            let loading = tokio::task::spawn_blocking(move || {
                let gate = Gate::new(&platform.plan(&script.account)?);
                deployed::live(&platform, &script, &version, gate, false)
            });
            let loaded = loading.await.map_err(|error| Unavailable::Broken(error.to_string()))?;
            Arc::new(loaded.map_err(|error| Unavailable::Broken(error.to_string()))?)
        };
        let mut kept = self.kept();
        kept.push(live.clone());
        if kept.len() > KEPT {
            kept.remove(0);
        }
        Ok(live)
    }

    /// None of a script's versions is kept any more.
    pub(crate) fn forget(&self, script: &str) {
        self.kept().retain(|live| live.script != script);
    }

    /// A script's version that is ready, by the first digits of its id.
    pub(crate) fn known(&self, script: &str, prefix: &str) -> Option<Arc<Live>> {
        let mut kept = self.kept();
        let at = kept.iter().position(|live| live.script == script && live.id.starts_with(prefix))?;
        let live = kept.remove(at);
        kept.push(live.clone());
        Some(live)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
