//! What Workers are bound to, below one folder. What belongs to an account is kept apart from all others' by its id: KV, D1 and
//! queues have ids that are given once, R2's buckets lie in a folder of their account.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::quota::Product;
use workers::Objects;

use crate::storage::Quotas;

/// Clones are the same services.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    root: PathBuf,
    objects: Objects,
    kv: Arc<kv::Store>,
    queues: Arc<queue::Store>,
    d1: d1::Databases,
    r2: Mutex<HashMap<String, r2::R2>>,
    assets: assets::Store,
    rate_limits: ratelimit::RateLimits,
    analytics: analytics::Engine,
    hyperdrive: hyperdrive::Databases,
    quotas: Quotas,
}

// === impl Services ===

impl Services {
    pub fn new(root: &Path) -> Self {
        Self(Arc::new(Inner {
            objects: Objects::new(root.join("do")),
            kv: kv::Store::local(root.join("kv"), Duration::ZERO),
            queues: queue::Store::new(queue::Options::new(root.join("queues"))),
            d1: d1::Databases::new(root.join("d1")),
            r2: Mutex::default(),
            assets: assets::Store::new(root.join("assets")),
            rate_limits: ratelimit::RateLimits::default(),
            analytics: analytics::Engine::new(&root.join("analytics")),
            hyperdrive: hyperdrive::Databases::default(),
            quotas: Quotas::default(),
            root: root.to_owned(),
        }))
    }

    pub fn objects(&self) -> &Objects {
        &self.0.objects
    }

    pub fn kv(&self) -> &Arc<kv::Store> {
        &self.0.kv
    }

    pub fn queues(&self) -> &Arc<queue::Store> {
        &self.0.queues
    }

    pub fn d1(&self) -> &d1::Databases {
        &self.0.d1
    }

    /// The buckets of an account.
    pub fn r2(&self, account: &str) -> r2::R2 {
        let mut accounts = self.0.r2.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || {
            let share = self.quota(account).share(Product::R2, "");
            r2::R2::charged(self.0.root.join("r2").join(account), share)
        };
        accounts.entry(account.to_owned()).or_insert_with(open).clone()
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    /// The files that Workers have beside their code.
    pub fn assets(&self) -> &assets::Store {
        &self.0.assets
    }

    /// The data points that Workers write, by account.
    pub fn analytics(&self) -> &analytics::Engine {
        &self.0.analytics
    }

    /// What Workers have counted lately.
    pub fn rate_limits(&self) -> &ratelimit::RateLimits {
        &self.0.rate_limits
    }

    /// The connections to databases elsewhere.
    pub fn hyperdrive(&self) -> &hyperdrive::Databases {
        &self.0.hyperdrive
    }

    /// A folder for files that are on their way in or out and are worth nothing after the process has ended.
    pub fn transfers(&self) -> PathBuf {
        self.0.root.join("transfers")
    }

    /// The file of what Workers used.
    pub(crate) fn history(&self) -> PathBuf {
        self.0.root.join("metrics.sqlite")
    }

    pub(crate) fn cache(&self) -> cache::Store {
        cache::Store::new(self.0.root.join("cache"), cache::Limits::default())
    }
}
