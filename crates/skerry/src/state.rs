//! Where local state is kept: one folder for all Workers of a process, a subfolder for each service. Services open
//! their files when they are first used, so a command that only looks at a project leaves nothing behind.

use std::path::{Path, PathBuf};

use workers::Objects;

/// The services of this process.
#[derive(Debug)]
pub struct State {
    objects: Objects,
}

// === impl State ===

impl State {
    /// State below `folder`: `--persist-to`, else `.skerry` in the (first) project's folder.
    pub fn new(folder: Option<&Path>, project: &Path) -> Self {
        let root = folder.map_or_else(|| project.join(".skerry"), Path::to_owned).join("state/v1");
        let service = |name: &str| -> PathBuf { root.join(name) };
        Self { objects: Objects::new(service("do")) }
    }

    /// The namespaces of Durable Objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }
}
