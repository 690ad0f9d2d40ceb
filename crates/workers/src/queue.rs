//! The ops behind a queue's binding: what a Worker sends, and what it asks of the queue.

use bytes::Bytes;
use isolate::{Args, JsError, Op, OpValue, op, v8};
use queue::{ContentType, Error, Metrics, NewMessage, Queue};

use crate::Compatibility;
use crate::binding::service_arg;

pub(crate) const OPS: &[Op] = &[op!(op_queue_send), op!(op_queue_metrics)];

/// An operation on a queue, which counts.
fn begin(scope: &mut v8::PinScope, args: &Args) -> Option<Queue> {
    if !isolate::require_io(scope) {
        return None;
    }
    let queue = service_arg::<Queue>(scope, args, 0)?;
    match isolate::io_context(scope)?.take_operation() {
        Ok(()) => Some(queue),
        Err(error) => {
            isolate::throw(scope, error);
            None
        }
    }
}

/// What the Worker called, as errors without numbers name it.
#[derive(Clone, Copy)]
struct Called {
    name: &'static str,
    /// Errors have the platform's number, and say why.
    coded: bool,
}

// === impl Called ===

impl Called {
    fn new(scope: &mut v8::PinScope, name: &'static str) -> Self {
        let coded = isolate::embedder::<Compatibility>(scope).is_some_and(|on| on.is_on("queue_expose_error_codes"));
        Self { name, coded }
    }

    fn failed(self, error: &Error) -> JsError {
        if let Error::Engine(error) = error {
            tracing::error!(%error, "a queue failed");
        }
        let code = error.code();
        let (cause, status) = match error {
            Error::Engine(_) => ("Unknown Internal Error".to_owned(), "Internal Server Error"),
            Error::NotFound => (error.to_string(), "Not Found"),
            Error::StorageLimit => (error.to_string(), "Too Many Requests"),
            Error::MessageSize(_) | Error::BatchSize(_) | Error::BatchCount(_) => {
                (error.to_string(), "Payload Too Large")
            }
            _ => (error.to_string(), "Bad Request"),
        };
        JsError::error(match self.coded {
            true => format!("{cause} ({code})"),
            false => format!("Queue {} failed: {status}", self.name),
        })
    }
}

/// `op_queue_send(queue, [contentType, delay | undefined, body, …], delay | undefined, batch)` → a promise of `[messages, bytes, oldest]`,
/// fulfilled when the messages are durable. `body` is text or bytes.
fn op_queue_send(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(queue) = begin(scope, &args) else { return };
    let is_batch = args.get(3).is_true();
    let called = Called::new(scope, if is_batch { "sendBatch" } else { "send" });
    let Some(messages) = messages(scope, args.get(1)) else { return };
    let mut span = isolate::begin_span(scope, || if is_batch { "queue_sendBatch" } else { "queue_send" }.into());
    span.fact("cloudflare.queue.id", || queue.id());
    if let Ok(messages) = &messages {
        span.fact("messaging.batch.message_count", || messages.len() as i64);
    }
    let delay = seconds(scope, args.get(2));
    isolate::spawn_output(scope, rv, async move {
        let sent = async { queue.send(messages?, delay).await };
        let metrics = span.watch(sent).await.map_err(|error| called.failed(&error))?;
        Ok(OpValue::With(Box::new(move |scope| {
            let told = told(scope, metrics);
            v8::Global::new(scope, told)
        })))
    });
}

/// `op_queue_metrics(queue)` → a promise of `[messages, bytes, oldest]`
fn op_queue_metrics(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(queue) = begin(scope, &args) else { return };
    let called = Called { coded: true, ..Called::new(scope, "metrics") };
    isolate::spawn_output(scope, rv, async move {
        let read = tokio::task::spawn_blocking(move || queue.metrics()).await;
        let read = read.map_err(|error| JsError::error(format!("Unknown Internal Error: {error}")))?;
        let metrics = read.map_err(|error| called.failed(&error))?;
        Ok(OpValue::With(Box::new(move |scope| {
            let told = told(scope, metrics);
            v8::Global::new(scope, told)
        })))
    });
}

/// `None`: an exception is pending.
fn messages(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<Result<Vec<NewMessage>, Error>> {
    let array = value.try_cast::<v8::Array>().ok()?;
    let mut messages = Vec::new();
    for index in (0..array.length()).step_by(3) {
        let kind = array.get_index(scope, index)?.to_rust_string_lossy(scope);
        let kind: ContentType = match kind.parse() {
            Ok(kind) => kind,
            Err(error) => return Some(Err(error)),
        };
        let delay = array.get_index(scope, index + 1)?;
        let delay = seconds(scope, delay);
        let body = array.get_index(scope, index + 2)?;
        messages.push(NewMessage { body: body_of(scope, body), content_type: kind, delay });
    }
    Some(Ok(messages))
}

fn body_of(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Bytes {
    match value.try_cast::<v8::ArrayBufferView>() {
        Ok(view) => {
            let mut bytes = vec![0; view.byte_length()];
            let copied = view.copy_contents(&mut bytes);
            bytes.truncate(copied);
            bytes.into()
        }
        Err(_) => value.to_rust_string_lossy(scope).into(),
    }
}

fn seconds(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<i64> {
    if value.is_undefined() { None } else { value.integer_value(scope) }
}

/// `[messages, bytes, milliseconds | undefined]`
pub(crate) fn told<'s>(scope: &mut v8::PinScope<'s, '_>, metrics: Metrics) -> v8::Local<'s, v8::Value> {
    let oldest = match metrics.oldest {
        Some(oldest) => v8::Number::new(scope, oldest as f64).into(),
        None => v8::undefined(scope).into(),
    };
    let told = [
        v8::Number::new(scope, metrics.messages as f64).into(),
        v8::Number::new(scope, metrics.bytes as f64).into(),
        oldest,
    ];
    v8::Array::new_with_elements(scope, &told).into()
}
