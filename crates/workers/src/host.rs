//! What all Workers of a process share: the snapshot, the way out to the network, and spare isolates.

use std::sync::{Arc, Mutex, PoisonError};

use isolate::{Isolate, Limits, Options, Snapshot};
use webapi::fetch::Outbound;

/// How many isolates without a script are kept ready, so that a cold start need not make its own.
const SPARES: usize = 4;

pub struct HostOptions {
    pub snapshot: Snapshot,
    pub outbound: Outbound,
}

/// The process's Workers' common ground.
pub struct Host {
    options: Options,
    outbound: Outbound,
    spares: Mutex<Vec<Isolate>>,
}

// === impl Host ===

impl Host {
    /// Must be called on the async runtime: spare isolates are made beside it.
    pub fn new(options: HostOptions) -> Arc<Self> {
        let HostOptions { snapshot, outbound } = options;
        let options = Options { runtime: crate::runtime(), snapshot };
        let host = Arc::new(Self { options, outbound, spares: Mutex::default() });
        host.refill(Limits::default());
        host
    }

    pub(crate) fn outbound(&self) -> Outbound {
        self.outbound.clone()
    }

    /// An isolate without a script: a spare one when it was made for as much memory, else a new one.
    pub(crate) fn isolate(self: &Arc<Self>, limits: &Limits) -> Isolate {
        let spare = {
            let mut spares = self.spares();
            let at = spares.iter().position(|spare| spare.limits().memory == limits.memory);
            at.map(|at| spares.swap_remove(at))
        };
        let spare = spare.map(|mut spare| {
            spare.set_limits(limits.clone());
            spare
        });
        self.refill(limits.clone());
        spare.unwrap_or_else(|| Isolate::new(&self.options, limits.clone()))
    }

    fn refill(self: &Arc<Self>, limits: Limits) {
        let host = Arc::downgrade(self);
        tokio::task::spawn_blocking(move || {
            while let Some(host) = host.upgrade() {
                if host.spares().len() >= SPARES {
                    break;
                }
                let isolate = Isolate::new(&host.options, limits.clone());
                host.spares().push(isolate);
            }
        });
    }

    fn spares(&self) -> std::sync::MutexGuard<'_, Vec<Isolate>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
