//! The ops behind `js/r2.js`. Options come as flat arrays, objects go as `[key, version, size, etag, uploaded, storageClass, http,
//! custom, checksums, ssecKeyMd5]`, with undefined for what is not there.

use std::future::Future;

use isolate::{Args, JsError, Op, OpValue, op, v8};
use r2::{
    Bucket, Checksums, CompletedPart, Conditional, CustomerKey, Error, Etag, Expected, Get, HttpMetadata, Object, Put,
    Range,
};
use webapi::body::{BodyError, BodyReader, ops as bodies};

use crate::binding::service_arg;

pub(crate) const OPS: &[Op] = &[
    op!(op_r2_head),
    op!(op_r2_get),
    op!(op_r2_put),
    op!(op_r2_delete),
    op!(op_r2_list),
    op!(op_r2_create_multipart),
    op!(op_r2_upload_part),
    op!(op_r2_complete_multipart),
    op!(op_r2_abort_multipart),
];

type Value<'s> = v8::Local<'s, v8::Value>;

// === errors ===

/// The exception for what went wrong in `action`, with the platform's text.
fn js_error(action: &str, error: Error) -> JsError {
    let error = match error {
        Error::Source(source) => match source.downcast::<BodyError>() {
            Ok(error) => return JsError::from(*error),
            Err(source) => return JsError::error(source.to_string()),
        },
        error => error,
    };
    if error.is_internal() {
        tracing::error!(%error, "R2: {action} failed");
        return JsError::error(format!("{action}: {} (10001)", Error::UnknownUpload));
    }
    match error.code() {
        Some(code) => JsError::error(format!("{action}: {error} ({code})")),
        None => JsError::type_error(error.to_string()),
    }
}

/// Begins an operation on the bucket that argument 0 names.
fn begin<F: Future<Output = Result<OpValue, Error>> + Send + 'static>(
    scope: &mut v8::PinScope,
    args: &Args,
    rv: v8::ReturnValue,
    action: &'static str,
    operation: impl FnOnce(&mut v8::PinScope, Bucket) -> Result<F, JsError>,
) {
    if !isolate::require_io(scope) {
        return;
    }
    if let Some(Err(error)) = isolate::io_context(scope).map(isolate::IoContext::take_operation) {
        return isolate::throw(scope, error);
    }
    let Some(bucket) = service_arg::<Bucket>(scope, args, 0) else {
        return isolate::throw(scope, JsError::error("This Worker has no such bucket."));
    };
    let mut span = isolate::begin_span(scope, || format!("r2_{action}").into());
    span.fact("cloudflare.r2.bucket", || bucket.name());
    match operation(scope, bucket) {
        Ok(future) => isolate::spawn_output(scope, rv, async move {
            span.watch(future).await.map_err(|error| js_error(action, error))
        }),
        Err(error) => isolate::throw(scope, error),
    }
}

// === what JavaScript gives ===

/// One of the runtime's flat arrays.
struct Flat<'a>(v8::Local<'a, v8::Array>);

impl<'a> Flat<'a> {
    /// `None`: nothing was given.
    fn new(value: Value<'a>) -> Option<Self> {
        value.try_cast().ok().map(Self)
    }

    fn get<'s>(&self, scope: &mut v8::PinScope<'s, '_>, index: u32) -> Option<Value<'s>> {
        self.0.get_index(scope, index).filter(|value| !value.is_undefined())
    }

    fn text(&self, scope: &mut v8::PinScope, index: u32) -> Option<String> {
        Some(self.get(scope, index)?.to_rust_string_lossy(scope))
    }

    fn number(&self, scope: &mut v8::PinScope, index: u32) -> Option<f64> {
        self.get(scope, index)?.number_value(scope)
    }

    fn bytes(&self, scope: &mut v8::PinScope, index: u32) -> Option<Vec<u8>> {
        bytes(self.get(scope, index)?)
    }

    fn flag(&self, scope: &mut v8::PinScope, index: u32) -> bool {
        self.get(scope, index).is_some_and(|value| value.is_true())
    }

