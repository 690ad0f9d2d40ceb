//! Files of static assets that no version names any more are removed, once an hour.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Platform;

const PAUSE: Duration = Duration::from_secs(60 * 60);

// === impl Platform ===

impl Platform {
    /// Removes what nothing needs, now and every hour, until `stop` fires.
    pub async fn run_asset_sweeps(self, stop: CancellationToken) {
        loop {
            let platform = self.clone();
            match tokio::task::spawn_blocking(move || platform.sweep_assets()).await {
                Ok(Ok(0)) => {}
                Ok(Ok(files)) => tracing::info!(files, "static assets that no version names were removed"),
                Ok(Err(error)) => tracing::error!(error, "static assets could not be swept"),
                Err(error) => tracing::error!(%error, "static assets could not be swept"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// How many files went.
    fn sweep_assets(&self) -> Result<usize, String> {
        let store = self.services().assets();
        let mut removed = 0;
        for account in store.accounts().map_err(|error| error.to_string())? {
            let named = self.registry().asset_manifests(&account).map_err(|error| error.to_string())?;
            let swept = store.account(&account).sweep(&named);
            removed += swept.map_err(|error| format!("{account}: {error}"))?;
            self.services().measure_assets(&account).map_err(|error| format!("{account}: {error}"))?;
        }
        Ok(removed)
    }
}
