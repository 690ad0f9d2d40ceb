//! The process before the accounts' own: it has the listeners, looks after the others, and runs no tenant's code.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::config::ServerConfig;
use edge::Geo;
use edge::error_page::{self, Audience, EdgeError};
use http::HeaderValue;
use http::header::RETRY_AFTER;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::{Accounts, Tenant};
use super::orders::{Listeners, Orders, text};
use super::reload::{Told, follow_accounts};
use super::supervisor::Start;
use super::{FRONT, api, bind, configuration, figures, status};
use crate::serve::registries::{self, ACCOUNTS, Layout, Registries};
use crate::serve::reload::Reload;
use crate::serve::tasks::Tasks;
use crate::serve::{
    Addresses, ServeArguments, acme, address, announce, bind as bind_port, descriptors, first_start, geo, http3,
    listen, names,
};
use crate::signals::stop_on_signal;

/// How long the processes may take to start before it is said which have not.
const START: Duration = Duration::from_secs(60);
/// How long requests that have no answer yet may take at a stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Answers requests of clients: each goes to the process of its host's account.
struct Front {
    accounts: Arc<Accounts>,
    /// Those that wait for an answer.
    waiting: TaskTracker,
}

/// Answers requests of the accounts' Workers to hosts of others.
struct Inside {
    front: Arc<Front>,
    geo: Arc<Geo>,
}

