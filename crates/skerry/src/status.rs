//! `skerry status`: how a running server is, asked over its API.

pub mod ask;
pub mod show;

use std::collections::BTreeMap;

use clap::Args;
use serde::Deserialize;

use ask::{Server, ServerArguments};

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry status                          of the server whose data is in ./skerry-data
  skerry status --config /etc/skerry.toml
  skerry status --url https://api.example.com --token …    of another machine's: its token's account
  skerry status --json                   for machines")]
pub struct StatusArguments {
    #[command(flatten)]
    pub server: ServerArguments,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// What a server says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    pub version: String,
    pub uptime_seconds: f64,
    pub listeners: BTreeMap<String, Option<String>>,
    pub memory_bytes: Option<u64>,
    pub isolates: u64,
    pub durable_objects: u64,
    pub connections: u64,
    pub workers: Vec<Worker>,
}

/// What a Worker has used since the server started.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Worker {
    pub name: String,
    pub account: Account,
    pub requests: u64,
    pub errors: u64,
    pub cpu_ms: f64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub latency: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Account {
    pub id: String,
    pub name: Option<String>,
}

pub async fn run(arguments: StatusArguments) -> Result<(), String> {
    let server = Server::find(&arguments.server)?;
    let answer = server.ask().await?;
    if arguments.json {
        anstream::println!("{answer:#}");
        return Ok(());
    }
    let status = ask::status(answer)?;
    anstream::print!("{}", show::status(&status));
    Ok(())
}
