//! The server's own log, at standard error.

use std::io;

use ::config::server::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

use crate::cli::LogLevel;

/// What the server does and what goes wrong in it, unless the level or `SKERRY_LOG` asks for other things.
pub fn to_stderr(level: LogLevel, log: &Log) {
    let requests = if log.requests == Some(true) { "info" } else { "off" };
    let ours = match level {
        LogLevel::None => "off",
        LogLevel::Error => "error",
        LogLevel::Warn => "error,skerry=warn",
        LogLevel::Info | LogLevel::Log => "error,skerry=info",
        LogLevel::Debug => "error,skerry=debug,control=debug,platform=debug,workers=debug,edge=debug,webapi=debug",
    };
    let filter = EnvFilter::try_from_env("SKERRY_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("{ours},s3s=off,{}={requests}", platform::REQUEST_LOG)));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second subscriber can't be set; the first one stands.
    let _ = match log.format {
        Some(LogFormat::Json) => lines.json().flatten_event(true).try_init(),
        _ => lines.try_init(),
    };
}
