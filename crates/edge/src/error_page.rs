//! What a client gets instead of a Worker's answer: the platform's error codes, as a page for browsers and one line of
//! text for the rest; in `dev`, the error itself ([`dev`]).

pub mod dev;
mod html;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::SystemTime;

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, REFERRER_POLICY};
use http::{HeaderName, StatusCode};
use webapi::body::Outgoing;

use crate::{Ray, Response};

/// Why the edge answers in a Worker's stead. Codes and meanings: developers.cloudflare.com/workers/observability/errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    #[error("Bad request")]
    BadRequest,
    #[error("Request body too large")]
    BodyTooLarge,
    #[error("Request URL too long")]
    UrlTooLong,
    #[error("Request header fields too large")]
    HeadersTooLarge,
    /// No Worker is at this address, or the `Host` names nothing that could be one.
    #[error("Invalid host")]
    BadHost,
    /// The runtime itself failed.
    #[error("Internal error")]
    Internal,
    #[error("Overloaded")]
    Overloaded,
    /// The process that answers for the host has ended, and another is on its way.
    #[error("Starting")]
    Starting,
    #[error("Rate limited")]
    RateLimited,
    #[error("Origin DNS error")]
    OriginDns,
    /// The server behind a zone gave no answer that could be read.
    #[error("Web server is returning an unknown error")]
    OriginUnknown,
    #[error("Web server is down")]
    OriginDown,
    #[error("Connection timed out")]
    OriginTimeout,
    #[error("A timeout occurred")]
    OriginSlow,
    #[error("SSL handshake failed")]
    OriginTls,
    #[error("Worker called itself too often")]
    LoopLimit,
    #[error("Worker requested a host it cannot access")]
    ForbiddenHost,
    #[error("No Worker answers at this address")]
    NoRoute,
    #[error("Daily request limit exceeded")]
    DailyLimit,
    #[error("Worker fetched another Worker of its own zone")]
    SameZoneFetch,
    #[error("Worker threw exception")]
    WorkerThrew,
    #[error("Worker exceeded resource limits")]
    ResourceLimits,
}

/// Whom an error is told to, by their `Accept` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Browser,
    Json,
    Text,
}

// === impl EdgeError ===

