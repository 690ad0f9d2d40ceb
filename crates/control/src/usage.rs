//! What an account uses, beside what its plan allows. Not in Cloudflare's API, hence below `/skerry`.

use axum::extract::State;
use platform::Product;
use registry::ResourceKind;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::Segments;

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(usage))
}

#[utoipa::path(get, path = "/accounts/{account}/skerry/usage", tag = "Server", params(("account" = String, Path)),
    responses((status = 200, description = "The plan's limits, and what is used of those that count up")))]
async fn usage(State(control): State<Control>, Segments(account): Segments<String>) -> Outcome {
    let registry = control.registry();
    let named = registry.account(&account)?.ok_or_else(|| ApiError::internal(&"the token's account is gone"))?;
    let plan = control.platform().plan(&account)?;
    let scripts = registry.scripts(Some(&account))?.len();
    let platform = control.platform().clone();
    let of = account.clone();
    let read = tokio::task::spawn_blocking(move || platform.history(&of, None, 10, 144));
    let day = read.await.map_err(|error| ApiError::internal(&error))??;
    let requests: u64 = day.used.iter().map(|used| used.requests).sum();
    let errors: u64 = day.used.iter().map(|used| used.errors).sum();
    let cpu: f64 = day.used.iter().map(|used| used.cpu.as_secs_f64() * 1e3).sum();
    let kv = registry.resources(&account, ResourceKind::KvNamespace)?.len();
    let today = control.platform().requests_today(&account)?;
    let stored = control.platform().services().quota(&account).used();
    let total: u64 = stored.iter().sum();
    let mut storage =
        Map::from_iter(Product::ALL.iter().map(|product| product.name().to_owned()).zip(stored.map(Value::from)));
    storage.insert("total".into(), total.into());
    let d1 = registry.resources(&account, ResourceKind::D1Database)?.len();
    ok(json!({
        "plan": named.plan,
        "used": { "scripts": scripts, "kv_namespaces": kv, "d1_databases": d1, "requests_today": today, "storage_bytes": storage },
        "last_day": { "requests": requests, "errors": errors, "cpu_ms": cpu },
        "limits": {
            "scripts": plan.scripts,
            "cpu_ms": plan.cpu.as_millis() as u64,
            "max_cpu_ms": plan.max_cpu.as_millis() as u64,
            "memory_bytes": plan.memory_bytes,
            "subrequests": plan.subrequests,
            "script_bytes": plan.script_bytes,
            "asset_files": plan.asset_files,
            "concurrent_requests": plan.concurrent_requests,
            "requests_per_second": plan.requests_per_second,
            "account_concurrent_requests": plan.account_concurrent_requests,
            "account_requests_per_second": plan.account_requests_per_second,
            "requests_per_day": plan.requests_per_day,
            "storage_bytes": plan.storage_bytes,
        },
    }))
}
