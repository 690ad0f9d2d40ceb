//! How the server is: what `skerry status` and `skerry top` show. A token sees its own account's Workers, the operator all of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::extract::{Request, State};
use platform::{Counts, Spread};
use registry::Stamp;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::access::Caller;
use crate::envelope::{ApiError, Outcome, ok};
use crate::operator::Operator;
use platform::resident;

/// What the server knows of itself.
pub struct About {
    pub version: &'static str,
    pub started: Instant,
    pub http: SocketAddr,
    pub https: Option<SocketAddr>,
    pub api: SocketAddr,
    pub metrics: Option<SocketAddr>,
    /// Connections that are open at the listeners of Workers.
    pub connections: Arc<AtomicUsize>,
}

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(status))
}

#[utoipa::path(get, path = "/skerry/status", tag = "Server",
    responses((status = 200, description = "Version, listeners, memory, and what each Worker has used since the server started")))]
async fn status(State(control): State<Control>, request: Request) -> Outcome {
    let is_operator = request.extensions().get::<Operator>().is_some();
    let account = request.extensions().get::<Caller>().map(|Caller(token)| token.account.clone());
    if account.is_none() && !is_operator {
        return Err(ApiError::no_route());
    }
    let About { version, started, http, https, api, metrics, connections } = &control.0.about;
    let (isolates, objects) = control.platform().residents();
    ok(json!({
        "version": version,
        "now": Stamp::now().to_string(),
        "uptime_seconds": started.elapsed().as_secs_f64(),
        "listeners": { "http": http, "https": https, "api": api, "metrics": metrics },
        "memory_bytes": resident(),
        "isolates": isolates,
        "durable_objects": objects,
        "connections": connections.load(Ordering::Relaxed),
        "workers": workers(&control, account.as_deref())?,
    }))
}

/// The Workers of an account, or all, with what they have used; those that nobody asked too.
fn workers(control: &Control, account: Option<&str>) -> Result<Vec<Value>, ApiError> {
    let names: BTreeMap<String, String> =
        control.registry().accounts()?.into_iter().map(|account| (account.id, account.name)).collect();
    let mut used: BTreeMap<(String, String), (Counts, Spread)> =
        control.platform().meters().all().into_iter().map(|(key, counts, spread)| (key, (counts, spread))).collect();
    let mut workers = Vec::new();
    for script in control.registry().scripts(account)? {
        let key = (script.account, script.name);
        let (counts, spread) = used.remove(&key).unwrap_or_default();
        let (account, name) = key;
        let called = names.get(&account);
        let mut worker = figures(&counts, &spread);
        worker["name"] = name.into();
        worker["account"] = json!({ "id": account, "name": called });
        workers.push(worker);
    }
    Ok(workers)
}

fn figures(counts: &Counts, spread: &Spread) -> Value {
    let millis = |share| spread.quantile(share).map(|time| time.as_secs_f64() * 1e3);
    json!({
        "requests": counts.requests,
        "errors": counts.failures(),
        "responses_5xx": counts.statuses[4],
        "turned_away": counts.turned_away,
        "scheduled": counts.scheduled,
        "cpu_ms": counts.cpu.as_secs_f64() * 1e3,
        "p50_ms": millis(0.5),
        "p99_ms": millis(0.99),
        // How many answers took at most so many microseconds, and more than those before.
        "latency": spread.0,
    })
}
