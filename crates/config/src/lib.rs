//! Wrangler configuration and `skerry.toml`, read into typed values, with errors that point at the line.
//!
//! TOML and JSON both become one tree of values that know their place in the file ([`value`]); the schema walks that
//! tree once ([`schema`]), reporting everything wrong with it; [`resolve`] then picks the environment, applies
//! inheritance and defaults, and yields a [`WorkerConfig`]. Nothing here runs, bundles or serves anything.

mod date;
mod dev_vars;
mod dotenv;
mod error;
mod hyperdrive;
mod json_tree;
mod limits;
mod name;
mod project;
mod rate_limits;
mod read;
mod resolve;
pub mod schema;
pub mod server;
mod settings;
mod source;
mod suggest;
mod support;
mod toml_tree;
mod value;
mod worker;

pub use date::CompatibilityDate;
pub use dev_vars::{DevVars, VarArgument};
pub use error::{ConfigError, Problem, Warning};
pub use limits::{Limits, Preset};
pub use name::WorkerName;
pub use project::Project;
pub use schema::bindings::{D1Database, Service};
pub use schema::bindings::{Hyperdrive, KvNamespace};
pub use schema::bindings::{QueueConsumer, QueueConsumerType, QueueProducer};
pub use schema::build::{ModuleType, Rule};
pub use schema::deploy::{HtmlHandling, NotFoundHandling, RunWorkerFirst};
pub use schema::dev::{Dev, Protocol};
pub use schema::durable::Migration;
pub use schema::vars::Var;
pub use server::ServerConfig;
pub use settings::Settings;
pub use worker::{BuildStep, WorkerConfig};
