//! The ops on bodies. JavaScript names a body by its number in the resource table.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use isolate::{Args, JsError, Op, OpValue, op, v8};

use super::{BodyError, BodyReader, BodyWriter, CHUNK, READ_ALL_LIMIT, channel};

pub const OPS: &[Op] = &[
    op!(op_body_read),
    op!(op_body_read_all),
    op!(op_body_cancel),
    op!(op_body_tee),
    op!(op_body_writer),
    op!(op_body_write),
    op!(op_body_close),
    op!(op_body_abort),
    op!(op_body_gone),
];

/// A reader in the table, shared with the read that waits for it, so that a cancel reaches both.
#[derive(Clone)]
struct Held(Arc<Mutex<Slot>>);

struct Slot {
    reader: Option<BodyReader>,
    waiting: Option<Waker>,
}

/// Puts a body within reach of the current request's JavaScript.
pub fn hold(scope: &mut v8::PinScope, reader: BodyReader) -> u32 {
    isolate::resources(scope).add(Held(Arc::new(Mutex::new(Slot { reader: Some(reader), waiting: None }))))
}

/// Takes a body out of JavaScript's reach, with whatever of it was not read yet.
pub fn release(scope: &mut v8::PinScope, rid: u32) -> Option<BodyReader> {
    isolate::resources(scope).take::<Held>(rid)?.take()
}

// === impl Held ===

impl Held {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<BodyReader> {
        let mut slot = self.lock();
        let reader = slot.reader.take();
        if let Some(waker) = slot.waiting.take() {
            waker.wake();
        }
        reader
    }

    /// The next decoded chunk; the end when the body was cancelled meanwhile.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut slot = self.lock();
        let Some(mut reader) = slot.reader.take() else {
            return Poll::Ready(None);
        };
        if reader.coding().is_some() {
            reader = reader.decoded();
        }
        let polled = reader.poll_read(cx, CHUNK);
        match &polled {
            Poll::Pending => {
                slot.waiting = Some(cx.waker().clone());
                slot.reader = Some(reader);
            }
            Poll::Ready(Some(Ok(_))) => slot.reader = Some(reader),
            Poll::Ready(_) => {}
        }
        polled
    }
}

// === errors ===

impl From<BodyError> for JsError {
    fn from(error: BodyError) -> Self {
        let message = error.to_string();
        match error {
            BodyError::Aborted => JsError::dom("AbortError", message),
            BodyError::Decode(_) | BodyError::MemoryLimit | BodyError::Overrun | BodyError::Underrun => {
                JsError::type_error(message)
            }
            BodyError::ConnectionLost
            | BodyError::TooLarge(_)
            | BodyError::Stalled(_)
            | BodyError::ReaderGone
            | BodyError::Source(_) => JsError::error(message),
        }
    }
}

/// Says why a number names no body here.
fn throw_missing(scope: &mut v8::PinScope, rid: u32) {
    let error = if isolate::resources(scope).is_foreign(rid) {
        isolate::foreign(scope)
    } else {
        JsError::type_error("This stream is closed.")
    };
    isolate::throw(scope, error);
}

fn rid_arg(scope: &mut v8::PinScope, args: &Args, index: i32) -> u32 {
    args.get(index).uint32_value(scope).unwrap_or(0)
}

// === reading ===

/// `op_body_read(rid)` → a chunk, or null at the end; or a promise of either when nothing is ready.
fn op_body_read(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args, 0);
    let Some(held) = isolate::resources(scope).get::<Held>(rid).cloned() else {
        return throw_missing(scope, rid);
    };
    match held.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Ok(chunk))) => {
            let chunk = isolate::new_bytes(scope, chunk.into());
            rv.set(chunk.into());
        }
        Poll::Ready(Some(Err(error))) => {
            release(scope, rid);
            isolate::throw(scope, error.into());
        }
        Poll::Ready(None) => {
            release(scope, rid);
            rv.set_null();
        }
        Poll::Pending => isolate::spawn(scope, rv, async move {
            match poll_fn(|cx| held.poll(cx)).await {
                Some(Ok(chunk)) => Ok(OpValue::Bytes(chunk.into())),
                Some(Err(error)) => Err(error.into()),
                None => Ok(OpValue::With(Box::new(move |scope| {
                    release(scope, rid);
                    let null: v8::Local<v8::Value> = v8::null(scope).into();
                    v8::Global::new(scope, null)
                }))),
            }
        }),
    }
}