impl EdgeError {
    /// The platform's number, where it has one.
    pub fn code(self) -> Option<u16> {
        match self {
            Self::BadRequest | Self::BodyTooLarge | Self::UrlTooLong | Self::HeadersTooLarge => None,
            Self::Internal | Self::Overloaded | Self::Starting => None,
            Self::OriginUnknown | Self::OriginDown | Self::OriginTimeout | Self::OriginSlow | Self::OriginTls => {
                Some(self.status().as_u16())
            }
            Self::BadHost => Some(1003),
            Self::RateLimited => Some(1015),
            Self::OriginDns => Some(1016),
            Self::LoopLimit => Some(1019),
            Self::ForbiddenHost => Some(1021),
            Self::NoRoute => Some(1022),
            Self::DailyLimit => Some(1027),
            Self::SameZoneFetch => Some(1042),
            Self::WorkerThrew => Some(1101),
            Self::ResourceLimits => Some(1102),
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UrlTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BadHost => StatusCode::BAD_REQUEST,
            Self::ForbiddenHost => StatusCode::FORBIDDEN,
            Self::NoRoute | Self::SameZoneFetch => StatusCode::NOT_FOUND,
            Self::RateLimited | Self::DailyLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::OriginUnknown => of_origin(520),
            Self::OriginDown => of_origin(521),
            Self::OriginTimeout => of_origin(522),
            Self::OriginSlow => of_origin(524),
            Self::OriginTls => of_origin(525),
            Self::OriginDns => of_origin(530),
            Self::LoopLimit | Self::Internal | Self::WorkerThrew => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ResourceLimits | Self::Overloaded | Self::Starting => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn what_happened(self) -> &'static str {
        match self {
            Self::BadRequest => "The request could not be understood.",
            Self::BodyTooLarge => "The request's body is larger than this server takes.",
            Self::UrlTooLong => "The request's URL is longer than this server takes.",
            Self::HeadersTooLarge => "The request's headers are larger than this server takes.",
            Self::BadHost => "The request names a host that cannot be served here.",
            Self::Internal => "The server failed while it handled this request.",
            Self::Overloaded => "The server has no room for more requests at this moment.",
            Self::Starting => "What answers at this address is starting.",
            Self::RateLimited => "Too many requests arrived in a short time, and this one was turned away.",
            Self::OriginDns => "The name of the origin server behind this page could not be resolved.",
            Self::OriginUnknown => "The origin server behind this page gave an answer that could not be understood.",
            Self::OriginDown => "The origin server behind this page refused the connection.",
            Self::OriginTimeout => "No connection to the origin server behind this page came about in time.",
            Self::OriginSlow => "The origin server behind this page did not answer in time.",
            Self::OriginTls => "No secure connection to the origin server behind this page came about.",
            Self::LoopLimit => "The Worker behind this page called itself, directly or through others, too many times.",
            Self::ForbiddenHost => "The Worker behind this page asked for a host that it may not reach.",
            Self::NoRoute => "No Worker is deployed at this address.",
            Self::DailyLimit => "The Worker behind this page has used up its requests for today.",
            Self::SameZoneFetch => {
                "A Worker tried to fetch from another Worker on the same zone, which is not supported."
            }
            Self::WorkerThrew => "The Worker behind this page threw a JavaScript exception.",
            Self::ResourceLimits => "The Worker behind this page used more CPU time or memory than it is allowed.",
        }
    }

    fn what_to_do(self) -> &'static str {
        match self {
            Self::BadRequest | Self::UrlTooLong | Self::HeadersTooLarge | Self::BodyTooLarge => {
                "Change the request and try again. Clearing this site's cookies helps where they have grown too large."
            }
            Self::BadHost | Self::NoRoute => "Check the address for mistakes.",
            Self::RateLimited | Self::Overloaded | Self::Starting => "Wait a while, then try again.",
            _ => {
                "If you own this site, look into the Worker's logs for the time and the Ray ID below. If you are \
                 visiting it, please try again in a few minutes."
            }
        }
    }
}

/// The platform's own statuses for the servers behind it.
fn of_origin(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
}

// === impl Audience ===

impl Audience {
    /// Browsers say `text/html` first among what they want; a client that names neither wants plain text.
    pub fn of(headers: &HeaderMap) -> Self {
        for value in headers.get_all(ACCEPT) {
            let Ok(value) = value.to_str() else { continue };
            for range in value.split(',') {
                let range = range.split(';').next().unwrap_or_default().trim();
                if range.eq_ignore_ascii_case("text/html") || range.eq_ignore_ascii_case("application/xhtml+xml") {
                    return Self::Browser;
                }
                if range.eq_ignore_ascii_case("application/json") {
                    return Self::Json;
                }
                if range.eq_ignore_ascii_case("text/plain") {
                    return Self::Text;
                }
            }
        }
        Self::Text
    }
}

/// The platform's answer to an error: a page for browsers, `error code: 1101` for the rest.
pub fn respond(error: EdgeError, audience: Audience, ray: &Ray, client: &IpAddr) -> Response {
    if audience == Audience::Browser {
        return page(error.status(), html::platform(error, ray, client, SystemTime::now()));
    }
    let text = match error.code() {
        Some(code) => format!("error code: {code}"),
        None => format!("error: {error}"),
    };
    answer(error.status(), "text/plain; charset=UTF-8", text)
}

/// A page of ours: no script, nothing loaded from anywhere, never kept.
fn page(status: StatusCode, html: String) -> Response {
    const POLICY: HeaderName = HeaderName::from_static("content-security-policy");
    let mut response = answer(status, "text/html; charset=UTF-8", html);
    let headers = response.headers_mut();
    headers.insert(POLICY, HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Outgoing::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}
