//! R2's errors as S3 shows them: https://developers.cloudflare.com/r2/api/error-codes/

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, StdError};

use crate::body::BodyError;

/// An error with one of R2's codes, many of which are S3's.
pub(crate) fn refuse(code: &'static str, status: u16, message: impl Into<String>) -> S3Error {
    let Ok(code) = code.parse::<S3ErrorCode>();
    let mut error = S3Error::with_message(code, message.into());
    error.set_status_code(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    error
}

pub(crate) fn invalid(what: &str) -> S3Error {
    refuse("InvalidArgument", 400, format!("Invalid Argument: {what}"))
}

pub(crate) fn query(what: impl Into<String>) -> S3Error {
    refuse("AuthorizationQueryParametersError", 400, what)
}

pub(crate) fn not_implemented(what: impl Into<String>) -> S3Error {
    refuse("NotImplemented", 501, what)
}

pub(crate) fn denied() -> S3Error {
    refuse("AccessDenied", 403, "Access Denied")
}

pub(crate) fn no_such_key() -> S3Error {
    refuse("NoSuchKey", 404, "The specified key does not exist.")
}

/// What went wrong on this machine is for its log.
pub(crate) fn internal(error: impl std::fmt::Display) -> S3Error {
    tracing::error!(%error, "S3: an operation failed");
    refuse("InternalError", 500, "We encountered an internal error. Please try again.")
}

/// Why a body could not be taken in.
pub(crate) fn source(error: StdError) -> S3Error {
    let error = match error.downcast::<BodyError>() {
        Ok(error) => error,
        Err(error) => {
            return match error.downcast::<r2::Error>() {
                // A copy's source is a body too.
                Ok(error) => r2(*error),
                Err(error) => internal(error),
            };
        }
    };
    let (code, status) = match &*error {
        BodyError::Chunk => ("InvalidRequest", 400),
        BodyError::Signature => ("SignatureDoesNotMatch", 403),
        BodyError::Incomplete => ("IncompleteBody", 400),
        BodyError::Hash => ("XAmzContentSHA256Mismatch", 400),
        BodyError::Trailer => ("InvalidRequest", 400),
        BodyError::Stalled => ("RequestTimeout", 400),
        BodyError::Gone(_) => ("ClientDisconnect", 400),
    };
    refuse(code, status, error.to_string())
}

pub(crate) fn r2(error: r2::Error) -> S3Error {
    use r2::Error;
    let (code, status) = match &error {
        Error::NoSuchBucket => ("NoSuchBucket", 404),
        Error::InvalidBucketName => ("InvalidBucketName", 400),
        Error::BucketExists => ("BucketAlreadyOwnedByYou", 409),
        Error::BucketNotEmpty => ("BucketNotEmpty", 409),
        Error::InvalidObjectName => ("InvalidObjectName", 400),
        Error::EntityTooLarge => ("EntityTooLarge", 400),
        Error::Full => ("InsufficientStorage", 507),
        Error::EntityTooSmall => ("EntityTooSmall", 400),
        Error::MetadataTooLarge => ("MetadataTooLarge", 400),
        Error::InvalidMaxKeys => ("InvalidMaxKeys", 400),
        Error::InvalidCursor => ("InvalidArgument", 400),
        Error::TooManyKeys => ("MalformedXML", 400),
        Error::InvalidStorageClass => ("InvalidStorageClass", 400),
        Error::NoSuchUpload | Error::UnknownUpload => ("NoSuchUpload", 404),
        Error::InvalidPart | Error::BadUpload => ("InvalidPart", 400),
        Error::PartTwice => ("InvalidPartOrder", 400),
        Error::PreconditionFailed => ("PreconditionFailed", 412),
        Error::InvalidRange => ("InvalidRange", 416),
        Error::BadDigest { .. } => ("BadDigest", 400),
        Error::WrongKey => ("InvalidRequest", 400),
        Error::Length { .. } => ("IncompleteBody", 400),
        Error::Source(_) | Error::Index(_) | Error::Io { .. } | Error::Damaged(_) => ("InternalError", 500),
    };
    let message = match error {
        Error::Source(error) => return source(error),
        Error::Index(_) | Error::Io { .. } | Error::Damaged(_) => return internal(error),
        Error::UnknownUpload => Error::NoSuchUpload.to_string(),
        Error::PartTwice => "The list of parts was not in ascending order.".into(),
        Error::BadUpload => "All non-trailing parts must have the same length.".into(),
        error => error.to_string(),
    };
    refuse(code, status, message)
}
