//! The Cache API's ops, and the cache in front of `fetch`.

use std::sync::Arc;

use ::cache::{Ask, Fetched, Forced, Front, Head, Key, Mode, Origin, Served};
use futures::StreamExt;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;
use isolate::{Args, JsError, Op, OpValue, OpenSpan, op, v8};
use url::Url;
use webapi::body::{BodyError, BodyReader, Outgoing};
use webapi::fetch::{Exchange, FetchError, Hop, Outbound};

pub(crate) const OPS: &[Op] = &[op!(op_cache_match), op!(op_cache_put), op!(op_cache_delete)];

/// The caches of a location: each has its own.
#[derive(Clone)]
pub struct Caches {
    front: Front,
    colo: Arc<str>,
    by_extension: bool,
}

/// One Worker's share of them: no Worker sees or replaces what another one stored.
#[derive(Clone)]
pub(crate) struct WorkerCaches {
    caches: Caches,
    worker: Arc<str>,
}

// === impl Caches ===

impl Caches {
    /// Caches in `colo`. `by_extension`: `fetch` stores what looks like a static file though the Worker did not ask for it,
    /// as Cloudflare does; in development it stores what it is asked to.
    pub fn new(store: cache::Store, colo: &str, by_extension: bool) -> Self {
        Self { front: Front::new(store), colo: colo.into(), by_extension }
    }

    pub(crate) fn of(&self, worker: &str) -> WorkerCaches {
        WorkerCaches { caches: self.clone(), worker: worker.into() }
    }
}

// === impl WorkerCaches ===

impl WorkerCaches {
    /// Those of the location at which the running code's event takes place. None: these.
    fn here(&self, scope: &mut v8::PinScope) -> Option<Self> {
        let colo = crate::event::colo(scope).filter(|colo| *colo != self.caches.colo)?;
        Some(Self { caches: Caches { colo, ..self.caches.clone() }, worker: self.worker.clone() })
    }

    fn key(&self, name: Option<&str>, url: &str) -> Key {
        Key::new(&self.caches.colo, &self.worker, name, url)
    }
}

const DYNAMIC: HeaderValue = HeaderValue::from_static("DYNAMIC");
const BYPASS: HeaderValue = HeaderValue::from_static("BYPASS");

impl webapi::fetch::Front for WorkerCaches {
    fn here(&self, scope: &mut v8::PinScope) -> Option<Arc<dyn webapi::fetch::Front>> {
        Some(Arc::new(Self::here(self, scope)?))
    }

    fn answer(&self, hop: &Hop<'_>, network: &Outbound) -> Option<Exchange> {
        let ask = match hop.options.map(Ask::parse).transpose() {
            Ok(ask) => ask.unwrap_or_default(),
            Err(error) => return Some(Box::pin(std::future::ready(Err(FetchError::Cache(error.to_string()))))),
        };
        let network = Network { outbound: network.clone(), url: hop.url.clone() };
        let (method, headers) = (hop.method.clone(), hop.headers.clone());
        let implied =
            self.caches.by_extension && ask.mode != Mode::NoStore && cache::has_static_extension(hop.url.path());
        if !ask.wants_cache() && !implied {
            let asked = ask.mode == Mode::NoStore && hop.options.is_some();
            if !(self.caches.by_extension || asked) {
                return None;
            }
            let label = if ask.mode == Mode::NoStore { BYPASS } else { DYNAMIC };
            return Some(Box::pin(async move {
                let mut response = network.outbound.send(&method, &network.url, headers, BodyReader::empty()).await?;
                response.headers_mut().insert(HeaderName::from_static("cf-cache-status"), label);
                Ok(response)
            }));
        }
        // Where a redirect leads is something else than what the Worker's key stands for.
        let key = self.key(None, ask.key.as_deref().filter(|_| hop.first).unwrap_or(hop.url.as_str()));
        let front = self.caches.front.clone();
        Some(Box::pin(async move {
            let served = front.fetch(key, &ask, headers, Arc::new(network)).await?;
            let mut response = response(served);
            if method == Method::HEAD {
                *response.body_mut() = BodyReader::empty();
            }
            Ok(response)
        }))
    }
}

