//! `skerry serve`: deployed Workers behind their listeners, and the API that wrangler deploys them to.

pub mod config;
mod descriptors;
mod first_start;
mod reload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ::config::ServerConfig;
use clap::Args;
use control::{Control, Front};
use edge::tls::Certificates;
use platform::{Plan, Plans, Platform, Services, Zone};
use registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webapi::fetch::Policy;

use crate::cli::{self, LogLevel};
use crate::signals::stop_on_signal;

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry serve                            with the defaults: Workers at http://<name>.localhost:8787, the API at port 8788
  skerry serve --config /etc/skerry.toml  as the file says")]
pub struct ServeArguments {
    /// The server's configuration [default: what docs/serve.md says, with data in ./skerry-data]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value_t = LogLevel::Log)]
    pub log_level: LogLevel,
}

pub async fn run(arguments: ServeArguments) -> Result<(), String> {
    cli::log_to_stderr(arguments.log_level);
    let config = load(arguments.config.as_deref())?;
    let registry = open(&config)?;
    let http = bind(config.http, "http.listen").await?;
    let api = bind(config.api, "api.listen").await?;
    let https = match &config.https {
        Some(https) => {
            let failed = |error: edge::tls::TlsError| format!("https: {error}");
            let certificates = Certificates::load(&https.certificate, &https.key).map_err(failed)?;
            let tls = certificates.server().map_err(failed)?;
            Some((bind(https.listen.0, "https.listen").await?, tls, certificates))
        }
        None => None,
    };
    let metrics = match config.metrics {
        Some(address) => Some(bind(address, "metrics.listen").await?),
        None => None,
    };
    let metrics_address = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
    let https_address = https.as_ref().and_then(|(listener, ..)| listener.local_addr().ok());
    let geo = geo(&config)?;
    let http_address = http.local_addr().map_err(|error| format!("the listener has no address: {error}"))?;
    let api_address = api.local_addr().map_err(|error| format!("the API's listener has no address: {error}"))?;
    let front = front(http_address, https.as_ref().map(|(listener, ..)| listener))?;
    let credentials = first_start::credentials(&registry).await?;
    let platform = platform(&config, registry, &geo)?;

    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let crons = tokio::spawn(platform.clone().run_crons(stop.clone()));
    let sweeps = tokio::spawn(platform.clone().run_asset_sweeps(stop.clone()));
    let room = descriptors::room();
    let api = tokio::spawn(Control::new(platform.clone(), front).serve(api, room.api, stop.clone()));
    let metrics = metrics
        .map(|listener| tokio::spawn(control::serve_metrics(platform.clone(), listener, room.api, stop.clone())));
    let workers = Arc::new(platform);
    let bounds = edge::Bounds { max_connections: room.workers, ..edge::Bounds::default() };
    let edge = edge::Config { bounds, tls: None, geo };
    let https = https.map(|(listener, tls, certificates)| {
        tokio::spawn(reload::follow(certificates, stop.clone()));
        listen(listener, edge::Config { tls: Some(tls), ..edge.clone() }, &workers, &stop)
    });
    let http = listen(http, edge, &workers, &stop);
    announce(
        &config,
        &Addresses { http: http_address, https: https_address, api: api_address, metrics: metrics_address },
        credentials,
    );

    let mut cut = 0;
    for listener in [Some(http), https].into_iter().flatten() {
        cut += listener.await.map_err(|error| format!("a listener broke off: {error}"))?.cut;
    }
    api.await.map_err(|error| format!("the API broke off: {error}"))?;
    if let Some(metrics) = metrics {
        metrics.await.map_err(|error| format!("the metrics broke off: {error}"))?;
    }
    crons.await.map_err(|error| format!("cron triggers broke off: {error}"))?;
    sweeps.await.map_err(|error| format!("the sweeps of static assets broke off: {error}"))?;
    if cut > 0 {
        anstream::eprintln!("{cut} connections did not finish in time and were cut");
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

fn listen(
    listener: TcpListener,
    config: edge::Config,
    workers: &Arc<Platform>,
    stop: &CancellationToken,
) -> JoinHandle<edge::Drained> {
    tokio::spawn(edge::serve(listener, config, workers.clone(), stop.clone()))
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

fn platform(config: &ServerConfig, registry: Registry, geo: &edge::Geo) -> Result<Platform, String> {
    let allow_private = config.outbound.allow_private.unwrap_or(false);
    let policy = Policy { allow_private, ..Policy::public() };
    let options = platform::Options {
        registry: registry.clone(),
        services: Services::new(&config.data),
        snapshot: crate::snapshot::snapshot(),
        policy,
        colo: geo.colo().iata,
        base_domain: config.base_domain.parse()?,
        zones: zones(config, &registry)?,
        plans: plans(config),
        isolates: config.isolates.map(|isolates| isolates as usize),
    };
    Platform::new(options).map_err(|error| format!("what is deployed can't be read: {error}"))
}

/// The zones of the configuration, each with the account that it belongs to.
fn zones(config: &ServerConfig, registry: &Registry) -> Result<Vec<Zone>, String> {
    let accounts = registry.accounts().map_err(|error| format!("the accounts can't be read: {error}"))?;
    let zone = |zone: &::config::server::ZoneConfig| {
        let name = &zone.name.0;
        let found = match &zone.account {
            Some(named) => accounts.iter().find(|account| account.id == *named || account.name == *named),
            None => accounts.first(),
        };
        let account = found.ok_or_else(|| format!("zones: the zone {name} names an account that is not there"))?;
        Ok(Zone::new(name, &account.id))
    };
    config.zones.iter().map(zone).collect()
}

fn plans(config: &ServerConfig) -> Plans {
    let mut plans = Plans::default();
    for (name, plan) in &config.plans {
        let base = plans.0.get(name).cloned().unwrap_or_else(Plan::paid);
        let plan = Plan {
            cpu: plan.cpu_ms.map_or(base.cpu, |millis| millis.0),
            max_cpu: plan.max_cpu_ms.map_or(base.max_cpu, |millis| millis.0),
            memory_bytes: plan.memory_mb.map_or(base.memory_bytes, |megabytes| megabytes.0),
            subrequests: plan.subrequests.unwrap_or(base.subrequests),
            script_bytes: plan.script_mb.map_or(base.script_bytes, |megabytes| megabytes.0),
            asset_files: plan.asset_files.map_or(base.asset_files, |files| files as usize),
            scripts: plan.scripts.map_or(base.scripts, |scripts| scripts as usize),
            concurrent_requests: plan.concurrent_requests.map(|most| most as usize).or(base.concurrent_requests),
            requests_per_second: plan.requests_per_second.or(base.requests_per_second),
        };
        plans.0.insert(name.clone(), plan);
    }
    plans
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
    metrics: Option<SocketAddr>,
}

fn announce(config: &ServerConfig, addresses: &Addresses, new: Option<first_start::Credentials>) {
    let (bold, plain, green) = (cli::BOLD, cli::PLAIN, cli::GREEN);
    let Addresses { http, https, api, metrics } = addresses;
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
    }
    if let Some(metrics) = metrics {
        anstream::println!("  metrics: http://{metrics}/metrics");
    }
    anstream::println!("{green}Ready{plain} on http://<worker>.{}:{}", config.base_domain, http.port());
}
