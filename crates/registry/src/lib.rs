//! What is deployed: accounts and their tokens, Workers with their versions, deployments, secrets, schedules and routes.
//! One SQLite database; no HTTP, no V8, and nothing that runs.

mod account;
mod assets;
mod audit;
mod binding;
mod deployment;
mod error;
mod id;
mod queue_consumer;
mod resource;
mod route;
mod schedule;
mod schema;
mod script;
#[cfg(test)]
mod tests;
mod token;
mod vault;
mod version;

pub use account::Account;
pub use assets::VersionAssets;
pub use audit::{Audit, Entry};
pub use binding::{Binding, BindingKind, RateLimit};
pub use deployment::{Deployment, NewDeployment, Share};
pub use error::Error;
pub use id::{Stamp, domain_hex_id, new_hex_id, new_uuid};
pub use queue_consumer::{ConsumerSettings, QueueConsumer};
pub use resource::{Resource, ResourceKind};
pub use route::Route;
pub use schedule::Schedule;
pub use script::{Script, ScriptSettings, Subdomain};
pub use token::{NewToken, Scope, Token, token_hash};
pub use vault::{Sealed, Vault};
pub use version::{Annotations, Module, Modules, NewVersion, UserLimits, Version, VersionDocument};

use std::path::Path;
use std::sync::Arc;

use store::rusqlite::Connection;
use store::sqlite::Database;

/// The database of what is deployed, and the key that its secrets are sealed with. Clones are the same registry.
#[derive(Clone)]
pub struct Registry {
    database: Arc<Database>,
    vault: Arc<Vault>,
}

// === impl Registry ===

impl Registry {
    /// Opens the registry below `folder`, which is made where it is missing.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let database = Database::open(&folder.join("registry.sqlite"), schema::MIGRATIONS)?;
        let vault = Vault::open(&folder.join("secrets.key"))?;
        Ok(Self { database: Arc::new(database), vault: Arc::new(vault) })
    }

    /// What secrets are sealed with.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        self.database.read(query)
    }

    /// Returns when the change is durable.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.database.write(change).await
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry").field(&self.database.path()).finish()
    }
}
