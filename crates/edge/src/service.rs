//! From hyper's request to the handler and back: who is told when the client goes away, and what every response carries.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use http::header::{
    ALT_SVC, CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, UPGRADE,
};
use http::{Method, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::upgrade::OnUpgrade;
use tokio_util::sync::CancellationToken;
use webapi::body::{HttpBody, Outgoing};
use webapi::websocket;

use crate::activity::{Activity, Sending};
use crate::connection::{Shared, Upgrade, UpgradeTo};
use crate::error_page::{self, EdgeError};
use crate::geo::Choice;
use crate::passed::{Passed, Tunnel};
use crate::request::Received;
use crate::{Handler, Ray, Request, Response, headers};

const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");

/// A response body that knows whether its client stayed to the end.
pub(crate) struct Watched<B: Body> {
    body: B,
    guard: Guard,
    /// On HTTP/2.
    sending: Option<Arc<Sending>>,
}

/// Fires `gone` when it is dropped before the response was finished.
struct Guard {
    gone: CancellationToken,
    activity: Arc<Activity>,
    finished: bool,
}

/// Answers one request. Who serves the protocol drops this future, or the body it returns, when the client disconnects.
pub(crate) async fn call<H: Handler, B: Received>(
    shared: Arc<Shared<H>>,
    mut request: http::Request<B>,
) -> Result<http::Response<Watched<HttpBody>>, Infallible> {
    let nth = shared.activity.begin();
    let mut guard = Guard { gone: CancellationToken::new(), activity: shared.activity.clone(), finished: false };
    let (info, elsewhere) = match shared.config.geo.choose(&request) {
        Choice::Here => (shared.info.clone(), None),
        Choice::At(colo) => (Arc::new(shared.info.at(colo, &shared.config.geo)), None),
        Choice::Nowhere(named) => (shared.info.clone(), Some(named)),
    };
    let passed = shared.config.passed.as_ref();
    let passed = passed.map(|secret| Passed::take(request.headers_mut(), secret, &shared.config.geo));
    let (info, ray) = match &passed {
        Some(Some(passed)) => (passed.info.clone(), passed.ray.clone()),
        _ => (info.clone(), Ray::new(&info.location.colo)),
    };
    let method = request.method().clone();
    let version = request.version();
    let accept_encoding = match &passed {
        Some(Some(passed)) => passed.accept_encoding.clone(),
        _ => headers::joined(request.headers(), http::header::ACCEPT_ENCODING),
    };
    let page = error_page::Audience::of(request.headers());
    let handshake = Handshake::of(&mut request);

    let request = Request::new(&shared, &info, request, &ray, nth, accept_encoding.clone(), guard.gone.clone());
    let request = match passed {
        None => request,
        Some(Some(passed)) => request.map(|request| passed.onto(request)),
        Some(None) => Err(EdgeError::BadRequest),
    };
    let refused = request.is_err();
    let response = match request {
        Ok(request) => answer(&*shared.handler, Request { elsewhere, ..request }).await,
        Err(refusal) => Err(refusal),
    };
    let response = match response {
        Ok(response) => upgraded(&shared, handshake, response),
        Err(error) => Err(error),
    };
    let response = response.unwrap_or_else(|error| error_page::respond(error, page, &ray, &info.remote.ip()));
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;

    let response = Outgoing::settle(response, &accept_encoding);
    let (mut parts, body) = response.into_parts();
    headers::strip_hop_by_hop(&mut parts.headers);
    parts.headers.insert(CF_RAY, ray.header());
    if switches {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    // What follows a request that could not be understood is not to be taken for another.
    if refused && !matches!(version, Version::HTTP_2 | Version::HTTP_3) {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(alt_svc) = shared.config.alt_svc.as_ref().filter(|_| shared.info.tls.is_some()) {
        parts.headers.entry(ALT_SVC).or_insert_with(|| alt_svc.clone());
    }
    parts.version = version;
    let bodiless = method == Method::HEAD || matches!(parts.status.as_u16(), 101 | 204 | 304);
    if !bodiless {
        // The framing follows the body that is really sent, not a header copied from elsewhere.
        parts.headers.remove(CONTENT_LENGTH);
    }
    guard.finished = bodiless;
    let sending = (version == Version::HTTP_2 && !body.is_end_stream()).then(|| shared.activity.sending());
    Ok(http::Response::from_parts(parts, Watched { body, guard, sending }))
}

/// A client's wish for a WebSocket (RFC 6455 §4.2.1).
struct Handshake {
    accept: HeaderValue,
    /// The extensions that the client speaks.
    offers: Option<String>,
    connection: OnUpgrade,
}

// === impl Handshake ===

impl Handshake {
    fn of<B>(request: &mut http::Request<B>) -> Option<Self> {
        let asked = request.version() == Version::HTTP_11 && request.headers().contains_key(SEC_WEBSOCKET_KEY);
        if !asked || !websocket::is_upgrade(request.headers()) {
            return None;
        }
        let key = request.headers().get(SEC_WEBSOCKET_KEY)?;
        let accept = HeaderValue::from_str(&websocket::accept_key(key.as_bytes())).ok()?;
        let offers = websocket::extensions(request.headers());
        Some(Self { accept, offers, connection: hyper::upgrade::on(request) })
    }
}

/// Makes the connection the handler's WebSocket, where it answers with one.
fn upgraded<H>(
    shared: &Shared<H>,
    handshake: Option<Handshake>,
    mut response: Response,
) -> Result<Response, EdgeError> {
    let tunnel = response.extensions_mut().remove::<Tunnel>();
    if let (Some(tunnel), Some(handshake)) = (tunnel, &handshake) {
        // What the other process has agreed on with the client stands in the headers already.
        shared.upgrade(Upgrade { connection: handshake.connection.clone(), to: UpgradeTo::Tunnel(tunnel) });
        return Ok(response);
    }
    let socket = response.body_mut().socket.take();
    let (socket, handshake) = match (socket, handshake) {
        (None, _) if response.status() != StatusCode::SWITCHING_PROTOCOLS => return Ok(response),
        (Some(socket), Some(handshake)) => (socket, handshake),
        // There is nothing to switch to, or nobody who would.
        _ => return Err(EdgeError::Internal),
    };
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, handshake.accept);
    // What the handler answers is what it wants; a Worker may have copied it from another server's answer.
    let wanted = websocket::extensions(response.headers());
    let agreed = handshake.offers.zip(wanted).and_then(|(offers, wanted)| websocket::accept(&offers, &wanted));
    response.headers_mut().remove(SEC_WEBSOCKET_EXTENSIONS);
    let mut deflate = None;
    if let Some((agreed, answer)) = agreed {
        let answer = HeaderValue::from_str(&answer).map_err(|_| EdgeError::Internal)?;
        response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, answer);
        deflate = Some(agreed);
    }
    shared.upgrade(Upgrade { connection: handshake.connection, to: UpgradeTo::Socket(socket, deflate) });
    Ok(response)
}

/// The handler's answer. A panic in it is this request's end and no other's.
async fn answer<H: Handler>(handler: &H, request: Request) -> Result<Response, EdgeError> {
    let response = match AssertUnwindSafe(handler.handle(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => return Err(EdgeError::Internal),
    };
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => Ok(response),
        status if status.is_informational() => Err(EdgeError::Internal),
        _ => Ok(response),
    }
}

// === impl Guard ===

impl Drop for Guard {
    fn drop(&mut self) {
        self.activity.end(!self.finished);
        if !self.finished {
            self.gone.cancel();
        }
    }
}

// === impl Watched ===

impl<B: Body> Body for Watched<B>
where
    B: Unpin,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(sending) = &self.sending {
            self.guard.activity.handed(sending, polled.is_ready());
        }
        let frame = ready!(polled);
        // A body that breaks off was not abandoned by its client either.
        self.guard.finished |= !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body> Drop for Watched<B> {
    fn drop(&mut self) {
        // hyper does not ask a body of known length for its end.
        self.guard.finished |= self.body.is_end_stream();
    }
}
