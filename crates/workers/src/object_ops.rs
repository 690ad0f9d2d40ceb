//! The ops behind `DurableObjectNamespace` and its stubs, and those by which an instance answers.

use std::sync::Arc;

use durable::{IdError, Jurisdiction, ObjectId};
use http::{HeaderMap, Method};
use isolate::{Args, Failure, JsError, JsException, Op, OpValue, op, v8};
use tokio_util::sync::CancellationToken;
use webapi::body::{BodyReader, Outgoing};
use webapi::fetch::{FetchError, SubrequestBody, Subresponse, ops as fetch_ops};

use crate::binding::service_arg;
use crate::event::{Cause, Origin, thrown};
use crate::fetch_event::Request;
use crate::object::Object;
use crate::{CfSource, Entrypoint, ObjectNamespace};

pub(crate) const OPS: &[Op] = &[op!(op_actor), op!(op_object_id), op!(op_object_fetch), op!(op_object_reset)];

const NO_NAMESPACE: &str = "This Durable Object namespace is gone.";

/// `op_object_id(namespace, kind, text, jurisdiction | undefined)` → 64 hexadecimal digits. Kinds: 0 of a name, 1 a new one, 2 read
/// from text: then `[digits, jurisdiction | undefined]`.
fn op_object_id(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Some(namespace) = service_arg::<ObjectNamespace>(scope, &args, 0) else {
        return isolate::throw(scope, JsError::error(NO_NAMESPACE));
    };
    let key = namespace.inner().objects.key();
    let text = isolate::string_arg(scope, &args, 2);
    let kind = args.get(1).uint32_value(scope).unwrap_or(2);
    if kind >= 2 {
        return match ObjectId::parse(key, &text) {
            Ok((id, jurisdiction)) => {
                let parts = [isolate::new_string(scope, &id.to_string()).into(), name_of(scope, jurisdiction)];
                rv.set(v8::Array::new_with_elements(scope, &parts).into());
            }
            Err(error) => isolate::throw(scope, JsError::type_error(error.to_string())),
        };
    }
    let jurisdiction = if args.get(3).is_undefined() {
        None
    } else {
        let name = isolate::string_arg(scope, &args, 3);
        let Some(jurisdiction) = Jurisdiction::named(&name) else {
            let message = format!("Invalid jurisdiction: \"{name}\". It is one of eu, us, fedramp, fedramp-high.");
            return isolate::throw(scope, JsError::type_error(message));
        };
        Some(jurisdiction)
    };
    let id = match kind {
        0 => Ok(ObjectId::from_name(key, jurisdiction, &text)),
        _ => ObjectId::unique(key, jurisdiction),
    };
    match id {
        Ok(id) => rv.set(isolate::new_string(scope, &id.to_string()).into()),
        Err(error) => isolate::throw(scope, JsError::error(format!("No randomness: {error}"))),
    }
}

/// A jurisdiction as JavaScript has it; undefined for none.
pub(crate) fn name_of<'s>(
    scope: &v8::PinScope<'s, '_>,
    jurisdiction: Option<Jurisdiction>,
) -> v8::Local<'s, v8::Value> {
    match jurisdiction {
        Some(jurisdiction) => isolate::new_string(scope, jurisdiction.as_str()).into(),
        None => v8::undefined(scope).into(),
    }
}

/// The object that arguments from `first` on name, `(…, namespace, id, name, …)`, for one subrequest.
pub(crate) fn object(scope: &mut v8::PinScope, args: &Args, first: i32) -> Result<Object, JsError> {
    let namespace = service_arg::<ObjectNamespace>(scope, args, first).ok_or_else(|| JsError::error(NO_NAMESPACE))?;
    let id = isolate::string_arg(scope, args, first + 1);
    let id = id.parse().map_err(|error: IdError| JsError::type_error(error.to_string()))?;
    let name = args.get(first + 2).is_string().then(|| isolate::string_arg(scope, args, first + 2));
    let context = isolate::io_context(scope);
    context.map_or(Ok(()), isolate::IoContext::take_subrequest)?;
    Ok(Object { namespace, id, name })
}

