//! Why a connection to an origin did not come about, and errors as PostgreSQL's protocol has them.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorResponseBody;

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>: what has no number of its own there is a system error, as on the platform.
pub(crate) const SYSTEM_ERROR: &str = "58000";
pub(crate) const PROTOCOL_VIOLATION: &str = "08P01";
pub(crate) const CONNECTION_FAILURE: &str = "08006";
pub(crate) const INVALID_PASSWORD: &str = "28P01";
pub(crate) const NOT_SUPPORTED: &str = "0A000";
pub(crate) const TOO_MANY: &str = "53300";
pub(crate) const CANCELED: &str = "57014";
pub(crate) const NO_DATABASE: &str = "3D000";

/// Why there is no connection to an origin.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the host has no address")]
    Resolve,
    #[error("the address is not one that this account may reach")]
    Denied,
    #[error("the connection was refused")]
    Refused,
    #[error("the host can't be reached: {0}")]
    Unreachable(String),
    #[error("there was no connection within {} seconds", crate::limits::ACQUIRE.as_secs())]
    Timeout,
    #[error("the server speaks no TLS")]
    NoTls,
    #[error("TLS failed: {0}")]
    Tls(String),
    #[error("the server asks for {0}, which Hyperdrive has not")]
    Authentication(&'static str),
    #[error("{}", .0.message)]
    Server(ServerError),
    #[error("the server does not speak PostgreSQL's protocol: {0}")]
    Protocol(String),
    #[error("the connection broke off: {0}")]
    Lost(#[from] io::Error),
}

/// What the origin itself says is wrong.
#[derive(Debug)]
pub struct ServerError {
    /// SQLSTATE.
    pub code: String,
    pub message: String,
}

// === impl ConnectError ===

impl ConnectError {
    /// What a client is told: the origin's own words where it had some.
    pub(crate) fn response(&self) -> Bytes {
        let reason = match self {
            Self::Server(ServerError { code, message }) => return fatal(code, message),
            Self::Resolve => "bad_hostname",
            Self::Denied => "address_not_allowed",
            Self::Refused => "connection_refused",
            Self::Unreachable(_) => "unreachable",
            Self::Timeout => return fatal(SYSTEM_ERROR, ACQUIRE_FAILED),
            Self::NoTls => "tls_not_supported",
            Self::Tls(_) => "tls_failed",
            Self::Authentication(_) => "authentication_not_supported",
            Self::Protocol(_) => "protocol_error",
            Self::Lost(_) => "connection_lost",
        };
        fatal(SYSTEM_ERROR, &format!("Server connection attempt failed: {reason}"))
    }
}

/// The platform's words for a pool that has none left.
pub(crate) const ACQUIRE_FAILED: &str = "Failed to acquire a connection from the pool.";

// === impl ServerError ===

impl ServerError {
    pub(crate) fn of(body: &ErrorResponseBody) -> Self {
        let (mut code, mut message) = (None, None);
        let mut fields = body.fields();
        while let Ok(Some(field)) = fields.next() {
            let value = || Some(String::from_utf8_lossy(field.value_bytes()).into_owned());
            match field.type_() {
                b'C' => code = value(),
                b'M' => message = value(),
                _ => {}
            }
        }
        Self { code: code.unwrap_or_else(|| SYSTEM_ERROR.into()), message: message.unwrap_or_default() }
    }
}

/// An `ErrorResponse` after which the connection is over.
pub(crate) fn fatal(code: &str, message: &str) -> Bytes {
    let mut body = BytesMut::new();
    for (field, value) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', code), (b'M', message)] {
        body.put_u8(field);
        body.put_slice(value.replace('\0', " ").as_bytes());
        body.put_u8(0);
    }
    body.put_u8(0);
    message_of(b'E', &body)
}

/// A message of the protocol.
pub(crate) fn message_of(tag: u8, body: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(body.len() + 5);
    message.put_u8(tag);
    message.put_u32(u32::try_from(body.len() + 4).unwrap_or(u32::MAX));
    message.put_slice(body);
    message.freeze()
}
