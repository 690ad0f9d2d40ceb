//! AWS Signature Version 4: who sent a request, whether it is as it was sent, and what covers its body.
//! https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
//!
//! A request is signed in its `Authorization` header or in its query ("presigned"). Every `x-amz-…` header has to be signed: one
//! that is added to a presigned URL could otherwise make something else of it.

mod canonical;

use std::time::{Duration, SystemTime};

use http::request::Parts;
use ring::{digest, hmac};
use s3s::S3Error;

use crate::error;
use crate::logins::{Login, Logins};
pub(crate) use canonical::{decode, encode_key, pairs};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far a client's clock may be off.
const SKEW: Duration = Duration::from_secs(15 * 60);
/// A presigned URL lives so long at most.
const LONGEST: u64 = 7 * 24 * 60 * 60;
/// An access key id is a token's id.
const ID: usize = 32;
/// The regions that R2 knows: https://developers.cloudflare.com/r2/api/s3/api/#bucket-region
const REGIONS: &[&str] = &["auto", "us-east-1", ""];
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A request whose signature is right.
pub(crate) struct Signed {
    pub login: Login,
    pub payload: Payload,
    pub chain: Chain,
}

/// What covers the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// The signature covers this SHA-256.
    Sha256([u8; 32]),
    Unsigned,
    /// `aws-chunked`: chunks with a signature each, or without; with checksums behind them, or without.
    Chunked {
        signed: bool,
        trailer: bool,
    },
}

/// What the signatures of chunks go on from.
pub(crate) struct Chain {
    key: hmac::Key,
    date: String,
    scope: String,
    last: String,
}

/// A signature as it came, wherever it was.
struct Claim<'a> {
    id: &'a str,
    date: &'a str,
    region: &'a str,
    headers: Vec<&'a str>,
    signature: &'a str,
    timestamp: String,
    /// The part of the canonical request that stands for the body.
    hash: String,
    presigned: bool,
}

// === the way of a request ===

/// Whose request it is, when its signature is right and of now.
pub(crate) fn verify(parts: &Parts, logins: &dyn Logins, now: SystemTime) -> Result<Signed, S3Error> {
    let query = pairs(parts.uri.query().unwrap_or_default())?;
    let find = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let header = one_header(parts, "authorization")?;
    match (header, find("X-Amz-Signature")) {
        (Some(_), Some(_)) => Err(error::invalid("Only one way of authentication is allowed")),
        (Some(authorization), None) => {
            let mut claim = from_header(authorization)?;
            claim.timestamp = match one_header(parts, "x-amz-date")? {
                Some(date) => date.to_owned(),
                None => return Err(error::invalid("X-Amz-Date")),
            };
            let hash = one_header(parts, "x-amz-content-sha256")?;
            claim.hash = hash.ok_or_else(|| error::invalid("Missing x-amz-content-sha256"))?.to_owned();
            check(parts, &query, claim, logins, now)
        }
        (None, Some(signature)) => {
            let given = |name| find(name).ok_or_else(|| error::query(format!("{name} is missing")));
            if given("X-Amz-Algorithm")? != ALGORITHM {
                return Err(error::query(format!("X-Amz-Algorithm only supports \"{ALGORITHM}\"")));
            }
            let timestamp = given("X-Amz-Date")?.to_owned();
            expired(&timestamp, given("X-Amz-Expires")?, now)?;
            let (id, date, region) = credential(given("X-Amz-Credential")?)?;
            let headers: Vec<&str> = given("X-Amz-SignedHeaders")?.split(';').collect();
            // A header that was not signed says nothing.
            let hash = match one_header(parts, "x-amz-content-sha256")? {
                Some(hash) if headers.contains(&"x-amz-content-sha256") => hash,
                _ => find("X-Amz-Content-Sha256").unwrap_or("UNSIGNED-PAYLOAD"),
            };
            let hash = hash.to_owned();
            check(
                parts,
                &query,
                Claim { id, date, region, headers, signature, timestamp, hash, presigned: true },
                logins,
                now,
            )
        }
        (None, None) => Err(error::invalid("Authorization")),
    }
}

/// The access key id that a request names, whether it has signed or not.
pub(crate) fn named(parts: &Parts) -> Option<String> {
    if let Some(authorization) = parts.headers.get(http::header::AUTHORIZATION) {
        let claim = from_header(authorization.to_str().ok()?).ok()?;
        return Some(claim.id.to_owned());
    }
    let query = pairs(parts.uri.query()?).ok()?;
    let (_, scope) = query.iter().find(|(name, _)| name == "X-Amz-Credential")?;
    credential(scope).ok().map(|(id, ..)| id.to_owned())
}

