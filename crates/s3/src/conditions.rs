//! Conditions of requests: `If-…` headers and their kin, as R2's conditions.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};
use r2::{Conditional, Etag, Object};
use s3s::S3Error;
use s3s::dto::{ETag, ETagCondition, Timestamp, TimestampFormat};

use crate::error;

/// The conditions of an operation, as `s3s` has read them.
#[derive(Default)]
pub(crate) struct Given {
    pub matches: Option<ETagCondition>,
    pub none_match: Option<ETagCondition>,
    pub modified_since: Option<Timestamp>,
    pub unmodified_since: Option<Timestamp>,
}

impl Given {
    pub(crate) fn conditional(self) -> Option<Conditional> {
        let conditional = Conditional {
            etag_matches: self.matches.map(|etag| vec![condition(etag)]),
            etag_does_not_match: self.none_match.map(|etag| vec![condition(etag)]),
            uploaded_before: self.unmodified_since.map(|time| millis(&time)),
            uploaded_after: self.modified_since.map(|time| millis(&time)),
            seconds_granularity: true,
        };
        some(conditional)
    }
}

fn some(conditional: Conditional) -> Option<Conditional> {
    let Conditional { etag_matches, etag_does_not_match, uploaded_before, uploaded_after, .. } = &conditional;
    let any = etag_matches.is_some()
        || etag_does_not_match.is_some()
        || uploaded_before.is_some()
        || uploaded_after.is_some();
    any.then_some(conditional)
}

/// The conditions in headers of a family: `If-` of the object that is put, `cf-copy-destination-if-` of the one that is copied to.
/// https://developers.cloudflare.com/r2/api/s3/extensions/
pub(crate) fn of_headers(headers: &HeaderMap, family: &str) -> Result<Option<Conditional>, S3Error> {
    let text = |name: &str| {
        let value = headers.get(format!("{family}{name}"));
        value.map(|value| value.to_str().map_err(|_| error::invalid(name))).transpose()
    };
    let etags = |name: &str| {
        let etag = text(name)?.map(|etag| etag.parse().map_err(|_| error::invalid(name))).transpose()?;
        Ok::<_, S3Error>(etag.map(|etag| vec![condition(etag)]))
    };
    let time = |name: &str| {
        let time = text(name)?.map(|time| httpdate::parse_http_date(time).map_err(|_| error::invalid(name)));
        Ok::<_, S3Error>(time.transpose()?.map(since_epoch))
    };
    Ok(some(Conditional {
        etag_matches: etags("match")?,
        etag_does_not_match: etags("none-match")?,
        uploaded_before: time("unmodified-since")?,
        uploaded_after: time("modified-since")?,
        seconds_granularity: true,
    }))
}

/// The answer to a read whose condition does not hold: there is nothing new, or it is not what it should be.
pub(crate) fn failed(conditional: Option<&Conditional>, object: &Object) -> S3Error {
    let strict = conditional.map(|conditional| Conditional {
        etag_does_not_match: None,
        uploaded_after: None,
        ..conditional.clone()
    });
    if strict.is_some_and(|strict| !strict.holds(Some(object))) {
        return error::r2(r2::Error::PreconditionFailed);
    }
    let mut error = error::refuse("NotModified", 304, "Not Modified");
    let mut headers = HeaderMap::new();
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", object.etag)) {
        headers.insert(http::header::ETAG, etag);
    }
    error.set_headers(headers);
    error
}

fn condition(etag: ETagCondition) -> Etag {
    match etag {
        ETagCondition::Any => Etag::Wildcard,
        ETagCondition::ETag(ETag::Strong(etag)) => Etag::Strong(etag),
        ETagCondition::ETag(ETag::Weak(etag)) => Etag::Weak(etag),
    }
}

// === time ===

fn since_epoch(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since the epoch.
pub(crate) fn millis(time: &Timestamp) -> i64 {
    let mut text = Vec::new();
    let written = time.format(TimestampFormat::EpochSeconds, &mut text);
    let seconds = written.ok().and_then(|()| String::from_utf8(text).ok()?.parse::<f64>().ok());
    (seconds.unwrap_or_default() * 1000.0) as i64
}

pub(crate) fn timestamp(millis: i64) -> Timestamp {
    let since = std::time::Duration::from_millis(u64::try_from(millis).unwrap_or_default());
    Timestamp::from(SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH))
}
