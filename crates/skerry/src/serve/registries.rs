//! The registries below a data directory: one for all accounts, or one for each where accounts have processes of their own.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use ::config::ServerConfig;
use registry::{Account, Registry};

/// Where accounts' own data directories are, each called as the account's subdomain.
pub const ACCOUNTS: &str = "accounts";

/// How the accounts of a data directory are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In one registry, for one process.
    Together,
    /// In a data directory each, for a process each.
    Apart,
}

/// The registries of a server that was started before.
pub struct Registries {
    data: PathBuf,
    layout: Layout,
    all: Vec<Registry>,
}

// === impl Layout ===

impl Layout {
    /// How it is; `None`: nothing is there yet.
    pub fn of(data: &Path) -> Option<Self> {
        match (data.join(ACCOUNTS).is_dir(), data.join("registry.sqlite").exists()) {
            (true, _) => Some(Self::Apart),
            (false, true) => Some(Self::Together),
            (false, false) => None,
        }
    }

    /// Refuses to serve a data directory in another way than it was made for.
    pub fn require(self, data: &Path) -> Result<(), String> {
        let shown = data.display();
        match (self, Self::of(data)) {
            (Self::Apart, Some(Self::Together)) => Err(format!(
                "{shown} keeps all accounts in one registry, and --isolate-accounts wants a directory for each. Start without it \
                 (and without `isolate_accounts` in the configuration), or name another `data` directory and deploy to it anew."
            )),
            (Self::Together, Some(Self::Apart)) => Err(format!(
                "{shown} keeps each account in a directory of its own. Start with --isolate-accounts or `isolate_accounts = true`, \
                 or name another `data` directory and deploy to it anew."
            )),
            _ => Ok(()),
        }
    }
}

// === impl Registries ===

impl Registries {
    /// Those of the server with this configuration.
    pub fn existing(config: &ServerConfig) -> Result<Self, String> {
        match Layout::of(&config.data) {
            Some(Layout::Apart) => {
                let all = folders(&config.data)?.iter().map(|folder| open(folder)).collect::<Result<_, _>>()?;
                Ok(Self { data: config.data.clone(), layout: Layout::Apart, all })
            }
            _ => {
                let all = vec![super::existing(config)?];
                Ok(Self { data: config.data.clone(), layout: Layout::Together, all })
            }
        }
    }

    pub fn all(&self) -> &[Registry] {
        &self.all
    }

    /// Each account with the registry that it is in, the first made first.
    pub fn accounts(&self) -> Result<Vec<(Account, &Registry)>, String> {
        let mut accounts = Vec::new();
        for registry in &self.all {
            let of_one = registry.accounts().map_err(|error| error.to_string())?;
            accounts.extend(of_one.into_iter().map(|account| (account, registry)));
        }
        // Stable: within a registry the order is the registry's.
        accounts.sort_by_key(|(account, _)| account.created.0);
        Ok(accounts)
    }

    pub async fn create_account(&self, name: &str, subdomain: &str, plan: &str) -> Result<Account, String> {
        match self.layout {
            Layout::Apart => create(&self.data, name, subdomain, plan).await,
            Layout::Together => {
                let registry = self.all.first().ok_or("there is no registry")?;
                registry.create_account(name, subdomain, plan).await.map_err(|error| error.to_string())
            }
        }
    }
}

/// Makes an account with a data directory of its own. One that was begun and has no account in it is finished.
async fn create(data: &Path, name: &str, subdomain: &str, plan: &str) -> Result<Account, String> {
    let folder = make_folder(data, subdomain)?;
    let registry = open(&folder)?;
    if !registry.accounts().map_err(|error| error.to_string())?.is_empty() {
        return Err(format!("the subdomain {subdomain:?} is there already"));
    }
    registry.create_account(name, subdomain, plan).await.map_err(|error| error.to_string())
}

/// The data directory of an account, for its owner's eyes alone.
pub fn make_folder(data: &Path, subdomain: &str) -> Result<PathBuf, String> {
    let folder = data.join(ACCOUNTS).join(subdomain);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
    Ok(folder)
}

/// The data directories of accounts that are there as a whole.
pub fn folders(data: &Path) -> Result<Vec<PathBuf>, String> {
    let accounts = data.join(ACCOUNTS);
    let failed = |error: std::io::Error| format!("{} can't be read: {error}", accounts.display());
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(&accounts).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.join("registry.sqlite").exists() && path.join("secrets.key").exists() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn open(folder: &Path) -> Result<Registry, String> {
    Registry::open(folder).map_err(|error| format!("{} can't be used: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accounts_apart_have_folders_of_their_own() {
        let data = tempfile::tempdir().unwrap();
        let config = ServerConfig { data: data.path().to_owned(), ..ServerConfig::below(data.path()) };
        assert_eq!(Layout::of(data.path()), None);
        std::fs::create_dir(data.path().join(ACCOUNTS)).unwrap();
        assert!(Layout::Apart.require(data.path()).is_ok());
        assert!(Layout::Together.require(data.path()).unwrap_err().contains("--isolate-accounts"));
        let made = Registries::existing(&config).unwrap();
        let (b, a) = (
            made.create_account("B", "b", "paid").await.unwrap(),
            made.create_account("A", "a", "free").await.unwrap(),
        );
        assert!(made.create_account("C", "a", "paid").await.unwrap_err().contains("is there already"));
        let known = Registries::existing(&config).unwrap();
        let ids: Vec<String> = known.accounts().unwrap().into_iter().map(|(account, _)| account.id).collect();
        assert_eq!(ids, [b.id, a.id]);
    }

    #[test]
    fn what_is_together_stays_together() {
        let data = tempfile::tempdir().unwrap();
        Registry::open(data.path()).unwrap();
        assert_eq!(Layout::of(data.path()), Some(Layout::Together));
        assert!(Layout::Together.require(data.path()).is_ok());
        assert!(Layout::Apart.require(data.path()).unwrap_err().contains("another `data` directory"));
    }
}