fn from_header(authorization: &str) -> Result<Claim<'_>, S3Error> {
    let malformed = || error::invalid("Authorization");
    let fields = authorization.strip_prefix(ALGORITHM).ok_or_else(malformed)?;
    let (mut scope, mut headers, mut signature) = (None, None, None);
    for field in fields.split(',') {
        let (name, value) = field.trim().split_once('=').ok_or_else(malformed)?;
        let place = match name {
            "Credential" => &mut scope,
            "SignedHeaders" => &mut headers,
            "Signature" => &mut signature,
            _ => return Err(malformed()),
        };
        if place.replace(value).is_some() {
            return Err(malformed());
        }
    }
    let (id, date, region) = credential(scope.ok_or_else(malformed)?)?;
    let headers = headers.ok_or_else(malformed)?.split(';').collect();
    let signature = signature.ok_or_else(malformed)?;
    Ok(Claim { id, date, region, headers, signature, timestamp: String::new(), hash: String::new(), presigned: false })
}

/// `ID/DATE/REGION/s3/aws4_request`
fn credential(text: &str) -> Result<(&str, &str, &str), S3Error> {
    let parts: Vec<&str> = text.split('/').collect();
    let [id, date, region, "s3", "aws4_request"] = parts[..] else { return Err(error::invalid("Credential")) };
    if id.len() != ID {
        return Err(error::invalid(&format!("Credential access key has length {}, should be {ID}", id.len())));
    }
    if !REGIONS.contains(&region) {
        let message = format!("The region name '{region}' is not valid. Must be one of: auto, us-east-1");
        return Err(error::refuse("InvalidRegionName", 400, message));
    }
    Ok((id, date, region))
}

fn check(
    parts: &Parts,
    query: &[(String, String)],
    claim: Claim<'_>,
    logins: &dyn Logins,
    now: SystemTime,
) -> Result<Signed, S3Error> {
    let mismatch = || {
        let message = "The request signature we calculated does not match the signature you provided. Check your secret \
                       access key and signing method.";
        error::refuse("SignatureDoesNotMatch", 403, message)
    };
    let time = time(&claim.timestamp).ok_or_else(|| error::invalid("X-Amz-Date"))?;
    if !claim.presigned && apart(time, now) > SKEW {
        let message = "The difference between the request time and the server's time is too large.";
        return Err(error::refuse("RequestTimeTooSkewed", 403, message));
    }
    if !claim.timestamp.starts_with(claim.date) {
        return Err(mismatch());
    }
    let payload = payload(&claim.hash, claim.presigned)?;
    unsigned_headers(parts, &claim.headers)?;
    let login = logins.find(claim.id).map_err(error::internal)?;
    let login = login.ok_or_else(|| error::refuse("Unauthorized", 401, "Unauthorized"))?;
    if login.token.has_expired(now) {
        return Err(error::refuse("Unauthorized", 401, "The token has expired"));
    }
    let canonical = canonical::request(parts, query, &claim.headers, &claim.hash).ok_or_else(mismatch)?;
    let scope = format!("{}/{}/s3/aws4_request", claim.date, claim.region);
    let signed = format!("{ALGORITHM}\n{}\n{scope}\n{}", claim.timestamp, sha256(canonical.as_bytes()));
    let key = signing_key(login.token.secret(), claim.date, claim.region);
    let signature = r2::unhex(claim.signature).ok_or_else(mismatch)?;
    // In constant time.
    hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| mismatch())?;
    let chain = Chain { key, date: claim.timestamp, scope, last: claim.signature.to_owned() };
    Ok(Signed { login, payload, chain })
}

fn payload(hash: &str, presigned: bool) -> Result<Payload, S3Error> {
    let payload = match hash {
        "UNSIGNED-PAYLOAD" => Payload::Unsigned,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Payload::Chunked { signed: true, trailer: false },
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Payload::Chunked { signed: true, trailer: true },
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Payload::Chunked { signed: false, trailer: true },
        _ if hash.starts_with("STREAMING-") => {
            return Err(error::not_implemented(format!("x-amz-content-sha256 '{hash}' is not implemented")));
        }
        _ => match r2::unhex(hash).and_then(|hash| hash.try_into().ok()) {
            Some(hash) => Payload::Sha256(hash),
            None => return Err(error::invalid("x-amz-content-sha256")),
        },
    };
    match payload {
        Payload::Chunked { .. } if presigned => {
            Err(error::not_implemented("a presigned URL can't be used with a streaming payload"))
        }
        _ => Ok(payload),
    }
}

