//! What makes a script a Worker: handlers, `env`, `ctx`, the `cloudflare:*` modules, and the isolates that run it. It
//! takes events (a request, a scheduled run) and gives outcomes; sockets and routes are above it.

mod binding;
mod cache;
mod console;
mod event;
mod fetch_event;
mod host;
mod lane;
mod runtime;
mod scheduled_event;
mod version;

pub use self::cache::Caches;
pub use binding::{Binding, BindingValue};
pub use console::{Level, LogLine, Notice};
pub use event::{Cause, Outcome, Usage};
pub use fetch_event::{CfSource, Request};
pub use host::{Host, HostOptions};
pub use isolate::{
    Failure, Frame, JsException, Limits, ModuleGraph, ModuleKind, ModuleSource, Snapshot, StartError, initialize,
};
pub use lane::{Worker, start_once};
pub use runtime::{runtime, snapshot};
pub use scheduled_event::Scheduled;
pub use version::Version;

#[cfg(test)]
mod tests;
