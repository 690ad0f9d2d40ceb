//! What makes a script a Worker: handlers, `env`, `ctx`, the `cloudflare:*` modules, and the isolates that run it. It
//! takes events (a request, a scheduled run) and gives outcomes; sockets and routes are above it.

mod analytics;
mod binding;
mod budget;
mod cache;
mod compatibility;
mod console;
mod d1;
mod event;
mod fetch_event;
mod host;
mod hyperdrive;
mod inspected;
mod kv;
mod lane;
mod mailbox;
mod node_modules;
mod object;
mod object_alarm;
mod object_guest;
mod object_home;
mod object_ops;
mod object_socket_ops;
mod object_sockets;
mod object_state;
mod object_storage;
mod object_trace;
mod queue;
mod queue_event;
mod r2;
mod rate_limit;
mod rpc;
mod runtime;
mod scheduled_event;
mod service;
mod tail_event;
mod trace;
mod version;
mod via;

pub use self::cache::Caches;
pub use self::hyperdrive::Dialer;
pub use binding::{Binding, BindingValue};
pub use budget::memory;
pub use compatibility::Compatibility;
pub use console::{Level, LogLine, Notice};
pub use event::{Cause, Outcome, Usage};
pub use fetch_event::{CfSource, Request};
pub use host::{Host, HostOptions};
pub use isolate::{
    Client as InspectorClient, Fact, Failure, Followed, Frame, Inspector, JsException, Limits, ModuleGraph, ModuleKind,
    ModuleSource, OpenSpan, Snapshot, SpanId, SpanSink, SpanSource, StartError, TraceId, initialize,
};
pub use lane::{Started, Worker, start_once};
pub use object::{Class, ObjectNamespace, Objects};
pub use object_trace::{End, ObjectEvent, Tracer, Tracing};
pub use queue_event::{Decisions, QueueBatch};
pub use rpc::{Invocation, Returned};
pub use runtime::{runtime, snapshot, v8_version};
pub use scheduled_event::Scheduled;
pub use service::{CallFuture, Entrypoint, Invocations, Props, Service, ServiceFuture};
pub use tail_event::Tailed;
pub use trace::{Trace, TraceException, TraceLog, Traced};
pub use version::{Own, Version};
pub use via::{ServedHere, Via};

#[cfg(test)]
mod tests;
