//! Figures for Prometheus at `/metrics`, on a listener of their own: whoever reaches it may read them.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use platform::Platform;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves the figures until `stop` fires.
pub async fn serve_metrics(platform: Platform, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    let router = Router::new().route("/metrics", get(metrics)).with_state(platform);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
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
