//! The ops behind `env.KV`. Small values are read on the isolate's own thread: the database is in memory for the most part,
//! and a hop to another thread would cost more than the read.

use bytes::Bytes;
use isolate::{Args, JsError, Op, OpValue, OpenSpan, op, v8};
use kv::{Colo, Entry, Error, Found, ListOptions, Namespace, Operation, Page, Place, PutOptions, Write, limits};
use webapi::body::BodyReader;

use crate::binding::service_arg;

pub(crate) const OPS: &[Op] =
    &[op!(op_kv_get), op!(op_kv_get_many), op!(op_kv_put), op!(op_kv_delete), op!(op_kv_list)];

/// Values up to this size are read at once.
const INLINE: usize = 64 * 1024;

/// How a value is given to JavaScript.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Bytes,
    /// A body's number.
    Stream,
}

/// An operation on a namespace: counted, where its event takes place, and the span of this name that it has.
fn begin(scope: &mut v8::PinScope, args: &Args, name: &'static str) -> Option<(Namespace, Place, OpenSpan)> {
    if !isolate::require_io(scope) {
        return None;
    }
    let namespace = service_arg::<Namespace>(scope, args, 0)?;
    let place = crate::event::colo(scope).and_then(|colo| Colo::new(&colo)).map_or(Place::Central, Place::Colo);
    match isolate::io_context(scope)?.take_operation() {
        Ok(()) => {
            let mut span = isolate::begin_span(scope, || name.into());
            span.fact("db.system.name", || "cloudflare-kv");
            span.fact("db.namespace", || namespace.id());
            Some((namespace, place, span))
        }
        Err(error) => {
            isolate::throw(scope, error);
            None
        }
    }
}

/// The error as the Worker sees it.
fn js_error(operation: Operation, error: Error) -> JsError {
    match error {
        Error::EmptyKey | Error::DotKey(_) => JsError::type_error(error.to_string()),
        Error::Refused { .. } => JsError::error(error.to_string()),
        Error::Engine(error) => {
            tracing::error!(%error, "KV {operation}");
            JsError::error(format!("KV {operation} failed: 500 Internal Server Error"))
        }
    }
}

/// Reads the database on a thread where that may take its time.
async fn blocking<T: Send + 'static>(
    operation: Operation,
    read: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, JsError> {
    match tokio::task::spawn_blocking(read).await {
        Ok(result) => result.map_err(|error| js_error(operation, error)),
        Err(error) => {
            tracing::error!(%error, "KV {operation}");
            Err(JsError::error(format!("KV {operation} failed: 500 Internal Server Error")))
        }
    }
}

/// Argument `index` as a string, unless it is undefined.
fn optional_string(scope: &mut v8::PinScope, args: &Args, index: i32) -> Option<String> {
    (!args.get(index).is_undefined()).then(|| isolate::string_arg(scope, args, index))
}

/// Argument `index` as an integer, unless it is undefined.
fn optional_integer(scope: &mut v8::PinScope, args: &Args, index: i32) -> Option<i64> {
    if args.get(index).is_undefined() {
        return None;
    }
    args.get(index).integer_value(scope)
}

// === reading ===

/// `op_kv_get(namespace, key, form, cacheTtl | undefined)` → null, or `[value, metadata | null]`, or a promise of either
/// when the value is large.
fn op_kv_get(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let key = isolate::string_arg(scope, &args, 1);
    if let Err(error) = limits::check_key(Operation::Get, &key) {
        return isolate::throw(scope, js_error(Operation::Get, error));
    }
    let form = match args.get(2).uint32_value(scope) {
        Some(1) => Form::Bytes,
        Some(2) => Form::Stream,
        _ => Form::Text,
    };
    let Some((namespace, place, mut span)) = begin(scope, &args, "kv_get") else { return };
    if let Some(Err(error)) =
        optional_integer(scope, &args, 3).map(|seconds| limits::check_cache_ttl(Operation::Get, seconds))
    {
        return isolate::throw(scope, js_error(Operation::Get, error));
    }
    match namespace.peek(place, &key, INLINE) {
        Ok(Found::Nothing) => rv.set_null(),
        Ok(Found::Entry(entry)) => {
            let found = found(scope, entry, form);
            rv.set(found);
        }
        Ok(Found::Large) => isolate::spawn_output(scope, rv, async move {
            let entry = span.watch(blocking(Operation::Get, move || namespace.get(place, &key))).await?;
            Ok(match entry {
                None => OpValue::Null,
                Some(entry) => OpValue::With(Box::new(move |scope| {
                    let found = found(scope, entry, form);
                    v8::Global::new(scope, found)
                })),
            })
        }),
        Err(error) => {
            span.fail();
            isolate::throw(scope, js_error(Operation::Get, error));
        }
    }
}