/// The way to a URL's origin.
struct Network {
    outbound: Outbound,
    url: Url,
}

impl Origin for Network {
    type Error = FetchError;

    async fn send(&self, headers: HeaderMap) -> Result<Fetched, FetchError> {
        // What may be stored is always fetched whole: a HEAD becomes a GET.
        let response = self.outbound.send(&Method::GET, &self.url, headers, BodyReader::empty()).await?;
        let (parts, body) = response.into_parts();
        let reason = parts.extensions.get::<ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        let length = body.length();
        let body = body.map(|chunk| chunk.map_err(Into::into)).boxed();
        Ok(Fetched { status: parts.status.as_u16(), reason, headers: parts.headers, body, length })
    }
}

fn response(served: Served) -> Response<BodyReader> {
    let Served { status, reason, headers, body, length } = served;
    let body = body.map(|chunk| {
        chunk.map_err(|error| match error.downcast::<BodyError>() {
            Ok(error) => *error,
            Err(error) => BodyError::Source(error.to_string().into()),
        })
    });
    let mut response = Response::new(BodyReader::from_stream(body, length));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    if let Some(reason) = reason.and_then(|reason| ReasonPhrase::try_from(reason.into_bytes()).ok()) {
        response.extensions_mut().insert(reason);
    }
    response
}

/// The Worker's caches, when it may use them now, and the span of this name: each operation counts as a subrequest.
fn caches(scope: &mut v8::PinScope, name: &'static str) -> Option<(WorkerCaches, OpenSpan)> {
    if !isolate::require_io(scope) {
        return None;
    }
    if let Some(Err(error)) = isolate::io_context(scope).map(|context| context.take_subrequest()) {
        isolate::throw(scope, error);
        return None;
    }
    let Some(caches) = isolate::embedder::<WorkerCaches>(scope).cloned() else {
        isolate::throw(scope, JsError::error("This Worker has no caches."));
        return None;
    };
    let caches = caches.here(scope).unwrap_or(caches);
    Some((caches, isolate::begin_span(scope, || name.into())))
}

/// The key that three arguments make: the cache's name (undefined: the default one), the URL, what stands for it.
fn key(scope: &mut v8::PinScope, args: &Args, caches: &WorkerCaches, name: i32, url: i32, instead: i32) -> Key {
    let named = args.get(name).is_string().then(|| isolate::string_arg(scope, args, name));
    let url = isolate::string_arg(scope, args, if args.get(instead).is_string() { instead } else { url });
    caches.key(named.as_deref(), &url)
}

/// `op_cache_match(name, url, headers, cacheKey)` → a promise of `[status, statusText, headers, rid, url]`, or of undefined.
fn op_cache_match(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some((caches, mut span)) = caches(scope, "cache_match") else { return };
    let key = key(scope, &args, &caches, 0, 1, 3);
    let mut request = HeaderMap::new();
    if let Err(error) = webapi::headers::from_js(scope, args.get(2), &mut request) {
        return isolate::throw(scope, error);
    }
    isolate::spawn_output(scope, rv, async move {
        let found = caches.caches.front.matches(&key, &request).await;
        span.fact("cloudflare.cache.hit", || found.is_some());
        let Some(served) = found else { return Ok(OpValue::Undefined) };
        let (parts, body) = response(served).into_parts();
        Ok(OpValue::With(Box::new(move |scope| {
            let null_body = matches!(parts.status.as_u16(), 204 | 205 | 304);
            let rid = if null_body {
                -1.0
            } else {
                f64::from(webapi::body::ops::hold(scope, body.with_coding_of(&parts.headers)))
            };
            let reason = parts.extensions.get::<ReasonPhrase>();
            let reason = match reason {
                Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
                None => parts.status.canonical_reason().unwrap_or_default().to_owned(),
            };
            let elements = [
                v8::Integer::new(scope, parts.status.as_u16().into()).into(),
                isolate::new_string(scope, &reason).into(),
                webapi::headers::to_js(scope, &parts.headers).into(),
                v8::Number::new(scope, rid).into(),
                isolate::new_string(scope, "").into(),
            ];
            let array: v8::Local<v8::Value> = v8::Array::new_with_elements(scope, &elements).into();
            v8::Global::new(scope, array)
        })))
    });
}

