//! Why a `fetch()` failed, in the platform's words where it has some.

use isolate::JsError;
use url::Url;

use super::client::ConnectError;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("Network connection lost.")]
    ConnectionLost,
    #[error("The operation was aborted")]
    Aborted,
    #[error("Invalid URL: {0}")]
    InvalidUrl(String),
    #[error("Fetch API cannot load: {0}")]
    Scheme(String),
    #[error("Too many redirects.{}", .0.join(", "))]
    TooManyRedirects(Vec<String>),
    #[error("Invalid Location header; unable to follow redirect.")]
    InvalidLocation,
    #[error("Unexpected redirect encountered")]
    UnexpectedRedirect,
    #[error(
        "A request with a one-time-use body (it was initialized from a stream, not a buffer) encountered a redirect \
         requiring the body to be retransmitted. To avoid this error in the future, construct this request from a \
         buffer-like body initializer."
    )]
    OneTimeBody,
    /// The Worker's own request body failed, with the reason it gave.
    #[error("{0}")]
    Body(crate::body::BodyError),
    /// What the request asks of the cache contradicts itself.
    #[error("{0}")]
    Cache(String),
    #[error("The server {0} did not answer the WebSocket handshake as RFC 6455 has it.")]
    Handshake(String),
    #[error("{}", told(.url, .why, .reason))]
    Connect { url: String, why: Unreachable, reason: String },
}

/// Why no connection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// Nobody listens, or it broke off.
    Lost,
    Dns,
    /// The policy has it so.
    Denied,
    Tls,
    Timeout,
}

/// Why a connection did not come about that is no HTTP.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct NotConnected {
    pub why: Unreachable,
    /// The system's number for it.
    pub errno: i32,
    pub reason: String,
}

fn told(url: &str, why: &Unreachable, reason: &str) -> String {
    match why {
        Unreachable::Lost => FetchError::ConnectionLost.to_string(),
        _ => format!("Could not connect to {url}: {reason}"),
    }
}

// === impl FetchError ===

impl FetchError {
    /// Reads a client error down its chain of sources for the one thing to say.
    pub(super) fn of(url: &Url, error: hyper_util::client::legacy::Error) -> Self {
        tracing::debug!(%url, error = &error as &dyn std::error::Error, "subrequest failed");
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(cause) = source {
            if let Some(body) = cause.downcast_ref::<crate::body::BodyError>() {
                return Self::Body(body.clone());
            }
            if let Some(connect) = cause.downcast_ref::<ConnectError>() {
                return Self::connect(url, connect);
            }
            source = cause.source();
        }
        Self::ConnectionLost
    }

    fn connect(url: &Url, error: &ConnectError) -> Self {
        let why = Unreachable::of(error);
        Self::Connect { url: url.origin().ascii_serialization(), why, reason: error.to_string() }
    }
}

// === impl Unreachable ===

impl Unreachable {
    fn of(error: &ConnectError) -> Self {
        match error {
            ConnectError::Lost(_) => Self::Lost,
            ConnectError::Dns(..) => Self::Dns,
            ConnectError::Denied(_) => Self::Denied,
            ConnectError::Tls(_) => Self::Tls,
            ConnectError::Timeout(_) => Self::Timeout,
        }
    }
}

// === impl NotConnected ===

impl NotConnected {
    pub(super) fn of(error: &ConnectError) -> Self {
        Self { why: Unreachable::of(error), errno: error.errno(), reason: error.to_string() }
    }
}

impl From<FetchError> for JsError {
    fn from(error: FetchError) -> Self {
        let message = error.to_string();
        match error {
            FetchError::ConnectionLost | FetchError::Handshake(_) | FetchError::Connect { .. } => {
                JsError::error(message)
            }
            FetchError::Aborted => JsError::dom("AbortError", message),
            FetchError::Body(error) => error.into(),
            FetchError::InvalidUrl(_)
            | FetchError::Scheme(_)
            | FetchError::TooManyRedirects(_)
            | FetchError::InvalidLocation
            | FetchError::UnexpectedRedirect
            | FetchError::OneTimeBody
            | FetchError::Cache(_) => JsError::type_error(message),
        }
    }
}
