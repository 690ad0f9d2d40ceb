//! Service bindings: a request from one Worker to another, without HTTP between the two.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::{Method, Response};
use isolate::{Args, ContextId, Failure, Followed, JsError, Op, OpValue, OpenSpan, op, v8};
use tokio_util::sync::CancellationToken;
use webapi::body::{BodyReader, EncodeBody, Outgoing};
use webapi::fetch::{FetchError, Step, Subrequest, SubrequestBody, Subresponse, ops as fetch_ops};

use crate::binding::service_arg;
use crate::event::{Cause, Outcome};
use crate::event::{Origin, thrown};
use crate::fetch_event::{CfSource, FetchEvent, Request, text_or_undefined};
use crate::rpc::{Invocation, MAX_MESSAGE, Returned};

pub(crate) const OPS: &[Op] = &[op!(op_service_fetch)];

/// Worker invocations that one request from outside may lead to, itself included:
/// <https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/#limits>
const MAX_INVOCATIONS: u32 = 32;

const TOO_DEEP: &str = "Subrequest depth limit exceeded. This request recursed through Workers too many times. This can \
happen e.g. if you have a Worker or Durable Object that calls other Workers or objects recursively.";

/// What a service binding leads to: an entrypoint of its own choice, or for a Worker's stubs of itself the one that is asked for. Who serves
/// the Workers of a process knows how to find them.
pub trait Service: Send + Sync {
    /// Handles a request. Dropping the future says that nobody wants the response any more.
    fn fetch(&self, request: Request) -> ServiceFuture;

    /// Calls a method. Dropping the future says that nobody wants the result any more.
    fn call(&self, invocation: Invocation) -> CallFuture;

    /// Whether a request invokes a Worker, of which one request from outside may invoke so many.
    fn invokes_worker(&self) -> bool {
        true
    }
}

pub type ServiceFuture = Pin<Box<dyn Future<Output = Outcome<Response<Outgoing>>> + Send>>;
pub type CallFuture = Pin<Box<dyn Future<Output = Outcome<Returned>> + Send>>;

/// Where in a Worker a request goes.
#[derive(Clone, Debug, Default)]
pub struct Entrypoint {
    /// An export of the main module; `None`: the default one.
    pub name: Option<Arc<str>>,
    /// `ctx.props`; `None`: an empty object.
    pub props: Option<Props>,
}

/// An object that an entrypoint finds as `ctx.props`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Props {
    /// Its JSON text, as a configuration has it.
    Json(Arc<str>),
    /// In V8's format (`js/rpc.js`), as a Worker has given it to a stub of its own.
    Cloned(Bytes),
}

/// How far a request from outside has led: how many Workers it has invoked, wherever, and how long the chain is to here, in
/// which events of Durable Objects count too.
#[derive(Clone, Debug)]
pub struct Invocations {
    workers: Arc<AtomicU32>,
    depth: u32,
    followed: Option<Followed>,
    told: Arc<[Arc<str>]>,
}

// === impl Entrypoint ===

impl Entrypoint {
    /// The one that two arguments of an op mean: a name or undefined, and the bytes of props or undefined.
    pub(crate) fn take(
        scope: &mut v8::PinScope,
        name: v8::Local<v8::Value>,
        props: v8::Local<v8::Value>,
    ) -> Result<Self, JsError> {
        let name = name.is_string().then(|| name.to_rust_string_lossy(scope).into());
        let props = match props.try_cast::<v8::ArrayBufferView>() {
            Ok(view) if view.byte_length() > MAX_MESSAGE => {
                return Err(JsError::error("The props of a stub are limited to 32MiB."));
            }
            Ok(view) => {
                let mut bytes = vec![0; view.byte_length()];
                let copied = view.copy_contents(&mut bytes);
                bytes.truncate(copied);
                Some(Props::Cloned(bytes.into()))
            }
            Err(_) => None,
        };
        Ok(Self { name, props })
    }

