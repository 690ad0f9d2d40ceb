//! A request on its way through a Worker: what JavaScript asks of it, and the response it gives.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use isolate::{Args, ContextData, ContextId, Failure, Followed, IoContext, JsError, JsException, Op, op, v8};
use tokio_util::sync::CancellationToken;
use webapi::body::{BodyReader, Coding, EncodeBody, Outgoing};
use webapi::websocket;

use crate::event::{Answer, Cause, Event, Outcome};
use crate::{Entrypoint, Invocations, Via};

pub(crate) const OPS: &[Op] = &[
    op!(op_request_headers),
    op!(op_request_cf),
    op!(op_request_signal),
    op!(op_respond),
    op!(op_respond_error),
    op!(op_event_answered),
    op!(op_event_done),
];

/// Makes `request.cf`'s JSON text when a Worker asks for it.
pub type CfSource = Arc<dyn Fn() -> String + Send + Sync>;

/// A request for a Worker.
pub struct Request {
    pub method: http::Method,
    /// The absolute URL, as the Worker is to see it.
    pub url: String,
    pub headers: HeaderMap,
    /// `None`: the request has no body.
    pub body: Option<BodyReader>,
    /// `None`: `request.cf` is undefined.
    pub cf: Option<CfSource>,
    /// The code of the location that serves it.
    pub colo: Arc<str>,
    /// Fires when the client goes away before it has the whole response.
    pub gone: CancellationToken,
    pub entrypoint: Entrypoint,
    pub invocations: Invocations,
    pub via: Via,
}

/// What the isolate keeps of a request.
pub(crate) struct FetchEvent {
    headers: HeaderMap,
    /// It asks for a WebSocket.
    upgrade: bool,
    /// The WebSocket extensions that it names.
    offers: Option<String>,
    pub(crate) cf: Option<CfSource>,
    pub(crate) colo: Arc<str>,
    gone: CancellationToken,
    pub(crate) invocations: Invocations,
    pub(crate) via: Via,
    answer: Answer<Response<Outgoing>>,
}

// === impl FetchEvent ===

impl FetchEvent {
    pub(crate) fn trace(&self) -> Option<&crate::Trace> {
        self.answer.trace()
    }

    pub(crate) fn job(id: ContextId, request: Request, answer: Answer<Response<Outgoing>>) -> isolate::Job {
        let Request { method, url, headers, body, cf, colo, gone, entrypoint, invocations, via } = request;
        let upgrade = websocket::asks_for_one(&method, &headers);
        let offers = upgrade.then(|| websocket::extensions(&headers)).flatten();
        let data = Box::new(Self { headers, upgrade, offers, cf, colo, gone, invocations, via, answer });
        let run: isolate::Begin = Box::new(move |scope, id| {
            let rid = body.map_or(-1, |body| webapi::body::ops::hold(scope, body) as i32);
            let [name, props] = entrypoint.give(scope);
            let arguments = [
                v8::Integer::new_from_unsigned(scope, id.0).into(),
                isolate::new_string(scope, method.as_str()).into(),
                isolate::new_string(scope, &url).into(),
                v8::Integer::new(scope, rid).into(),
                name,
                props,
            ];
            crate::runtime::call(scope, |hooks| &hooks.fetch, &arguments);
        });
        isolate::Job::new(id, data, run)
    }
}

pub(crate) fn text_or_undefined<'s>(scope: &v8::PinScope<'s, '_>, text: Option<&str>) -> v8::Local<'s, v8::Value> {
    text.map_or_else(|| v8::undefined(scope).into(), |text| isolate::new_string(scope, text).into())
}

impl ContextData for FetchEvent {
    fn fail(&mut self, failure: Failure) {
        self.answer.fail(failure);
    }

    fn used(&mut self, cpu: Duration) {
        self.answer.used(cpu);
    }

    fn awaits_answer(&self) -> bool {
        self.answer.awaits_answer()
    }

    fn started(&mut self, cpu: Duration) {
        self.answer.started(cpu);
    }

