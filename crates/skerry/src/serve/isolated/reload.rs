//! What the front looks at again while it runs: at SIGHUP the configuration and the certificates, certificates also when their files
//! have changed, and the folder of accounts for new ones.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::config::ServerConfig;
use edge::tls::Certificates;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::accounts::{Accounts, Tenant};
use super::orders::{self, Orders};
use crate::serve::registries;
use crate::serve::reload::fixed;

/// How often the files of certificates are looked at, and the folder of accounts.
const CERTIFICATES: Duration = Duration::from_secs(60);
const ACCOUNTS: Duration = Duration::from_millis(500);

pub struct Reload {
    pub path: Option<PathBuf>,
    /// As it was when the server started.
    pub config: ServerConfig,
    pub accounts: Arc<Accounts>,
    pub orders: watch::Sender<Orders>,
    pub certificates: Option<Arc<Certificates>>,
}

// === impl Reload ===

impl Reload {
    /// Reads again whenever there is reason to, until `stop` fires.
    pub async fn follow(self, stop: CancellationToken) {
        let mut asked = match signal(SignalKind::hangup()) {
            Ok(asked) => asked,
            Err(error) => return tracing::error!(%error, "SIGHUP can't be received: nothing will be read again"),
        };
        let changed = || self.certificates.as_ref().map(|certificates| certificates.changed());
        let mut seen = changed();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = asked.recv() => match self.configuration() {
                    Ok(()) => anstream::println!("read the configuration again"),
                    Err(error) => {
                        tracing::warn!("the configuration can't be used, and the one from before stays: {error}");
                    }
                },
                () = tokio::time::sleep(CERTIFICATES) => if changed() == seen {
                    continue;
                },
            }
            seen = changed();
            match self.certificates.as_ref().map(|certificates| certificates.reload()) {
                None => {}
                Some(Ok(())) => anstream::println!("read the certificates again"),
                Some(Err(error)) => {
                    tracing::warn!("the certificates can't be read, and those from before stay: {error}");
                }
            }
        }
    }

    fn configuration(&self) -> Result<(), String> {
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
