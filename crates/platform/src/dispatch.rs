//! Requests from outside: to the version of the Worker that host and path name, and back with its answer or the platform's error.

use std::sync::Arc;
use std::time::Instant;

use edge::error_page::{self, Audience, EdgeError};
use http::StatusCode;
use url::Url;
use webapi::body::BodyReader;
use webapi::fetch::Passed;
use workers::{Cause, Entrypoint, Failure, Invocations, Via};

use crate::deployed::Live;
use crate::gate::Turned;
use crate::request_log::Entry;
use crate::router::Target;
use crate::{Platform, Unavailable, account_gate, tail};

/// `<worker>="<version id>", …`: which version a request wants of a Worker whose deployment has it.
const OVERRIDES: &str = "cloudflare-workers-version-overrides";
/// Requests with the same key meet the same version.
const AFFINITY: &str = "cloudflare-workers-version-key";

/// Workers that one request may invoke, each of them by a host of its own.
pub(crate) const MAX_INVOCATIONS: u32 = 16;

/// What a request says of who should answer it.
struct Wanted {
    target: Target,
    overrides: Option<String>,
    affinity: Option<String>,
}

impl edge::Handler for Platform {
    async fn handle(&self, request: edge::Request) -> edge::Response {
        let mut entry = self.0.log_requests.then(|| Entry::of(&request));
        let answer = self.answer(request, &mut entry).await;
        if let Some(entry) = entry {
            entry.write(answer.status());
        }
        answer
    }
}

// === impl Wanted ===

impl Wanted {
    fn new(target: Target, request: &edge::Request) -> Self {
        let header = |name: &str| request.headers.get(name)?.to_str().ok().map(str::to_owned);
        Self { target, overrides: header(OVERRIDES), affinity: header(AFFINITY) }
    }
}

// === impl Platform ===

impl Platform {
    /// `entry`: what is logged of it.
    async fn answer(&self, request: edge::Request, entry: &mut Option<Entry>) -> edge::Response {
        let met = Met::of(&request);
        let https = request.url.starts_with("https:");
        let Some(found) = self.router().find(https, request.host(), request.path_and_query()) else {
            return nothing_here();
        };
        if let Target::Origin(origin) = &found.target {
            return match passed(request) {
                Some(passed) => origin.pass(passed).await.unwrap_or_else(|error| met.error(error)),
                None => met.error(EdgeError::BadHost),
            };
        }
        let hops = request.invocations_left.map_or(0, |left| MAX_INVOCATIONS.saturating_sub(left));
        if hops >= MAX_INVOCATIONS {
            return met.error(EdgeError::LoopLimit);
        }
        let live = match self.live(Wanted::new(found.target, &request)).await {
            Ok(live) => live,
            Err(Unavailable::NoWorker | Unavailable::NotDeployed) => return nothing_here(),
            Err(Unavailable::Broken(reason)) => {
                tracing::error!(url = request.url, reason, "a deployed Worker can't run");
                return met.error(EdgeError::Internal);
            }
        };
        let pass = match self.0.pressure.sheds() {
            true => Err(Turned::NoRoom),
            false => live.gate.enter().and_then(|pass| Ok((pass, live.account_gate.enter()?))),
        };
        let _pass = match pass {
            Ok(pass) => pass,
            Err(turned) => {
                live.meter.turned_away();
                return met.turned_away(turned);
            }
        };
        let watched = self.is_watched(&live.script).then(|| self.begin_watch(&live, tail::request(&request)));
        let followed = self.follow_request(&live, &request);
        let usage = crate::traces::usage(watched.as_ref(), followed.as_ref());
        let cf = request.cf;
        let request = workers::Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            cf: Some(Arc::new(move || cf.to_json())),
            colo: self.0.colo.clone(),
            gone: request.gone,
            entrypoint: Entrypoint::default(),
            invocations: followed.as_ref().map_or_else(Invocations::default, |followed| followed.invocations()),
            via: Via { zone: found.zone, hops },
        };
        let began = Instant::now();
        live.meter.began();
        let outcome = live.program.fetch(request, usage.clone()).await;
        let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
        live.meter.answered(status, outcome.as_ref().err(), began.elapsed(), usage.cpu());
        if usage.start().is_some() {
            live.meter.started();
        }
        if let Some(entry) = entry {
            entry.ran(&live, outcome.as_ref().err(), &usage);
        }
        if let Some(watched) = watched {
            watched.answered(status, outcome.as_ref().err());
        }
        if let Some(followed) = followed {
            followed.answered(status, outcome.as_ref().err());
        }
        outcome.unwrap_or_else(|cause| met.error(edge_error(&cause)))
    }

    /// The version that answers a request.
    async fn live(&self, wanted: Wanted) -> Result<Arc<Live>, Unavailable> {
        match wanted.target {
            Target::Worker(tag) => {
                let deployed = self.deployed(&tag).await?;
                let named = wanted.overrides.as_deref().and_then(|text| version_named(text, &deployed.script.name));
                deployed.choose(named, wanted.affinity.as_deref()).cloned().ok_or(Unavailable::NotDeployed)
            }
            Target::Preview { script, version } => self.preview(&script, &version).await,
            Target::Origin(_) => Err(Unavailable::NoWorker),
        }
    }

    /// A version by itself, whether it is deployed or not.
    async fn preview(&self, tag: &str, prefix: &str) -> Result<Arc<Live>, Unavailable> {
        if let Some(live) = self.0.previews.known(tag, prefix) {
            return Ok(live);
        }
        let broken = |error: registry::Error| Unavailable::Broken(error.to_string());
        let script = self.registry().script_of_tag(tag).map_err(broken)?.ok_or(Unavailable::NoWorker)?;
        let versions = self.registry().versions(tag).map_err(broken)?;
        let version =
            versions.into_iter().find(|version| version.id.starts_with(prefix)).ok_or(Unavailable::NoWorker)?;
        self.0.previews.load(self, &script, &version).await
    }
}

