//! Where local state is kept: one folder for all Workers of a process, a subfolder for each service. Services open
//! their files when they are first used, so a command that only looks at a project leaves nothing behind.

use std::path::{Path, PathBuf};

/// The services of this process.
#[derive(Debug)]
pub struct State {
    root: PathBuf,
}

// === impl State ===

impl State {
    /// State below `folder`: `--persist-to`, else `.skerry` in the (first) project's folder.
    pub fn new(folder: Option<&Path>, project: &Path) -> Self {
        let root = folder.map_or_else(|| project.join(".skerry"), Path::to_owned);
        Self { root: root.join("state/v1") }
    }

    /// The cache, bounded for the whole process.
    pub fn cache(&self) -> cache::Store {
        cache::Store::new(self.service("cache"), cache::Limits::default())
    }

    /// The folder of one service.
    fn service(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}
