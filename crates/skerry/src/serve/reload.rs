//! What is read again while the server runs: at SIGHUP the configuration and the certificates, and certificates also when their files
//! have changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::config::ServerConfig;
use edge::tls::Certificates;
use platform::Platform;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{load, settings};

/// How often the files of certificates are looked at.
const LOOK: Duration = Duration::from_secs(60);

pub struct Reload<C> {
    pub configuration: C,
    pub certificates: Option<Arc<Certificates>>,
}

/// A configuration that may be read again.
pub trait Configuration {
    fn read_again(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// The configuration of a server that is one process.
pub struct Whole {
    pub path: Option<PathBuf>,
    /// As it was when the server started.
    pub config: ServerConfig,
    pub platform: Platform,
}

// === impl Reload ===

impl<C: Configuration> Reload<C> {
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
                _ = asked.recv() => match self.configuration.read_again().await {
                    Ok(()) => tracing::info!("read the configuration again"),
                    Err(error) => {
                        tracing::warn!("the configuration can't be used, and the one from before stays: {error}");
                    }
                },
                () = tokio::time::sleep(LOOK) => if changed() == seen {
                    continue;
                },
            }
            seen = changed();
            match self.certificates.as_ref().map(|certificates| certificates.reload()) {
                None => {}
                Some(Ok(())) => tracing::info!("read the certificates again"),
                Some(Err(error)) => {
                    tracing::warn!("the certificates can't be read, and those from before stay: {error}");
                }
            }
        }
    }
}

// === impl Whole ===

impl Configuration for Whole {
    async fn read_again(&self) -> Result<(), String> {
        let config = load(self.path.as_deref())?;
        for key in fixed(&self.config, &config) {
            tracing::warn!("`{key}` has changed: that needs a new start of the server");
        }
        let settings = settings::read(&config, self.platform.registry())?;
        self.platform.change(settings).await.map_err(|error| error.to_string())
    }
}

/// The keys that have changed and hold from the start of a server to its end.
pub(super) fn fixed(started: &ServerConfig, now: &ServerConfig) -> Vec<&'static str> {
    let keys = [
        ("data", started.data == now.data),
        ("base_domain", started.base_domain == now.base_domain),
        ("http", started.http == now.http),
        ("https", started.https == now.https),
        ("api", started.api == now.api),
        ("metrics", started.metrics == now.metrics),
        ("s3", started.s3 == now.s3),
        ("geo", started.geo == now.geo),
        ("isolate_accounts", started.isolate_accounts == now.isolate_accounts),
        ("isolates", started.isolates == now.isolates),
        ("sandbox", started.sandbox == now.sandbox),
        ("log", started.log == now.log),
        ("memory_mb", started.memory == now.memory),
    ];
    keys.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
}