    /// Its name and props as JavaScript takes them.
    pub(crate) fn give<'s>(&self, scope: &v8::PinScope<'s, '_>) -> [v8::Local<'s, v8::Value>; 2] {
        let props = match &self.props {
            None => v8::undefined(scope).into(),
            Some(Props::Json(json)) => isolate::new_string(scope, json).into(),
            Some(Props::Cloned(bytes)) => isolate::new_bytes(scope, bytes.to_vec()).into(),
        };
        [text_or_undefined(scope, self.name.as_deref()), props]
    }
}

// === impl Invocations ===

impl Default for Invocations {
    fn default() -> Self {
        Self { workers: Arc::new(AtomicU32::new(1)), depth: 1, followed: None, told: Arc::default() }
    }
}

impl Invocations {
    /// The same below a span, where there is one.
    pub fn below(self, span: &OpenSpan) -> Self {
        match span.followed() {
            Some(followed) => Self { followed: Some(followed), ..self },
            None => self,
        }
    }

    /// The place in a trace of what is invoked.
    pub fn followed(&self) -> Option<&Followed> {
        self.followed.as_ref()
    }

    /// Those of a tail Worker's event: `told` are the tail Workers that were told of what led to it.
    pub fn of_tail(told: Arc<[Arc<str>]>) -> Self {
        Self { told, ..Self::default() }
    }

    /// The tail Workers that were told of something that led here.
    pub fn told(&self) -> &Arc<[Arc<str>]> {
        &self.told
    }

    /// Those of another Worker that is invoked from here.
    pub(crate) fn of_service(self) -> Result<Self, JsError> {
        let more = |count: u32| (count < MAX_INVOCATIONS).then_some(count + 1);
        let counted = self.workers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.map_err(|_| JsError::error(TOO_DEEP))?;
        self.of_object()
    }

    /// Those of a Durable Object's event that comes from here. A Worker may ask as many objects as it has subrequests; what is
    /// bounded is how deep they ask each other.
    pub(crate) fn of_object(self) -> Result<Self, JsError> {
        match self.depth < MAX_INVOCATIONS {
            true => Ok(Self { depth: self.depth + 1, ..self }),
            false => Err(JsError::error(TOO_DEEP)),
        }
    }
}

/// `op_service_fetch(method, url, headers, body, redirectMode, cf, fetchId, service, entrypoint, props)` → a promise as `op_fetch`'s.
/// `cf`: the JSON text of one, or the event whose own it is, or undefined. The last two: see [`Entrypoint::take`].
fn op_service_fetch(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let request = match fetch_ops::subrequest(scope, &args) {
        Ok(request) => request,
        Err(error) => return isolate::throw(scope, error),
    };
    let Some(service) = service_arg::<Arc<dyn Service>>(scope, &args, 7) else {
        return isolate::throw(scope, JsError::error("This service is not bound to the Worker."));
    };
    let entrypoint = match Entrypoint::take(scope, args.get(8), args.get(9)) {
        Ok(entrypoint) => entrypoint,
        Err(error) => return isolate::throw(scope, error),
    };
    if let Some(Err(error)) = isolate::io_context(scope).map(|context| context.take_subrequest()) {
        return isolate::throw(scope, error);
    }
    let mut span = isolate::begin_span(scope, || "service_fetch".into());
    span.fact("http.request.method", || request.method.as_str());
    let origin = Origin::current(scope).below(&span);
    let call = Call { service, entrypoint, cf: cf(scope, args.get(5)), origin };
    isolate::spawn_output(scope, rv, async move {
        let response = span.watch(call.fetch(request)).await?;
        span.fact("http.response.status_code", || i64::from(response.status.as_u16()));
        Ok(OpValue::With(Box::new(move |scope| fetch_ops::reply(scope, response))))
    });
}

