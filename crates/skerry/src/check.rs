//! `skerry check`: a project's configuration and bundle, its size, and the CPU time of its start.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::{self, CheckArguments};
use crate::dev::trace::Sources;
use crate::load::{Code, LoadOptions, load};
use crate::state::State;

/// Script size after gzip: https://developers.cloudflare.com/workers/platform/limits/#worker-size
const FREE_SIZE: usize = 3 << 20;
const PAID_SIZE: usize = 10 << 20;

pub async fn run(arguments: CheckArguments) -> Result<(), String> {
    let state = Arc::new(State::new(None, &arguments.path, Duration::ZERO));
    let options =
        LoadOptions { env: arguments.env, vars: Vec::new(), enforce_limits: false, state, services: Arc::default() };
    let loaded = load(&arguments.path, &options).await.map_err(|error| error.message)?;
    for warning in &loaded.warnings {
        anstream::eprintln!("{}warning:{} {warning}", cli::YELLOW, cli::PLAIN);
    }
    let name = loaded.project.worker.name.as_str();
    let assets = loaded.assets.as_ref().map(|site| site.files());
    let Some(Code { bundle, version, .. }) = loaded.code else {
        let report = serde_json::json!({ "name": name, "assets": assets, "warnings": loaded.warnings });
        match arguments.json {
            true => println!("{report}"),
            false => println!("{name}: ok\n  {:>10}  static assets, and no code", assets.unwrap_or_default()),
        }
        return Ok(());
    };
    let sources = Sources::new(&loaded.project.root, Some(&bundle));
    let host = options.state.host("SJC");
    let startup = tokio::task::spawn_blocking(move || workers::start_once(&host, &Arc::new(version)))
        .await
        .map_err(|error| format!("the Worker's start broke off: {error}"))?
        .map_err(|error| sources.start_error(&error))?
        .cpu;

    let (raw, gzip) = (bundle.size_raw(), bundle.size_gzip());
    if arguments.json {
        let modules: Vec<_> = bundle
            .modules
            .iter()
            .map(|module| serde_json::json!({ "name": module.name, "bytes": module.content.len() }))
            .collect();
        let report = serde_json::json!({
            "name": name, "bytes": raw, "gzip_bytes": gzip, "startup_cpu_ms": millis(startup), "modules": modules,
            "assets": assets, "warnings": loaded.warnings,
        });
        println!("{report}");
    } else {
        println!("{name}: ok");
        for module in &bundle.modules {
            println!("  {:>10}  {}", kib(module.content.len()), module.name);
        }
        println!("  {:>10}  in all, {} after gzip", kib(raw), kib(gzip));
        println!("  {:>7.1} ms  CPU time to start (limit 1000 ms)", millis(startup));
        if let Some(assets) = assets {
            println!("  {assets:>10}  static assets");
        }
    }
    if gzip > FREE_SIZE {
        let over =
            if gzip > PAID_SIZE { "10 MiB, the limit of paid plans" } else { "3 MiB, the limit of the free plan" };
        anstream::eprintln!("{}warning:{} the Worker is larger than {over}", cli::YELLOW, cli::PLAIN);
    }
    Ok(())
}

fn kib(bytes: usize) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