    /// `[a, b, a, b, …]` as pairs.
    fn pairs(&self, scope: &mut v8::PinScope) -> Vec<(String, String)> {
        let text = |scope: &mut v8::PinScope, index| self.text(scope, index).unwrap_or_default();
        (0..self.0.length() / 2).map(|pair| (text(scope, 2 * pair), text(scope, 2 * pair + 1))).collect()
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    let view = value.try_cast::<v8::ArrayBufferView>().ok()?;
    let mut bytes = vec![0; view.byte_length()];
    let copied = view.copy_contents(&mut bytes);
    bytes.truncate(copied);
    Some(bytes)
}

fn conditional(scope: &mut v8::PinScope, value: Value) -> Option<Conditional> {
    let flat = Flat::new(value)?;
    let etags = |scope: &mut v8::PinScope, index| {
        let etags = Flat::new(flat.get(scope, index)?)?;
        let etags = etags.pairs(scope).into_iter().map(|(kind, value)| match &*kind {
            "0" => Etag::Strong(value),
            "1" => Etag::Weak(value),
            _ => Etag::Wildcard,
        });
        Some(etags.collect())
    };
    Some(Conditional {
        etag_matches: etags(scope, 0),
        etag_does_not_match: etags(scope, 1),
        uploaded_before: flat.number(scope, 2).map(|millis| millis as i64),
        uploaded_after: flat.number(scope, 3).map(|millis| millis as i64),
        seconds_granularity: flat.flag(scope, 4),
    })
}

fn range(scope: &mut v8::PinScope, value: Value) -> Option<Range> {
    let flat = Flat::new(value)?;
    if let Some(header) = flat.text(scope, 3) {
        return Some(Range::Header(header));
    }
    let whole = |number: Option<f64>| number.map(|number| number as u64);
    if let Some(suffix) = whole(flat.number(scope, 2)) {
        return Some(Range::Suffix(suffix));
    }
    let offset = whole(flat.number(scope, 0)).unwrap_or(0);
    Some(Range::From { offset, length: whole(flat.number(scope, 1)) })
}

fn http(scope: &mut v8::PinScope, value: Value) -> HttpMetadata {
    let Some(flat) = Flat::new(value) else { return HttpMetadata::default() };
    HttpMetadata {
        content_type: flat.text(scope, 0),
        content_language: flat.text(scope, 1),
        content_disposition: flat.text(scope, 2),
        content_encoding: flat.text(scope, 3),
        cache_control: flat.text(scope, 4),
        cache_expiry: flat.number(scope, 5).map(|millis| millis as i64),
    }
}

/// A name that is given twice, as an object can't have it, counts once.
fn custom(scope: &mut v8::PinScope, value: Value) -> Vec<(String, String)> {
    Flat::new(value).map(|flat| flat.pairs(scope)).unwrap_or_default()
}

fn checksums(scope: &mut v8::PinScope, value: Value) -> Expected {
    let Some(flat) = Flat::new(value) else { return Expected::default() };
    Expected::from(Checksums {
        md5: flat.bytes(scope, 0),
        sha1: flat.bytes(scope, 1),
        sha256: flat.bytes(scope, 2),
        sha384: flat.bytes(scope, 3),
        sha512: flat.bytes(scope, 4),
        ..Checksums::default()
    })
}

fn customer_key(value: Value) -> Option<CustomerKey> {
    bytes(value)?.try_into().ok().map(CustomerKey::new)
}

fn storage_class(scope: &mut v8::PinScope, value: Value, action: &str) -> Result<Option<r2::StorageClass>, JsError> {
    if value.is_undefined() {
        return Ok(None);
    }
    let class = value.to_rust_string_lossy(scope).parse().map_err(|error| js_error(action, error))?;
    Ok(Some(class))
}

const UNKNOWN_LENGTH: &str = "Provided readable stream must have a known length (request/response body or readable half of \
FixedLengthStream)";

/// Text, bytes, or a native body's number, whose length has to be known.
fn body(scope: &mut v8::PinScope, value: Value) -> Result<(BodyReader, u64), JsError> {
    let reader = if value.is_string() {
        BodyReader::from_bytes(value.to_rust_string_lossy(scope))
    } else if value.is_number() {
        let rid = value.uint32_value(scope).unwrap_or(0);
        let missing = || JsError::type_error("The stream has been read or belongs to another request.");
        bodies::release(scope, rid).ok_or_else(missing)?
    } else {
        BodyReader::from_bytes(bytes(value).unwrap_or_default())
    };
    // How long an encoded body is when it is decoded, nobody can say.
    match reader.length() {
        Some(length) if reader.coding().is_none() => Ok((reader, length)),
        _ => Err(JsError::type_error(UNKNOWN_LENGTH)),
    }
}

// === what JavaScript gets ===

/// Which metadata a list was asked for.
#[derive(Clone, Copy)]
struct Include {
    http: bool,
    custom: bool,
}

const ALL: Include = Include { http: true, custom: true };

fn array<'s>(scope: &v8::PinScope<'s, '_>, elements: &[Value<'s>]) -> Value<'s> {
    v8::Array::new_with_elements(scope, elements).into()
}

