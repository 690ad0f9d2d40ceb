//! A request as the edge hands it on: its URL absolute and normal, its headers the edge's, its body bounded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::Scheme;
use http::{HeaderMap, Method, Version};
use http_body::Body;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use url::{Position, Url};
use webapi::body::BodyReader;

use crate::client::Info;
use crate::connection::Shared;
use crate::error_page::EdgeError;
use crate::{Cf, Geo, Handler, Ray, geo, headers};

/// A request on its way to a Worker.
#[derive(Debug)]
pub struct Request {
    pub method: Method,
    /// Absolute and serialised as the URL standard has it: what `request.url` shows.
    pub url: String,
    pub headers: HeaderMap,
    /// `None` when the message has no body at all, as a GET has none.
    pub body: Option<BodyReader>,
    pub remote: SocketAddr,
    pub version: Version,
    pub ray: Ray,
    /// The source of `request.cf`.
    pub cf: Cf,
    /// The location that it names, where that is none of this server's.
    pub elsewhere: Option<String>,
    /// How many more Workers the request may invoke, where it has come through Workers.
    pub invocations_left: Option<u32>,
    /// Fires when the client disconnects before the response is finished.
    pub gone: CancellationToken,
}

/// A request's body, as the protocol that it came by has it.
pub(crate) trait Received: Body + Send + 'static {
    fn reader(self, max: Option<u64>, stall: Duration) -> BodyReader;
}

impl Received for Incoming {
    fn reader(self, max: Option<u64>, stall: Duration) -> BodyReader {
        BodyReader::from_incoming(self).bounded(max, Some(stall))
    }
}

/// Where requests of this server's own Workers seem to come from, as on the platform.
const INSIDE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2a06, 0x98c0, 0x3600, 0, 0, 0, 0, 0x103));

// === impl Request ===

impl Request {
    /// One that a Worker of this server sends to a host that is served here too, with headers as HTTP has them.
    pub fn within(geo: &Geo, method: Method, url: &Url, mut headers: HeaderMap, body: Option<BodyReader>) -> Self {
        let remote = SocketAddr::new(INSIDE, 0);
        let info = Arc::new(Info::new(remote, None, geo));
        let ray = Ray::new(&info.location.colo);
        let accept_encoding = headers::joined(&headers, ACCEPT_ENCODING);
        let invocations_left = headers::invocations_left(&headers);
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        headers::prepare(&mut headers, &info, &ray, url.scheme() == "https", authority);
        Self {
            method,
            url: url.to_string(),
            headers,
            body,
            remote,
            version: Version::HTTP_11,
            ray,
            cf: Cf::new(info, Version::HTTP_11, 0, accept_encoding),
            elsewhere: None,
            invocations_left,
            gone: CancellationToken::new(),
        }
    }

    pub(crate) fn new<H: Handler, B: Received>(
        shared: &Shared<H>,
        info: &Arc<Info>,
        request: http::Request<B>,
        ray: &Ray,
        nth: u32,
        accept_encoding: String,
        gone: CancellationToken,
    ) -> Result<Self, EdgeError> {
        let (mut parts, incoming) = request.into_parts();
        let bounds = &shared.config.bounds;
        let https = info.tls.is_some();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        if path.len() > bounds.max_url {
            return Err(EdgeError::UrlTooLong);
        }
        if header_bytes(&parts.headers) > bounds.max_header_bytes {
            return Err(EdgeError::HeadersTooLarge);
        }
        let foreign = parts.uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS);
        if parts.method == Method::CONNECT || foreign || !path.starts_with('/') {
            return Err(EdgeError::BadRequest);
        }
        let fallback = info.local.filter(|_| parts.version == Version::HTTP_10);
        let authority = authority(&parts, fallback)?;
        let url = absolute(https, &authority, path)?;
        let body = body(&parts.headers, incoming, bounds.max_body, bounds.body_stall)?;
        let invocations_left = headers::invocations_left(&parts.headers);
        headers::prepare(&mut parts.headers, info, ray, https, &authority);
        if !shared.config.geo.choices().is_empty() {
            parts.headers.remove(geo::X_SKERRY_COLO);
        }
        let cf = Cf::new(info.clone(), parts.version, nth, accept_encoding);
        Ok(Self {
            method: parts.method,
            url,
            headers: parts.headers,
            body,
            remote: info.remote,
            version: parts.version,
            ray: ray.clone(),
            cf,
            elsewhere: None,
            invocations_left,
            gone,
        })
    }

    /// The URL's host, without port: what routes are matched against.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rfind(':') {
            Some(colon) if !authority.ends_with(']') => &authority[..colon],
            _ => authority,
        }
    }

    /// The URL's path, with its query.
    pub fn path_and_query(&self) -> &str {
        let start = self.url.find("://").map_or(0, |scheme| scheme + 3);
        self.url[start..].find('/').map_or("/", |slash| &self.url[start + slash..])
    }

    pub(crate) fn authority(&self) -> &str {
        let start = self.url.find("://").map_or(0, |scheme| scheme + 3);
        let rest = &self.url[start..];
        rest.find('/').map_or(rest, |slash| &rest[..slash])
    }
}

