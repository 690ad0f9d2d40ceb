//! Why an operation was refused, with the platform's message and code.

use crate::digests::{Algorithm, hex};

/// The `Display` text is the platform's message, [`Error::code`] the number that it puts behind it:
/// https://developers.cloudflare.com/r2/api/error-codes/
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("The specified bucket does not exist.")]
    NoSuchBucket,
    #[error("The specified bucket name is not valid.")]
    InvalidBucketName,
    #[error("The bucket you tried to create already exists, and you own it.")]
    BucketExists,
    #[error("The bucket you tried to delete is not empty.")]
    BucketNotEmpty,
    #[error("The specified object name is not valid.")]
    InvalidObjectName,
    #[error("Your proposed upload exceeds the maximum allowed object size.")]
    EntityTooLarge,
    #[error("Your proposed upload is smaller than the minimum allowed object size.")]
    EntityTooSmall,
    /// The owner's quota has no room for it.
    #[error("The storage limit of the account is exceeded.")]
    Full,
    #[error("Your metadata headers exceed the maximum allowed metadata size.")]
    MetadataTooLarge,
    #[error("MaxKeys params must be positive integer <= 1000.")]
    InvalidMaxKeys,
    #[error("The specified list cursor is not valid.")]
    InvalidCursor,
    #[error("The list of keys to delete is longer than 1000.")]
    TooManyKeys,
    #[error("The specified storage class is not valid.")]
    InvalidStorageClass,
    #[error("The specified multipart upload does not exist.")]
    NoSuchUpload,
    /// No upload of this id was ever begun; the platform tells it from one that has ended.
    #[error("We encountered an internal error. Please try again.")]
    UnknownUpload,
    /// One part stands twice among those to complete.
    #[error("We encountered an internal error. Please try again.")]
    PartTwice,
    #[error("One or more of the specified parts could not be found.")]
    InvalidPart,
    #[error("There was a problem with the multipart upload.")]
    BadUpload,
    #[error("At least one of the pre-conditions you specified did not hold.")]
    PreconditionFailed,
    #[error("The requested range is not satisfiable")]
    InvalidRange,
    #[error(
        "The {algorithm} checksum you specified did not match what we received.\nYou provided a {algorithm} checksum with \
         value: {}\nActual {algorithm} was: {}",
        hex(.provided),
        hex(.actual)
    )]
    BadDigest { algorithm: Algorithm, provided: Vec<u8>, actual: Vec<u8> },
    /// The object is encrypted with a customer's key, and none or another one came with the request.
    #[error("The customer-provided encryption key is missing or is not the one that the object was stored with.")]
    WrongKey,
    /// A body that was announced with one length came with another.
    #[error("The body has {actual} bytes instead of the {expected} that were announced.")]
    Length { expected: u64, actual: u64 },
    /// The source of an upload failed, and says why.
    #[error("{0}")]
    Source(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Index(#[from] store::sqlite::Error),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    /// The index names bytes that are not there, or that are not as they were written.
    #[error("the stored object is damaged: {0}")]
    Damaged(String),
}

// === impl Error ===

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }

    /// The platform's number for it. `None`: the error is not of R2's making but the body's.
    pub fn code(&self) -> Option<u32> {
        Some(match self {
            Self::NoSuchBucket => 10006,
            Self::InvalidBucketName => 10005,
            Self::BucketExists => 10004,
            Self::BucketNotEmpty => 10008,
            Self::InvalidObjectName => 10020,
            Self::EntityTooLarge => 100_100,
            Self::Full => 10042,
            Self::EntityTooSmall => 10011,
            Self::MetadataTooLarge => 10012,
            Self::InvalidMaxKeys => 10022,
            Self::NoSuchUpload => 10024,
            Self::InvalidPart => 10025,
            Self::InvalidCursor | Self::TooManyKeys | Self::InvalidStorageClass | Self::WrongKey => 10029,
            Self::PreconditionFailed => 10031,
            Self::BadDigest { .. } => 10037,
            Self::InvalidRange => 10039,
            Self::BadUpload => 10048,
            Self::UnknownUpload | Self::PartTwice | Self::Index(_) | Self::Io { .. } | Self::Damaged(_) => 10001,
            Self::Length { .. } | Self::Source(_) => return None,
        })
    }

    /// Whether the machine failed rather than the request.
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Index(_) | Self::Io { .. } | Self::Damaged(_))
    }
}

impl From<store::rusqlite::Error> for Error {
    fn from(error: store::rusqlite::Error) -> Self {
        Self::Index(error.into())
    }
}