fn found<'s>(scope: &mut v8::PinScope<'s, '_>, entry: Entry, form: Form) -> v8::Local<'s, v8::Value> {
    let value: v8::Local<v8::Value> = match form {
        Form::Text => text(scope, &entry.value),
        Form::Bytes => isolate::new_bytes(scope, entry.value.into()).into(),
        Form::Stream => {
            let rid = webapi::body::ops::hold(scope, BodyReader::from_bytes(entry.value));
            v8::Integer::new_from_unsigned(scope, rid).into()
        }
    };
    let metadata = metadata(scope, entry.metadata.as_deref());
    v8::Array::new_with_elements(scope, &[value, metadata]).into()
}

/// A value as text; what is not UTF-8 becomes U+FFFD.
fn text<'s>(scope: &v8::PinScope<'s, '_>, value: &[u8]) -> v8::Local<'s, v8::Value> {
    isolate::new_string(scope, &String::from_utf8_lossy(value)).into()
}

fn metadata<'s>(scope: &v8::PinScope<'s, '_>, json: Option<&str>) -> v8::Local<'s, v8::Value> {
    match json {
        Some(json) => isolate::new_string(scope, json).into(),
        None => v8::null(scope).into(),
    }
}

/// `op_kv_get_many(namespace, keys, cacheTtl | undefined)` → a promise of `[text | null, metadata | null, …]`
fn op_kv_get_many(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some((namespace, place, mut span)) = begin(scope, &args, "kv_get") else { return };
    let mut keys = Vec::new();
    if let Ok(array) = args.get(1).try_cast::<v8::Array>() {
        for index in 0..array.length() {
            let key = array.get_index(scope, index);
            keys.extend(key.map(|key| key.to_rust_string_lossy(scope)));
        }
    }
    let cache_ttl = optional_integer(scope, &args, 2);
    isolate::spawn_output(scope, rv, async move {
        let entries = blocking(Operation::GetBulk, move || {
            let entries = namespace.get_many(place, &keys)?;
            if let Some(seconds) = cache_ttl {
                limits::check_cache_ttl(Operation::GetBulk, seconds)?;
            }
            Ok(entries)
        });
        let entries = span.watch(entries).await?;
        Ok(OpValue::With(Box::new(move |scope| {
            let mut flat = Vec::with_capacity(entries.len() * 2);
            for entry in &entries {
                flat.push(match entry {
                    Some(entry) => text(scope, &entry.value),
                    None => v8::null(scope).into(),
                });
                flat.push(metadata(scope, entry.as_ref().and_then(|entry| entry.metadata.as_deref())));
            }
            let flat: v8::Local<v8::Value> = v8::Array::new_with_elements(scope, &flat).into();
            v8::Global::new(scope, flat)
        })))
    });
}

/// `op_kv_list(namespace, prefix | undefined, limit | undefined, cursor | undefined)` → a promise of the page's JSON text
fn op_kv_list(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some((namespace, place, mut span)) = begin(scope, &args, "kv_list") else { return };
    let options = ListOptions {
        prefix: optional_string(scope, &args, 1),
        limit: optional_integer(scope, &args, 2),
        cursor: optional_string(scope, &args, 3),
    };
    isolate::spawn_output(scope, rv, async move {
        let page = span.watch(blocking(Operation::Get, move || namespace.list(place, &options))).await?;
        Ok(OpValue::String(json(&page)))
    });
}

