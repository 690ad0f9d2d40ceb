//! Figures for Prometheus at `/metrics`, on a listener of their own: whoever reaches it may read them.

use accept::Listener;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use platform::Platform;
use tokio_util::sync::CancellationToken;

use crate::listener;

/// Serves the figures until `stop` fires.
pub async fn serve_metrics(
    platform: Platform,
    listener: impl Listener,
    max_connections: usize,
    stop: CancellationToken,
) {
    let router = Router::new().route("/metrics", get(metrics)).with_state(platform);
    listener::serve(listener, router, max_connections, stop).await;
}

async fn metrics(State(platform): State<Platform>) -> ([(http::HeaderName, &'static str); 1], String) {
    let mut text = platform.meters().prometheus();
    if let Some(traces) = platform.traces() {
        text.push_str(&traces.prometheus());
    }
    if let Some(bytes) = platform::resident() {
        text.push_str("# HELP process_resident_memory_bytes Resident memory of the process.\n");
        text.push_str(&format!("# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}\n"));
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