/// `op_cache_put(status, statusText, headers, body, manual, name, url, requestHeaders, cacheKey)` → a promise that is
/// fulfilled when the body has been read. What may not be stored is dropped: a cache may forget.
fn op_cache_put(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some((caches, span)) = caches(scope, "cache_put") else { return };
    let key = key(scope, &args, &caches, 5, 6, 8);
    let mut request = HeaderMap::new();
    if let Err(error) = webapi::headers::from_js(scope, args.get(7), &mut request) {
        return isolate::throw(scope, error);
    }
    let response = match crate::fetch_event::response(scope, &args) {
        Ok(response) => response,
        Err(error) => return isolate::throw(scope, error),
    };
    isolate::spawn_output(scope, rv, async move {
        let _span = span;
        // Stored as it would go out to a client that takes every coding.
        let (mut parts, body) = Outgoing::settle(response, "gzip, br, deflate").into_parts();
        if let Some(length) = body.size_hint().exact() {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let reason = parts.extensions.get::<ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        let status = parts.status.as_u16();
        let lifetime = cache::lifetime(status, &mut parts.headers, &request, &Forced::default(), cache::now());
        let mut body = http_body_chunks(body).fuse().boxed();
        if let Ok(lifetime) = lifetime.as_ref().copied()
            && !lifetime.always_revalidate
        {
            let head = Head::new(status, reason, &parts.headers, &request, lifetime);
            match caches.caches.front.store().put(key, head, &mut body).await {
                Ok(_) => {}
                // As on the platform: a source that went away is nobody's error here, any other failure of the body is.
                Err(cache::CacheError::Body(error)) => match error.downcast::<BodyError>() {
                    Ok(error) if !matches!(*error, BodyError::ConnectionLost) => return Err((*error).into()),
                    _ => return Ok(OpValue::Undefined),
                },
                Err(error) => {
                    tracing::warn!(%error, "a response was not cached");
                    return Ok(OpValue::Undefined);
                }
            }
        }
        // What was not stored is read all the same, so that its source does not see its reader leave.
        while let Some(chunk) = body.next().await {
            if chunk.is_err() {
                break;
            }
        }
        Ok(OpValue::Undefined)
    });
}

fn http_body_chunks(
    body: webapi::body::HttpBody,
) -> impl futures::Stream<Item = Result<bytes::Bytes, cache::StreamError>> {
    futures::stream::unfold(Box::pin(body), |mut body| async move {
        loop {
            match std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some((Ok(data), body)),
                    Err(_trailers) => {}
                },
                Err(error) => return Some((Err(error.into()), body)),
            }
        }
    })
}

/// `op_cache_delete(name, url, cacheKey)` → a promise of whether there was something.
fn op_cache_delete(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let Some((caches, span)) = caches(scope, "cache_delete") else { return };
    let key = key(scope, &args, &caches, 0, 1, 2);
    isolate::spawn_output(scope, rv, async move {
        let deleted = caches.caches.front.store().delete(&key).await;
        drop(span);
        Ok(OpValue::With(Box::new(move |scope| {
            let deleted: v8::Local<v8::Value> = v8::Boolean::new(scope, deleted).into();
            v8::Global::new(scope, deleted)
        })))
    });
}