fn cf(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<CfSource> {
    if value.is_string() {
        let json = value.to_rust_string_lossy(scope);
        return Some(Arc::new(move || json.clone()));
    }
    let id = ContextId(value.is_number().then(|| value.uint32_value(scope)).flatten()?);
    isolate::context(scope, id)?.data::<FetchEvent>()?.cf.clone()
}

/// A call of a service, on its way.
struct Call {
    service: Arc<dyn Service>,
    entrypoint: Entrypoint,
    cf: Option<CfSource>,
    origin: Origin,
}

// === impl Call ===

impl Call {
    async fn fetch(self, request: Subrequest) -> Result<Subresponse, JsError> {
        match request.abort.clone() {
            None => self.follow(request).await,
            Some(abort) => tokio::select! {
                biased;
                () = abort.cancelled() => Err(FetchError::Aborted.into()),
                result = self.follow(request) => result,
            },
        }
    }

    /// Follows the service's redirects, which stay within it whatever host they name.
    async fn follow(&self, mut request: Subrequest) -> Result<Subresponse, JsError> {
        request.url.set_fragment(None);
        let mut visited = Vec::new();
        loop {
            let response = self.exchange(&mut request).await?;
            match webapi::fetch::step(&mut request, response.status(), response.headers(), &mut visited)? {
                Step::Done => return Ok(subresponse(request, response, !visited.is_empty())),
                Step::Follow => drop(response),
            }
        }
    }

    async fn exchange(&self, request: &mut Subrequest) -> Result<Response<Outgoing>, JsError> {
        let invocations = self.origin.invocations.clone();
        let invocations = if self.service.invokes_worker() { invocations.of_service()? } else { invocations };
        let body = match &mut request.body {
            SubrequestBody::None => None,
            SubrequestBody::Bytes(bytes) => Some(BodyReader::from_bytes(bytes.clone())),
            // A body read from an encoded response travels as plain bytes: its header described another message.
            SubrequestBody::Once(reader) => Some(std::mem::replace(reader, BodyReader::empty()).decoded()),
        };
        let gone = CancellationToken::new();
        let abandoned = gone.clone().drop_guard();
        let request = Request {
            method: request.method.clone(),
            url: request.url.to_string(),
            headers: request.headers.clone(),
            body,
            cf: self.cf.clone(),
            gone,
            entrypoint: self.entrypoint.clone(),
            colo: self.origin.colo.clone().unwrap_or_default(),
            invocations,
            via: self.origin.via.clone(),
        };
        let outcome = self.service.fetch(request).await;
        abandoned.disarm();
        outcome.map_err(error)
    }
}

fn subresponse(request: Subrequest, response: Response<Outgoing>, redirected: bool) -> Subresponse {
    let (parts, Outgoing { reader, encode, socket }) = response.into_parts();
    let null_body = request.method == Method::HEAD || matches!(parts.status.as_u16(), 101 | 204 | 205 | 304);
    let body = (!null_body).then(|| {
        // What the Worker has encoded itself is undone for whoever reads it, as after a passage through HTTP.
        let body = if encode == EncodeBody::Manual { reader.with_coding_of(&parts.headers) } else { reader };
        match request.abort {
            Some(abort) => body.abort_on(abort),
            None => body,
        }
    });
    let status_text = match parts.extensions.get::<hyper::ext::ReasonPhrase>() {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None => parts.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let status = parts.status;
    let web_socket = socket.map(|socket| *socket);
    Subresponse { status, status_text, headers: parts.headers, body, url: request.url.into(), redirected, web_socket }
}

/// Why the other Worker gave no response, as its caller is told: a builtin error keeps its class.
pub(crate) fn error(cause: Cause) -> JsError {
    let failure = match cause {
        Cause::Exception(exception) => return thrown(&exception),
        Cause::Runtime(failure) => failure,
    };
    JsError::error(match failure {
        Failure::Reset(reason) => return thrown(&reason),
        Failure::CpuLimit => "Worker exceeded CPU time limit.".to_owned(),
        Failure::MemoryLimit => "Worker exceeded memory limit.".to_owned(),
        Failure::Hung => {
            "The Workers runtime canceled this request because it detected that your Worker's code had hung and would never \
             generate a response. Refer to: https://developers.cloudflare.com/workers/observability/errors/"
                .to_owned()
        }
        Failure::Start(error) => error.to_string(),
        Failure::Expired | Failure::IsolateGone => "Network connection lost.".to_owned(),
    })
}
