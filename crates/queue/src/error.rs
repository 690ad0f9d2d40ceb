//! Why an operation was refused, with the platform's numbers:
//! https://developers.cloudflare.com/queues/reference/error-codes/

use crate::limits;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Queue does not exist")]
    NotFound,
    #[error("message delay of {0} seconds is out of bounds: it must be from 0 to {max}", max = limits::DELAY)]
    Delay(i64),
    #[error("batch delay of {0} seconds is out of bounds: it must be from 0 to {max}", max = limits::DELAY)]
    BatchDelay(i64),
    #[error("message content type {0:?} is invalid: it must be one of text, bytes, json, v8")]
    ContentType(String),
    #[error("message length of {0} bytes exceeds limit of {max}", max = limits::MESSAGE)]
    MessageSize(usize),
    #[error("batch size of {0} bytes exceeds limit of {max}", max = limits::BATCH_BYTES)]
    BatchSize(usize),
    #[error("batch message count of {0} is out of bounds: it must be from 1 to {max}", max = limits::BATCH)]
    BatchCount(usize),
    #[error("queue storage limit exceeded")]
    StorageLimit,
    #[error("{0}")]
    Settings(String),
    /// The engine failed; nothing of the operation is kept.
    #[error(transparent)]
    Engine(#[from] store::sqlite::Error),
}

// === impl Error ===

impl Error {
    /// The platform's number.
    pub fn code(&self) -> u32 {
        match self {
            Self::NotFound => 10104,
            Self::BatchDelay(_) => 10202,
            Self::Delay(_) | Self::ContentType(_) => 10203,
            Self::MessageSize(_) => 10204,
            Self::BatchSize(_) => 10205,
            Self::BatchCount(_) => 10206,
            Self::StorageLimit => 10251,
            Self::Settings(_) => 100_128,
            Self::Engine(_) => 15000,
        }
    }
}

impl From<store::rusqlite::Error> for Error {
    fn from(error: store::rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}
