//! Why an operation was refused, in the platform's words.

use std::fmt;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Key name cannot be empty.")]
    EmptyKey,
    #[error("\"{0}\" is not allowed as a key name.")]
    DotKey(String),
    /// What the service answers to a request that it can't take.
    #[error("KV {operation} failed: {status} {reason}")]
    Refused { operation: Operation, status: u16, reason: String },
    /// The engine failed; nothing of the operation is kept.
    #[error(transparent)]
    Engine(#[from] store::sqlite::Error),
}

/// The operation's name in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Lists call themselves so too.
    Get,
    GetBulk,
    Put,
    Delete,
}

// === impl Error ===

impl Error {
    pub fn refused(operation: Operation, status: u16, reason: impl Into<String>) -> Self {
        Self::Refused { operation, status, reason: reason.into() }
    }
}

impl From<store::rusqlite::Error> for Error {
    fn from(error: store::rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}

// === impl Operation ===

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::GetBulk => "GET_BULK",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        })
    }
}
