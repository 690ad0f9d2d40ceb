//! The native side of `fetch()`: a pooled HTTP client, the Fetch standard's redirects (§4.4), and what an isolate
//! may reach ([`Outbound`]).

mod client;
mod dial;
mod error;
mod inside;
pub mod ops;
mod policy;
mod redirect;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use isolate::v8;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::client::Protocols;
use crate::body::{BodyReader, HttpBody};
use crate::websocket::{self, Socket};
pub(crate) use client::ConnectError;
pub(crate) use dial::Dialer;
pub use error::{FetchError, NotConnected, Unreachable};
pub(crate) use inside::received;
pub use inside::{Inner, Inside, Passed};
pub use ops::OPS;
pub use policy::{Policy, is_public};
pub use redirect::{RedirectMode, Step, step};

/// The way out of an isolate: a client whose connections are pooled, under one policy. Clones share the pool.
#[derive(Clone)]
pub struct Outbound {
    client: client::Client,
    /// Of HTTP/1.1 alone, the protocol that connections are upgraded from.
    upgrades: client::Client,
    dialer: Dialer,
    front: Option<Arc<dyn Front>>,
    inside: Option<Arc<dyn Inside>>,
}

/// What may answer in the network's stead, one exchange at a time (so each redirect by itself): a cache.
pub trait Front: Send + Sync {
    /// Answers a GET or a HEAD, with the help of `network` where it needs that. None: it has no say in this one.
    fn answer(&self, hop: &Hop<'_>, network: &Outbound) -> Option<Exchange>;

    /// The one for the event that the running code belongs to. None: this one.
    fn here(&self, _scope: &mut v8::PinScope) -> Option<Arc<dyn Front>> {
        None
    }
}

pub type Exchange = Pin<Box<dyn Future<Output = Result<Response<BodyReader>, FetchError>> + Send>>;

/// One exchange of a `fetch()`.
pub struct Hop<'a> {
    pub method: &'a Method,
    pub url: &'a Url,
    pub headers: &'a HeaderMap,
    /// See [`Subrequest::options`].
    pub options: Option<&'a str>,
    /// No redirect has led here.
    pub first: bool,
}

/// What `fetch()` asks for, validated by the `Request` class already.
pub struct Subrequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: SubrequestBody,
    pub redirect: RedirectMode,
    /// A redirect to another origin leaves out `Authorization`.
    pub strip_authorization: bool,
    /// What JavaScript gave as `cf` and `cache`: JSON, `{ "cf": …, "cache": … }`.
    pub options: Option<Box<str>>,
    /// Ends the exchange, and later the response's body.
    pub abort: Option<CancellationToken>,
}

/// A request's body, by whether it can be sent again after a redirect.
pub enum SubrequestBody {
    None,
    Bytes(Bytes),
    Once(BodyReader),
}

/// What came back. The body is raw, and knows its content coding.
#[derive(Debug)]
pub struct Subresponse {
    pub status: StatusCode,
    pub status_text: String,
    pub headers: HeaderMap,
    /// None for a null body status, and for HEAD.
    pub body: Option<BodyReader>,
    /// Where the response came from, without fragment.
    pub url: String,
    pub redirected: bool,
    /// With status 101: the end that is the client's.
    pub web_socket: Option<Socket>,
}

// === impl Outbound ===

impl Outbound {
    pub fn new(policy: Policy) -> Self {
        Self::trusting(policy, Vec::new())
    }

    /// As `new`, trusting these certificate authorities besides the machine's.
    pub fn trusting(policy: Policy, authorities: Vec<CertificateDer<'static>>) -> Self {
        let upgrades = client::build(policy.clone(), authorities.clone(), Protocols::Http1);
        let dialer = Dialer::new(policy.clone(), authorities.clone());
        Self { client: client::build(policy, authorities, Protocols::Any), upgrades, dialer, front: None, inside: None }
    }

    /// The way out of the event that the running code belongs to.
    pub(crate) fn here(mut self, scope: &mut v8::PinScope) -> Self {
        if let Some(front) = self.front.as_ref().and_then(|front| front.here(scope)) {
            self.front = Some(front);
        }
        if let Some(inside) = self.inside.as_ref().and_then(|inside| inside.here(scope)) {
            self.inside = Some(inside);
        }
        self
    }

    /// The same way out with something before it.
    pub fn behind(self, front: Arc<dyn Front>) -> Self {
        Self { front: Some(front), ..self }
    }

    /// The same way out for a process that serves some hosts itself.
    pub fn within(self, inside: Arc<dyn Inside>) -> Self {
        Self { inside: Some(inside), ..self }
    }

    /// Sends a request and follows redirects as it says; resolves when the response's headers are here.
    pub async fn fetch(&self, request: Subrequest) -> Result<Subresponse, FetchError> {
        match request.abort.clone() {
            None => self.follow(request).await,
            Some(abort) => tokio::select! {
                biased;
                () = abort.cancelled() => Err(FetchError::Aborted),
                result = self.follow(request) => result,
            },
        }
    }

    async fn follow(&self, request: Subrequest) -> Result<Subresponse, FetchError> {
        match websocket::asks_for_one(&request.method, &request.headers) {
            true => self.open(request).await,
            false => self.walk(request).await,
        }
    }

    /// Asks for a WebSocket. What the server answers stands, a redirect too.
    async fn open(&self, mut request: Subrequest) -> Result<Subresponse, FetchError> {
        own_headers(&mut request.headers);
        request.url.set_fragment(None);
        let opened = websocket::connect(self, &request.url, std::mem::take(&mut request.headers)).await?;
        let response = Subresponse::new(request, opened.response, false);
        Ok(Subresponse { web_socket: opened.socket, ..response })
    }

