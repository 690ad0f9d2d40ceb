//! `skerry serve`: deployed Workers behind their listeners, and the API that wrangler deploys them to.

mod acme;
pub mod address;
pub mod config;
mod descriptors;
mod first_start;
mod http3;
pub mod isolated;
mod log;
pub mod registries;
mod reload;
mod s3;
mod sandbox;
mod settings;
mod tasks;
mod traces;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use ::config::ServerConfig;
use ::config::server::Https;
use clap::Args;
use control::{About, Control, Front};
use edge::tls::{Certificates, Names};
use platform::{Platform, Services};
use registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::{self, LogLevel};
use crate::signals::stop_on_signal;
use registries::Layout;
use tasks::Tasks;

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry serve                            with the defaults: Workers at http://<name>.localhost:8787, the API at port 8788
  skerry serve --config /etc/skerry.toml  as the file says
  skerry serve --isolate-accounts         with a process for each account")]
pub struct ServeArguments {
    /// The server's configuration [default: what docs/serve.md says, with data in ./skerry-data]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A process of its own for each account, narrowed to the account's own data directory
    #[arg(long)]
    pub isolate_accounts: bool,
    /// The account whose process this is: the front starts it so
    #[arg(long, hide = true, value_name = "NAME", conflicts_with_all = ["config", "isolate_accounts"])]
    pub account: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t = LogLevel::Log)]
    pub log_level: LogLevel,
}

/// What a process serves.
pub enum Role {
    /// All accounts.
    Whole(Box<ServerConfig>),
    /// No account itself: it looks after those that do.
    Front(Box<ServerConfig>),
    Account(Box<isolated::Child>),
}

/// Reads the configuration and narrows the process, which has to be done while it has one thread.
pub fn prepare(arguments: &ServeArguments) -> Result<Role, String> {
    if let Some(account) = &arguments.account {
        return isolated::Child::prepare(account, arguments.log_level).map(|child| Role::Account(Box::new(child)));
    }
    let mut config = load(arguments.config.as_deref())?;
    log::to_stderr(arguments.log_level, &config.log);
    config.isolate_accounts |= arguments.isolate_accounts;
    let (role, layout) = match config.isolate_accounts {
        true => (sandbox::Role::Front, Layout::Apart),
        false => (sandbox::Role::Whole, Layout::Together),
    };
    layout.require(&config.data)?;
    sandbox::narrow(&config, arguments.config.as_deref(), role)?;
    Ok(match role {
        sandbox::Role::Front => Role::Front(Box::new(config)),
        _ => Role::Whole(Box::new(config)),
    })
}

