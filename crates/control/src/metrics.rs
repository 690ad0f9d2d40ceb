//! Figures for Prometheus at `/metrics`, on a listener of their own: whoever reaches it may read them.

use accept::Port;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use platform::Platform;
use tokio_util::sync::CancellationToken;

use crate::listener;

/// Serves the figures until `stop` fires.
pub async fn serve_metrics(platform: Platform, listener: impl Port, max_connections: usize, stop: CancellationToken) {
    let router = Router::new().route("/metrics", get(metrics)).with_state(platform);
    listener::serve(listener, router, max_connections, stop).await;
}

async fn metrics(State(platform): State<Platform>) -> ([(http::HeaderName, &'static str); 1], String) {
    let mut text = platform.meters().prometheus();
    if let Some(traces) = platform.traces() {
        text.push_str(&traces.prometheus());
    }
    let (isolates, objects) = platform.residents();
    gauge(
        &mut text,
        "skerry_isolates",
        "Isolates of Workers in memory, spare ones and those of Durable Objects aside.",
        isolates as u64,
    );
    gauge(&mut text, "skerry_durable_objects", "Durable Objects in memory.", objects as u64);
    if let Some(bytes) = platform::resident() {
        gauge(&mut text, "process_resident_memory_bytes", "Resident memory of the process.", bytes);
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn gauge(text: &mut String, name: &str, help: &str, value: u64) {
    text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n"));
}
