//! Certificates from a certificate authority that speaks ACME (RFC 8555), each for one name, by the challenge `http-01`: the names of the
//! configuration and all custom domains. They are renewed a month before they end, or when a third of their time is left.

mod challenges;
mod order;

use std::collections::HashMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::config::server::AcmeConfig;
use edge::tls::{Certificates, Names};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::x509::X509;
use registry::Route;
use tokio_util::sync::CancellationToken;

pub use challenges::{Answering, Challenges};

/// How often names and certificates are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// Renewed when so many seconds are left, 30 days, or a third of its time where that is less.
const LEFT: i64 = 30 * DAY;
const DAY: i64 = 24 * 60 * 60;
/// After a failure, twice as long each time, up to the second.
const AGAIN: Duration = Duration::from_secs(60);
const AGAIN_AT_MOST: Duration = Duration::from_secs(6 * 60 * 60);

pub struct Acme {
    config: AcmeConfig,
    /// For certificates, keys and the account.
    folder: PathBuf,
    names: Arc<Names>,
    challenges: Arc<Challenges>,
    routes: Routes,
}

/// Reads the routes that there are, custom domains among them.
pub type Routes = Box<dyn Fn() -> Result<Vec<Route>, registry::Error> + Send + Sync>;

/// When a name that failed is tried again, and how long the wait was.
struct Wait {
    until: Instant,
    lasts: Duration,
}

// === impl Acme ===

impl Acme {
    /// With the certificates that are there already.
    pub fn new(
        config: AcmeConfig,
        data: &Path,
        names: Arc<Names>,
        challenges: Arc<Challenges>,
        routes: Routes,
    ) -> Result<Self, String> {
        let folder = data.join("acme");
        let made = std::fs::DirBuilder::new().recursive(true).create(&folder);
        made.map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
        let this = Self { config, folder, names, challenges, routes };
        for name in this.wanted()? {
            if this.chain(&name).exists() {
                this.present(&name)?;
            }
        }
        Ok(this)
    }

    /// Gets what is missing and renews what ends, until `stop` fires.
    pub async fn run(self, stop: CancellationToken) {
        let mut waits: HashMap<String, Wait> = HashMap::new();
        loop {
            let wanted = self.wanted().unwrap_or_else(|error| {
                tracing::error!(%error, "no certificates are looked after");
                Vec::new()
            });
            for name in wanted {
                let waiting = waits.get(&name).is_some_and(|wait| wait.until > Instant::now());
                if waiting || !self.is_due(&name) {
                    continue;
                }
                let got = tokio::select! {
                    () = stop.cancelled() => return,
                    got = self.obtain(&name) => got,
                };
                match got {
                    Ok(()) => {
                        waits.remove(&name);
                        tracing::info!("got a certificate for {name}");
                    }
                    Err(error) => {
                        let before = waits.get(&name).map_or(AGAIN / 2, |wait| wait.lasts);
                        let lasts = (before * 2).min(AGAIN_AT_MOST);
                        tracing::warn!("no certificate for {name}, again in {} s: {error}", lasts.as_secs());
                        waits.insert(name, Wait { until: Instant::now() + lasts, lasts });
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// The names of the configuration, and the custom domains.
    fn wanted(&self) -> Result<Vec<String>, String> {
        let routes = (self.routes)().map_err(|error| error.to_string())?;
        let domains = routes.into_iter().filter(|route| route.custom_domain && route.script.is_some());
        let mut names: Vec<String> = self.config.names.iter().map(|name| name.0.clone()).collect();
        names.extend(domains.map(|route| route.pattern.to_ascii_lowercase()));
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn is_due(&self, name: &str) -> bool {
        let Ok(pem) = std::fs::read(self.chain(name)) else { return true };
        X509::from_pem(&pem)
            .ok()
            .and_then(|certificate| seconds_left(&certificate).ok())
            .is_none_or(|(left, of)| left <= LEFT.min(of / 3))
    }

    async fn obtain(&self, name: &str) -> Result<(), String> {
        let account = order::account(&self.config, &self.folder.join("account.json")).await?;
        let issued = order::certificate(&account, name, &self.challenges).await?;
        // The key first: a chain without its key is looked for again, the other way round it would be served wrongly.
        write(&self.key(name), &issued.key)?;
        write(&self.chain(name), &issued.chain)?;
        self.present(name)
    }

    fn present(&self, name: &str) -> Result<(), String> {
        let read = Certificates::load(&self.chain(name), &self.key(name)).map_err(|error| error.to_string())?;
        self.names.set(name, &read);
        Ok(())
    }

    fn chain(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }
}

/// Seconds that a certificate is good for from now on, less than none where it has ended, and from its beginning.
fn seconds_left(certificate: &X509) -> Result<(i64, i64), openssl::error::ErrorStack> {
    let until_end = |from: &Asn1TimeRef| {
        let left = from.diff(certificate.not_after())?;
        Ok::<_, openssl::error::ErrorStack>(i64::from(left.days) * DAY + i64::from(left.secs))
    };
    Ok((until_end(&*Asn1Time::days_from_now(0)?)?, until_end(certificate.not_before())?))
}

/// Writes a file that its owner alone may read, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), String> {
    use std::io::Write;
    let failed = |error: std::io::Error| format!("{} can't be written: {error}", path.display());
    let new = path.with_added_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)
}