/// `op_object_fetch(namespace, id, name, method, url, headers, body, cfJson, fetchId)` → a promise of what `responseFromNative`
/// takes
fn op_object_fetch(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let (target, mut request) = match object(scope, &args, 0).and_then(|target| Ok((target, request(scope, &args)?))) {
        Ok(both) => both,
        Err(error) => return isolate::throw(scope, error),
    };
    let abort = fetch_ops::abort(scope, args.get(8));
    let mut span = isolate::begin_span(scope, || "durable_object_fetch".into());
    span.fact("http.request.method", || request.method.as_str());
    span.fact("cloudflare.durable_object.id", || target.id.to_string());
    request.invocations = request.invocations.below(&span);
    isolate::spawn_output(scope, rv, async move {
        let Object { namespace, id, name } = target;
        let (url, bodiless) = (request.url.clone(), request.method == Method::HEAD);
        let abandoned = request.gone.clone().drop_guard();
        let answer = span.watch(namespace.fetch(id, name, request));
        let response = match &abort {
            None => answer.await,
            Some(abort) => tokio::select! {
                biased;
                () = abort.cancelled() => return Err(FetchError::Aborted.into()),
                answer = answer => answer,
            },
        };
        abandoned.disarm();
        let (parts, Outgoing { reader, socket, .. }) = response.map_err(|cause| failed(cause).0)?.into_parts();
        span.fact("http.response.status_code", || i64::from(parts.status.as_u16()));
        let reader = match abort {
            Some(abort) => reader.abort_on(abort),
            None => reader,
        };
        let bodiless = bodiless || matches!(parts.status.as_u16(), 101 | 204 | 205 | 304);
        let response = Subresponse {
            status: parts.status,
            status_text: parts.status.canonical_reason().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: (!bodiless).then_some(reader),
            url,
            redirected: false,
            web_socket: socket.map(|socket| *socket),
        };
        Ok(OpValue::With(Box::new(move |scope| webapi::fetch::ops::reply(scope, response))))
    });
}

fn request(scope: &mut v8::PinScope, args: &Args) -> Result<Request, JsError> {
    let method = isolate::string_arg(scope, args, 3);
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| JsError::type_error(format!("Invalid HTTP method string: {method}")))?;
    let url = isolate::string_arg(scope, args, 4);
    let mut headers = HeaderMap::new();
    webapi::headers::from_js(scope, args.get(5), &mut headers)?;
    let body = match webapi::fetch::ops::body(scope, args.get(6))? {
        SubrequestBody::None => None,
        SubrequestBody::Bytes(bytes) => Some(BodyReader::from_bytes(bytes)),
        SubrequestBody::Once(reader) => Some(reader),
    };
    let cf: Option<CfSource> = args.get(7).is_string().then(|| {
        let cf = isolate::string_arg(scope, args, 7);
        Arc::new(move || cf.clone()) as CfSource
    });
    // An object is nowhere in particular: what it does takes place where it was asked from.
    let Origin { colo, invocations, via } = Origin::current(scope).of_object()?;
    Ok(Request {
        method,
        url,
        headers,
        body,
        cf,
        colo: colo.unwrap_or_default(),
        gone: CancellationToken::new(),
        entrypoint: Entrypoint::default(),
        invocations,
        via,
    })
}

/// How a stub's caller sees that there is no answer, and whether the object was reset.
pub(crate) fn failed(cause: Cause) -> (JsError, bool) {
    let failure = match cause {
        Cause::Exception(exception) => return (thrown(&exception), false),
        Cause::Runtime(failure) => failure,
    };
    let error = match failure {
        Failure::Reset(reason) => thrown(&reason),
        Failure::CpuLimit => JsError::error("Durable Object exceeded its CPU time limit and was reset."),
        Failure::MemoryLimit => JsError::error("Durable Object's isolate exceeded its memory limit and was reset."),
        Failure::Start(error) => match &*error {
            isolate::StartError::Script(exception) => thrown(exception),
            other => JsError::error(other.to_string()),
        },
        Failure::Expired | Failure::Hung | Failure::IsolateGone => {
            return (JsError::error("Network connection lost."), false);
        }
    };
    (error, true)
}

/// `op_actor()` → the number of the object that the running code belongs to, or undefined
fn op_actor(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    if let Some(own) = isolate::actor(scope) {
        rv.set_uint32(own.0);
    }
}

/// `op_object_reset(error)`: ends this instance; all that it has begun fails with `error`.
fn op_object_reset(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let reason = JsException::capture(scope, args.get(0));
    isolate::reset(scope, reason);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_class() {
        let exception = JsException { name: "RangeError".into(), message: "too far".into(), ..JsException::default() };
        let (error, reset) = failed(Cause::Runtime(Failure::Reset(Arc::new(exception))));
        assert_eq!((error.kind, error.message.as_str(), reset), (isolate::JsErrorKind::RangeError, "too far", true));
    }
}