/// A request from outside as it goes to an origin.
fn passed(request: edge::Request) -> Option<Passed> {
    let url = Url::parse(&request.url).ok()?;
    let body = request.body.unwrap_or_else(BodyReader::empty);
    Some(Passed { method: request.method, url, headers: request.headers, body })
}

/// The version that the header [`OVERRIDES`] names for a Worker.
fn version_named<'o>(overrides: &'o str, worker: &str) -> Option<&'o str> {
    overrides.split(',').find_map(|item| {
        let (name, version) = item.trim().split_once('=')?;
        let version = version.strip_prefix('"')?.strip_suffix('"')?;
        (name == worker).then_some(version)
    })
}

/// What a client is told of an event that gave no response.
fn edge_error(cause: &Cause) -> EdgeError {
    match cause {
        Cause::Runtime(Failure::CpuLimit | Failure::MemoryLimit) => EdgeError::ResourceLimits,
        _ => EdgeError::WorkerThrew,
    }
}

/// No Worker is at this address. Nothing is said of those that are elsewhere.
pub fn nothing_here() -> edge::Response {
    let mut response = edge::Response::new("There is nothing here.\n".into());
    *response.status_mut() = StatusCode::NOT_FOUND;
    let plain = http::HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
    response
}

/// What an error page tells of the request, taken before the Worker takes the rest.
pub(crate) struct Met {
    audience: Audience,
    ray: edge::Ray,
    client: std::net::IpAddr,
}

// === impl Met ===

impl Met {
    fn of(request: &edge::Request) -> Self {
        Self { audience: Audience::of(&request.headers), ray: request.ray.clone(), client: request.remote.ip() }
    }

    /// The same statuses as the platform's, and when to come back.
    fn turned_away(&self, turned: Turned) -> edge::Response {
        let error = match turned {
            Turned::TooFast => EdgeError::RateLimited,
            Turned::TooMany => EdgeError::ResourceLimits,
            Turned::Spent => EdgeError::DailyLimit,
            Turned::NoRoom => EdgeError::Overloaded,
        };
        let mut response = self.error(error);
        let seconds = if turned == Turned::Spent { account_gate::seconds_left() } else { 1 };
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
        response
    }

    /// A request that a Worker sends, and that stays here.
    pub(crate) fn inside(platform: &Platform, headers: &http::HeaderMap) -> Self {
        let ray = edge::Ray::new(&platform.0.colo);
        Self { audience: Audience::of(headers), ray, client: std::net::Ipv4Addr::LOCALHOST.into() }
    }

    pub(crate) fn error(&self, error: EdgeError) -> edge::Response {
        error_page::respond(error, self.audience, &self.ray, &self.client)
    }
}
