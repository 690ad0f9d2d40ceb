//! What the front tells an account's process, as lines of JSON on its standard input. When that ends, the front has ended, and so does
//! the process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ::config::ServerConfig;
use control::Front;
use registry::Account;
use serde::{Deserialize, Serialize};

use crate::serve::registries::ACCOUNTS;

/// A line of the front's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// First, and again whenever the configuration has changed.
    Orders(Box<Orders>),
    /// Finish what was begun, then end.
    Stop,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    /// By which the process knows the front's requests.
    pub secret: String,
    /// By which the front knows requests of its accounts' processes.
    pub inside: String,
    /// Whether the account's Workers are right below the base domain too.
    pub first: bool,
    /// The configuration: where it lies, and its text. The process can't read the file itself.
    pub path: PathBuf,
    pub text: String,
    pub listeners: Listeners,
}

/// Where the server is reached.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Listeners {
    pub http: SocketAddr,
    pub https: Option<SocketAddr>,
    pub api: SocketAddr,
    pub s3: Option<SocketAddr>,
    pub metrics: Option<SocketAddr>,
}

// === impl Said ===

impl Said {
    pub fn line(&self) -> Result<String, String> {
        serde_json::to_string(self).map(|line| line + "\n").map_err(|error| error.to_string())
    }

    pub fn read(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| format!("what the front says can't be read: {error}"))
    }
}

// === impl Orders ===

impl Orders {
    /// The server's configuration.
    pub fn server(&self) -> Result<ServerConfig, String> {
        ServerConfig::from_text(&self.path, &self.text).map_err(|error| error.to_string())
    }

    /// What of the configuration may be known before the account is: without listeners, over the account's own directory.
    pub fn narrowed(&self, name: &str) -> Result<ServerConfig, String> {
        let server = self.server()?;
        let data = server.data.join(ACCOUNTS).join(name);
        Ok(ServerConfig { data, https: None, metrics: None, ..server })
    }

    /// What of the configuration is this account's.
    pub fn own(&self, name: &str, account: &Account) -> Result<ServerConfig, String> {
        let mut config = self.narrowed(name)?;
        let named = |named: &str| named == account.id || named == account.name;
        config.zones.retain(|zone| zone.account.as_deref().map_or(self.first, named));
        config.outbound.allow.retain(|allow| allow.account.as_deref().is_none_or(named));
        Ok(config)
    }
}

// === impl Listeners ===

impl Listeners {
    /// Where Workers are reached: over TLS where that is served.
    pub fn front(&self) -> Front {
        let address = self.https.unwrap_or(self.http);
        Front { https: self.https.is_some(), port: address.port() }
    }

    /// At which Workers are served.
    pub fn ports(&self) -> Vec<u16> {
        [Some(self.http), self.https].into_iter().flatten().map(|address| address.port()).collect()
    }
}

/// The file's text: as if it were empty where none is named.
pub fn text(path: Option<&Path>) -> Result<String, String> {
    let Some(path) = path else { return Ok(String::new()) };
    std::fs::read_to_string(path).map_err(|error| format!("{} can't be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_told_of_its_own_alone() {
        let text = "[[zones]]\nname = 'a.test'\naccount = 'A'\n[[zones]]\nname = 'first.test'\n[[zones]]\nname = 'b.test'\naccount = 'B'\n\
                    [https]\nlisten = '127.0.0.1:0'\ncertificate = 'c'\nkey = 'k'\n\
                    [[outbound.allow]]\nnetworks = ['10.0.0.0/8']\n[[outbound.allow]]\naccount = 'B'\nnetworks = ['10.1.0.0/16']\n";
        let local = SocketAddr::from(([127, 0, 0, 1], 1));
        let listeners = Listeners { http: local, https: None, api: local, s3: None, metrics: None };
        let orders = Orders {
            secret: String::new(),
            inside: String::new(),
            first: false,
            path: "/etc/skerry.toml".into(),
            text: text.into(),
            listeners,
        };
        let account = |name: &str| Account {
            id: format!("{name}1"),
            name: name.into(),
            subdomain: name.to_lowercase(),
            plan: "paid".into(),
            created: registry::Stamp(0),
        };
        let zones = |orders: &Orders, name: &str| -> Vec<String> {
            let own = orders.own("x", &account(name)).unwrap();
            assert!(own.https.is_none() && own.data.ends_with("etc/skerry-data/accounts/x"), "{:?}", own.data);
            own.zones.iter().map(|zone| zone.name.0.clone()).collect()
        };
        assert_eq!(zones(&orders, "A"), ["a.test"]);
        assert_eq!(zones(&Orders { first: true, ..orders.clone() }, "A"), ["a.test", "first.test"]);
        assert_eq!(zones(&orders, "B"), ["b.test"]);
        assert_eq!(orders.own("x", &account("A")).unwrap().outbound.allow.len(), 1);
        assert_eq!(orders.own("x", &account("B")).unwrap().outbound.allow.len(), 2);
        let Said::Orders(again) = Said::read(&Said::Orders(Box::new(orders)).line().unwrap()).unwrap() else {
            panic!()
        };
        assert_eq!(again.text, text);
    }
}
