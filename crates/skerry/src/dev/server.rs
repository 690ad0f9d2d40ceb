//! Requests in development: to the Worker that the host names, and back with its answer or with what went wrong.

use std::sync::Arc;
use std::time::Instant;

use edge::error_page::{self, Audience, EdgeError, dev as page};
use http::{HeaderMap, StatusCode};
use workers::{Cause, Entrypoint, Failure, Invocations, Scheduled, Usage, Via};

use super::app::{App, Running, State};
use super::print::Answered;
use crate::cli::LogLevel;

/// The path at which a Worker's scheduled handler is run by hand, as in wrangler.
const SCHEDULED: &str = "/cdn-cgi/handler/scheduled";

pub struct Server {
    apps: Vec<Arc<App>>,
    test_scheduled: bool,
    port: u16,
    /// The locations that requests may choose among.
    colos: Vec<&'static str>,
    logs: bool,
}

// === impl Server ===

impl Server {
    pub fn new(apps: Vec<Arc<App>>, test_scheduled: bool, port: u16, geo: &edge::Geo, level: LogLevel) -> Self {
        let colos = geo.choices().iter().map(|colo| colo.iata).collect();
        Self { apps, test_scheduled, port, colos, logs: level >= LogLevel::Info }
    }

    /// The only Worker, or the one that the host's first label names.
    fn app(&self, host: &str) -> Option<&Arc<App>> {
        if let [app] = &self.apps[..] {
            return Some(app);
        }
        let name = host.strip_suffix(".localhost")?;
        let name = match name.split_once('.') {
            Some((_colo, name)) if !self.colos.is_empty() => name,
            _ => name,
        };
        self.apps.iter().find(|app| app.name() == name)
    }

    fn no_such_worker(&self) -> edge::Response {
        let mut text = String::from("No Worker is served at this host. There are:\n");
        for app in &self.apps {
            text.push_str(&format!("  http://{}.localhost:{}\n", app.name(), self.port));
        }
        plain(StatusCode::NOT_FOUND, text)
    }

    fn no_such_colo(&self, named: &str) -> edge::Response {
        let colos = self.colos.join(", ");
        plain(StatusCode::BAD_REQUEST, format!("{named:?} is no location of this server. There are: {colos}\n"))
    }

    fn is_scheduled(&self, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        path == SCHEDULED || (self.test_scheduled && path == "/__scheduled")
    }
}

impl edge::Handler for Server {
    async fn handle(&self, request: edge::Request) -> edge::Response {
        if let Some(named) = &request.elsewhere {
            return self.no_such_colo(named);
        }
        let Some(app) = self.app(request.host()) else { return self.no_such_worker() };
        let began = Instant::now();
        let usage = Usage::default();
        let logged = self.logs.then(|| (request.method.clone(), request.path_and_query().to_owned()));
        let response = match app.state().await {
            State::Broken(message) => broken(&message, &Met::of(&request)),
            State::Running(running) if self.is_scheduled(request.path_and_query()) => {
                let colo = request.cf.colo().clone();
                scheduled(app, &running, &request.url, colo, usage.clone()).await
            }
            State::Running(running) => fetch(app, &running, request, usage.clone()).await,
        };
        if let Some((method, path)) = logged {
            let answered = Answered {
                method: &method,
                path: &path,
                status: response.status(),
                wall: began.elapsed(),
                cpu: usage.cpu(),
            };
            app.printer().request(&answered);
        }
        response
    }
}

async fn fetch(app: &App, running: &Running, request: edge::Request, usage: Usage) -> edge::Response {
    let met = Met::of(&request);
    let path = request.path_and_query();
    let url = match app.upstream() {
        Some(upstream) => format!("{upstream}{path}"),
        None => request.url.clone(),
    };
    let watched = app.watch(&usage, &Arc::default(), || platform::request_event(&request));
    let known = watched.as_ref().map_or_else(|| usage.clone(), |watched| watched.usage.clone());
    let cf = request.cf;
    let colo = cf.colo().clone();
    let outcome = running
        .worker
        .fetch(
            workers::Request {
                method: request.method,
                url,
                headers: request.headers,
                body: request.body,
                cf: Some(Arc::new(move || cf.to_json())),
                colo,
                gone: request.gone,
                entrypoint: Entrypoint::default(),
                invocations: Invocations::default(),
                via: Via::default(),
            },
            known,
        )
        .await;
    if let Some(watched) = watched {
        let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
        watched.answered(status, outcome.as_ref().err());
    }
    if usage.cpu() > running.cpu_limit {
        let (cpu, limit) = (usage.cpu().as_millis(), running.cpu_limit.as_millis());
        app.printer().warning(&format!("a request took {cpu} ms of CPU time; its limit when deployed is {limit} ms"));
    }
    outcome.unwrap_or_else(|cause| failed(app, running, &cause, &met))
}

