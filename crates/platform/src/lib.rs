//! Deployed Workers as they run: which one answers a host, which of its versions, with what limits; their crons. What is
//! deployed stands in the registry; here it is brought to life. No API and no sockets.

mod account_gate;
mod assemble;
mod cron;
mod deployed;
mod dispatch;
mod elsewhere;
mod gate;
mod history;
mod hyperdrive;
mod latency;
mod meter;
mod object_tracer;
mod origin;
mod peers;
mod plan;
mod pressure;
mod previews;
mod program;
mod queues;
mod request_log;
mod router;
mod served;
mod services;
mod settings;
mod site;
mod storage;
mod sweep;
mod tail;
mod tail_workers;
mod traces;
mod zone;

pub use self::hyperdrive::{Caching, HyperdriveConfig};
pub use assemble::{AssembleError, content_kind};
pub use cron::parse as parse_cron;
pub use dispatch::nothing_here;
pub use elsewhere::Elsewhere;
pub use history::{Series, Used};
pub use latency::Spread;
pub use meter::{Counts, Meters};
pub use object_tracer::told_of as object_event;
pub use origin::Origin;
pub use plan::{Plan, Plans};
pub use pressure::resident;
pub use program::Program;
pub use queues::{BATCH_SIZE, MAX_RETRIES, MAX_WAIT_TIME_MS};
pub use request_log::REQUEST_LOG;
pub use router::{BaseDomain, check_pattern};
pub use services::Services;
pub use settings::Settings;
pub use site::AssetsBinding;
pub use store::quota::Product;
pub use tail::{
    Filters, Of as EventOf, Watch, Watched, request as request_event, service_request as service_event,
    watch as watch_event,
};
pub use tail_workers::{Queue as TailQueue, tail_consumers};
pub use traces::Traces;
pub use zone::Zone;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use registry::{Registry, Script, Version};
use webapi::fetch::Outbound;
use workers::{Caches, Host, HostOptions, ServedHere, Snapshot};

use account_gate::AccountGates;
use deployed::{Deployed, Slot};
use history::History;
use pressure::Pressure;
use previews::Previews;
use queues::Deliveries;
use router::Router;
use served::Served;
use settings::InForce;
use tail::Tails;
use tail_workers::TailWorkers;

pub struct Options {
    pub registry: Registry,
    pub services: Services,
    pub snapshot: Snapshot,
    /// Where this location is.
    pub geo: Arc<edge::Geo>,
    /// At which Workers are served.
    pub ports: Vec<u16>,
    /// What Workers' own hosts end in.
    pub base_domain: BaseDomain,
    /// Whether the first account's Workers are right below it.
    pub bare: bool,
    /// `None`: what is not served here is served by nobody on this server.
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
    pub settings: Settings,
    /// So many isolates are kept while they are idle; `None`: what the machine has room for.
    pub isolates: Option<usize>,
    /// Bytes that the process may take before requests are turned away; `None`: what the machine has room for.
    pub memory: Option<u64>,
    /// `None`: no event is followed.
    pub traces: Option<Traces>,
    /// Whether each request has a line in the log.
    pub log_requests: bool,
}

/// The Workers of this process. Clones are the same platform.
#[derive(Clone)]
pub struct Platform(Arc<Inner>);

