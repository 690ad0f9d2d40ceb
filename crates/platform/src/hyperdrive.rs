//! Hyperdrive's configurations as the registry keeps them, and the pools that they make. Origins are reached by the way out that the account's
//! Workers have: a configuration leads nowhere that `connect()` would not.

use std::sync::Arc;

use hyperdrive::{BadOrigin, ConnectError, Database, Dial, Origin, Secure};
use registry::{Error, Resource, Sealed, Stamp, Vault};
use serde::{Deserialize, Serialize};
use workers::Dialer;

use crate::Platform;

/// A configuration: the document of its resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HyperdriveConfig {
    pub scheme: String,
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    /// Sealed for its account.
    pub password: Sealed,
    /// `require`, where that was asked for.
    pub sslmode: Option<String>,
    pub connections: Option<usize>,
    pub caching: Caching,
    pub modified: Stamp,
}

/// What is asked of a cache. There is none: it is kept and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Caching {
    #[serde(default)]
    pub disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_while_revalidate: Option<u32>,
}

// === impl HyperdriveConfig ===

impl HyperdriveConfig {
    pub fn of(resource: &Resource) -> Result<Self, Error> {
        Ok(serde_json::from_value(resource.document.clone())?)
    }

    pub fn seal(vault: &Vault, account: &str, password: &str) -> Result<Sealed, Error> {
        vault.seal(&owner(account), password)
    }

    /// Where it leads, with the password.
    pub fn origin(&self, vault: &Vault, account: &str) -> Result<Origin, Error> {
        let secure = self.sslmode.as_deref().map_or(Ok(Secure::Prefer), Secure::of);
        Ok(Origin {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            user: self.user.clone(),
            password: vault.open_sealed(&owner(account), &self.password)?,
            secure: secure.map_err(|BadOrigin(reason)| Error::Refused(reason))?,
        })
    }

    pub fn connections(&self) -> usize {
        self.connections.unwrap_or(hyperdrive::CONNECTIONS)
    }
}

/// What passwords are sealed for: another account's configuration can't open them.
fn owner(account: &str) -> String {
    format!("hyperdrive/{account}")
}

// === impl Platform ===

impl Platform {
    /// The database of a configuration, as it is now. Workers that are bound to it already are from now on bound to this.
    pub fn open_hyperdrive(&self, resource: &Resource) -> Result<Database, Error> {
        let config = HyperdriveConfig::of(resource)?;
        let origin = config.origin(self.registry().vault(), &resource.account)?;
        let settings = hyperdrive::Settings { origin, connections: config.connections() };
        Ok(self.services().hyperdrive().open(&resource.id, settings, self.dial(&resource.account)))
    }

    /// Whether an origin lets this account in.
    pub async fn check_hyperdrive(&self, account: &str, origin: &Origin) -> Result<(), ConnectError> {
        hyperdrive::check(origin, &*self.dial(account)).await
    }

    fn dial(&self, account: &str) -> Arc<dyn Dial> {
        let (platform, account) = (Arc::downgrade(&self.0), account.to_owned());
        Arc::new(Dialer(move || Some(Platform(platform.upgrade()?).in_force().outbound(&account))))
    }
}
