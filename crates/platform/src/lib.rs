//! Deployed Workers as they run: which one answers a host, which of its versions, with what limits; their crons. What is
//! deployed stands in the registry; here it is brought to life. No API and no sockets.

mod assemble;
mod cron;
mod deployed;
mod dispatch;
mod gate;
mod meter;
mod object_tracer;
mod peers;
mod plan;
mod previews;
mod router;
mod services;
mod site;
mod sweep;
mod tail;
mod tail_workers;
mod zone;

pub use assemble::{AssembleError, content_kind};
pub use cron::parse as parse_cron;
pub use meter::{Counts, Meters};
pub use plan::{Plan, Plans};
pub use router::{BaseDomain, check_pattern};
pub use services::Services;
pub use tail::{Filters, Watch};
pub use tail_workers::tail_consumers;
pub use zone::Zone;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use registry::{Registry, Script, Version};
use webapi::fetch::{Outbound, Policy};
use workers::{Caches, Host, HostOptions, Snapshot};

use deployed::{Deployed, Slot};
use previews::Previews;
use router::Router;
use tail::Tails;
use tail_workers::TailWorkers;

pub struct Options {
    pub registry: Registry,
    pub services: Services,
    pub snapshot: Snapshot,
    /// What Workers may connect to.
    pub policy: Policy,
    /// The code of this location.
    pub colo: &'static str,
    /// What Workers' own hosts end in.
    pub base_domain: BaseDomain,
    pub zones: Vec<Zone>,
    pub plans: Plans,
    /// So many isolates are kept while they are idle; `None`: what the machine has room for.
    pub isolates: Option<usize>,
}

/// The Workers of this process. Clones are the same platform.
#[derive(Clone)]
pub struct Platform(Arc<Inner>);

struct Inner {
    registry: Registry,
    services: Services,
    host: Arc<Host>,
    plans: Plans,
    base_domain: BaseDomain,
    zones: Vec<Zone>,
    colo: Arc<str>,
    router: RwLock<Arc<Router>>,
    /// By scripts' tags: what has been asked for since the start.
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    previews: Previews,
    tails: Tails,
    tail_workers: TailWorkers,
    meters: Meters,
}

/// Why a Worker can't answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("there is no such Worker")]
    NoWorker,
    /// It has versions, and none is deployed.
    #[error("the Worker has no deployment")]
    NotDeployed,
    #[error("{0}")]
    Broken(String),
}

// === impl Platform ===

impl Platform {
    pub fn new(options: Options) -> Result<Self, registry::Error> {
        let Options { registry, services, snapshot, policy, colo, base_domain, zones, plans, isolates } = options;
        let caches = Caches::new(services.cache(), colo, true);
        let host = Host::new(HostOptions { snapshot, outbound: Outbound::new(policy), caches, isolates });
        let router = Router::new(&registry, &base_domain)?;
        let platform = Self(Arc::new(Inner {
            registry,
            services,
            host,
            plans,
            base_domain,
            zones,
            colo: colo.into(),
            router: RwLock::new(Arc::new(router)),
            slots: Mutex::default(),
            previews: Previews::default(),
            tails: Tails::default(),
            tail_workers: TailWorkers::default(),
            meters: Meters::default(),
        }));
        Ok(platform)
    }

    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub fn services(&self) -> &Services {
        &self.0.services
    }

    pub fn base_domain(&self) -> &BaseDomain {
        &self.0.base_domain
    }

    pub fn zones(&self) -> &[Zone] {
        &self.0.zones
    }

    /// What the Workers use.
    pub fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// The limits of an account, as its plan has them.
    pub fn plan(&self, account: &str) -> Result<Plan, registry::Error> {
        let account = self.0.registry.account(account)?;
        Ok(self.0.plans.of(account.as_ref().map_or("", |account| &account.plan)))
    }

    /// What the registry has of a script has changed: from now on events meet what it says. What was begun goes on in what was.
    pub async fn refresh(&self, script: &str) -> Result<(), Unavailable> {
        self.reroute()?;
        self.0.previews.forget(script);
        let slot = Arc::new(Slot::default());
        // Loaded before anybody meets it, so that a deployment makes nobody wait.
        let loaded = slot.get(self, script).await.map(drop);
        match loaded {
            Err(Unavailable::NoWorker | Unavailable::NotDeployed) => {
                self.slots().remove(script);
                self.0.tail_workers.forget(script);
                Ok(())
            }
            loaded => {
                self.slots().insert(script.to_owned(), slot);
                loaded
            }
        }
    }

    /// Routes and hosts are as the registry says.
    pub fn reroute(&self) -> Result<(), Unavailable> {
        let router = Router::new(&self.0.registry, &self.0.base_domain);
        let router = router.map_err(|error| Unavailable::Broken(error.to_string()))?;
        *self.0.router.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(router);
        Ok(())
    }

    /// From now on a script's events are told to the tail Workers that its settings name.
    pub fn follow_tail_consumers(&self, script: &Script) {
        self.0.tail_workers.follow(script);
    }

    /// Starts a version once, to see whether it can: what it exports, and the CPU time that it took.
    pub async fn try_start(
        &self,
        script: &Script,
        version: &Version,
        modules: Vec<registry::Module>,
    ) -> Result<workers::Started, AssembleError> {
        deployed::try_start(self, script, version, modules).await
    }

    async fn deployed(&self, script: &str) -> Result<Arc<Deployed>, Unavailable> {
        let known = self.slots().get(script).cloned();
        let slot = known.unwrap_or_else(|| self.slots().entry(script.to_owned()).or_default().clone());
        let found = slot.get(self, script).await;
        if matches!(found, Err(Unavailable::NoWorker | Unavailable::NotDeployed)) {
            self.slots().remove(script);
        }
        found
    }

    fn router(&self) -> Arc<Router> {
        self.0.router.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
