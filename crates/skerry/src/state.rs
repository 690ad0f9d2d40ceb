//! Where local state is kept: one folder for all Workers of a process, a subfolder for each service. Services open
//! their files when they are first used, so a command that only looks at a project leaves nothing behind.

use std::path::Path;

/// The services of this process.
#[derive(Debug)]
pub struct State {
    pub d1: d1::Databases,
}

// === impl State ===

impl State {
    /// State below `folder`: `--persist-to`, else `.skerry` in the (first) project's folder.
    pub fn new(folder: Option<&Path>, project: &Path) -> Self {
        let root = folder.map_or_else(|| project.join(".skerry"), Path::to_owned);
        let root = root.join("state/v1");
        Self { d1: d1::Databases::new(root.join("d1")) }
    }
}

/// What a D1 database is known by on this machine: as in wrangler, its id for previews, its id, or the binding's name.
pub fn d1_id(database: &config::D1Database) -> &str {
    let id = database.preview_database_id.as_deref().or(database.database_id.as_deref());
    id.unwrap_or(&database.binding)
}
