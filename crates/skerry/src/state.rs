//! Where local state is kept: one folder for all Workers of a process, a subfolder for each service. Services open
//! their files when they are first used, so a command that only looks at a project leaves nothing behind.

use std::path::Path;

use workers::Objects;

/// The services of this process.
#[derive(Debug)]
pub struct State {
    objects: Objects,
    r2: r2::R2,
}

// === impl State ===

impl State {
    /// State below `folder`: `--persist-to`, else `.skerry` in the (first) project's folder.
    pub fn new(folder: Option<&Path>, project: &Path) -> Self {
        let root = folder.map_or_else(|| project.join(".skerry"), Path::to_owned).join("state/v1");
        Self { objects: Objects::new(root.join("do")), r2: r2::R2::new(root.join("r2")) }
    }

    /// The namespaces of Durable Objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    pub fn r2(&self) -> &r2::R2 {
        &self.r2
    }
}