/// What the request is for: the target's own authority, else the one `Host` header (RFC 9112 §3.2, RFC 9113 §8.3.1).
fn authority(parts: &http::request::Parts, fallback: Option<SocketAddr>) -> Result<String, EdgeError> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(EdgeError::BadHost);
    }
    let authority = match (parts.uri.authority(), host, fallback) {
        (Some(authority), _, _) => authority.as_str().to_owned(),
        (None, Some(host), _) => host.to_str().map_err(|_| EdgeError::BadHost)?.to_owned(),
        (None, None, Some(local)) => local.to_string(),
        (None, None, None) => return Err(EdgeError::BadHost),
    };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    match !authority.is_empty() && authority.bytes().all(legal) {
        true => Ok(authority),
        false => Err(EdgeError::BadHost),
    }
}

/// Joins scheme, authority and path. Only what is not normal already goes through the URL parser.
pub(crate) fn absolute(https: bool, authority: &str, path: &str) -> Result<String, EdgeError> {
    let scheme = if https { "https" } else { "http" };
    let mut url = String::with_capacity(scheme.len() + 3 + authority.len() + path.len());
    url.push_str(scheme);
    url.push_str("://");
    url.push_str(authority);
    url.push_str(path);
    if is_normal_authority(authority) && is_normal_path(path) {
        return Ok(url);
    }
    Url::parse(&url).map(String::from).map_err(|_| EdgeError::BadHost)
}

fn is_normal_authority(authority: &str) -> bool {
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let port_ok = port.is_none_or(|port| {
        !port.starts_with('0')
            && !matches!(port, "80" | "443")
            && port.parse::<u16>().is_ok_and(|_| !port.starts_with('+'))
    });
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    // A last label that begins with a digit may be an IPv4 address in disguise.
    let last = host.rsplit('.').next().unwrap_or_default();
    let named = last.starts_with(|c: char| c.is_ascii_lowercase()) && !host.contains("xn--");
    port_ok && host.bytes().all(legal) && (named || host.parse::<Ipv4Addr>().is_ok())
}

fn is_normal_path(path: &str) -> bool {
    let mut previous = 0;
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-_~!$&()*+,;=:@/?".contains(&byte);
        // A dot after a slash, or a percent sign before "2e", may be a dot segment.
        let dot = byte == b'.' && previous != b'/';
        if !(plain || dot) {
            return false;
        }
        previous = byte;
    }
    true
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn body(
    headers: &HeaderMap,
    incoming: impl Received,
    max: Option<u64>,
    stall: Duration,
) -> Result<Option<BodyReader>, EdgeError> {
    let declared = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    if incoming.is_end_stream() && !declared {
        return Ok(None);
    }
    let length = incoming.size_hint().exact();
    if let (Some(length), Some(max)) = (length, max)
        && length > max
    {
        return Err(EdgeError::BodyTooLarge);
    }
    Ok(Some(incoming.reader(max, stall)))
}
