//! `skerry dev`: serves Workers from their sources, reloads them on save, and shows what they do.

mod app;
mod inspector;
mod print;
pub mod queues;
mod server;
pub mod services;
mod tails;
pub mod trace;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::Project;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::{self, DevArguments, LogLevel};
use crate::load::LoadOptions;
use crate::signals::stop_on_signal;
use crate::state::State;
use app::App;
use inspector::Target;
use print::Printer;
use server::Server;

const PORT: u16 = 8787;

pub async fn run(arguments: DevArguments) -> Result<(), String> {
    cli::log_to_stderr(arguments.log_level);
    let projects = projects(&arguments)?;
    let state = State::new(arguments.persist_to.as_deref(), &projects[0].1.root, replication(&arguments));
    let load = LoadOptions {
        env: arguments.env.clone(),
        vars: arguments.var.clone(),
        enforce_limits: arguments.enforce_limits,
        state: Arc::new(state),
        services: Arc::default(),
    };
    // Of all before any is bound to another's: classes may go from one script to another.
    for (_, project) in &projects {
        crate::objects::migrate(project, load.state.objects()).await?;
    }
    let geo = geo(&arguments, &projects)?;
    let listener = listen(&arguments, &projects).await?;
    let r2_listener = listen_for_r2(&arguments, &projects).await?;
    let inspector = listen_for_inspector(&arguments, &projects).await?;
    let address = listener.local_addr().map_err(|error| format!("the listener has no address: {error}"))?;

    let host = load.state.host(geo.colo().iata);
    let several = projects.len() > 1;
    if projects.iter().any(|(_, project)| project.worker.environment.queues.is_some()) {
        queues::sweep(load.state.queues().clone());
    }
    let mut apps = Vec::new();
    for (path, project) in projects {
        let printer = Printer::new(several.then(|| project.worker.name.as_str().to_owned()), arguments.log_level);
        let target = inspector.is_some().then(Target::default);
        let app = App::new(path, &project, load.clone(), host.clone(), printer, geo.colo().iata, target);
        load.services.register(&app);
        apps.push(app);
    }
    if !arguments.lazy {
        for app in &apps {
            app.start().await;
        }
    }

    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let r2_address = r2_listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let r2 = r2_listener.map(|listener| serve_r2(listener, &load.state, stop.clone()));
    announce(&apps, &geo, address, r2_address, arguments.log_level);
    if let Some(listener) = inspector {
        if let Ok(address) = listener.local_addr()
            && arguments.log_level != LogLevel::None
        {
            anstream::println!("{}", inspector::announcement(address, &apps));
        }
        let (apps, stop) = (apps.clone(), stop.clone());
        tokio::spawn(async move { inspector::serve(listener, &apps, stop).await });
    }
    let server = Arc::new(Server::new(apps, arguments.test_scheduled, address.port(), &geo, arguments.log_level));
    // A Worker in development may be given any body: the platform's limit is the deployment's affair.
    let bounds = edge::Bounds { max_body: None, ..edge::Bounds::default() };
    let config = edge::Config { bounds, tls: None, passed: None, geo, connections: Arc::default(), alt_svc: None };
    let drained = edge::serve(listener, config, server, stop).await;
    if let Some(r2) = r2 {
        r2.await.map_err(|error| format!("the S3 API broke off: {error}"))?;
    }
    if drained.cut > 0 {
        anstream::eprintln!("{} connections did not finish in time and were cut", drained.cut);
    }
    Ok(())
}

fn projects(arguments: &DevArguments) -> Result<Vec<(PathBuf, Project)>, String> {
    let mut names = HashSet::new();
    let mut projects = Vec::new();
    for path in &arguments.paths {
        let project = Project::load(path, arguments.env.as_deref()).map_err(|error| error.to_string())?;
        let name = project.worker.name.as_str().to_owned();
        if !names.insert(name.clone()) {
            return Err(format!(
                "two Workers are called `{name}`; the second is {}. Give one of them another `name` in its configuration.",
                path.display()
            ));
        }
        projects.push((path.clone(), project));
    }
    Ok(projects)
}

/// A single location has nowhere to replicate to.
fn replication(arguments: &DevArguments) -> Duration {
    match arguments.colos.len() {
        0 | 1 => Duration::ZERO,
        _ => Duration::from_secs(arguments.replication_delay),
    }
}

