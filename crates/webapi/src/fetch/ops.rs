//! The ops behind `fetch()`.

use http::header::{ACCEPT_ENCODING, SEC_WEBSOCKET_EXTENSIONS};
use http::{HeaderMap, HeaderValue, Method};
use isolate::{Args, JsError, Op, OpValue, OpenSpan, SpanId, TraceId, op, v8};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{FetchError, Outbound, RedirectMode, Subrequest, SubrequestBody, Subresponse};
use crate::body::{BodyReader, Coding};
use crate::{Behavior, body, websocket};

/// Where a request stands in a trace (W3C Trace Context §3.2).
const TRACEPARENT: &str = "traceparent";

pub const OPS: &[Op] = &[op!(op_fetch), op!(op_fetch_id), op!(op_fetch_abort)];

/// `op_fetch(method, url, headers, body, redirectMode, optionsJson, fetchId)`
/// → a promise of what [`reply`] makes.
fn op_fetch(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let mut request = match subrequest(scope, &args) {
        Ok(request) => request,
        Err(error) => return isolate::throw(scope, error),
    };
    if let Some(Err(error)) = isolate::io_context(scope).map(|context| context.take_subrequest()) {
        return isolate::throw(scope, error);
    }
    let Some(outbound) = isolate::embedder::<Outbound>(scope).cloned() else {
        return isolate::throw(scope, JsError::error("This Worker has no outbound network."));
    };
    let outbound = outbound.here(scope);
    let mut span = begin_span(scope, &mut request);
    isolate::spawn_output(scope, rv, async move {
        let response = span.watch(outbound.fetch(request)).await?;
        span.fact("http.response.status_code", || i64::from(response.status.as_u16()));
        Ok(OpValue::With(Box::new(move |scope| reply(scope, response))))
    });
}

/// The span of a request to elsewhere. Paths and queries may hold secrets: what is told is the server alone.
fn begin_span(scope: &mut v8::PinScope, request: &mut Subrequest) -> OpenSpan {
    let mut span = isolate::begin_span(scope, || "fetch".into());
    span.fact("http.request.method", || request.method.as_str());
    span.fact("url.scheme", || request.url.scheme());
    span.fact("server.address", || request.url.host_str().unwrap_or_default());
    span.fact("server.port", || i64::from(request.url.port_or_known_default().unwrap_or_default()));
    if let Some((TraceId(trace), SpanId(id))) = span.propagated()
        && !request.headers.contains_key(TRACEPARENT)
        && let Ok(parent) = HeaderValue::try_from(format!("00-{trace:032x}-{id:016x}-01"))
    {
        request.headers.insert(TRACEPARENT, parent);
    }
    span
}

/// `op_fetch_id()` → a number that `op_fetch` and `op_fetch_abort` know one exchange by.
fn op_fetch_id(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    rv.set_uint32(isolate::resources(scope).add(CancellationToken::new()));
}

/// `op_fetch_abort(id)`: ends the exchange, or its response's body.
fn op_fetch_abort(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let id = args.get(0).uint32_value(scope).unwrap_or(0);
    if let Some(token) = isolate::resources(scope).take::<CancellationToken>(id) {
        token.cancel();
    }
}

/// The request that an op was given, in the order of `op_fetch`'s arguments.
pub fn subrequest(scope: &mut v8::PinScope, args: &Args) -> Result<Subrequest, JsError> {
    let method = isolate::string_arg(scope, args, 0);
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| JsError::type_error(format!("Invalid HTTP method string: {method}")))?;
    let url = isolate::string_arg(scope, args, 1);
    let url = Url::parse(&url).map_err(|_| FetchError::InvalidUrl(url))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::Scheme(url.into()).into());
    }
    let mut headers = HeaderMap::new();
    crate::headers::from_js(scope, args.get(2), &mut headers)?;
    if websocket::asks_for_one(&method, &headers) && !websocket::Compression::is_on(scope) {
        headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    }
    let body = body(scope, args.get(3))?;
    let redirect = match args.get(4).uint32_value(scope) {
        Some(1) => RedirectMode::Manual,
        Some(2) => RedirectMode::Error,
        _ => RedirectMode::Follow,
    };
    let abort = abort(scope, args.get(6));
    let options = args.get(5).is_string().then(|| isolate::string_arg(scope, args, 5).into());
    let Behavior { brotli, strip_authorization, .. } = Behavior::of(scope);
    if !brotli && !headers.contains_key(ACCEPT_ENCODING) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(Subrequest { method, url, headers, body, redirect, strip_authorization, options, abort })
}

/// What ends the exchange that JavaScript knows by this number (`op_fetch_id`), or undefined.
pub fn abort(scope: &mut v8::PinScope, id: v8::Local<v8::Value>) -> Option<CancellationToken> {
    let id = id.is_number().then(|| id.uint32_value(scope)).flatten()?;
    isolate::resources(scope).get::<CancellationToken>(id).cloned()
}

/// A subrequest's body: null, text, bytes, or a native body's number.
pub fn body(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Result<SubrequestBody, JsError> {
    if value.is_null_or_undefined() {
        return Ok(SubrequestBody::None);
    }
    if value.is_string() {
        return Ok(SubrequestBody::Bytes(value.to_rust_string_lossy(scope).into()));
    }
    if value.is_number() {
        let rid = value.uint32_value(scope).unwrap_or(0);
        return body::ops::release(scope, rid)
            .map(SubrequestBody::Once)
            .ok_or_else(|| JsError::type_error("The request's body was used already."));
    }
    let Ok(view) = value.try_cast::<v8::ArrayBufferView>() else {
        return Err(JsError::type_error("A request's body is bytes, text or a stream."));
    };
    let mut bytes = vec![0; view.byte_length()];
    let copied = view.copy_contents(&mut bytes);
    bytes.truncate(copied);
    Ok(SubrequestBody::Bytes(bytes.into()))
}

/// What `responseFromNative` takes: `[status, statusText, headers, rid | -1, finalUrl, redirected, webSocket's rid | -1]`.
pub fn reply(scope: &mut v8::PinScope, response: Subresponse) -> v8::Global<v8::Value> {
    let plain = |body: BodyReader| match body.coding() {
        Some(Coding::Brotli) if !Behavior::of(scope).brotli => body.with_coding(None),
        _ => body,
    };
    let rid = match response.body.map(plain) {
        Some(body) => f64::from(body::ops::hold(scope, body)),
        None => -1.0,
    };
    let socket = match response.web_socket {
        Some(socket) => f64::from(websocket::ops::hold(scope, socket)),
        None => -1.0,
    };
    let elements = [
        v8::Integer::new(scope, response.status.as_u16().into()).into(),
        isolate::new_string(scope, &response.status_text).into(),
        crate::headers::to_js(scope, &response.headers).into(),
        v8::Number::new(scope, rid).into(),
        isolate::new_string(scope, &response.url).into(),
        v8::Boolean::new(scope, response.redirected).into(),
        v8::Number::new(scope, socket).into(),
    ];
    let array: v8::Local<v8::Value> = v8::Array::new_with_elements(scope, &elements).into();
    v8::Global::new(scope, array)
}