/// `op_body_read_all(rid)` → a promise of the whole decoded rest.
fn op_body_read_all(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args, 0);
    let Some(reader) = release(scope, rid) else {
        return throw_missing(scope, rid);
    };
    isolate::spawn(scope, rv, async move {
        let all = reader.decoded().read_all(READ_ALL_LIMIT).await?;
        Ok(OpValue::Bytes(all.into()))
    });
}

/// `op_body_cancel(rid)`: nobody wants the rest. A read that waits ends with null.
fn op_body_cancel(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args, 0);
    drop(release(scope, rid));
}

/// `op_body_tee(rid)` → `[rid, rid]`; the first number is gone.
fn op_body_tee(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args, 0);
    let Some(reader) = release(scope, rid) else {
        return throw_missing(scope, rid);
    };
    let (a, b) = reader.tee();
    let (a, b) = (hold(scope, a), hold(scope, b));
    set_pair(scope, rv, a, b);
}

fn set_pair(scope: &mut v8::PinScope, mut rv: v8::ReturnValue, a: u32, b: u32) {
    let a = v8::Integer::new_from_unsigned(scope, a).into();
    let b = v8::Integer::new_from_unsigned(scope, b).into();
    rv.set(v8::Array::new_with_elements(scope, &[a, b]).into());
}

// === writing ===

/// `op_body_writer(length | -1)` → `[writer, reader]`.
fn op_body_writer(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let length = args.get(0).number_value(scope).unwrap_or(-1.0);
    let (writer, reader) = channel((length >= 0.0).then_some(length as u64));
    let writer = isolate::resources(scope).add(writer);
    let reader = hold(scope, reader);
    set_pair(scope, rv, writer, reader);
}

fn writer_arg(scope: &mut v8::PinScope, args: &Args) -> Option<BodyWriter> {
    let rid = rid_arg(scope, args, 0);
    let writer = isolate::resources(scope).get::<BodyWriter>(rid).cloned();
    if writer.is_none() {
        throw_missing(scope, rid);
    }
    writer
}

/// `op_body_write(writer, chunk)` → undefined when there is room for more, else a promise of room.
fn op_body_write(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(writer) = writer_arg(scope, &args) else { return };
    let Some(chunk) = isolate::bytes_arg(scope, &args, 1) else {
        let message = "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/\
            ArrayBufferView type on its writable side.";
        return isolate::throw(scope, JsError::type_error(message));
    };
    // In a Durable Object a chunk must not leave before what was stored before it is durable.
    if isolate::output_waits(scope) {
        return isolate::spawn_output(scope, rv, async move {
            if !writer.write(chunk.into())? {
                writer.ready().await?;
            }
            Ok(OpValue::Undefined)
        });
    }
    match writer.write(chunk.into()) {
        Ok(true) => {}
        Ok(false) => isolate::spawn(scope, rv, async move {
            writer.ready().await?;
            Ok(OpValue::Undefined)
        }),
        Err(error) => isolate::throw(scope, error.into()),
    }
}

/// `op_body_close(writer)` → undefined, or a promise when the end may not leave yet: the body is whole. An error when a promised
/// length was not reached.
fn op_body_close(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(writer) = take_writer(scope, &args) else { return };
    if isolate::output_waits(scope) {
        return isolate::spawn_output(scope, rv, async move {
            writer.close()?;
            Ok(OpValue::Undefined)
        });
    }
    if let Err(error) = writer.close() {
        isolate::throw(scope, error.into());
    }
}

/// `op_body_abort(writer, message)`: the body breaks off.
fn op_body_abort(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let Some(writer) = take_writer(scope, &args) else { return };
    let message = isolate::string_arg(scope, &args, 1);
    writer.abort(BodyError::Source(message.into()));
}

/// `op_body_gone(writer)` → a promise that resolves when nobody reads any more, so that a source which waits for
/// something else can be cancelled. Does not keep the event alive.
fn op_body_gone(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = rid_arg(scope, &args, 0);
    let Some(writer) = isolate::resources(scope).get::<BodyWriter>(rid).map(|writer| writer.watch()) else {
        return throw_missing(scope, rid);
    };
    isolate::spawn_background(scope, rv, async move {
        writer.reader_gone().await;
        Ok(OpValue::Undefined)
    });
}

/// A writer that is closed twice is closed: the number may be gone already.
fn take_writer(scope: &mut v8::PinScope, args: &Args) -> Option<BodyWriter> {
    let rid = rid_arg(scope, args, 0);
    isolate::resources(scope).take::<BodyWriter>(rid)
}