fn geo(arguments: &DevArguments, projects: &[(PathBuf, Project)]) -> Result<Arc<edge::Geo>, String> {
    let databases: Vec<_> =
        projects.iter().find_map(|(_, project)| project.settings.geo_database.clone()).into_iter().collect();
    let first = arguments.colos.first().or(arguments.local_colo.as_ref());
    edge::Geo::new(first.map(String::as_str), &databases)
        .and_then(|geo| geo.with_choices(&arguments.colos))
        .map(Arc::new)
        .map_err(|error| error.to_string())
}

async fn listen(arguments: &DevArguments, projects: &[(PathBuf, Project)]) -> Result<TcpListener, String> {
    let port = arguments.port.or(projects[0].1.worker.dev.port).unwrap_or(PORT);
    bind(SocketAddr::new(ip(arguments, projects)?, port), "--port").await
}

async fn listen_for_r2(
    arguments: &DevArguments,
    projects: &[(PathBuf, Project)],
) -> Result<Option<TcpListener>, String> {
    let Some(port) = arguments.r2_port else { return Ok(None) };
    bind(SocketAddr::new(ip(arguments, projects)?, port), "--r2-port").await.map(Some)
}

/// The inspector's port, where it is asked for. It listens on loopback whatever address the Workers are at.
async fn listen_for_inspector(
    arguments: &DevArguments,
    projects: &[(PathBuf, Project)],
) -> Result<Option<TcpListener>, String> {
    let dev = &projects[0].1.worker.dev;
    let Some(port) = arguments.inspector_port.or(dev.inspector_port) else { return Ok(None) };
    let configured = match dev.inspector_ip.as_deref() {
        None | Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(ip) => ip.parse().map_err(|_| format!("dev.inspector_ip: `{ip}` is no IP address"))?,
    };
    let address = SocketAddr::new(arguments.inspector_ip.unwrap_or(configured), port);
    bind(address, "--inspector-port").await.map(Some)
}

fn ip(arguments: &DevArguments, projects: &[(PathBuf, Project)]) -> Result<IpAddr, String> {
    let configured = match projects[0].1.worker.dev.ip.as_deref() {
        None | Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some("*") => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some(ip) => ip.parse().map_err(|_| format!("dev.ip: `{ip}` is no IP address"))?,
    };
    Ok(arguments.ip.unwrap_or(configured))
}

async fn bind(address: SocketAddr, option: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "port {} on {} is in use by another process. Stop that one, or choose another port with {option} (0: any free one).",
            address.port(),
            address.ip()
        ),
        _ => format!("can't listen on {address}: {error}"),
    })
}

/// Serves the same buckets that Workers are bound to, until `stop` fires.
fn serve_r2(listener: TcpListener, state: &State, stop: CancellationToken) -> JoinHandle<()> {
    let store = s3::OneStore { r2: state.r2().clone(), tokens: state.tokens() };
    let service = s3::Service::new(Arc::new(store), "localhost".into(), s3::BODY_STALL);
    tokio::spawn(s3::serve(listener, Arc::new(service), stop))
}

fn announce(apps: &[Arc<App>], geo: &edge::Geo, address: SocketAddr, r2: Option<SocketAddr>, level: LogLevel) {
    if level == LogLevel::None {
        return;
    }
    if apps.len() > 1 {
        for app in apps {
            anstream::println!(
                "  {}{}{}  http://{}.localhost:{}",
                cli::BOLD,
                app.name(),
                cli::PLAIN,
                app.name(),
                address.port()
            );
        }
    }
    if let ([first, .., last], Some(app)) = (geo.choices(), apps.first()) {
        let host = format!("{}.{}.localhost:{}", last.iata.to_ascii_lowercase(), app.name(), address.port());
        anstream::println!(
            "  {} and {} more locations: http://{host}, or the header X-Skerry-Colo",
            first.iata,
            geo.choices().len() - 1
        );
    }
    anstream::println!("{}Ready{} on http://{address}", cli::GREEN, cli::PLAIN);
    if let Some(r2) = r2 {
        anstream::println!("  R2's S3 API on http://{r2}");
    }
}
