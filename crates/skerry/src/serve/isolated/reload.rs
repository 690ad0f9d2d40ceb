//! What the front looks at again while it runs besides certificates: at SIGHUP the configuration, and the folder of accounts for new ones.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::config::ServerConfig;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::accounts::{Accounts, Tenant};
use super::orders::{self, Orders};
use crate::serve::registries;
use crate::serve::reload::{Configuration, fixed};

/// How often the folder of accounts is looked at.
const ACCOUNTS: Duration = Duration::from_millis(500);

/// The configuration of a server that has a process for each account: they are told of it.
pub struct Told {
    pub path: Option<PathBuf>,
    /// As it was when the server started.
    pub config: ServerConfig,
    pub accounts: Arc<Accounts>,
    pub orders: watch::Sender<Orders>,
}

// === impl Told ===

impl Configuration for Told {
    async fn read_again(&self) -> Result<(), String> {
        let text = orders::text(self.path.as_deref())?;
        let orders = Orders { text, ..self.orders.borrow().clone() };
        // The command line may say so alone.
        let config = ServerConfig { isolate_accounts: true, ..orders.server()? };
        for key in fixed(&self.config, &config) {
            tracing::warn!("`{key}` has changed: that needs a new start of the server");
        }
        self.accounts.set_hosts(&config)?;
        self.orders.send_replace(orders);
        Ok(())
    }
}

/// Has `start` look after each account that comes while the server runs, until `stop` fires.
pub async fn follow_accounts(
    data: PathBuf,
    accounts: Arc<Accounts>,
    start: impl Fn(Arc<Tenant>),
    stop: CancellationToken,
) {
    let mut known: HashSet<PathBuf> = accounts.tenants().iter().map(|tenant| tenant.folder.clone()).collect();
    let mut said: Option<String> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ACCOUNTS) => {}
        }
        let error = match come(&data, &mut known) {
            Ok(new) => {
                for tenant in new {
                    anstream::println!("the account {} is there", tenant.subdomain());
                    let tenant = Arc::new(tenant);
                    accounts.add(tenant.clone());
                    start(tenant);
                }
                None
            }
            Err(error) => Some(error),
        };
        // The same error is said once.
        if let Some(error) = error.as_ref().filter(|error| said.as_ref() != Some(error)) {
            tracing::warn!("{error}");
        }
        said = error;
    }
}

fn come(data: &Path, known: &mut HashSet<PathBuf>) -> Result<Vec<Tenant>, String> {
    let mut new = Vec::new();
    for folder in registries::folders(data)? {
        if known.contains(&folder) {
            continue;
        }
        if let Some(tenant) = Tenant::open(folder.clone())? {
            known.insert(folder);
            new.push(tenant);
        }
    }
    Ok(new)
}