fn text<'s>(scope: &v8::PinScope<'s, '_>, text: &str) -> Value<'s> {
    isolate::new_string(scope, text).into()
}

fn optional<'s>(scope: &v8::PinScope<'s, '_>, value: Option<&String>) -> Value<'s> {
    match value {
        Some(value) => text(scope, value),
        None => v8::undefined(scope).into(),
    }
}

fn number<'s>(scope: &v8::PinScope<'s, '_>, number: f64) -> Value<'s> {
    v8::Number::new(scope, number).into()
}

fn parts<'s>(scope: &mut v8::PinScope<'s, '_>, object: &Object, include: Include) -> Value<'s> {
    let undefined: Value = v8::undefined(scope).into();
    let http = &object.http;
    let http = [
        optional(scope, http.content_type.as_ref()),
        optional(scope, http.content_language.as_ref()),
        optional(scope, http.content_disposition.as_ref()),
        optional(scope, http.content_encoding.as_ref()),
        optional(scope, http.cache_control.as_ref()),
        http.cache_expiry.map_or(undefined, |millis| number(scope, millis as f64)),
    ];
    let custom: Vec<_> =
        object.custom.iter().flat_map(|(name, value)| [text(scope, name), text(scope, value)]).collect();
    let known = &object.checksums;
    let checksums = [&known.md5, &known.sha1, &known.sha256, &known.sha384, &known.sha512]
        .map(|checksum| checksum.as_ref().map_or(undefined, |bytes| isolate::new_bytes(scope, bytes.clone()).into()));
    let elements = [
        text(scope, &object.key),
        text(scope, &object.version),
        number(scope, object.size as f64),
        text(scope, &object.etag),
        number(scope, object.uploaded as f64),
        text(scope, object.storage_class.name()),
        if include.http { array(scope, &http) } else { undefined },
        if include.custom { array(scope, &custom) } else { undefined },
        array(scope, &checksums),
        optional(scope, object.key_md5.as_ref()),
    ];
    array(scope, &elements)
}

fn object_or_null(object: Option<Object>) -> OpValue {
    match object {
        None => OpValue::Null,
        Some(object) => OpValue::With(Box::new(move |scope| {
            let parts = parts(scope, &object, ALL);
            v8::Global::new(scope, parts)
        })),
    }
}

// === the operations ===

/// `op_r2_head(bucket, key)` → a promise of an object, or null
fn op_r2_head(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "head", |scope, bucket| {
        let key = isolate::string_arg(scope, &args, 1);
        Ok(async move { bucket.head(&key).await.map(object_or_null) })
    });
}

/// `op_r2_get(bucket, key, onlyIf, range, customerKey)` → a promise of `[object, rid | -1, offset, length]`, or null
fn op_r2_get(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "get", |scope, bucket| {
        let key = isolate::string_arg(scope, &args, 1);
        let only_if = conditional(scope, args.get(2));
        let options = Get { only_if, range: range(scope, args.get(3)), key: customer_key(args.get(4)), part: None };
        Ok(async move {
            let Some(got) = bucket.get(&key, options).await? else { return Ok(OpValue::Null) };
            Ok(OpValue::With(Box::new(move |scope| {
                let rid = got.body.map_or(-1.0, |body| f64::from(bodies::hold(scope, reader(body))));
                let elements = [
                    parts(scope, &got.object, ALL),
                    number(scope, rid),
                    number(scope, got.range.offset as f64),
                    number(scope, got.range.length as f64),
                ];
                let array = array(scope, &elements);
                v8::Global::new(scope, array)
            })))
        })
    });
}

fn reader(body: r2::Body) -> BodyReader {
    let length = body.length();
    let stream = futures::TryStreamExt::map_err(body.into_stream(), |error| {
        tracing::error!(%error, "R2: reading an object failed");
        BodyError::Source(Error::UnknownUpload.to_string().into())
    });
    BodyReader::from_stream(stream, Some(length))
}

/// `op_r2_put(bucket, key, body, http, custom, onlyIf, checksums, storageClass, customerKey)` → a promise of an object, or null
fn op_r2_put(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "put", |scope, bucket| {
        let key = isolate::string_arg(scope, &args, 1);
        let (body, length) = body(scope, args.get(2))?;
        let options = Put {
            length: Some(length),
            http: http(scope, args.get(3)),
            custom: custom(scope, args.get(4)),
            only_if: conditional(scope, args.get(5)),
            expected: checksums(scope, args.get(6)),
            storage_class: storage_class(scope, args.get(7), "put")?,
            key: customer_key(args.get(8)),
        };
        Ok(async move { bucket.put(&key, body, options).await.map(object_or_null) })
    });
}

