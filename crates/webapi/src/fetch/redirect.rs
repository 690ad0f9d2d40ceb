//! HTTP-redirect fetch (Fetch standard §4.4), with the platform's messages.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderName, LOCATION,
    PROXY_AUTHORIZATION,
};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::{FetchError, Subrequest, SubrequestBody};

/// Redirects followed before giving up (Fetch standard §4.4, step 9).
const MAX_REDIRECTS: usize = 20;

/// What a request wants done with a redirect. `Manual` hands out the 3xx response itself, as the platform does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectMode {
    Follow,
    Manual,
    Error,
}

pub enum Step {
    /// This response is the answer.
    Done,
    /// The request now says where to go next, and how.
    Follow,
}

/// Decides what a response means for the request, and rewrites the request when it is to be sent again.
pub fn step(
    request: &mut Subrequest,
    status: StatusCode,
    headers: &HeaderMap,
    visited: &mut Vec<String>,
) -> Result<Step, FetchError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(Step::Done);
    }
    match request.redirect {
        RedirectMode::Follow => {}
        RedirectMode::Manual => return Ok(Step::Done),
        RedirectMode::Error => return Err(FetchError::UnexpectedRedirect),
    }
    let Some(location) = headers.get(LOCATION) else {
        return Ok(Step::Done);
    };
    let next = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|location| request.url.join(location).ok())
        .ok_or(FetchError::InvalidLocation)?;
    if !matches!(next.scheme(), "http" | "https") {
        return Err(FetchError::Scheme(next.into()));
    }
    visited.push(request.url.to_string());
    if visited.len() > MAX_REDIRECTS {
        return Err(FetchError::TooManyRedirects(std::mem::take(visited)));
    }
    if matches!(request.body, SubrequestBody::Once(_)) && status != StatusCode::SEE_OTHER {
        return Err(FetchError::OneTimeBody);
    }
    rewrite(request, status, next);
    Ok(Step::Follow)
}

fn rewrite(request: &mut Subrequest, status: StatusCode, mut next: Url) {
    let becomes_get = match status.as_u16() {
        301 | 302 => request.method == Method::POST,
        303 => request.method != Method::GET && request.method != Method::HEAD,
        _ => false,
    };
    if becomes_get {
        request.method = Method::GET;
        request.body = SubrequestBody::None;
        const BODY_HEADERS: [HeaderName; 4] = [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE];
        for name in BODY_HEADERS {
            request.headers.remove(name);
        }
    }
    if next.origin() != request.url.origin() {
        if request.strip_authorization {
            request.headers.remove(AUTHORIZATION);
        }
        request.headers.remove(PROXY_AUTHORIZATION);
    }
    next.set_fragment(None);
    request.url = next;
}
