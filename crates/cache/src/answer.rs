//! The answer to a request from a stored response: whole, not modified (RFC 9110 §13), or a range of it (§14).

use http::header::{
    ACCEPT_RANGES, AGE, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, TRANSFER_ENCODING,
};

use crate::head::Head;
use crate::policy::{combined, date};

const STATUS: HeaderName = HeaderName::from_static("cf-cache-status");

/// What goes out. `body`: the first byte and the length of what of the stored body is sent; None: none of it.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub reason: Option<String>,
    pub headers: HeaderMap,
    pub body: Option<(u64, u64)>,
}

/// Answers from a stored response of `length` bytes; `label` is the CF-Cache-Status.
pub fn answer(head: &Head, length: u64, request: &HeaderMap, label: &'static str, now: u64) -> Answer {
    let mut headers = head.headers();
    headers.insert(STATUS, HeaderValue::from_static(label));
    headers.insert(AGE, HeaderValue::from(head.lifetime.age(now) / 1000));
    headers.remove(TRANSFER_ENCODING);
    if not_modified(&headers, request) {
        headers.remove(CONTENT_LENGTH);
        return Answer { status: 304, reason: None, headers, body: None };
    }
    // As on the platform, only what was stored with a length can be had in parts.
    if head.status == 200 && headers.contains_key(CONTENT_LENGTH) {
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        match range(&headers, request, length) {
            Range::Whole => {}
            Range::Part(first, count) => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(count));
                headers.insert(CONTENT_RANGE, text(format!("bytes {first}-{}/{length}", first + count - 1)));
                return Answer { status: 206, reason: None, headers, body: Some((first, count)) };
            }
            Range::Unsatisfiable => {
                headers.remove(CONTENT_LENGTH);
                headers.insert(CONTENT_RANGE, text(format!("bytes */{length}")));
                return Answer { status: 416, reason: None, headers, body: None };
            }
        }
    }
    Answer { status: head.status, reason: head.reason.clone(), headers, body: Some((0, length)) }
}

fn text(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn not_modified(stored: &HeaderMap, request: &HeaderMap) -> bool {
    if let Some(wanted) = combined(request, &IF_NONE_MATCH) {
        let Some(etag) = stored.get(ETAG).and_then(|etag| etag.to_str().ok()) else { return false };
        return wanted.split(',').map(str::trim).any(|one| one == "*" || opaque(one) == opaque(etag));
    }
    match (request.get(IF_MODIFIED_SINCE).and_then(date), stored.get(LAST_MODIFIED).and_then(date)) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

/// An entity tag for weak comparison (RFC 9110 §8.8.3.2).
fn opaque(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag)
}

enum Range {
    Whole,
    Part(u64, u64),
    Unsatisfiable,
}

/// One range is answered; several, or what is no range of bytes, is answered with the whole (RFC 9110 §14.2 leaves that).
fn range(stored: &HeaderMap, request: &HeaderMap, length: u64) -> Range {
    let Some(wanted) = request.get(RANGE).and_then(|range| range.to_str().ok()) else { return Range::Whole };
    if !if_range(stored, request) {
        return Range::Whole;
    }
    let Some((unit, range)) = wanted.split_once('=') else { return Range::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Range::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Range::Whole;
    }
    let number = |text: &str| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let (first, last) = match (first.trim().is_empty(), last.trim().is_empty()) {
        (true, true) => return Range::Whole,
        // The last so many bytes.
        (true, false) => match number(last) {
            Some(0) => return Range::Unsatisfiable,
            Some(count) => (length.saturating_sub(count), length.saturating_sub(1)),
            None => return Range::Whole,
        },
        (false, open) => match (number(first), if open { Some(u64::MAX) } else { number(last) }) {
            (Some(first), Some(last)) if first <= last => (first, last.min(length.saturating_sub(1))),
            _ => return Range::Whole,
        },
    };
    if first >= length { Range::Unsatisfiable } else { Range::Part(first, last - first + 1) }
}

/// RFC 9110 §13.1.5: a strong entity tag, or the very date.
fn if_range(stored: &HeaderMap, request: &HeaderMap) -> bool {
    let Some(condition) = request.get(IF_RANGE) else { return true };
    let etag = stored.get(ETAG).is_some_and(|etag| etag == condition && !etag.as_bytes().starts_with(b"W/"));
    let modified = stored.get(LAST_MODIFIED).and_then(date);
    etag || (modified.is_some() && date(condition) == modified)
}

#[cfg(test)]
mod tests;
