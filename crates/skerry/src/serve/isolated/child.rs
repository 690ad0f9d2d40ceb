//! The process of one account: a server over the account's own data directory, behind Unix sockets in it instead of ports.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use ::config::ServerConfig;
use control::{About, Control};
use platform::{Elsewhere, Platform};
use registry::Account;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::inside::Inside;
use super::link::Link;
use super::orders::{Orders, Said};
use super::supervisor::READY;
use super::{API, FRONT, METRICS, S3, WORKERS, bind};
use crate::cli::LogLevel;
use crate::serve::tasks::Tasks;
use crate::serve::{descriptors, geo, log, open, platform, s3_service, sandbox, settings, traces};
use crate::signals::stop_on_signal;

pub struct Child {
    /// The account's data directory in the server's.
    name: String,
    orders: Orders,
}

// === impl Child ===

impl Child {
    /// Hears what the front has to say first, and narrows the process to the account's own directory, while it has one thread.
    pub fn prepare(name: &str, level: LogLevel) -> Result<Self, String> {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|error| format!("the front can't be heard: {error}"))?;
        let orders = match Said::read(&line)? {
            Said::Orders(orders) => *orders,
            Said::Stop => return Err("the front has ended".into()),
        };
        let config = orders.narrowed(name)?;
        log::to_stderr(level, &config.log);
        sandbox::narrow(&config, None, sandbox::Role::Account)?;
        Ok(Self { name: name.to_owned(), orders })
    }

    pub async fn run(self) -> Result<(), String> {
        let Self { name, orders } = self;
        let server = orders.server()?;
        let registry = open(&orders.narrowed(&name)?)?;
        let accounts = registry.accounts().map_err(|error| format!("the account can't be read: {error}"))?;
        let account = accounts.into_iter().next().ok_or("there is no account in the data directory")?;
        let config = orders.own(&name, &account)?;
        let listeners = orders.listeners;
        let at = |socket: &str| bind(&config.data.join(socket));
        let (workers, api, metrics) = (at(WORKERS)?, at(API)?, at(METRICS)?);
        let s3 = config.s3.as_ref().map(|_| at(S3)).transpose()?;

        let geo = geo(&config)?;
        let (traces, exporter) = traces::start(&config)?.unzip();
        let inside = Arc::new(Inside::new(Link::new(server.data.join(FRONT)), orders.inside.clone(), &server));
        let elsewhere: Arc<dyn Elsewhere> = inside.clone();
        let platform = platform(&config, registry, &geo, listeners.ports(), traces, Some(elsewhere), orders.first)?;
        platform
            .measure_storage()
            .await
            .map_err(|error| format!("what the account keeps can't be measured: {error}"))?;
        platform.start_objects().await.map_err(|error| format!("what is deployed can't be read: {error}"))?;

        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        let mut tasks = Tasks::default();
        let heard = hear()?;
        let follow = Follow { name, account, inside, platform: platform.clone() };
        tasks.add("listening to the front", follow.run(heard, stop.clone()));
        tasks.add("cron triggers", platform.clone().run_crons(stop.clone()));
        tasks.add("the watch over memory", platform.clone().run_admission(stop.clone()));
        tasks.add("queues", platform.clone().run_queues(stop.clone()));
        tasks.add("the sweeps of static assets", platform.clone().run_asset_sweeps(stop.clone()));
        let connections = Arc::new(AtomicUsize::new(0));
        let about = About {
            version: env!("CARGO_PKG_VERSION"),
            started: Instant::now(),
            http: listeners.http,
            https: listeners.https,
            api: listeners.api,
            metrics: listeners.metrics,
            connections: connections.clone(),
        };
        let room = descriptors::room();
        let control = Control::new(platform.clone(), listeners.front(), about);
        tasks.add("the API", control.serve(api, room.api, stop.clone()));
        tasks.add("the metrics", control::serve_metrics(platform.clone(), metrics, room.api, stop.clone()));
        if let Some(listener) = s3 {
            let service = Arc::new(s3_service(&config, &platform));
            tasks.add("the S3 API", ::s3::serve(listener, service, stop.clone()));
        }
        let flush = CancellationToken::new();
        let mut ends_last = Tasks::default();
        ends_last.add("the figures of Workers", platform.clone().run_history(flush.clone()));
        if let Some(exporter) = exporter {
            ends_last.add("the export of traces", exporter.run(flush.clone()));
        }
        // The front has refused what is too large, and has added to the rest.
        let bounds = edge::Bounds {
            max_connections: room.workers,
            max_headers: 512,
            max_header_bytes: 512 * 1024,
            max_url: 128 * 1024,
            ..edge::Bounds::default()
        };
        let passed = Some(orders.secret.as_str().into());
        let edge = edge::Config { bounds, tls: None, passed, geo, connections, alt_svc: None };
        let served = tokio::spawn(edge::serve(workers, edge, Arc::new(platform), stop.clone()));
        println!("{READY}");

        let drained = served.await.map_err(|error| format!("the listener broke off: {error}"))?;
        tasks.ended().await?;
        flush.cancel();
        ends_last.ended().await?;
        if drained.cut > 0 {
            tracing::warn!("{} connections did not finish in time and were cut", drained.cut);
        }
        Ok(())
    }
}

/// What the front says from now on. On a thread of its own, so that nothing else keeps the process from ending with the front.
fn hear() -> Result<mpsc::UnboundedReceiver<Said>, String> {
    let (heard, said) = mpsc::unbounded_channel();
    let listen = move || {
        for line in std::io::stdin().lines() {
            match line.map_err(|error| error.to_string()).and_then(|line| Said::read(&line)) {
                // The receiver goes when the process has been told to stop.
                Ok(said) => drop(heard.send(said)),
                Err(error) => tracing::warn!("the front can't be understood: {error}"),
            }
        }
        // Nobody is there any more whom this process could answer.
        std::process::exit(1);
    };
    let thread = std::thread::Builder::new().name("front".into()).spawn(listen);
    thread.map_err(|error| format!("no thread can be started: {error}"))?;
    Ok(said)
}

/// Follows what the front says.
struct Follow {
    name: String,
    account: Account,
    inside: Arc<Inside>,
    platform: Platform,
}

// === impl Follow ===

impl Follow {
    async fn run(self, mut heard: mpsc::UnboundedReceiver<Said>, stop: CancellationToken) {
        loop {
            let said = tokio::select! {
                () = stop.cancelled() => return,
                said = heard.recv() => said,
            };
            let Some(said) = said else { return };
            match said {
                Said::Stop => return stop.cancel(),
                Said::Orders(orders) => {
                    if let Err(error) = self.change(&orders).await {
                        tracing::warn!("the configuration can't be used, and the one from before stays: {error}");
                    }
                }
            }
        }
    }

    async fn change(&self, orders: &Orders) -> Result<(), String> {
        let server: ServerConfig = orders.server()?;
        let config = orders.own(&self.name, &self.account)?;
        let settings = settings::read(&config, self.platform.registry())?;
        self.platform.change(settings).await.map_err(|error| error.to_string())?;
        self.inside.change(&server);
        Ok(())
    }
}