pub async fn run(arguments: ServeArguments, config: ServerConfig) -> Result<(), String> {
    let credentials = first_account(&config).await?;
    let http = bind_port(config.http, "http.listen").await?;
    let api = bind_port(config.api, "api.listen").await?;
    let https = match &config.https {
        Some(https) => Some((bind_port(https.listen.0, "https.listen").await?, names(https)?)),
        None => None,
    };
    let quic = http3::bind(&config, https.as_ref())?;
    let metrics = match config.metrics {
        Some(address) => Some(bind_port(address, "metrics.listen").await?),
        None => None,
    };
    let s3 = match &config.s3 {
        Some(s3) => Some(bind_port(s3.listen.0, "s3.listen").await?),
        None => None,
    };
    let inside = bind(&config.data.join(FRONT))?;
    let at =
        |listener: &TcpListener| listener.local_addr().map_err(|error| format!("a listener has no address: {error}"));
    let listeners = Listeners {
        http: at(&http)?,
        https: https.as_ref().map(|(listener, _)| at(listener)).transpose()?,
        api: at(&api)?,
        s3: s3.as_ref().map(&at).transpose()?,
        metrics: metrics.as_ref().map(&at).transpose()?,
    };
    let geo = geo(&config)?;

    let accounts = Arc::new(Accounts::default());
    for folder in registries::folders(&config.data)? {
        if let Some(tenant) = Tenant::open(folder)? {
            accounts.add(Arc::new(tenant));
        }
    }
    accounts.set_hosts(&config)?;
    let secret = format!("{}{}", registry::new_hex_id(), registry::new_hex_id());
    let orders = watch::Sender::new(Orders {
        secret: String::new(),
        inside: secret.clone(),
        first: false,
        path: configuration(arguments.config.as_deref()),
        text: text(arguments.config.as_deref())?,
        listeners,
    });

    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    // The processes end when what came here before the stop has been passed on.
    let end = CancellationToken::new();
    let processes = TaskTracker::new();
    let start = {
        let (orders, end, processes) = (orders.clone(), end.clone(), processes.clone());
        let log_level = arguments.log_level.name();
        move |tenant: Arc<Tenant>, first: bool| {
            let start = Start { log_level, orders: orders.subscribe(), first };
            processes.spawn(start.keep(tenant, end.clone()));
        }
    };
    for (n, tenant) in accounts.tenants().iter().enumerate() {
        start(tenant.clone(), n == 0);
    }
    started(&accounts, &stop).await;

    let _announced = address::Announced::new(&config, listeners.api)?;
    let connections: Arc<AtomicUsize> = Arc::default();
    let room = descriptors::room();
    let front = Arc::new(Front { accounts: accounts.clone(), waiting: TaskTracker::new() });
    let mut tasks = Tasks::default();
    tasks.add("the API", serve_api(api, room.api / 2, &accounts, &connections, &stop));
    if let Some(listener) = metrics {
        let accounts = accounts.clone();
        let bounds = accept::Bounds { max_connections: room.api, ..accept::Bounds::default() };
        let answer = move |request| figures::answer(accounts.clone(), request);
        let served = accept::serve(listener, bounds, stop.clone(), answer);
        tasks.add("the metrics", async {
            served.await;
        });
    }
    if let Some(listener) = s3 {
        tasks.add("the S3 API", serve_s3(listener, &accounts, &stop));
    }
    let new = follow_accounts(config.data.clone(), accounts.clone(), move |tenant| start(tenant, false), stop.clone());
    tasks.add("the look for new accounts", new);
    let certificates = https.as_ref().and_then(|(_, names)| names.others.clone());
    let path = arguments.config.clone();
    let configuration = Told { path, config: config.clone(), accounts: accounts.clone(), orders };
    let reload = Reload { configuration, certificates };
    tasks.add("reading the configuration again", reload.follow(stop.clone()));

    let challenges = Arc::new(acme::Challenges::default());
    let answering = Arc::new(acme::Answering { challenges: challenges.clone(), handler: Passing(front.clone()) });
    // A request has a connection on either side.
    let bounds = edge::Bounds { max_connections: room.workers / 2, ..edge::Bounds::default() };
    let alt_svc = http3::alt_svc(quic.as_ref())?;
    let edge = edge::Config { bounds, tls: None, passed: None, geo: geo.clone(), connections, alt_svc };
    let https = match https {
        Some((listener, names)) => {
            let tls = names.server().map_err(|error| format!("https: {error}"))?;
            if let Some(acme) = config.https.as_ref().and_then(|https| https.acme.clone()) {
                let acme = acme::Acme::new(acme, &config.data, names, challenges, routes(&accounts))?;
                tasks.add("the care for certificates", acme.run(stop.clone()));
            }
            Some(listen(listener, edge::Config { tls: Some(tls), ..edge.clone() }, &answering, &stop))
        }
        None => None,
    };
    let quic = quic.map(|quic| tokio::spawn(quic.serve(edge.clone(), answering.clone(), stop.clone())));
    let http = listen(http, edge.clone(), &answering, &stop);
    let from_within = edge::Config { passed: Some(secret.into()), connections: Arc::default(), alt_svc: None, ..edge };
    let inside_ends = CancellationToken::new();
    let inside = tokio::spawn(edge::serve(
        inside,
        from_within,
        Arc::new(Inside { front: front.clone(), geo }),
        inside_ends.clone(),
    ));
    let Listeners { http: http_at, https: https_at, api: api_at, s3: s3_at, metrics: metrics_at } = listeners;
    let addresses = Addresses { http: http_at, https: https_at, api: api_at, s3: s3_at, metrics: metrics_at };
    announce(&config, &addresses, credentials);

    stop.cancelled().await;
    front.waiting.close();
    if tokio::time::timeout(DRAIN, front.waiting.wait()).await.is_err() {
        tracing::warn!("requests have waited for an answer for too long");
    }
    end.cancel();
    let mut cut = 0;
    for listener in [Some(http), https, quic].into_iter().flatten() {
        cut += listener.await.map_err(|error| format!("a listener broke off: {error}"))?.cut;
    }
    tasks.ended().await?;
    processes.close();
    processes.wait().await;
    inside_ends.cancel();
    inside.await.map_err(|error| format!("the listener within broke off: {error}"))?;
    if cut > 0 {
        tracing::warn!("{cut} connections did not finish in time and were cut");
    }
    Ok(())
}

/// Makes the first account where there is none.
async fn first_account(config: &ServerConfig) -> Result<Option<first_start::Credentials>, String> {
    Layout::Apart.require(&config.data)?;
    if Layout::of(&config.data).is_some() && !Registries::existing(config)?.accounts()?.is_empty() {
        return Ok(None);
    }
    let folder = registries::make_folder(&config.data, first_start::SUBDOMAIN)?;
    let registry = registry::Registry::open(&folder);
    first_start::credentials(&registry.map_err(|error| format!("{ACCOUNTS} can't be used: {error}"))?).await
}

