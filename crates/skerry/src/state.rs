//! Where local state is kept: one folder for all Workers of a process, a subfolder for each service. Services open
//! their files when they are first used, so a command that only looks at a project leaves nothing behind.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use workers::{Host, HostOptions, Objects};

/// The services of this process.
#[derive(Debug)]
pub struct State {
    objects: Objects,
    kv: Arc<kv::Store>,
    queues: Arc<queue::Store>,
    r2: r2::R2,
    tokens: PathBuf,
    pub d1: d1::Databases,
    cache: PathBuf,
    pub rate_limits: ratelimit::RateLimits,
    pub analytics: analytics::Engine,
    pub hyperdrive: hyperdrive::Databases,
}

// === impl State ===

impl State {
    /// State below `folder`: `--persist-to`, else `.skerry` in the (first) project's folder. Writes of KV reach other
    /// locations than their own after `replication`.
    pub fn new(folder: Option<&Path>, project: &Path, replication: Duration) -> Self {
        let root = folder.map_or_else(|| project.join(".skerry"), Path::to_owned).join("state/v1");
        Self {
            objects: Objects::new(root.join("do")),
            kv: kv::Store::local(root.join("kv"), replication),
            queues: queue::Store::new(queue::Options::new(root.join("queues"))),
            r2: r2::R2::new(root.join("r2")),
            tokens: root.join("r2/tokens.json"),
            d1: d1::Databases::new(root.join("d1")),
            cache: root.join("cache"),
            rate_limits: ratelimit::RateLimits::default(),
            analytics: analytics::Engine::new(&root.join("analytics")),
            hyperdrive: hyperdrive::Databases::default(),
        }
    }

    /// The namespaces of Durable Objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    pub fn kv(&self) -> &Arc<kv::Store> {
        &self.kv
    }

    pub fn queues(&self) -> &Arc<queue::Store> {
        &self.queues
    }

    pub fn r2(&self) -> &r2::R2 {
        &self.r2
    }

    /// The credentials of the S3 API in front of R2.
    pub fn tokens(&self) -> s3::Tokens {
        s3::Tokens::new(self.tokens.clone())
    }

    /// What Workers in development have in common, at this location. As with wrangler, `fetch` stores only what the Worker asks it to: see
    /// docs/cache.md.
    pub fn host(&self, colo: &'static str) -> Arc<Host> {
        let cache = cache::Store::new(self.cache.clone(), cache::Limits::default());
        Host::new(HostOptions {
            snapshot: crate::snapshot::snapshot(),
            outbound: webapi::fetch::Outbound::new(webapi::fetch::Policy::development()),
            served: None,
            caches: workers::Caches::new(cache, colo, false),
            isolates: None,
        })
    }
}

/// All Workers of a process are one account's: what it is called where services tell accounts apart.
pub const LOCAL_ACCOUNT: &str = "local";

/// What a D1 database is known by on this machine: as in wrangler, its id for previews, its id, or the binding's name.
pub fn d1_id(database: &config::D1Database) -> &str {
    let id = database.preview_database_id.as_deref().or(database.database_id.as_deref());
    id.unwrap_or(&database.binding)
}
