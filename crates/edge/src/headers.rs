//! The headers that the edge owns: what it takes off a request or a response, and what it puts on.

use http::header::{ACCEPT_ENCODING, CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, UPGRADE};

use crate::Ray;
use crate::client::Info;

const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
pub(crate) const CF_EW_VIA: HeaderName = HeaderName::from_static("cf-ew-via");
const CF_IPCOUNTRY: HeaderName = HeaderName::from_static("cf-ipcountry");
const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");
const CF_VISITOR: HeaderName = HeaderName::from_static("cf-visitor");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// How many more Workers a request may invoke: <https://developers.cloudflare.com/workers/observability/errors/#loop-limit>.
/// A client that names a number bounds nobody but itself.
pub(crate) fn invocations_left(headers: &HeaderMap) -> Option<u32> {
    headers.get(CF_EW_VIA)?.to_str().ok()?.trim().parse().ok()
}

/// Whether a client could pretend to be the edge with this header. Other `CF-*` names (Access tokens, webhook secrets)
/// are the client's own.
fn is_edges_own(name: &str) -> bool {
    matches!(
        name,
        "cf-connecting-ip"
            | "cf-connecting-ipv6"
            | "cf-connecting-o2o"
            | "cf-ew-via"
            | "cf-ipcountry"
            | "cf-pseudo-ipv4"
            | "cf-ray"
            | "cf-visitor"
            | "cf-worker"
            | "true-client-ip"
            | "x-real-ip"
    )
}

/// RFC 9110 §7.6.1, without `Upgrade`, which asks a Worker for a WebSocket.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding")
}

/// Takes off what was meant for one hop: the headers that always are, and those that `Connection` names.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    strip(headers, |_| false);
}

fn strip(headers: &mut HeaderMap, also: impl Fn(&str) -> bool) {
    // Most messages have none of them: one look over the names costs less than a lookup of each.
    if !headers.keys().any(|name| is_hop_by_hop(name.as_str()) || also(name.as_str())) {
        return;
    }
    let named = joined(headers, CONNECTION);
    for name in named.split(',').map(str::trim) {
        let about_the_hop = name.eq_ignore_ascii_case("close") || name.eq_ignore_ascii_case("upgrade");
        if !about_the_hop && let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            headers.remove(name);
        }
    }
    let gone = |name: &&HeaderName| is_hop_by_hop(name.as_str()) || also(name.as_str());
    let gone: Vec<HeaderName> = headers.keys().filter(gone).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

/// At most so many headers are put on a request.
const ADDED: usize = 9;

/// Makes a client's headers those that a Worker sees behind the edge.
pub(crate) fn prepare(headers: &mut HeaderMap, info: &Info, ray: &Ray, https: bool, authority: &str) {
    strip(headers, is_edges_own);
    // A WebSocket is all that a connection is upgraded to here.
    let upgrade = headers.get(UPGRADE).map(HeaderValue::as_bytes);
    if upgrade.is_some_and(|protocol| !protocol.eq_ignore_ascii_case(b"websocket")) {
        headers.remove(UPGRADE);
    }
    join_cookies(headers);
    headers.reserve(ADDED);
    // A target with an authority of its own is what the request is for, whatever Host says (RFC 9112 §3.2.2).
    if headers.get(HOST).is_none_or(|host| host.as_bytes() != authority.as_bytes())
        && let Ok(host) = HeaderValue::from_str(authority)
    {
        headers.insert(HOST, host);
    }
    // The edge takes these of any origin, and gives each client what that client takes.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
    headers.insert(CF_CONNECTING_IP, info.address.clone());
    headers.insert(X_REAL_IP, info.address.clone());
    headers.insert(CF_RAY, ray.header());
    if let Some(country) = &info.country {
        headers.insert(CF_IPCOUNTRY, country.clone());
    }
    let (scheme, visitor) = match https {
        true => ("https", r#"{"scheme":"https"}"#),
        false => ("http", r#"{"scheme":"http"}"#),
    };
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    headers.insert(CF_VISITOR, HeaderValue::from_static(visitor));
    let forwarded = match joined(headers, X_FORWARDED_FOR) {
        before if before.is_empty() => info.address.clone(),
        before => {
            let address = info.address.to_str().unwrap_or_default();
            HeaderValue::from_str(&format!("{before}, {address}")).unwrap_or_else(|_| info.address.clone())
        }
    };
    headers.insert(X_FORWARDED_FOR, forwarded);
}

/// All values of a header as one list.
pub(crate) fn joined(headers: &HeaderMap, name: HeaderName) -> String {
    let mut joined = String::new();
    for value in headers.get_all(name) {
        let Ok(value) = value.to_str() else { continue };
        if !joined.is_empty() {
            joined.push_str(", ");
        }
        joined.push_str(value);
    }
    joined
}

/// HTTP/2 splits cookies for compression; outside it they are one header (RFC 9113 §8.2.3).
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookie);
    }
}