struct Inner {
    registry: Registry,
    services: Services,
    host: Arc<Host>,
    in_force: RwLock<Arc<InForce>>,
    base_domain: BaseDomain,
    bare: bool,
    elsewhere: Option<Arc<dyn Elsewhere>>,
    geo: Arc<edge::Geo>,
    ports: Vec<u16>,
    colo: Arc<str>,
    router: RwLock<Arc<Router>>,
    /// By scripts' tags: what has been asked for since the start.
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    previews: Previews,
    tails: Tails,
    tail_workers: TailWorkers,
    meters: Meters,
    pressure: Pressure,
    deliveries: Deliveries,
    account_gates: AccountGates,
    traces: Option<Traces>,
    log_requests: bool,
    history: History,
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
        let Options { registry, services, snapshot, geo, ports, base_domain, settings, .. } = options;
        let Options { bare, elsewhere, isolates, memory, traces, log_requests, .. } = options;
        let colo = geo.colo().iata;
        let caches = Caches::new(services.cache(), colo, true);
        let router = Router::new(&registry, &base_domain, bare, &settings.zones)?;
        let history = History::open(&services.history())?;
        let served = |inner: &Weak<Inner>| Some(Arc::new(Served(inner.clone())) as Arc<dyn ServedHere>);
        let host = |served| {
            Host::new(HostOptions {
                snapshot,
                outbound: Outbound::new(settings.policy.clone()),
                served,
                caches,
                isolates,
            })
        };
        let platform = Self(Arc::new_cyclic(|inner| Inner {
            host: host(served(inner)),
            in_force: RwLock::new(Arc::new(InForce::new(settings.clone()))),
            registry,
            services,
            base_domain,
            bare,
            elsewhere,
            geo,
            ports,
            colo: colo.into(),
            router: RwLock::new(Arc::new(router)),
            slots: Mutex::default(),
            previews: Previews::default(),
            tails: Tails::default(),
            tail_workers: TailWorkers::default(),
            meters: Meters::default(),
            pressure: Pressure::new(memory),
            deliveries: Deliveries::default(),
            account_gates: AccountGates::default(),
            traces,
            log_requests,
            history,
        }));
        storage::limit_by_plan(&platform.0);
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

    pub fn zones(&self) -> Vec<Zone> {
        self.in_force().settings.zones.clone()
    }

    /// What the Workers use.
    pub fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// How many Workers' isolates are in memory, and how many Durable Objects.
    pub fn residents(&self) -> (usize, usize) {
        (self.0.host.isolates(), self.services().objects().live())
    }

    /// Which events are followed; `None`: none is.
    pub fn traces(&self) -> Option<&Traces> {
        self.0.traces.as_ref()
    }

    /// The limits of an account, as its plan has them.
    pub fn plan(&self, account: &str) -> Result<Plan, registry::Error> {
        let account = self.0.registry.account(account)?;
        Ok(self.in_force().settings.plans.of(account.as_ref().map_or("", |account| &account.plan)))
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
        let router = Router::new(&self.0.registry, &self.0.base_domain, self.0.bare, &self.in_force().settings.zones);
        let router = router.map_err(|error| Unavailable::Broken(error.to_string()))?;
        *self.0.router.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(router);
        Ok(())
    }

    /// The operator's settings are these from now on. What was begun goes on under those from before.
    pub async fn change(&self, settings: Settings) -> Result<(), Unavailable> {
        let before = self.in_force();
        let alike = settings.binds_alike(&before.settings);
        *self.0.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(InForce::new(settings));
        self.services().quotas().refresh();
        self.reroute()?;
        if !alike {
            self.services().hyperdrive().renew();
        }
        let running: Vec<String> = if alike { Vec::new() } else { self.slots().keys().cloned().collect() };
        for script in running {
            // One that can't run is no reason to keep the others from what holds now.
            if let Err(error) = self.refresh(&script).await {
                tracing::error!(script, %error, "a Worker can't run with the new settings");
            }
        }
        Ok(())
    }

    /// Brings those Workers to life that have Durable Objects: their alarms come due without being asked for, and other Workers
    /// may ask for their objects first.
    pub async fn start_objects(&self) -> Result<(), registry::Error> {
        let scripts = self.registry().scripts(None)?;
        for script in scripts.iter().filter(|script| !script.settings.classes.is_empty()) {
            match self.deployed(&script.tag).await {
                Ok(_) | Err(Unavailable::NotDeployed) => {}
                Err(error) => tracing::error!(worker = script.name, %error, "the objects of a Worker can't run"),
            }
        }
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

    pub(crate) fn in_force(&self) -> Arc<InForce> {
        self.0.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn router(&self) -> Arc<Router> {
        self.0.router.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