fn json(page: &Page) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut json = String::from("{\"keys\":[");
    for (index, key) in page.keys.iter().enumerate() {
        json.push_str(if index == 0 { "{\"name\":" } else { ",{\"name\":" });
        json.push_str(&quoted(&key.name));
        if let Some(expiration) = key.expiration {
            json.push_str(&format!(",\"expiration\":{expiration}"));
        }
        if let Some(metadata) = &key.metadata {
            json.push_str(",\"metadata\":");
            json.push_str(metadata);
        }
        json.push('}');
    }
    match &page.cursor {
        Some(cursor) => json.push_str(&format!("],\"list_complete\":false,\"cursor\":{}", quoted(cursor))),
        None => json.push_str("],\"list_complete\":true"),
    }
    json.push_str(",\"cacheStatus\":null}");
    json
}

// === writing ===

/// `op_kv_put(namespace, key, value, expiration | undefined, expirationTtl | undefined, metadata | undefined)` → a promise that
/// is fulfilled when the write is durable. `value` is text, bytes, or a body's number; `metadata` is JSON text.
fn op_kv_put(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let key = isolate::string_arg(scope, &args, 1);
    if let Err(error) = limits::check_key(Operation::Put, &key) {
        return isolate::throw(scope, js_error(Operation::Put, error));
    }
    let Some((namespace, place, mut span)) = begin(scope, &args, "kv_put") else { return };
    let options = PutOptions {
        expiration: optional_integer(scope, &args, 3),
        expiration_ttl: optional_integer(scope, &args, 4),
        metadata: optional_string(scope, &args, 5),
    };
    let put = match namespace.put(&key, options) {
        Ok(put) => put,
        Err(error) => return isolate::throw(scope, js_error(Operation::Put, error)),
    };
    let value = match value(scope, &args) {
        Ok(value) => value,
        Err(error) => return isolate::throw(scope, error),
    };
    isolate::spawn_output(scope, rv, async move {
        let failed = |error| js_error(Operation::Put, error);
        let written = async {
            let value = match value {
                Value::Whole(value) => value,
                Value::Body(body) => gather(body).await?,
            };
            let write = put.value(value).map_err(failed)?;
            namespace.write(place, vec![write]).await.map_err(failed)
        };
        span.watch(written).await?;
        Ok(OpValue::Undefined)
    });
}

enum Value {
    Whole(Bytes),
    Body(BodyReader),
}

fn value(scope: &mut v8::PinScope, args: &Args) -> Result<Value, JsError> {
    if args.get(2).is_string() {
        return Ok(Value::Whole(isolate::string_arg(scope, args, 2).into()));
    }
    if let Some(bytes) = isolate::bytes_arg(scope, args, 2) {
        return Ok(Value::Whole(bytes.into()));
    }
    let rid = args.get(2).uint32_value(scope).unwrap_or(0);
    let body = webapi::body::ops::release(scope, rid).ok_or_else(|| isolate::foreign(scope))?;
    Ok(Value::Body(body))
}

/// A streamed value, as large as values may be.
async fn gather(body: BodyReader) -> Result<Bytes, JsError> {
    let check = |length: u64| limits::check_value(length).map_err(|error| js_error(Operation::Put, error));
    let mut body = body.decoded();
    if let Some(length) = body.length() {
        check(length)?;
    }
    let mut value = Vec::new();
    while let Some(chunk) = body.chunk().await.transpose()? {
        check((value.len() + chunk.len()) as u64)?;
        value.extend_from_slice(&chunk);
    }
    Ok(value.into())
}

/// `op_kv_delete(namespace, key)` → a promise that is fulfilled when the deletion is durable
fn op_kv_delete(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let key = isolate::string_arg(scope, &args, 1);
    let delete = match Write::delete(&key) {
        Ok(delete) => delete,
        Err(error) => return isolate::throw(scope, js_error(Operation::Delete, error)),
    };
    let Some((namespace, place, mut span)) = begin(scope, &args, "kv_delete") else { return };
    isolate::spawn_output(scope, rv, async move {
        let deleted = span.watch(namespace.write(place, vec![delete])).await;
        deleted.map_err(|error| js_error(Operation::Delete, error))?;
        Ok(OpValue::Undefined)
    });
}