async fn scheduled(app: &App, running: &Running, url: &str, colo: Arc<str>, usage: Usage) -> edge::Response {
    let query = |name: &str| {
        let url = url::Url::parse(url).ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let now =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis() as f64;
    let event = Scheduled {
        cron: query("cron").unwrap_or_default(),
        scheduled_time: query("time").and_then(|time| time.parse().ok()).unwrap_or_else(now),
        colo,
        invocations: Invocations::default(),
    };
    let told = || serde_json::json!({ "cron": event.cron, "scheduledTime": event.scheduled_time });
    let watched = app.watch(&usage, &Arc::default(), told);
    let known = watched.as_ref().map_or(usage, |watched| watched.usage.clone());
    let outcome = running.worker.scheduled(event, known).await;
    if let Some(watched) = watched {
        watched.answered(None, outcome.as_ref().err());
    }
    match outcome {
        Ok(()) => plain(StatusCode::OK, "ok".into()),
        Err(cause) => {
            report(app, running, &cause);
            let outcome = match cause {
                Cause::Runtime(Failure::CpuLimit) => "exceededCpu",
                Cause::Runtime(Failure::MemoryLimit) => "exceededMemory",
                _ => "exception",
            };
            plain(StatusCode::INTERNAL_SERVER_ERROR, outcome.into())
        }
    }
}

/// What an error page tells of the request, taken before the Worker takes the rest.
struct Met {
    audience: Audience,
    method: String,
    url: String,
    headers: HeaderMap,
    ray: edge::Ray,
    client: std::net::IpAddr,
}

// === impl Met ===

impl Met {
    fn of(request: &edge::Request) -> Self {
        let audience = Audience::of(&request.headers);
        // Only the page for browsers shows them.
        let headers = if audience == Audience::Browser { request.headers.clone() } else { HeaderMap::new() };
        Self {
            audience,
            method: request.method.as_str().to_owned(),
            url: request.url.clone(),
            headers,
            ray: request.ray.clone(),
            client: request.remote.ip(),
        }
    }

    fn page(&self, error: &page::DevError) -> edge::Response {
        let summary = page::Summary { method: &self.method, url: &self.url, headers: &self.headers };
        page::respond(StatusCode::INTERNAL_SERVER_ERROR, error, &summary, self.audience, &self.ray, page::VSCODE)
    }
}

fn failed(app: &App, running: &Running, cause: &Cause, met: &Met) -> edge::Response {
    report(app, running, cause);
    match running.sources.cause(cause) {
        Some(thrown) => met.page(&thrown.error),
        None => {
            let error = match cause {
                Cause::Runtime(Failure::CpuLimit | Failure::MemoryLimit) => EdgeError::ResourceLimits,
                _ => EdgeError::Internal,
            };
            error_page::respond(error, met.audience, &met.ray, &met.client)
        }
    }
}

/// Tells the terminal why an event had no answer.
pub fn report(app: &App, running: &Running, cause: &Cause) {
    match running.sources.cause(cause) {
        Some(thrown) => app.printer().thrown(&thrown),
        None => app.printer().error(match cause {
            Cause::Runtime(Failure::CpuLimit) => "the Worker exceeded its CPU time limit (1102)",
            Cause::Runtime(Failure::MemoryLimit) => "the Worker exceeded its memory limit (1102)",
            _ => "the Worker's isolate ended before it answered",
        }),
    }
}

fn broken(message: &str, met: &Met) -> edge::Response {
    met.page(&page::DevError {
        name: "BuildError".into(),
        message: message.to_owned(),
        frames: Vec::new(),
        cause: None,
    })
}

fn plain(status: StatusCode, text: String) -> edge::Response {
    let mut response = edge::Response::new(text.into());
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}
