//! Why the registry did not do what it was asked for.

use store::{rusqlite, sqlite};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is one of this name already.
    #[error("{what} `{name}` is there already")]
    Taken { what: &'static str, name: String },
    #[error("there is no {what} `{name}`")]
    Missing { what: &'static str, name: String },
    #[error("{0}")]
    Refused(String),
    /// What was sealed can't be opened: another key, or bytes that were changed.
    #[error("a secret can't be opened with the key of this registry")]
    Unsealable,
    #[error("{path}: {reason}", path = .path.display())]
    Key { path: std::path::PathBuf, reason: String },
    #[error(transparent)]
    Engine(#[from] sqlite::Error),
    #[error("a document of the registry can't be read: {0}")]
    Document(#[from] serde_json::Error),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// Whether a change failed because a name is taken.
pub(crate) fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// `Taken` where a unique name was the reason.
pub(crate) fn taken(error: rusqlite::Error, what: &'static str, name: &str) -> Error {
    match is_taken(&error) {
        true => Error::Taken { what, name: name.to_owned() },
        false => error.into(),
    }
}
