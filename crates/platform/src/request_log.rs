//! A line of the server's log for each request, where its operator asks for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use workers::Cause;

use crate::deployed::Live;
use crate::tail::outcome;

/// What lines of requests are told by among the server's logs.
pub const REQUEST_LOG: &str = "request";

/// What is known of a request until it is answered.
pub(crate) struct Entry {
    began: Instant,
    method: http::Method,
    host: String,
    /// Without the query, which may hold what is nobody's business.
    path: String,
    ray: String,
    client: std::net::IpAddr,
    worker: Option<Ran>,
}

/// The event that the request was.
struct Ran {
    live: Arc<Live>,
    outcome: &'static str,
    cpu: Duration,
    cold: bool,
}

// === impl Entry ===

impl Entry {
    pub(crate) fn of(request: &edge::Request) -> Self {
        let path = request.path_and_query();
        Self {
            began: Instant::now(),
            method: request.method.clone(),
            host: request.host().to_owned(),
            path: path.split_once('?').map_or(path, |(path, _)| path).to_owned(),
            ray: request.ray.to_string(),
            client: request.remote.ip(),
            worker: None,
        }
    }

    /// A Worker was asked.
    pub(crate) fn ran(&mut self, live: &Arc<Live>, cause: Option<&Cause>, usage: &workers::Usage) {
        let outcome = cause.map_or("ok", outcome);
        self.worker = Some(Ran { live: live.clone(), outcome, cpu: usage.cpu(), cold: usage.start().is_some() });
    }

    /// The headers of the answer are there.
    pub(crate) fn write(self, status: http::StatusCode) {
        let Self { began, method, host, path, ray, client, worker } = self;
        let wall_ms = began.elapsed().as_secs_f64() * 1e3;
        let status = status.as_u16();
        let Some(Ran { live, outcome, cpu, cold }) = worker else {
            tracing::info!(target: REQUEST_LOG, %method, host, path, status, wall_ms, ray, %client);
            return;
        };
        let (account, worker, version) = (&*live.account, &*live.name, &*live.id);
        let cpu_ms = cpu.as_secs_f64() * 1e3;
        tracing::info!(
            target: REQUEST_LOG, %method, host, path, status, wall_ms, ray, %client,
            account, worker, version, outcome, cpu_ms, cold_start = cold
        );
    }
}
