//! SIGINT and SIGTERM: the first lets a server finish what it has begun, the second ends the process.

use tokio_util::sync::CancellationToken;

/// Fires `stop` at the first interrupt or termination; the second one ends the process.
pub async fn stop_on_signal(stop: CancellationToken) {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return tracing::error!(%error, "signals can't be received: stop with SIGKILL"),
    };
    for again in [false, true] {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        if again {
            std::process::exit(130);
        }
        stop.cancel();
    }
}
