//! Requests between processes of one server: the one that has the listeners passes each on to the one that answers, over a Unix socket
//! and with what it knows of the client in one header, which counts only beside a secret that both know.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, SEC_WEBSOCKET_KEY, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Position;
use webapi::body::{BodyReader, EncodeBody, HttpBody, Outgoing};

use crate::client::{Info, Tls};
use crate::error_page::EdgeError;
use crate::{Cf, Geo, Ray, Request, Response};

const SKERRY_PASSED: HeaderName = HeaderName::from_static("skerry-passed");

const CF_WORKER: HeaderName = HeaderName::from_static("cf-worker");

/// What is not there.
const NONE: &str = "-";

/// A request as the process before this one met it.
pub(crate) struct Passed {
    pub(crate) info: Arc<Info>,
    pub(crate) ray: Ray,
    pub(crate) accept_encoding: String,
    version: Version,
    nth: u32,
    invocations_left: Option<u32>,
    headers: HeaderMap,
}

/// What a connection becomes whose other end is another process's client.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel(pub(crate) OnUpgrade);

// === impl Passed ===

impl Passed {
    /// `None`: the request does not come from the process that knows the secret, or says what it can't have met.
    pub(crate) fn take(headers: &mut HeaderMap, secret: &str, geo: &Geo) -> Option<Self> {
        let facts = headers.remove(SKERRY_PASSED)?;
        let mut facts = facts.to_str().ok()?.splitn(9, ' ');
        let mut next = || facts.next();
        if !is_same(next()?, secret) {
            return None;
        }
        let known = |text: &str| Some(text.to_owned()).filter(|text| text != NONE);
        let remote: SocketAddr = next()?.parse().ok()?;
        let local: Option<SocketAddr> = known(next()?).and_then(|text| text.parse().ok());
        let version = version(next()?)?;
        let nth = next()?.parse().ok()?;
        let ray = Ray::known(next()?)?;
        let tls = next()?.split_once('/').and_then(|(version, cipher)| Tls::named(version, cipher));
        let invocations_left = known(next()?).and_then(|text| text.parse().ok());
        let accept_encoding = next().unwrap_or_default().to_owned();
        let info = Arc::new(Info { tls, ..Info::new(remote, local, geo) });
        let mut as_met = headers.clone();
        as_met.remove(CONNECTION);
        as_met.remove(TRANSFER_ENCODING);
        Some(Self { info, ray, accept_encoding, version, nth, invocations_left, headers: as_met })
    }

    /// The request with what the other process made of it instead of what this one would.
    pub(crate) fn onto(self, request: Request) -> Request {
        let cf = Cf::new(self.info, self.version, self.nth, self.accept_encoding);
        let Self { version, invocations_left, headers, .. } = self;
        Request { version, invocations_left, headers, cf, ..request }
    }
}

// === impl Tunnel ===

impl Tunnel {
    /// Carries bytes both ways until one side ends.
    pub(crate) async fn carry(self, mut client: impl AsyncRead + AsyncWrite + Unpin) {
        let Ok(other) = self.0.await else { return };
        if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut TokioIo::new(other)).await {
            tracing::debug!(%error, "a WebSocket ended");
        }
    }
}

// === impl Request ===