    fn followed(&self) -> Option<&Followed> {
        self.invocations.followed()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// The request that argument 0 names by its event's id. Otherwise the platform's error is thrown.
fn request<'a>(scope: &'a mut v8::PinScope, args: &Args) -> Option<&'a mut FetchEvent> {
    let id = ContextId(args.get(0).uint32_value(scope).unwrap_or(0));
    if isolate::context(scope, id).is_none() {
        let error = isolate::foreign(scope);
        isolate::throw(scope, error);
        return None;
    }
    isolate::context(scope, id)?.data::<FetchEvent>()
}

/// `op_request_headers(event)` → `[name, value, …]`
fn op_request_headers(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Some(event) = request(scope, &args) else { return };
    let headers = std::mem::take(&mut event.headers);
    rv.set(webapi::headers::to_js(scope, &headers).into());
}

/// `op_request_cf(event)` → JSON text, or undefined
fn op_request_cf(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Some(event) = request(scope, &args) else { return };
    if let Some(cf) = event.cf.clone() {
        rv.set(isolate::new_string(scope, &cf()).into());
    }
}

/// `op_request_signal(event)` → a promise that is fulfilled when the client goes away
fn op_request_signal(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some(event) = request(scope, &args) else { return };
    let gone = event.gone.clone();
    isolate::spawn_background(scope, rv, async move {
        gone.cancelled().await;
        Ok(().into())
    });
}

/// `op_respond(status, statusText, headers, body, manual, producing, socket)`: answers the current event's request. `body`
/// is null, text, bytes, or a body's number; `manual`: the body is encoded already; `producing`: JavaScript goes on to
/// write it; `socket`: the number of a WebSocket's end, or undefined.
fn op_respond(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let response = match response(scope, &args).and_then(|response| with_socket(scope, &args, response)) {
        Ok(response) => response,
        Err(error) => return isolate::throw(scope, error),
    };
    let producing = args.get(5).is_true();
    let wanted = give(scope, request_answer, Ok(response));
    if let Some(event) = isolate::io_context(scope).and_then(|context| context.data::<FetchEvent>()) {
        event.answer.producing = producing && wanted;
    }
}

const NOT_ASKED: &str = "Worker tried to return WebSocket in a response to a request which did not contain the header \
\"Upgrade: websocket\".";

/// The response with the WebSocket's end that argument 6 names, when it names one.
fn with_socket(
    scope: &mut v8::PinScope,
    args: &Args,
    mut response: Response<Outgoing>,
) -> Result<Response<Outgoing>, JsError> {
    if !args.get(6).is_number() {
        return Ok(response);
    }
    let event = isolate::io_context(scope).and_then(|context| context.data::<FetchEvent>());
    let (asked, offers) = event.map_or((true, None), |event| (event.upgrade, event.offers.take()));
    if !asked {
        return Err(JsError::type_error(NOT_ASKED));
    }
    if !websocket::Compression::is_on(scope) {
        response.headers_mut().remove(SEC_WEBSOCKET_EXTENSIONS);
    } else if !response.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS)
        && let Some(offers) = offers.and_then(|offers| HeaderValue::try_from(offers).ok())
    {
        // A Worker that says nothing of it takes what the client offers.
        response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, offers);
    }
    let rid = args.get(6).uint32_value(scope).unwrap_or(0);
    let socket = websocket::ops::release(scope, rid).ok_or_else(|| isolate::foreign(scope))?;
    response.body_mut().socket = Some(Box::new(socket));
    Ok(response)
}