/// Waits until all processes answer, or says which don't.
async fn started(accounts: &Accounts, stop: &CancellationToken) {
    let all = accounts.tenants();
    let ready = all.iter().map(|tenant| {
        let mut process = tenant.process.subscribe();
        async move { process.wait_for(Option::is_some).await.is_ok() }
    });
    tokio::select! {
        () = stop.cancelled() => {}
        _ = tokio::time::timeout(START, futures::future::join_all(ready)) => {}
    }
    for tenant in all.iter().filter(|tenant| !tenant.is_up() && !stop.is_cancelled()) {
        tracing::warn!("[{}] the process is not ready yet: its hosts answer with 503 until it is", tenant.subdomain());
    }
}

/// The routes of all accounts: for custom domains, which want certificates.
fn routes(accounts: &Arc<Accounts>) -> acme::Routes {
    let accounts = accounts.clone();
    Box::new(move || {
        let mut routes = Vec::new();
        for tenant in accounts.tenants().iter() {
            routes.extend(tenant.registry.routes()?);
        }
        Ok(routes)
    })
}

fn serve_api(
    listener: TcpListener,
    max_connections: usize,
    accounts: &Arc<Accounts>,
    connections: &Arc<AtomicUsize>,
    stop: &CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let (accounts, connections, began) = (accounts.clone(), connections.clone(), Instant::now());
    let answer = move |request: http::Request<hyper::body::Incoming>| {
        let (accounts, connections) = (accounts.clone(), connections.clone());
        async move {
            if status::asks(&accounts, &request) {
                let uptime = began.elapsed().as_secs_f64();
                return status::answer(&accounts, connections.load(Ordering::Relaxed), uptime).await;
            }
            let tenant = accounts.of_api(request.uri().path(), request.headers());
            match tenant.filter(|tenant| tenant.is_up()) {
                Some(tenant) => api::pass(&tenant.api, request).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, account = tenant.subdomain(), "the API");
                    api::unavailable()
                }),
                None => api::unavailable(),
            }
        }
    };
    let bounds = accept::Bounds { max_connections, ..accept::Bounds::default() };
    let served = accept::serve(listener, bounds, stop.clone(), answer);
    async {
        served.await;
    }
}

fn serve_s3(
    listener: TcpListener,
    accounts: &Arc<Accounts>,
    stop: &CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let accounts = accounts.clone();
    let answer = move |request: http::Request<hyper::body::Incoming>| {
        let tenant = accounts.of_s3(request.uri(), request.headers()).filter(|tenant| tenant.is_up());
        async move {
            match tenant {
                Some(tenant) => api::pass(&tenant.s3, request).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, account = tenant.subdomain(), "the S3 API");
                    api::unavailable_s3()
                }),
                None => api::unavailable_s3(),
            }
        }
    };
    let served = accept::serve(listener, accept::Bounds::default(), stop.clone(), answer);
    async {
        served.await;
    }
}

/// The front as a handler that others may hold too.
struct Passing(Arc<Front>);

// === impl Front ===

impl edge::Handler for Passing {
    async fn handle(&self, request: edge::Request) -> edge::Response {
        self.0.pass(request).await
    }
}

impl Front {
    async fn pass(&self, request: edge::Request) -> edge::Response {
        let _waiting = self.waiting.token();
        let Some(tenant) = self.accounts.of_host(request.host()) else { return platform::nothing_here() };
        let (audience, ray) = (Audience::of(&request.headers), request.ray.clone());
        let address = request.remote.ip();
        let error = |error| {
            let mut response = error_page::respond(error, audience, &ray, &address);
            if error == EdgeError::Starting {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        };
        if !tenant.is_up() {
            return error(EdgeError::Starting);
        }
        let request = match request.pass_on(&tenant.secret) {
            Ok(request) => request,
            Err(refused) => return error(refused),
        };
        match tenant.workers.send(request).await {
            Ok(response) => edge::passed::answered(response),
            Err(failed) => {
                tracing::warn!(error = %failed, account = tenant.subdomain(), "a request has no answer");
                error(EdgeError::Starting)
            }
        }
    }
}

// === impl Inside ===

impl edge::Handler for Inside {
    async fn handle(&self, request: edge::Request) -> edge::Response {
        let (audience, ray, address) = (Audience::of(&request.headers), request.ray.clone(), request.remote.ip());
        match request.as_from_within(&self.geo) {
            Ok(request) => self.front.pass(request).await,
            Err(error) => error_page::respond(error, audience, &ray, &address),
        }
    }
}
