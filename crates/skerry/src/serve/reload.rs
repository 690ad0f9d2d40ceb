//! Certificates that are renewed while the server runs: read again at SIGHUP, and when their files have changed.

use std::sync::Arc;
use std::time::Duration;

use edge::tls::Certificates;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(60);

/// Reads the certificates again whenever there is reason to, until `stop` fires.
pub async fn follow(certificates: Arc<Certificates>, stop: CancellationToken) {
    let mut asked = match signal(SignalKind::hangup()) {
        Ok(asked) => asked,
        Err(error) => return tracing::error!(%error, "SIGHUP can't be received: certificates will not be read again"),
    };
    let mut seen = certificates.changed();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = asked.recv() => {}
            () = tokio::time::sleep(LOOK) => if certificates.changed() == seen {
                continue;
            },
        }
        seen = certificates.changed();
        match certificates.reload() {
            Ok(()) => anstream::println!("read the certificates again"),
            Err(error) => anstream::eprintln!("the certificates can't be read, and those from before stay: {error}"),
        }
    }
}
