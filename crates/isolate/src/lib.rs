//! V8 for Skerry: isolates made from one startup snapshot, ES module graphs, native ops, an event loop per isolate, and
//! the limits that hold a hostile script. Nothing here knows about HTTP, Workers or bindings. `unsafe` lives here only.

mod actor;
mod arenas;
mod attributes;
mod callbacks;
mod clock;
mod code_generation;
mod commonjs;
mod context;
mod event_loop;
mod exception;
mod fiber;
mod garbage;
mod inspector;
mod limits;
mod lock;
mod memory;
mod module_map;
mod modules;
mod op;
mod pending;
mod platform;
mod rejections;
mod remote;
mod resource;
mod slice;
mod snapshot;
mod span;
mod state;
mod step;
mod timers;
mod value;
mod watchdog;

pub use actor::{
    ActorId, Closed, Opening, OutputGate, actor, at_step_end, output_gate, output_waits, own, put_own, reset,
};
pub use attributes::{ImportAttributes, set_import_attributes};
pub use clock::unix_millis;
pub use code_generation::allow_code_generation;
pub use context::{Attached, ContextData, ContextId, Failure, IoContext, new_attachment};
pub use event_loop::{Begin, Exit, Isolate, Job, Message, Options, StartError};
pub use exception::{Frame, JsException};
pub use fiber::{Fiber, Port};
pub use inspector::{Client, Detached, Inspector, inspected, report_exception};
pub use limits::Limits;
pub use module_map::script;
pub use modules::{ModuleGraph, ModuleKind, ModuleSource};
pub use op::{
    Op, begin_promise, bytes_arg, caller, context, expire_after, finish, foreign, io_context, io_owner, new_bytes,
    new_string, require_io, require_memory, resources, spawn, spawn_background, spawn_incoming, spawn_output,
    string_arg, throw,
};
pub use platform::initialize;
pub use remote::{Remote, remote};
pub use resource::ResourceTable;
pub use slice::give_way;
pub use snapshot::{Runtime, Snapshot, SnapshotError};
pub use span::{Fact, Followed, OpenSpan, Span, SpanId, SpanKind, SpanSink, SpanSource, TraceId, begin_span};
pub use state::{embedder, hook, hooks, put};
pub use v8;
pub use value::{JsError, JsErrorKind, MakeValue, OpValue};
pub use watchdog::must_stop;

/// The arguments of an op's call.
pub type Args<'s> = v8::FunctionCallbackArguments<'s>;