pub async fn run(arguments: ServeArguments, config: ServerConfig) -> Result<(), String> {
    let registry = open(&config)?;
    let http = bind(config.http, "http.listen").await?;
    let api = bind(config.api, "api.listen").await?;
    let https = match &config.https {
        Some(https) => Some((bind(https.listen.0, "https.listen").await?, names(https)?)),
        None => None,
    };
    let quic = http3::bind(&config, https.as_ref())?;
    let metrics = match config.metrics {
        Some(address) => Some(bind(address, "metrics.listen").await?),
        None => None,
    };
    let s3 = match &config.s3 {
        Some(s3) => Some(bind(s3.listen.0, "s3.listen").await?),
        None => None,
    };
    let s3_address = s3.as_ref().and_then(|listener| listener.local_addr().ok());
    let metrics_address = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
    let https_address = https.as_ref().and_then(|(listener, ..)| listener.local_addr().ok());
    let geo = geo(&config)?;
    let http_address = http.local_addr().map_err(|error| format!("the listener has no address: {error}"))?;
    let api_address = api.local_addr().map_err(|error| format!("the API's listener has no address: {error}"))?;
    let front = front(http_address, https.as_ref().map(|(listener, ..)| listener))?;
    let credentials = first_start::credentials(&registry).await?;
    let ports = [Some(http_address), https_address].into_iter().flatten().map(|address| address.port()).collect();
    let (traces, exporter) = traces::start(&config)?.unzip();
    let platform = platform(&config, registry, &geo, ports, traces, None, true)?;
    platform.measure_storage().await.map_err(|error| format!("what accounts keep can't be measured: {error}"))?;
    platform.start_objects().await.map_err(|error| format!("what is deployed can't be read: {error}"))?;

    let _announced = address::Announced::new(&config, api_address)?;
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let addresses = Addresses {
        http: http_address,
        https: https_address,
        api: api_address,
        s3: s3_address,
        metrics: metrics_address,
    };
    let connections = Arc::default();
    let mut tasks = Tasks::default();
    tasks.add("cron triggers", platform.clone().run_crons(stop.clone()));
    tasks.add("the watch over memory", platform.clone().run_admission(stop.clone()));
    tasks.add("queues", platform.clone().run_queues(stop.clone()));
    tasks.add("the sweeps of static assets", platform.clone().run_asset_sweeps(stop.clone()));
    tasks.add("the measurements of storage", platform.clone().run_measurements(stop.clone()));
    let control = Control::new(platform.clone(), front, addresses.about(&connections));
    let room = descriptors::room();
    tasks.add("the API", control.serve(api, room.api, stop.clone()));
    if let Some(listener) = metrics {
        tasks.add("the metrics", control::serve_metrics(platform.clone(), listener, room.api, stop.clone()));
    }
    if let Some(listener) = s3 {
        let service = Arc::new(s3_service(&config, &platform));
        tasks.add("the S3 API", ::s3::serve(listener, service, stop.clone()));
    }
    // Those that keep account of requests end once the last request has ended.
    let flush = CancellationToken::new();
    let mut accounts = Tasks::default();
    accounts.add("the figures of Workers", platform.clone().run_history(flush.clone()));
    if let Some(exporter) = exporter {
        accounts.add("the export of traces", exporter.run(flush.clone()));
    }

    let challenges = Arc::new(acme::Challenges::default());
    let workers = Arc::new(acme::Answering { challenges: challenges.clone(), handler: platform.clone() });
    let bounds = edge::Bounds { max_connections: room.workers, ..edge::Bounds::default() };
    let alt_svc = http3::alt_svc(quic.as_ref())?;
    let edge = edge::Config { bounds, tls: None, passed: None, geo, connections, alt_svc };
    let certificates = https.as_ref().and_then(|(_, names)| names.others.clone());
    let configuration =
        reload::Whole { path: arguments.config.clone(), config: config.clone(), platform: platform.clone() };
    let reload = reload::Reload { configuration, certificates };
    tasks.add("reading the configuration again", reload.follow(stop.clone()));
    let https = match https {
        Some((listener, names)) => {
            let tls = names.server().map_err(|error| format!("https: {error}"))?;
            if let Some(acme) = config.https.as_ref().and_then(|https| https.acme.clone()) {
                let registry = platform.registry().clone();
                let routes = Box::new(move || registry.routes());
                let acme = acme::Acme::new(acme, &config.data, names, challenges, routes)?;
                tasks.add("the care for certificates", acme.run(stop.clone()));
            }
            Some(listen(listener, edge::Config { tls: Some(tls), ..edge.clone() }, &workers, &stop))
        }
        None => None,
    };
    let quic = quic.map(|quic| tokio::spawn(quic.serve(edge.clone(), workers.clone(), stop.clone())));
    let http = listen(http, edge, &workers, &stop);
    announce(&config, &addresses, credentials);

    let mut cut = 0;
    for listener in [Some(http), https, quic].into_iter().flatten() {
        cut += listener.await.map_err(|error| format!("a listener broke off: {error}"))?.cut;
    }
    tasks.ended().await?;
    flush.cancel();
    accounts.ended().await?;
    if cut > 0 {
        tracing::warn!("{cut} connections did not finish in time and were cut");
    }
    Ok(())
}

/// The configuration in this file, or the defaults.
pub fn load(path: Option<&std::path::Path>) -> Result<ServerConfig, String> {
    match path {
        Some(path) => ServerConfig::load(path).map_err(|error| error.to_string()),
        None => Ok(ServerConfig::below(std::path::Path::new("."))),
    }
}

/// The registry of a server that was started before, for commands beside it.
pub fn existing(config: &ServerConfig) -> Result<Registry, String> {
    if !config.data.is_dir() {
        return Err(format!(
            "{} is no data directory of a server. Start one with `skerry serve`, or name its configuration with --config.",
            config.data.display()
        ));
    }
    open(config)
}

/// The registry in the server's data directory.
fn open(config: &ServerConfig) -> Result<Registry, String> {
    Registry::open(&config.data).map_err(|error| format!("the data directory can't be used: {error}"))
}

fn listen<H: edge::Handler>(
    listener: TcpListener,
    config: edge::Config,
    workers: &Arc<acme::Answering<H>>,
    stop: &CancellationToken,
) -> JoinHandle<edge::Drained> {
    tokio::spawn(edge::serve(listener, config, workers.clone(), stop.clone()))
}

/// The buckets that Workers are bound to, for clients of S3.
fn s3_service(config: &ServerConfig, platform: &Platform) -> ::s3::Service {
    let accounts = s3::Accounts { registry: platform.registry().clone(), services: platform.services().clone() };
    let domain = config.s3.as_ref().and_then(|s3| s3.domain.clone()).map(|domain| domain.0);
    let domain = domain.unwrap_or_else(|| format!("r2.{}", config.base_domain));
    ::s3::Service::new(Arc::new(accounts), domain, ::s3::BODY_STALL)
}

