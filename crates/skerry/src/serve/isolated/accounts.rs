//! The accounts of the front: which one a host, a token or a key of S3's belongs to, and the way to its process.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use ::config::ServerConfig;
use registry::{Account, Registry};
use tokio::sync::watch;

use super::link::Link;
use super::{API, METRICS, S3, WORKERS};

/// An account and the way to its process.
#[derive(Debug)]
pub struct Tenant {
    pub account: Account,
    /// Its data directory.
    pub folder: PathBuf,
    pub registry: Registry,
    /// By which its process knows requests of the front.
    pub secret: String,
    pub workers: Link,
    pub api: Link,
    pub s3: Link,
    pub metrics: Link,
    /// The process that answers now.
    pub process: watch::Sender<Option<u32>>,
}

/// Which hosts are whose.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    base: String,
    /// Names of zones and ids of accounts, the longest names first.
    zones: Vec<(String, String)>,
}

/// All accounts, the first made first.
#[derive(Debug, Default)]
pub struct Accounts {
    tenants: RwLock<Arc<Vec<Arc<Tenant>>>>,
    hosts: RwLock<Arc<Hosts>>,
}

// === impl Tenant ===

impl Tenant {
    /// The account in this data directory; `None`: it has none yet.
    pub fn open(folder: PathBuf) -> Result<Option<Self>, String> {
        let failed = |error: registry::Error| format!("{} can't be used: {error}", folder.display());
        let registry = Registry::open(&folder).map_err(failed)?;
        let Some(account) = registry.accounts().map_err(failed)?.into_iter().next() else { return Ok(None) };
        let link = |name| Link::new(folder.join(name));
        Ok(Some(Self {
            account,
            registry,
            secret: format!("{}{}", registry::new_hex_id(), registry::new_hex_id()),
            workers: link(WORKERS),
            api: link(API),
            s3: link(S3),
            metrics: link(METRICS),
            process: watch::Sender::new(None),
            folder,
        }))
    }

    pub fn is_up(&self) -> bool {
        self.process.borrow().is_some()
    }

    /// What it is called by, which no other is.
    pub fn subdomain(&self) -> &str {
        &self.account.subdomain
    }
}

// === impl Hosts ===

impl Hosts {
    pub fn new(config: &ServerConfig, accounts: &[Account]) -> Result<Self, String> {
        let mut zones = Vec::new();
        for zone in &config.zones {
            let name = &zone.name.0;
            let account = match &zone.account {
                Some(named) => accounts.iter().find(|account| account.id == *named || account.name == *named),
                None => accounts.first(),
            };
            let account =
                account.ok_or_else(|| format!("zones: the zone {name} names an account that is not there"))?;
            zones.push((name.to_ascii_lowercase(), account.id.clone()));
        }
        for named in config.outbound.allow.iter().filter_map(|allow| allow.account.as_ref()) {
            if !accounts.iter().any(|account| account.id == *named || account.name == *named) {
                return Err(format!("outbound.allow names the account {named:?}, which is not there"));
            }
        }
        zones.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Ok(Self { base: config.base_domain.to_ascii_lowercase(), zones })
    }

    /// Whose a host is. Where it is in a zone and below the base domain, the longer name says it.
    fn owner<'a>(&self, host: &str, accounts: impl Iterator<Item = &'a Account> + Clone) -> Option<&'a Account> {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let zone = self.zones.iter().find(|(name, _)| below(host, name).is_some());
        let own = below(host, &self.base).filter(|rest| !rest.is_empty());
        let zone = zone.filter(|(name, _)| own.is_none() || name.len() >= self.base.len());
        match (zone, own) {
            (Some((_, id)), _) => accounts.clone().find(|account| account.id == *id),
            (None, Some(own)) => match own.rsplit_once('.') {
                Some((_, subdomain)) => accounts.clone().find(|account| account.subdomain == subdomain),
                None => accounts.clone().next(),
            },
            (None, None) => None,
        }
    }
}

