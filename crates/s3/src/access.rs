//! What a request is for, who may ask for it, and what R2 has no answer to.

use http::request::Parts;
use http::{HeaderMap, Method};
use s3s::S3Error;

use crate::error;
use crate::sign::{decode, pairs};
use crate::token::{Permission, Token};

/// What the request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub bucket: Option<String>,
    pub key: Option<String>,
    /// The path as it is with the bucket in it, wherever the bucket was named.
    pub path: String,
    /// What the host says of whose bucket it is.
    pub account: Option<String>,
}

/// What the name before a domain says: `<bucket>.<account>`, or one of both.
#[derive(Debug, Default, PartialEq, Eq)]
struct Host<'h> {
    bucket: Option<&'h str>,
    account: Option<&'h str>,
}

/// Headers of S3 that mean something here. Those that begin with `x-amz-` and are not among them are refused: R2 has not got what
/// they ask for, and must not seem to.
const KNOWN: &[&str] = &[
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "x-amz-user-agent",
    "x-amz-storage-class",
    "x-amz-metadata-directive",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-mp-object-size",
];
const KNOWN_PREFIXES: &[&str] =
    &["x-amz-meta-", "x-amz-checksum-", "x-amz-copy-source", "x-amz-server-side-encryption-customer-"];
/// What the query of a request that changes something may hold. Another word could stand for an operation that nobody here knows,
/// and must not become the plain one: `DELETE /bucket/key?tagging` deletes no object.
const CHANGES: &[&str] = &["x-id", "uploads", "uploadId", "partNumber", "delete", "cors", "versionId"];
/// Parts of the query that authenticate: nobody looks at them any more.
const AUTHENTICATION: &[&str] = &[
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Content-Sha256",
];

// === impl Target ===

impl Target {
    /// The bucket is the path's first segment, or in the host's name below the domain.
    pub(crate) fn of(parts: &Parts, domain: &str) -> Result<Self, S3Error> {
        let path = parts.uri.path();
        let host = Host::of(&parts.headers, domain);
        let path = match host.bucket {
            Some(bucket) => format!("/{bucket}{path}"),
            None => path.to_owned(),
        };
        let decoded = decode(&path).filter(|path| path.starts_with('/'));
        let decoded = decoded.ok_or_else(|| error::refuse("InvalidURI", 400, "Couldn't parse the specified URI."))?;
        let (bucket, key) = decoded[1..].split_once('/').unwrap_or((&decoded[1..], ""));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if key.len() > r2::limits::KEY {
            return Err(error::r2(r2::Error::InvalidObjectName));
        }
        if bucket.is_empty() && !key.is_empty() {
            return Err(error::r2(r2::Error::InvalidBucketName));
        }
        Ok(Self { bucket: some(bucket), key: some(key), path, account: host.account.map(str::to_owned) })
    }
}

// === impl Host ===

impl<'h> Host<'h> {
    fn of(headers: &'h HeaderMap, domain: &str) -> Self {
        let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let Some(name) = host.strip_suffix(domain).and_then(|name| name.strip_suffix('.')) else {
            return Self::default();
        };
        let is_account = |name: &str| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (bucket, account) = match name.rsplit_once('.') {
            Some((bucket, account)) if is_account(account) => (Some(bucket), Some(account)),
            None if is_account(name) => (None, Some(name)),
            _ => (Some(name), None),
        };
        let fits =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        Self { bucket: bucket.filter(|name| !name.is_empty() && fits(name)), account }
    }
}

/// Whether the token allows it. Reading is what GET and HEAD do; buckets themselves are changed by tokens for all buckets.
pub(crate) fn check(token: &Token, method: &Method, target: &Target) -> Result<(), S3Error> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let may = reads || token.permission == Permission::ReadWrite;
    let sees = target.bucket.as_ref().is_none_or(|bucket| token.sees(bucket));
    let administers = matches!(*method, Method::PUT | Method::DELETE) && target.key.is_none();
    if may && sees && (!administers || token.buckets.is_empty()) { Ok(()) } else { Err(error::denied()) }
}

/// The query without what authenticates. `x-amz-…` in the query means what it means as a header: it is moved there.
pub(crate) fn settle_query(parts: &mut Parts) -> Result<String, S3Error> {
    let mut kept = Vec::new();
    for piece in parts.uri.query().unwrap_or_default().split('&').filter(|piece| !piece.is_empty()) {
        let Some((name, value)) = pairs(piece)?.into_iter().next() else { continue };
        if AUTHENTICATION.contains(&name.as_str()) {
            continue;
        }
        if !name.starts_with("x-amz-") {
            kept.push(piece);
            continue;
        }
        let header = (http::HeaderName::try_from(&name), http::HeaderValue::try_from(&value));
        let (Ok(name), Ok(value)) = header else { return Err(error::invalid(&name)) };
        if parts.headers.get(&name).is_some_and(|known| known != value) {
            return Err(error::invalid(name.as_str()));
        }
        parts.headers.insert(name, value);
    }
    Ok(kept.join("&"))
}

/// Refuses what R2 has not: https://developers.cloudflare.com/r2/api/s3/api/
pub(crate) fn refuse_unknown(method: &Method, query: &str, headers: &HeaderMap) -> Result<(), S3Error> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let unknown = pairs(query)?.into_iter().find(|(name, _)| !CHANGES.contains(&name.as_str()));
        if let Some((name, _)) = unknown {
            return Err(error::not_implemented(format!("Search parameter '{name}' not implemented")));
        }
    }
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with("x-amz-")
            || KNOWN.contains(&name)
            || KNOWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            // What every object is.
            || (name == "x-amz-acl" && value == "private")
        {
            continue;
        }
        return Err(not_implemented(name, value));
    }
    Ok(())
}

pub(crate) fn not_implemented(name: &str, value: &http::HeaderValue) -> S3Error {
    let value = String::from_utf8_lossy(value.as_bytes());
    error::not_implemented(format!("Header '{name}' with value '{value}' not implemented"))
}
