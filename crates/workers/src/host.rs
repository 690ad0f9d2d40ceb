//! What all Workers of a process share: the snapshot, the way out to the network, and spare isolates.

use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread;
use std::time::Duration;

use isolate::{Isolate, Limits, Options, Snapshot};
use webapi::fetch::Outbound;

use crate::budget::{Budget, Resident};
use crate::via::Here;
use crate::{Caches, ServedHere, Version, Via};

/// How many isolates without a script are kept ready, so that a cold start need not make its own.
const SPARES: usize = 4;

/// V8 makes isolates under locks that a start needs too: the one goes first that has just taken a spare. Measured over
/// 200 cold starts 5 ms apart, 99th percentile: 3.9 ms without a rest, 2.4 ms with it.
const REST: Duration = Duration::from_millis(1);

pub struct HostOptions {
    pub snapshot: Snapshot,
    pub outbound: Outbound,
    /// Hosts that need no network to be reached.
    pub served: Option<Arc<dyn ServedHere>>,
    pub caches: Caches,
    /// So many Workers' isolates are in memory, unless more are busy; `None`: what the machine has room for.
    pub isolates: Option<usize>,
}

/// The process's Workers' common ground.
pub struct Host {
    options: Options,
    outbound: Outbound,
    served: Option<Arc<dyn ServedHere>>,
    caches: Caches,
    budget: Arc<Budget>,
    spares: Mutex<Vec<Isolate>>,
    /// Asks the thread that makes spare isolates for one with these limits.
    wanted: mpsc::Sender<Limits>,
}

// === impl Host ===

impl Host {
    pub fn new(options: HostOptions) -> Arc<Self> {
        let HostOptions { snapshot, outbound, served, caches, isolates } = options;
        let budget = Arc::new(isolates.map_or_else(Budget::of_isolates, Budget::of));
        let options = Options { runtime: crate::runtime(), snapshot };
        let (wanted, asked) = mpsc::channel();
        let host = Arc::new(Self { options, outbound, served, caches, budget, spares: Mutex::default(), wanted });
        let weak = Arc::downgrade(&host);
        // Without the thread every isolate is made when it is needed.
        if let Err(error) = thread::Builder::new().name("spares".into()).spawn(move || make_spares(&weak, &asked)) {
            tracing::warn!(%error, "no spare isolates will be kept");
        }
        for _ in 0..SPARES {
            host.ask(Limits::default());
        }
        host
    }

    /// The way out of a Worker.
    pub(crate) fn outbound(&self, version: &Version) -> Outbound {
        let outbound = version.outbound.as_ref().unwrap_or(&self.outbound).clone();
        let public = version.compatibility.is_on("global_fetch_strictly_public");
        match self.served.clone() {
            Some(served) => outbound.within(Arc::new(Here { served, public, via: Via::default() })),
            None => outbound,
        }
    }

    pub(crate) fn caches(&self) -> &Caches {
        &self.caches
    }

    /// A place for one more isolate; where there are too many, those used longest ago are asked to leave.
    pub(crate) fn admit(&self) -> Resident {
        self.budget.admit()
    }

    /// Asks a share of the isolates to leave that have been idle for longest.
    pub fn relieve(&self, share: f64) {
        self.budget.relieve(share);
    }

    /// How many Workers' isolates are in memory, spare ones and those of Durable Objects aside.
    pub fn isolates(&self) -> usize {
        self.budget.count()
    }

    /// An isolate without a script: a spare one when it was made for as much memory, else a new one.
    pub(crate) fn isolate(&self, limits: &Limits) -> Isolate {
        let spare = {
            let mut spares = self.spares();
            let at = spares.iter().position(|spare| spare.limits().memory == limits.memory);
            at.map(|at| spares.swap_remove(at))
        };
        self.ask(limits.clone());
        match spare {
            Some(mut spare) => {
                spare.set_limits(limits.clone());
                spare
            }
            None => Isolate::new(&self.options, limits.clone()),
        }
    }

    fn ask(&self, limits: Limits) {
        let _ = self.wanted.send(limits);
    }

    fn spares(&self) -> std::sync::MutexGuard<'_, Vec<Isolate>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a few isolates ready, until the host is gone.
fn make_spares(host: &Weak<Host>, asked: &mpsc::Receiver<Limits>) {
    // What is made ahead must not delay what is asked for now.
    isolate::give_way();
    while let Ok(limits) = asked.recv() {
        thread::sleep(REST);
        let Some(host) = host.upgrade() else { return };
        if host.spares().len() < SPARES {
            let isolate = Isolate::new(&host.options, limits);
            host.spares().push(isolate);
        }
    }
}