    async fn walk(&self, mut request: Subrequest) -> Result<Subresponse, FetchError> {
        own_headers(&mut request.headers);
        request.url.set_fragment(None);
        let mut visited = Vec::new();
        loop {
            let response = self.exchange(&mut request, visited.is_empty()).await?;
            match redirect::step(&mut request, response.status(), response.headers(), &mut visited)? {
                Step::Done => {
                    return Ok(Subresponse::new(request, response, !visited.is_empty()));
                }
                // Dropping the redirect's own body frees its connection.
                Step::Follow => drop(response),
            }
        }
    }

    async fn exchange(&self, request: &mut Subrequest, first: bool) -> Result<Response<BodyReader>, FetchError> {
        if let Some(front) = &self.front
            && matches!(request.method, Method::GET | Method::HEAD)
        {
            let Subrequest { method, url, headers, options, .. } = &*request;
            let hop = Hop { method, url, headers, options: options.as_deref(), first };
            let network = Self { front: None, ..self.clone() };
            if let Some(answer) = front.answer(&hop, &network) {
                return answer.await;
            }
        }
        let body = match &mut request.body {
            SubrequestBody::None => BodyReader::empty(),
            SubrequestBody::Bytes(bytes) => BodyReader::from_bytes(bytes.clone()),
            SubrequestBody::Once(reader) => {
                // A body read from an encoded response travels as plain bytes: its header described another message.
                std::mem::replace(reader, BodyReader::empty()).decoded()
            }
        };
        self.send(&request.method, &request.url, request.headers.clone(), body).await
    }

    /// One exchange with the server of a URL: no redirect is followed, nothing is before it.
    pub async fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: HeaderMap,
        body: BodyReader,
    ) -> Result<Response<BodyReader>, FetchError> {
        let passed = match self.answered(Passed { method: method.clone(), url: url.clone(), headers, body }) {
            Ok(answer) => return answer.await.map(received),
            Err(passed) => passed,
        };
        let request = http_request(method, url, passed.headers, passed.body)?;
        let response = self.client.request(request).await.map_err(|error| FetchError::of(url, error))?;
        Ok(response.map(BodyReader::from_incoming))
    }

    /// The answer of a server of this process; else the request comes back, for the network.
    pub(crate) fn answered(&self, request: Passed) -> Result<Inner, Box<Passed>> {
        match &self.inside {
            Some(inside) => inside.answer(request),
            None => Err(Box::new(request)),
        }
    }

    /// Whether the policy lets connections be made to this address.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.dialer.allows(address)
    }

    /// A connection to an address that the policy allows, for what is no HTTP. `host`: a name or an address.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, NotConnected> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        self.dialer.tcp(&host, port).await.map_err(|error| NotConnected::of(&error))
    }

    /// For connections that are no HTTP.
    pub(crate) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Sends a request over HTTP/1.1, as it is, to a server that is named by its URL and not by its `Host`.
    pub async fn pass_on(&self, passed: Passed) -> Result<Response<BodyReader>, FetchError> {
        let request = http_request(&passed.method, &passed.url, passed.headers, passed.body)?;
        let response = self.upgrades.request(request).await.map_err(|error| FetchError::of(&passed.url, error))?;
        Ok(response.map(BodyReader::from_incoming))
    }

    /// One exchange that asks for another protocol, which `hyper::upgrade::on` gives where the server agreed.
    pub(crate) async fn upgrade(&self, url: &Url, headers: HeaderMap) -> Result<Response<Incoming>, FetchError> {
        let request = http_request(&Method::GET, url, headers, BodyReader::empty())?;
        self.upgrades.request(request).await.map_err(|error| FetchError::of(url, error))
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}

fn http_request(
    method: &Method,
    url: &Url,
    headers: HeaderMap,
    body: BodyReader,
) -> Result<Request<HttpBody>, FetchError> {
    // Fetch, "HTTP-network-or-cache fetch", step 8: no body, said by who might have one.
    let is_empty = body.length() == Some(0) && (method == Method::POST || method == Method::PUT);
    let mut request: Request<HttpBody> = Request::builder()
        .method(method.clone())
        .uri(url.as_str())
        .body(body.into_http_body())
        .map_err(|_| FetchError::InvalidUrl(url.to_string()))?;
    *request.headers_mut() = headers;
    if is_empty {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(request)
}

/// Leaves out what belongs to the connection, which is ours, and says which codings we undo.
fn own_headers(headers: &mut HeaderMap) {
    const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HOST];
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    headers.remove(CONTENT_LENGTH);
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("br, gzip"));
}

// === impl Subresponse ===

impl Subresponse {
    fn new(request: Subrequest, response: Response<BodyReader>, redirected: bool) -> Self {
        let (parts, body) = response.into_parts();
        let status = parts.status;
        let null_body = request.method == Method::HEAD || matches!(status.as_u16(), 101 | 204 | 205 | 304);
        let body = (!null_body).then(|| {
            let body = body.with_coding_of(&parts.headers);
            match request.abort {
                Some(abort) => body.abort_on(abort),
                None => body,
            }
        });
        let status_text = match parts.extensions.get::<ReasonPhrase>() {
            Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        Self {
            status,
            status_text,
            headers: parts.headers,
            body,
            url: request.url.into(),
            redirected,
            web_socket: None,
        }
    }
}