/// What stands before a domain in a host that is the domain or below it.
pub fn below<'h>(host: &'h str, domain: &str) -> Option<&'h str> {
    let rest = host.strip_suffix(domain)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_suffix('.') }
}

// === impl Accounts ===

impl Accounts {
    pub fn tenants(&self) -> Arc<Vec<Arc<Tenant>>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn add(&self, tenant: Arc<Tenant>) {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::clone(&tenants);
        all.push(tenant);
        all.sort_by_key(|tenant| tenant.account.created.0);
        *tenants = Arc::new(all);
    }

    /// What the configuration says of hosts, from now on.
    pub fn set_hosts(&self, config: &ServerConfig) -> Result<(), String> {
        let accounts: Vec<Account> = self.tenants().iter().map(|tenant| tenant.account.clone()).collect();
        let hosts = Hosts::new(config, &accounts)?;
        *self.hosts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(hosts);
        Ok(())
    }

    /// Whose host it is.
    pub fn of_host(&self, host: &str) -> Option<Arc<Tenant>> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner).clone();
        let tenants = self.tenants();
        let id = hosts.owner(host, tenants.iter().map(|tenant| &tenant.account))?.id.clone();
        self.of_id(&id)
    }

    pub fn of_id(&self, id: &str) -> Option<Arc<Tenant>> {
        self.tenants().iter().find(|tenant| tenant.account.id == id).cloned()
    }

    /// Whose token it is, by its secret.
    pub fn of_token(&self, secret: &str) -> Option<Arc<Tenant>> {
        self.find("tokens", |registry| Ok(registry.token(secret)?.is_some()))
    }

    /// Whose token it is, by its id.
    pub fn of_token_id(&self, id: &str) -> Option<Arc<Tenant>> {
        self.find("tokens", |registry| Ok(registry.token_of_id(id)?.is_some()))
    }

    /// One that answers, for what any of them can.
    pub fn any(&self) -> Option<Arc<Tenant>> {
        let tenants = self.tenants();
        tenants.iter().find(|tenant| tenant.is_up()).or(tenants.first()).cloned()
    }

    fn find(&self, what: &str, is_it: impl Fn(&Registry) -> Result<bool, registry::Error>) -> Option<Arc<Tenant>> {
        let tenants = self.tenants();
        let found = tenants.iter().find(|tenant| {
            is_it(&tenant.registry).unwrap_or_else(|error| {
                tracing::error!(%error, account = tenant.subdomain(), "the {what} can't be read");
                false
            })
        });
        found.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_accounts() {
        let account = |name: &str| Account {
            id: name.repeat(4),
            name: name.to_uppercase(),
            subdomain: name.into(),
            plan: "paid".into(),
            created: registry::Stamp(0),
        };
        let accounts = [account("main"), account("shop")];
        let text = "base_domain = 'w.example.com'\n[[zones]]\nname = 'example.com'\naccount = 'SHOP'\n[[zones]]\nname = 'api.w.example.com'\n\
                    account = 'SHOP'\n[[zones]]\nname = 'main.test'\n";
        let config = ServerConfig::from_text(std::path::Path::new("skerry.toml"), text).unwrap();
        let hosts = Hosts::new(&config, &accounts).unwrap();
        for (host, owner) in [
            ("a.w.example.com", Some("main")),
            ("A.W.Example.com.", Some("main")),
            ("12345678-a.w.example.com", Some("main")),
            ("a.main.w.example.com", Some("main")),
            ("a.shop.w.example.com", Some("shop")),
            ("a.other.w.example.com", None),
            ("w.example.com", Some("shop")),
            ("example.com", Some("shop")),
            ("www.example.com", Some("shop")),
            ("x.api.w.example.com", Some("shop")),
            ("main.test", Some("main")),
            ("badmain.test", None),
            ("localhost", None),
            ("", None),
        ] {
            let found = hosts.owner(host, accounts.iter()).map(|account| account.subdomain.as_str());
            assert_eq!(found, owner, "{host}");
        }
        let missing = Hosts::new(&config, &accounts[..1]).unwrap_err();
        assert!(missing.contains("example.com names an account that is not there"), "{missing}");
    }
}