/// The response that the first five arguments of an op make.
pub(crate) fn response(scope: &mut v8::PinScope, args: &Args) -> Result<Response<Outgoing>, JsError> {
    let status = args.get(0).uint32_value(scope).unwrap_or(0) as u16;
    let status =
        StatusCode::from_u16(status).map_err(|_| JsError::range_error(format!("{status} is no HTTP status")))?;
    let reader = body(scope, args.get(3))?;
    let mut response = Response::new(Outgoing { reader, encode: EncodeBody::Automatic, socket: None });
    *response.status_mut() = status;
    webapi::headers::from_js(scope, args.get(2), response.headers_mut())?;
    let is_brotli = Coding::of(response.headers()) == Some(Coding::Brotli);
    if args.get(4).is_true() || (is_brotli && !webapi::Behavior::of(scope).brotli) {
        response.body_mut().encode = EncodeBody::Manual;
    }
    if args.get(1).is_string() {
        let reason = isolate::string_arg(scope, args, 1);
        if !reason.is_empty()
            && Some(reason.as_str()) != status.canonical_reason()
            && let Ok(reason) = hyper::ext::ReasonPhrase::try_from(reason.into_bytes())
        {
            response.extensions_mut().insert(reason);
        }
    }
    Ok(response)
}

fn body(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Result<BodyReader, JsError> {
    if value.is_string() {
        return Ok(BodyReader::from_bytes(value.to_rust_string_lossy(scope)));
    }
    if value.is_number() {
        let rid = value.uint32_value(scope).unwrap_or(0);
        return webapi::body::ops::release(scope, rid).ok_or_else(|| isolate::foreign(scope));
    }
    match value.try_cast::<v8::ArrayBufferView>() {
        Ok(view) => {
            let mut bytes = vec![0; view.byte_length()];
            let copied = view.copy_contents(&mut bytes);
            bytes.truncate(copied);
            Ok(BodyReader::from_bytes(bytes))
        }
        Err(_) => Ok(BodyReader::empty()),
    }
}

/// `op_respond_error(error)`: the Worker threw `error`, or gave something that is no response.
fn op_respond_error(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    isolate::report_exception(scope, args.get(0));
    let exception = JsException::capture(scope, args.get(0));
    let cause = Cause::Exception(exception);
    give(scope, request_answer, Err(cause.clone()));
    give(scope, event_answer::<()>, Err(cause));
}

fn request_answer(context: &mut IoContext) -> Option<&mut Answer<Response<Outgoing>>> {
    context.data::<FetchEvent>().map(|event| &mut event.answer)
}

pub(crate) fn event_answer<T: Send + 'static>(context: &mut IoContext) -> Option<&mut Answer<T>> {
    context.data::<Event<T>>().map(|event| &mut event.answer)
}

/// Answers the current event, when it is one that `answer` finds. Whether somebody waited for it.
pub(crate) fn give<T: Send + 'static>(
    scope: &mut v8::PinScope,
    answer: fn(&mut IoContext) -> Option<&mut Answer<T>>,
    outcome: Outcome<T>,
) -> bool {
    let Some(mut taken) = isolate::io_context(scope).and_then(answer).map(std::mem::take) else { return false };
    let wanted = taken.give(scope, outcome);
    if let Some(place) = isolate::io_context(scope).and_then(answer) {
        *place = taken;
    }
    wanted
}

/// How long `waitUntil` promises may take once the event is answered:
/// https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil
const WAIT_UNTIL: Duration = Duration::from_secs(30);

/// `op_event_answered()`: the current event has its whole answer, or nobody wants it, and goes on for `waitUntil` alone.
fn op_event_answered(scope: &mut v8::PinScope, _args: Args, _rv: v8::ReturnValue) {
    let Some(context) = isolate::io_context(scope) else { return };
    if let Some(event) = context.data::<FetchEvent>() {
        event.answer.producing = false;
    }
    isolate::expire_after(scope, WAIT_UNTIL);
}

/// The client went away: the Worker's code is told, and nothing but `waitUntil` goes on.
pub(crate) fn gone(scope: &mut v8::PinScope, id: ContextId) {
    let id = v8::Integer::new_from_unsigned(scope, id.0).into();
    crate::runtime::call(scope, |hooks| &hooks.gone, &[id]);
}

/// `op_event_done()`: the current event is answered and nothing of it is left to wait for.
fn op_event_done(scope: &mut v8::PinScope, _args: Args, _rv: v8::ReturnValue) {
    give(scope, event_answer::<()>, Ok(()));
    isolate::finish(scope);
}