/// The certificates that the configuration names; those of an authority come later.
fn names(https: &Https) -> Result<Arc<Names>, String> {
    let others = match (&https.certificate, &https.key) {
        (Some(chain), Some(key)) => Some(Certificates::load(chain, key).map_err(|error| format!("https: {error}"))?),
        _ => None,
    };
    Ok(Names::new(others))
}

/// Where Workers are reached: over TLS where that is served.
fn front(http: SocketAddr, https: Option<&TcpListener>) -> Result<Front, String> {
    match https {
        Some(https) => {
            let address = https.local_addr().map_err(|error| format!("the listener has no address: {error}"))?;
            Ok(Front { https: true, port: address.port() })
        }
        None => Ok(Front { https: false, port: http.port() }),
    }
}

fn platform(
    config: &ServerConfig,
    registry: Registry,
    geo: &Arc<edge::Geo>,
    ports: Vec<u16>,
    traces: Option<platform::Traces>,
    elsewhere: Option<Arc<dyn platform::Elsewhere>>,
    bare: bool,
) -> Result<Platform, String> {
    let options = platform::Options {
        registry: registry.clone(),
        services: Services::new(&config.data),
        snapshot: crate::snapshot::snapshot(),
        geo: geo.clone(),
        ports,
        base_domain: config.base_domain.parse()?,
        bare,
        elsewhere,
        settings: settings::read(config, &registry)?,
        isolates: config.isolates.map(|isolates| isolates as usize),
        memory: config.memory,
        traces,
        log_requests: config.log.requests.unwrap_or(false),
    };
    Platform::new(options).map_err(|error| format!("what is deployed can't be read: {error}"))
}

fn geo(config: &ServerConfig) -> Result<Arc<edge::Geo>, String> {
    let databases: Vec<PathBuf> = config.geo.database.clone().into_iter().collect();
    edge::Geo::new(config.geo.colo.as_deref(), &databases).map(Arc::new).map_err(|error| error.to_string())
}

async fn bind(address: SocketAddr, key: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "port {} on {} is in use by another process. Stop that one, or choose another port with `{key}` in the configuration.",
            address.port(),
            address.ip()
        ),
        std::io::ErrorKind::PermissionDenied => format!(
            "can't listen on {address} (`{key}`): ports below 1024 need a right that this user lacks, as `setcap cap_net_bind_service=+ep` gives it"
        ),
        _ => format!("can't listen on {address} (`{key}`): {error}"),
    })
}

/// Where the listeners are, with the ports that they were given.
struct Addresses {
    http: SocketAddr,
    https: Option<SocketAddr>,
    api: SocketAddr,
    s3: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

// === impl Addresses ===

impl Addresses {
    fn about(&self, connections: &Arc<AtomicUsize>) -> About {
        let Self { http, https, api, metrics, .. } = *self;
        let version = env!("CARGO_PKG_VERSION");
        About { version, started: Instant::now(), http, https, api, metrics, connections: connections.clone() }
    }
}

fn announce(config: &ServerConfig, addresses: &Addresses, new: Option<first_start::Credentials>) {
    let (bold, plain, green) = (cli::BOLD, cli::PLAIN, cli::GREEN);
    let Addresses { http, https, api, s3, metrics } = addresses;
    if let Some(new) = new {
        anstream::println!("Made an account. Its token is shown this once:");
        anstream::println!("  {bold}export CLOUDFLARE_API_BASE_URL=http://{api}/client/v4{plain}");
        anstream::println!("  {bold}export CLOUDFLARE_ACCOUNT_ID={}{plain}", new.account);
        anstream::println!("  {bold}export CLOUDFLARE_API_TOKEN={}{plain}", new.token);
    }
    anstream::println!("  the API that wrangler deploys to: http://{api}/client/v4");
    anstream::println!("  the dashboard: http://{api}/");
    if let Some(https) = https {
        anstream::println!("  HTTPS: https://<worker>.{}:{}", config.base_domain, https.port());
        if http3::is_on(config) {
            anstream::println!("  HTTP/3: the same, over UDP");
        }
    }
    if let Some(s3) = s3 {
        anstream::println!("  the S3 API of R2: http://{s3}");
    }
    if let Some(metrics) = metrics {
        anstream::println!("  metrics: http://{metrics}/metrics");
    }
    anstream::println!("{green}Ready{plain} on http://<worker>.{}:{}", config.base_domain, http.port());
}
