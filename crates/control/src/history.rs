//! What Workers used in the last hour or day, for the dashboard's charts. Not in Cloudflare's API, hence below `/skerry`.

use axum::extract::State;
use platform::{Series, Used};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Control;
use crate::envelope::{ApiError, Outcome, ok};
use crate::extract::{Asked, Segments};

pub(crate) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new().routes(routes!(metrics))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The Worker; all of the account where none is named
    worker: Option<String>,
    #[serde(default)]
    period: Period,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Period {
    /// In minutes
    #[default]
    Hour,
    /// In steps of ten minutes
    Day,
}

// === impl Period ===

impl Period {
    /// Minutes of a step, and how many steps there are.
    fn steps(self) -> (u32, usize) {
        match self {
            Self::Hour => (1, 60),
            Self::Day => (10, 144),
        }
    }
}

#[utoipa::path(get, path = "/accounts/{account}/skerry/metrics", tag = "Server",
    params(("account" = String, Path), Wanted),
    responses((status = 200, description = "Requests, errors and CPU time in each step; the last step goes on")))]
async fn metrics(
    State(control): State<Control>,
    Segments(account): Segments<String>,
    Asked(Wanted { worker, period }): Asked<Wanted>,
) -> Outcome {
    let (step, steps) = period.steps();
    let platform = control.platform().clone();
    // A day of a busy account is some thousand rows.
    let read = tokio::task::spawn_blocking(move || platform.history(&account, worker.as_deref(), step, steps));
    let series = read.await.map_err(|error| ApiError::internal(&error))??;
    ok(shown(&series))
}

fn shown(Series { from, step, used }: &Series) -> Value {
    let each = |of: fn(&Used) -> Value| used.iter().map(of).collect::<Vec<Value>>();
    json!({
        "from": from,
        "step_seconds": step.as_secs(),
        "requests": each(|used| used.requests.into()),
        "errors": each(|used| used.errors.into()),
        "cpu_ms": each(|used| (used.cpu.as_micros() as f64 / 1e3).into()),
    })
}
