//! The command line, with the stock wrangler's names and habits.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use config::VarArgument;

pub const RED: &str = "\x1b[1;31m";
pub const YELLOW: &str = "\x1b[33m";
pub const GREEN: &str = "\x1b[32m";
pub const DIM: &str = "\x1b[2m";
pub const BOLD: &str = "\x1b[1m";
pub const PLAIN: &str = "\x1b[0m";

/// Cloudflare Workers on machines you own.
#[derive(Parser)]
#[command(
    name = "skerry",
    version,
    propagate_version = true,
    after_help = "\
Examples:
  skerry init hello            make a project in ./hello
  skerry dev hello             serve it at http://127.0.0.1:8787, reloading on save
  skerry dev api web           serve two Workers: http://api.localhost:8787 and http://web.localhost:8787
  skerry check hello           check its configuration, size and start-up time
  skerry kv key list --binding CACHE   the keys of a KV namespace that `skerry dev` uses"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Serve Workers from their sources, reloading on save
    Dev(DevArguments),
    /// Serve deployed Workers, and the API that wrangler deploys them to
    Serve(crate::serve::ServeArguments),
    /// Tell how a running server is
    Status(crate::status::StatusArguments),
    /// Show what a running server's Workers do, refreshed each second
    Top(crate::top::TopArguments),
    /// Make and list the accounts of a server on this machine
    Account(crate::account::AccountArguments),
    /// Make, list and revoke the API tokens of a server on this machine
    Token(crate::token::TokenArguments),
    /// Look at the configuration of a server
    #[command(subcommand)]
    Config(crate::serve::config::ConfigCommand),
    /// Make a project that `skerry dev` and the stock wrangler both run
    Init(crate::init::InitArguments),
    /// Check a project: configuration, bundle, size, start-up CPU time
    Check(CheckArguments),
    /// Look into R2 buckets of local state, and change them
    R2(crate::r2::R2Arguments),
    /// Look into KV namespaces of local state, and change them
    #[command(subcommand)]
    Kv(crate::kv::KvCommand),
    /// Run SQL and migrations on local D1 databases
    D1(crate::d1::D1Arguments),
    /// Ask the Analytics Engine datasets of local state with SQL
    Analytics(crate::analytics::AnalyticsArguments),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry dev                                serve the project in this folder
  skerry dev src/index.ts                   serve one file without a configuration
  skerry dev --port 3000 --var API_KEY:abc  another port, and a variable for this session
  skerry dev --local-colo NRT               as if in Tokyo: request.cf tells of it
  skerry dev --colos NRT,GRU,IAD            three locations, between which KV replicates with a delay
  skerry dev --inspector-port 9229          let Chrome DevTools attach: chrome://inspect
  skerry dev --enforce-limits               end requests that pass their CPU limit, as deployed ones are")]
pub struct DevArguments {
    /// Project folders, wrangler files or scripts; each Worker is at http://<name>.localhost when there are several
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Address to listen on [default: dev.ip of the configuration, or 127.0.0.1]
    #[arg(long)]
    pub ip: Option<IpAddr>,
    /// Port to listen on, 0 for any free one [default: dev.port of the configuration, or 8787]
    #[arg(long, short)]
    pub port: Option<u16>,
    /// Port at which R2's buckets are served through the S3 API, 0 for any free one [default: they are not]
    #[arg(long, value_name = "PORT")]
    pub r2_port: Option<u16>,
    /// Port at which Chrome DevTools and other debuggers attach, 0 for any free one [default: dev.inspector_port of the
    /// configuration, or none]
    #[arg(long, value_name = "PORT")]
    pub inspector_port: Option<u16>,
    /// Address at which debuggers attach [default: dev.inspector_ip of the configuration, or 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub inspector_ip: Option<IpAddr>,
    /// Environment of the configuration to use
    #[arg(long, short)]
    pub env: Option<String>,
    /// A variable for this session, over the configuration's
    #[arg(long, value_name = "NAME:VALUE")]
    pub var: Vec<VarArgument>,
    /// Where the state of local bindings is kept [default: .skerry in the project's folder]
    #[arg(long, value_name = "FOLDER")]
    pub persist_to: Option<PathBuf>,
    /// The location to run in, by its airport code: request.cf and CF-* headers tell of it
    #[arg(long, value_name = "IATA")]
    pub local_colo: Option<String>,
    /// Several locations in one process, the first for requests that choose none; others are chosen by the header
    /// X-Skerry-Colo or by http://<iata>.<name>.localhost
    #[arg(long, value_name = "IATA,…", value_delimiter = ',', conflicts_with = "local_colo")]
    pub colos: Vec<String>,
    /// Seconds until a write of KV is visible at the other locations of --colos, at most 60
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=60))]
    pub replication_delay: u64,
    /// What to print
    #[arg(long, value_enum, default_value_t = LogLevel::Log)]
    pub log_level: LogLevel,
    /// End requests that pass their CPU limit instead of warning
    #[arg(long)]
    pub enforce_limits: bool,
    /// Bundle and start each Worker at its first request instead of now
    #[arg(long)]
    pub lazy: bool,
    /// Also answer /__scheduled by running the scheduled handler (/cdn-cgi/handler/scheduled always does)
    #[arg(long)]
    pub test_scheduled: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry check                  check the project in this folder
  skerry check api --env prod   check the environment `prod` of ./api
  skerry check --json           the figures, for machines")]
pub struct CheckArguments {
    /// Project folder, wrangler file or script
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,
    /// Environment of the configuration to use
    #[arg(long, short)]
    pub env: Option<String>,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

/// As wrangler's `--log-level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum LogLevel {
    None,
    Error,
    Warn,
    Info,
    Log,
    Debug,
}

// === impl LogLevel ===

impl LogLevel {
    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Log => "log",
            Self::Debug => "debug",
        }
    }
}

/// Our own logs: errors alone, unless the level or `SKERRY_LOG` asks for more.
pub fn log_to_stderr(level: LogLevel) {
    let default = if level >= LogLevel::Debug {
        "skerry=debug,control=debug,platform=debug,workers=debug,edge=debug,webapi=debug"
    } else {
        "error,s3s=off"
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SKERRY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // A second subscriber can't be set; the first one stands.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
