//! What objects carry besides their bytes: S3's form, and R2's.

use http::{HeaderName, HeaderValue};
use r2::{Algorithm, Checksums, CustomerKey, HttpMetadata};
use s3s::S3Error;
use s3s::dto::{ChecksumAlgorithm, ChecksumType, Metadata, Timestamp};

use crate::conditions::timestamp;
use crate::error;

// === system metadata ===

/// `Content-Type` and its kin, from any input that has them.
macro_rules! http_metadata {
    ($input:expr) => {
        r2::HttpMetadata {
            content_type: $input.content_type.take(),
            content_language: $input.content_language.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            cache_control: $input.cache_control.take(),
            cache_expiry: $input.expires.take().as_ref().map($crate::conditions::millis),
        }
    };
}
pub(crate) use http_metadata;

/// What a header can hold: a Worker may have stored anything.
pub(crate) fn header(text: Option<String>) -> Option<String> {
    text.filter(|text| HeaderValue::try_from(text.as_str()).is_ok())
}

pub(crate) fn expires(http: &HttpMetadata) -> Option<Timestamp> {
    http.cache_expiry.map(timestamp)
}

/// Those of the request in the place of those of the source, one by one: R2's `MERGE`.
pub(crate) fn merged(source: HttpMetadata, request: HttpMetadata) -> HttpMetadata {
    HttpMetadata {
        content_type: request.content_type.or(source.content_type),
        content_language: request.content_language.or(source.content_language),
        content_disposition: request.content_disposition.or(source.content_disposition),
        content_encoding: request.content_encoding.or(source.content_encoding),
        cache_control: request.cache_control.or(source.cache_control),
        cache_expiry: request.cache_expiry.or(source.cache_expiry),
    }
}

// === custom metadata ===

pub(crate) fn custom(metadata: Option<Metadata>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = metadata.unwrap_or_default().into_iter().collect();
    pairs.sort_unstable();
    pairs
}

/// What headers can name, and how many they can't: https://developers.cloudflare.com/r2/api/s3/extensions/
pub(crate) fn metadata(custom: Vec<(String, String)>) -> (Option<Metadata>, Option<i32>) {
    let before = custom.len();
    let shown = |(name, value): &(String, String)| {
        HeaderName::try_from(name.as_str()).is_ok() && !value.chars().any(char::is_control)
    };
    let metadata: Metadata = custom.into_iter().filter(shown).collect();
    let missing = before - metadata.len();
    (Some(metadata), (missing > 0).then_some(missing as i32))
}

// === checksums ===

pub(crate) fn algorithm(name: &ChecksumAlgorithm) -> Result<Algorithm, S3Error> {
    match name.as_str() {
        "CRC32" => Ok(Algorithm::Crc32),
        "CRC32C" => Ok(Algorithm::Crc32c),
        "CRC64NVME" => Ok(Algorithm::Crc64Nvme),
        "SHA1" => Ok(Algorithm::Sha1),
        "SHA256" => Ok(Algorithm::Sha256),
        name => Err(error::not_implemented(format!(
            "Header 'x-amz-checksum-algorithm' with value '{name}' not implemented"
        ))),
    }
}

pub(crate) fn algorithm_name(algorithm: Algorithm) -> ChecksumAlgorithm {
    algorithm.to_string().replace("SHA-", "SHA").into()
}

/// How an object's checksum is made of its parts': https://developers.cloudflare.com/r2/api/s3/api/#checksum-types
pub(crate) fn kind(algorithm: Algorithm) -> ChecksumType {
    let kind = if algorithm == Algorithm::Crc64Nvme { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE };
    ChecksumType::from_static(kind)
}

/// A checksum as S3 writes it.
pub(crate) fn checksum(checksums: &Checksums, algorithm: Algorithm) -> Option<String> {
    let base64 = |bytes: &[u8]| base64_simd::STANDARD.encode_to_string(bytes);
    if let Some(composite) = checksums.composite.as_ref().filter(|composite| composite.algorithm == algorithm) {
        return Some(format!("{}-{}", base64(&composite.value), composite.parts));
    }
    checksums.of(algorithm).map(base64)
}

/// `COMPOSITE`, or that the checksum is of all bytes; nothing where there is none.
pub(crate) fn kind_of(checksums: &Checksums) -> Option<ChecksumType> {
    if checksums.composite.is_some() {
        return Some(ChecksumType::from_static(ChecksumType::COMPOSITE));
    }
    let known = crate::body::CHECKSUMS.iter().any(|(algorithm, ..)| checksums.of(*algorithm).is_some());
    known.then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT))
}

/// The checksums of any output that has them.
macro_rules! set_checksums {
    ($output:expr, $checksums:expr) => {{
        use r2::Algorithm;
        $output.checksum_crc32 = $crate::metadata::checksum($checksums, Algorithm::Crc32);
        $output.checksum_crc32c = $crate::metadata::checksum($checksums, Algorithm::Crc32c);
        $output.checksum_crc64nvme = $crate::metadata::checksum($checksums, Algorithm::Crc64Nvme);
        $output.checksum_sha1 = $crate::metadata::checksum($checksums, Algorithm::Sha1);
        $output.checksum_sha256 = $crate::metadata::checksum($checksums, Algorithm::Sha256);
    }};
}
pub(crate) use set_checksums;

// === SSE-C ===

/// The customer's key of a request, when what its headers say of it is right.
pub(crate) fn customer_key(
    algorithm: Option<&str>,
    key: Option<&str>,
    md5: Option<&str>,
) -> Result<Option<CustomerKey>, S3Error> {
    let refused = |message| Err(error::refuse("InvalidArgument", 400, message));
    let (algorithm, key, md5) = match (algorithm, key, md5) {
        (None, None, None) => return Ok(None),
        (Some(algorithm), Some(key), Some(md5)) => (algorithm, key, md5),
        _ => return refused("Requests with a customer's key need its algorithm, the key, and the key's MD5."),
    };
    if algorithm != "AES256" {
        return refused("The encryption algorithm must be AES256.");
    }
    let key = base64_simd::STANDARD.decode_to_vec(key).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
    let Some(key) = key.map(CustomerKey::new) else {
        return refused("The secret key was invalid for the specified algorithm.");
    };
    if md5_header(&key.md5()).as_deref() != Some(md5) {
        return refused("The calculated MD5 hash of the key did not match the hash that was provided.");
    }
    Ok(Some(key))
}

/// The MD5 of a customer's key as headers have it.
pub(crate) fn md5_header(hex: &str) -> Option<String> {
    r2::unhex(hex).map(|bytes| base64_simd::STANDARD.encode_to_string(bytes))
}

/// That of any input which has one.
macro_rules! sse_key {
    ($input:expr) => {
        $crate::metadata::customer_key(
            $input.sse_customer_algorithm.as_deref(),
            $input.sse_customer_key.as_deref(),
            $input.sse_customer_key_md5.as_deref(),
        )
    };
}
pub(crate) use sse_key;