/// `op_r2_delete(bucket, keys)` → a promise
fn op_r2_delete(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "delete", |scope, bucket| {
        let keys = match Flat::new(args.get(1)) {
            Some(flat) => (0..flat.0.length()).filter_map(|index| flat.text(scope, index)).collect(),
            None => Vec::new(),
        };
        Ok(async move { bucket.delete(keys).await.map(OpValue::from) })
    });
}

/// `op_r2_list(bucket, [limit, prefix, cursor, delimiter, startAfter, http, custom])`
/// → a promise of `[objects, prefixes, cursor | undefined]`
fn op_r2_list(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "list", |scope, bucket| {
        let mut options = r2::List::default();
        if let Some(flat) = Flat::new(args.get(1)) {
            options = r2::List {
                limit: flat.number(scope, 0).map(|limit| limit.max(0.0) as u32),
                prefix: flat.text(scope, 1).unwrap_or_default(),
                // An empty one is that of the first page.
                cursor: flat.text(scope, 2).filter(|cursor| !cursor.is_empty()),
                delimiter: flat.text(scope, 3).unwrap_or_default(),
                start_after: flat.text(scope, 4),
                http: flat.flag(scope, 5),
                custom: flat.flag(scope, 6),
            };
        }
        Ok(async move {
            let include = Include { http: options.http, custom: options.custom };
            let page = bucket.list(options).await?;
            Ok(OpValue::With(Box::new(move |scope| {
                let objects: Vec<_> = page.objects.iter().map(|object| parts(scope, object, include)).collect();
                let prefixes: Vec<_> = page.prefixes.iter().map(|prefix| text(scope, prefix)).collect();
                let elements = [array(scope, &objects), array(scope, &prefixes), optional(scope, page.cursor.as_ref())];
                let array = array(scope, &elements);
                v8::Global::new(scope, array)
            })))
        })
    });
}

/// `op_r2_create_multipart(bucket, key, http, custom, storageClass, customerKey)` → a promise of the upload's id
fn op_r2_create_multipart(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "createMultipartUpload", |scope, bucket| {
        let key = isolate::string_arg(scope, &args, 1);
        let options = r2::MultipartOptions {
            http: http(scope, args.get(2)),
            custom: custom(scope, args.get(3)),
            storage_class: storage_class(scope, args.get(4), "createMultipartUpload")?,
            key: customer_key(args.get(5)),
            checksum: None,
        };
        Ok(async move { bucket.create_multipart(&key, options).await.map(OpValue::from) })
    });
}

/// `op_r2_upload_part(bucket, key, upload, number, body, customerKey)` → a promise of the part's ETag
fn op_r2_upload_part(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "uploadPart", |scope, bucket| {
        let (key, upload) = (isolate::string_arg(scope, &args, 1), isolate::string_arg(scope, &args, 2));
        let number = args.get(3).uint32_value(scope).unwrap_or(0) as u16;
        let (body, length) = body(scope, args.get(4))?;
        let part = r2::Part { length: Some(length), expected: Expected::default(), key: customer_key(args.get(5)) };
        Ok(async move {
            let part = bucket.upload_part(&key, &upload, number, body, part).await?;
            Ok(OpValue::String(part.etag))
        })
    });
}

/// `op_r2_complete_multipart(bucket, key, upload, [number, etag, number, etag, …])` → a promise of the object
fn op_r2_complete_multipart(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "completeMultipartUpload", |scope, bucket| {
        let (key, upload) = (isolate::string_arg(scope, &args, 1), isolate::string_arg(scope, &args, 2));
        let mut parts = Vec::new();
        if let Some(flat) = Flat::new(args.get(3)) {
            for pair in 0..flat.0.length() / 2 {
                let number = flat.number(scope, 2 * pair).unwrap_or_default() as u16;
                let etag = flat.text(scope, 2 * pair + 1).unwrap_or_default();
                parts.push(CompletedPart { number, etag, ..CompletedPart::default() });
            }
        }
        Ok(async move {
            let object = bucket.complete_multipart(&key, &upload, parts, None).await?;
            Ok(object_or_null(Some(object)))
        })
    });
}

/// `op_r2_abort_multipart(bucket, key, upload)` → a promise
fn op_r2_abort_multipart(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    begin(scope, &args, rv, "abortMultipartUpload", |scope, bucket| {
        let (key, upload) = (isolate::string_arg(scope, &args, 1), isolate::string_arg(scope, &args, 2));
        Ok(async move { bucket.abort_multipart(&key, &upload).await.map(OpValue::from) })
    });
}