impl Request {
    /// The request as it goes to another process of this server, which knows the secret.
    pub fn pass_on(self, secret: &str) -> Result<http::Request<HttpBody>, EdgeError> {
        let facts = self.facts(secret);
        let facts = HeaderValue::from_str(&facts).map_err(|_| EdgeError::BadRequest)?;
        let path = self.path_and_query().to_owned();
        let host = HeaderValue::from_str(self.authority()).map_err(|_| EdgeError::BadHost)?;
        let Self { method, mut headers, body, version, .. } = self;
        headers.insert(HOST, host);
        if version == Version::HTTP_11 && headers.contains_key(UPGRADE) && headers.contains_key(SEC_WEBSOCKET_KEY) {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        // A body of unknown length has to be told of, whatever the method.
        if body.as_ref().is_some_and(|body| body.length().is_none()) {
            headers.remove(CONTENT_LENGTH);
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        headers.insert(SKERRY_PASSED, facts);
        let body = body.unwrap_or_else(BodyReader::empty).into_http_body();
        let mut request = http::Request::builder().method(method).uri(path).body(body);
        if let Ok(request) = &mut request {
            *request.headers_mut() = headers;
        }
        request.map_err(|_| EdgeError::BadRequest)
    }

    fn facts(&self, secret: &str) -> String {
        let Cf { info, version, nth, accept_encoding } = &self.cf;
        let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
        let local = or_none(info.local.map(|local| local.to_string()));
        let tls = or_none(info.tls.map(|tls| format!("{}/{}", tls.version, tls.cipher)));
        let left = or_none(self.invocations_left.map(|left| left.to_string()));
        let remote = info.remote;
        format!("{secret} {remote} {local} {version:?} {nth} {} {tls} {left} {accept_encoding}", self.ray)
    }

    /// The same request as one of this server's own Workers sends it, whatever it says of its client.
    pub fn as_from_within(self, geo: &Geo) -> Result<Self, EdgeError> {
        let url = url::Url::parse(&self.url).map_err(|_| EdgeError::BadHost)?;
        if url[Position::BeforeHost..Position::AfterHost].is_empty() {
            return Err(EdgeError::BadHost);
        }
        let worker = self.headers.get(CF_WORKER).cloned();
        let invocations_left = self.invocations_left;
        let mut request = Self::within(geo, self.method, &url, self.headers, self.body);
        if let Some(worker) = worker {
            request.headers.insert(CF_WORKER, worker);
        }
        Ok(Self { invocations_left, gone: self.gone, ..request })
    }
}

/// The answer of another process, for a client to which it goes as it is.
pub fn answered(mut response: http::Response<Incoming>) -> Response {
    if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
        let tunnel = Tunnel(hyper::upgrade::on(&mut response));
        response.extensions_mut().insert(tunnel);
    }
    response.map(|body| Outgoing { reader: BodyReader::from_incoming(body), encode: EncodeBody::Manual, socket: None })
}

fn version(text: &str) -> Option<Version> {
    let known = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];
    known.into_iter().find(|version| format!("{version:?}") == text)
}

/// Takes as long for any two texts of one length.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use http::Method;
    use url::Url;

    use super::*;

    fn geo() -> Geo {
        Geo::new(Some("FRA"), &[]).unwrap()
    }

    fn request() -> Request {
        let url = Url::parse("https://a.example.com:8443/x?y=%20").unwrap();
        let mut request = Request::within(&geo(), Method::GET, &url, HeaderMap::new(), None);
        let info = Info {
            tls: Tls::named("TLSv1.3", "AEAD-AES128-GCM-SHA256"),
            ..Info::new("192.0.2.7:5555".parse().unwrap(), Some("[::1]:443".parse().unwrap()), &geo())
        };
        request.cf = Cf::new(Arc::new(info), Version::HTTP_2, 3, "gzip, br;q=0.5".into());
        request.invocations_left = Some(9);
        request
    }

    #[test]
    fn what_one_process_has_met_the_other_knows() {
        let request = request();
        let (ray, cf) = (request.ray.clone(), request.cf.to_json());
        let passed = request.pass_on("secret").unwrap();
        assert_eq!(
            (passed.uri(), passed.headers()[HOST].to_str().unwrap()),
            (&"/x?y=%20".parse().unwrap(), "a.example.com:8443")
        );
        let mut headers = passed.headers().clone();
        let taken = Passed::take(&mut headers, "secret", &geo()).unwrap();
        assert!(!headers.contains_key(SKERRY_PASSED) && !taken.headers.contains_key(SKERRY_PASSED));
        assert_eq!((&taken.ray, taken.info.remote.to_string().as_str()), (&ray, "192.0.2.7:5555"));
        assert_eq!((taken.accept_encoding.as_str(), taken.invocations_left), ("gzip, br;q=0.5", Some(9)));
        let url = Url::parse("https://a.example.com/").unwrap();
        let again = taken.onto(Request::within(&geo(), Method::GET, &url, HeaderMap::new(), None));
        assert_eq!((again.cf.to_json(), again.version), (cf, Version::HTTP_2));
    }

    #[test]
    fn who_does_not_know_the_secret_says_nothing() {
        let passed = request().pass_on("secret").unwrap();
        for wrong in ["", "secre", "secret1", "Secret"] {
            assert!(Passed::take(&mut passed.headers().clone(), wrong, &geo()).is_none(), "{wrong}");
        }
        assert!(Passed::take(&mut HeaderMap::new(), "secret", &geo()).is_none());
        for odd in ["secret", "secret 1.2.3.4:5 - HTTP/1.1 x", "secret a b c d e f g h"] {
            let mut headers = HeaderMap::from_iter([(SKERRY_PASSED, HeaderValue::from_static(odd))]);
            assert!(Passed::take(&mut headers, "secret", &geo()).is_none(), "{odd}");
        }
    }
}
