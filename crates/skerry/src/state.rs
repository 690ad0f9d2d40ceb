//! Where local state is kept: one folder for all Workers of a process, a subfolder for each service. Services open
//! their files when they are first used, so a command that only looks at a project leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The services of this process.
#[derive(Debug)]
pub struct State {
    kv: Arc<kv::Store>,
}

// === impl State ===

impl State {
    /// State below `folder`: `--persist-to`, else `.skerry` in the (first) project's folder.
    /// Writes reach other locations than their own after `replication`.
    pub fn new(folder: Option<&Path>, project: &Path, replication: Duration) -> Self {
        let root = folder.map_or_else(|| project.join(".skerry"), Path::to_owned);
        let root = root.join("state/v1");
        Self { kv: kv::Store::local(root.join("kv"), replication) }
    }

    pub fn kv(&self) -> &Arc<kv::Store> {
        &self.kv
    }
}
