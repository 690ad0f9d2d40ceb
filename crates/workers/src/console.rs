//! What a Worker says outside its responses: console lines and errors nobody caught.

use isolate::{Args, Frame, JsException, Op, op, v8};
use tokio::sync::mpsc;

use crate::event::trace;
use crate::trace::{op_trace, op_trace_exception};

pub(crate) const OPS: &[Op] = &[op!(op_console), op!(op_trace), op!(op_trace_exception), op!(op_report_exception)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Log,
    Warn,
    Error,
}

/// One line of a Worker's console.
#[derive(Clone, Debug)]
pub struct LogLine {
    pub level: Level,
    pub text: String,
    /// Where in the Worker's modules it was said.
    pub at: Option<Frame>,
    /// Whether its event's own trace has it too.
    pub traced: bool,
}

/// Something that a Worker says.
#[derive(Clone, Debug)]
pub enum Notice {
    Log(LogLine),
    /// An exception that reached nobody: from a timer, a rejected promise, `waitUntil`.
    Uncaught(JsException),
}

/// Where an isolate's notices go. A full channel loses them: a Worker can't fill memory by talking.
pub(crate) struct Notices(pub(crate) mpsc::Sender<Notice>);

const MAX_TEXT: usize = 128 << 10;

/// `op_console(level, text)` → whether the event is traced: then `op_trace` is to be told of the arguments too.
fn op_console(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let level = match args.get(0).uint32_value(scope) {
        Some(0) => Level::Debug,
        Some(2) => Level::Warn,
        Some(3) => Level::Error,
        _ => Level::Log,
    };
    let mut text = isolate::string_arg(scope, &args, 1);
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    let at = isolate::caller(scope);
    let traced = trace(scope).is_some();
    say(scope, Notice::Log(LogLine { level, text, at, traced }));
    rv.set_bool(traced);
}

/// `op_report_exception(error)`
fn op_report_exception(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    isolate::report_exception(scope, args.get(0));
    let exception = JsException::capture(scope, args.get(0));
    if let Some(trace) = trace(scope) {
        trace.exception(exception.clone());
    }
    say(scope, Notice::Uncaught(exception));
}

fn say(scope: &mut v8::PinScope, notice: Notice) {
    if let Some(notices) = isolate::embedder::<Notices>(scope)
        && notices.0.try_send(notice).is_err()
    {
        tracing::debug!("a Worker's notice was dropped: nobody reads them fast enough");
    }
}