/// `host` and everything that S3 itself reads must be among what was signed.
fn unsigned_headers(parts: &Parts, signed: &[&str]) -> Result<(), S3Error> {
    let missing = |name: &str| !signed.contains(&name);
    // What is signed holds the value of `x-amz-content-sha256` in any case.
    let ours = |name: &&str| name.starts_with("x-amz-") && *name != "x-amz-content-sha256";
    let unsigned = parts.headers.keys().map(http::HeaderName::as_str).filter(ours).find(|name| missing(name));
    match unsigned.or_else(|| missing("host").then_some("host")) {
        None => Ok(()),
        Some(name) => {
            let message = format!("There were headers present in the request which were not signed: {name}");
            Err(error::refuse("AccessDenied", 403, message))
        }
    }
}

/// The header's value; two of them would be read in two ways.
fn one_header<'a>(parts: &'a Parts, name: &str) -> Result<Option<&'a str>, S3Error> {
    let mut values = parts.headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(error::invalid(name));
    }
    first.map(|value| value.to_str().map_err(|_| error::invalid(name))).transpose()
}

// === time ===

fn expired(timestamp: &str, expires: &str, now: SystemTime) -> Result<(), S3Error> {
    let signed = time(timestamp).ok_or_else(|| error::query("X-Amz-Date must be in the format YYYYMMDDTHHMMSSZ"))?;
    let seconds: u64 = expires.parse().map_err(|_| error::query("X-Amz-Expires should be a number"))?;
    if !(1..=LONGEST).contains(&seconds) {
        return Err(error::query(format!("X-Amz-Expires must be from 1 to {LONGEST} seconds")));
    }
    if signed > now + SKEW {
        return Err(error::refuse("RequestTimeTooSkewed", 403, "The request's time lies in the future."));
    }
    match now.duration_since(signed) {
        Ok(age) if age > Duration::from_secs(seconds) => {
            Err(error::refuse("ExpiredRequest", 400, "Request has expired"))
        }
        _ => Ok(()),
    }
}

/// `20260102T030405Z`
fn time(text: &str) -> Option<SystemTime> {
    let digits = text.bytes().enumerate().all(|(at, byte)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    if text.len() != 16 || !digits {
        return None;
    }
    let [year, month, day, hour, minute, second] =
        [0..4, 4..6, 6..8, 9..11, 11..13, 13..15].map(|place| text[place].parse::<i64>().unwrap_or_default());
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Days from the epoch to a date of the Gregorian calendar, years beginning in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn apart(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|before| before.duration())
}

// === keys ===

fn sha256(bytes: &[u8]) -> String {
    r2::hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn signing_key(secret: &str, date: &str, region: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [date, region, "s3", "aws4_request"]
        .iter()
        .fold(first, |key, part| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()))
}

// === impl Chain ===

impl Chain {
    /// Whether a chunk's signature is right, given the SHA-256 of its bytes.
    pub(crate) fn chunk(&mut self, signature: &str, hash: &digest::Digest) -> bool {
        let hash = r2::hex(hash.as_ref());
        self.goes_on(signature, "AWS4-HMAC-SHA256-PAYLOAD", &format!("{EMPTY_SHA256}\n{hash}"))
    }

    /// Whether the signature of the trailing headers is right; they come as lines `name:value`.
    pub(crate) fn trailer(&mut self, signature: &str, lines: &str) -> bool {
        self.goes_on(signature, "AWS4-HMAC-SHA256-TRAILER", &sha256(lines.as_bytes()))
    }

    fn goes_on(&mut self, signature: &str, algorithm: &str, hash: &str) -> bool {
        let signed = format!("{algorithm}\n{}\n{}\n{}\n{hash}", self.date, self.scope, self.last);
        let Some(bytes) = r2::unhex(signature) else { return false };
        let right = hmac::verify(&self.key, signed.as_bytes(), &bytes).is_ok();
        signature.clone_into(&mut self.last);
        right
    }
}

#[cfg(test)]
mod tests;
