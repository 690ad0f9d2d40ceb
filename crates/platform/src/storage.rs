//! What accounts keep in all services, and how much their plans let them: each service asks the account's quota for room before it
//! writes. Measured at the start, and again every hour for what was not counted as it went.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use registry::ResourceKind;
use store::quota::{Product, Quota};
use tokio_util::sync::CancellationToken;

use crate::{Platform, Services};

const PAUSE: Duration = Duration::from_secs(60 * 60);

/// Bytes that an account may keep.
type LimitOf = Box<dyn Fn(&str) -> Option<u64> + Send + Sync>;

/// The quotas of all accounts, by their ids.
#[derive(Default)]
pub(crate) struct Quotas {
    limit: OnceLock<LimitOf>,
    quotas: Mutex<HashMap<String, Quota>>,
}

// === impl Quotas ===

impl Quotas {
    /// From now on `limit` says what an account may keep.
    pub(crate) fn limit_by(&self, limit: impl Fn(&str) -> Option<u64> + Send + Sync + 'static) {
        // There is one platform for the services.
        let _ = self.limit.set(Box::new(limit));
        self.refresh();
    }

    /// The limits may have changed.
    pub(crate) fn refresh(&self) {
        let quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (account, quota) in quotas {
            quota.set_limit(self.limit.get().and_then(|limit| limit(&account)));
        }
    }

    pub(crate) fn of(&self, account: &str) -> Quota {
        if let Some(quota) = self.quotas.lock().unwrap_or_else(PoisonError::into_inner).get(account) {
            return quota.clone();
        }
        let quota = Quota::default();
        quota.set_limit(self.limit.get().and_then(|limit| limit(account)));
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        quotas.entry(account.to_owned()).or_insert(quota).clone()
    }
}

// === impl Services ===

impl Services {
    /// What an account keeps, and may keep.
    pub fn quota(&self, account: &str) -> Quota {
        self.quotas().of(account)
    }

    /// A KV namespace of the account's.
    pub fn kv_namespace(&self, account: &str, id: &str) -> kv::Namespace {
        self.kv().namespace(id).charged(self.quota(account).share(Product::Kv, id))
    }

    /// A queue of the account's.
    pub fn queue(&self, account: &str, id: &str) -> queue::Queue {
        self.queues().queue(id).charged(self.quota(account).share(Product::Queues, id))
    }

    /// A D1 database of the account's.
    pub fn d1_database(&self, account: &str, id: &str) -> d1::Database {
        let database = self.d1().database(id);
        database.charge(&self.quota(account).share(Product::D1, id));
        database
    }

    /// The namespace of a class of the account's, with this key.
    pub fn object_namespace(&self, account: &str, key: &str) -> workers::ObjectNamespace {
        let namespace = self.objects().namespace(key);
        namespace.charge(&self.quota(account));
        namespace
    }

    /// The files of an account's Workers, and room for so many bytes more of them. `None`: there is no room.
    pub fn charge_assets(&self, account: &str, bytes: u64) -> Option<store::quota::Charge> {
        self.quota(account).share(Product::Assets, "").charge(bytes)
    }

    /// Notes what is on the disk of an account's static assets.
    pub(crate) fn measure_assets(&self, account: &str) -> io::Result<()> {
        self.quota(account).share(Product::Assets, "").set(self.assets().account(account).size()?);
        Ok(())
    }
}

// === impl Platform ===

impl Platform {
    /// Measures what every account keeps. Before this has returned once, nobody should write.
    pub async fn measure_storage(&self) -> Result<(), String> {
        let accounts = self.registry().accounts().map_err(|error| error.to_string())?;
        for account in accounts {
            let (platform, id) = (self.clone(), account.id.clone());
            let measuring = tokio::task::spawn_blocking(move || platform.measure_account(&id));
            measuring.await.map_err(|error| error.to_string())??;
            let r2 = self.services().r2(&account.id).measure().await;
            r2.map_err(|error| format!("{}: R2: {error}", account.name))?;
        }
        Ok(())
    }

    fn measure_account(&self, account: &str) -> Result<(), String> {
        let failed = |what: &'static str| move |error: &dyn std::fmt::Display| format!("{account}: {what}: {error}");
        let resources = |kind| self.registry().resources(account, kind).map_err(|error| failed("the registry")(&error));
        let (services, quota) = (self.services(), self.services().quota(account));
        for namespace in resources(ResourceKind::KvNamespace)? {
            let bytes = services.kv().namespace(&namespace.id).size().map_err(|error| failed("KV")(&error))?;
            quota.share(Product::Kv, &namespace.id).set(bytes);
        }
        for queue in resources(ResourceKind::Queue)? {
            let kept = match services.queues().queue(&queue.id).metrics() {
                Ok(metrics) => metrics.kept(),
                // A crash came before it was made.
                Err(queue::Error::NotFound) => 0,
                Err(error) => return Err(failed("queues")(&error)),
            };
            quota.share(Product::Queues, &queue.id).set(kept);
        }
        for database in resources(ResourceKind::D1Database)? {
            services.d1_database(account, &database.id).measure();
        }
        services.measure_assets(account).map_err(|error| failed("static assets")(&error))?;
        self.measure_objects(account).map_err(|error| failed("Durable Objects")(&error))
    }

    /// Notes what is on the disk of an account's Durable Objects.
    pub fn measure_objects(&self, account: &str) -> Result<(), String> {
        let scripts = self.registry().scripts(Some(account)).map_err(|error| error.to_string())?;
        let objects = self.services().objects();
        let measure = || {
            let mut bytes = 0;
            for script in &scripts {
                for class in script.settings.classes.keys() {
                    let key = objects.classes().key(&script.tag, class).map_err(|error| error.to_string())?;
                    bytes += objects.namespace(&key).size().map_err(|error| error.to_string())?;
                }
            }
            Ok(bytes)
        };
        self.services().quota(account).measure(Product::Objects, measure)
    }

    /// Measures every hour, until `stop` fires.
    pub async fn run_measurements(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            if let Err(error) = self.measure_storage().await {
                tracing::error!(error, "what accounts keep can't be measured");
            }
        }
    }
}

/// Says what an account may keep, without keeping the platform alive.
pub(crate) fn limit_by_plan(platform: &Arc<crate::Inner>) {
    let weak = Arc::downgrade(platform);
    platform.services.quotas().limit_by(move |account| {
        let platform = Platform(weak.upgrade()?);
        match platform.plan(account) {
            Ok(plan) => plan.storage_bytes,
            Err(error) => {
                tracing::error!(%error, account, "the plan of an account can't be read");
                None
            }
        }
    });
}
