//! Rules for requests that browsers send from other origins: kept with the bucket, and applied.
//! https://developers.cloudflare.com/r2/buckets/cors/

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use r2::cors::{CorsError, CorsRule};
use s3s::dto::{CORSRule, GetBucketCorsOutput};
use s3s::{S3Error, S3Result};

use crate::access::Target;
use crate::error;

// === the operations ===

pub(crate) async fn get(r2: &r2::R2, bucket: &str) -> S3Result<GetBucketCorsOutput> {
    let rules = rules(r2, bucket).await?;
    if rules.is_empty() {
        let message = "The CORS configuration does not exist";
        return Err(error::refuse("NoSuchCORSConfiguration", 404, message));
    }
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    let rules = rules.into_iter().map(|rule| CORSRule {
        id: rule.id,
        allowed_origins: rule.origins,
        allowed_methods: rule.methods,
        allowed_headers: some(rule.headers),
        expose_headers: some(rule.expose),
        max_age_seconds: rule.max_age,
    });
    Ok(GetBucketCorsOutput { cors_rules: Some(rules.collect()) })
}

pub(crate) async fn put(r2: &r2::R2, bucket: &str, rules: Vec<CORSRule>) -> S3Result<()> {
    let rules: Vec<CorsRule> = rules
        .into_iter()
        .map(|rule| CorsRule {
            id: rule.id,
            origins: rule.allowed_origins,
            methods: rule.allowed_methods,
            headers: rule.allowed_headers.unwrap_or_default(),
            expose: rule.expose_headers.unwrap_or_default(),
            max_age: rule.max_age_seconds,
        })
        .collect();
    let text = r2::cors::write(&rules).map_err(|error| match error {
        CorsError::Count | CorsError::Empty => error::refuse("MalformedXML", 400, error.to_string()),
        error => error::refuse("InvalidRequest", 400, error.to_string()),
    })?;
    r2.set_cors(bucket, Some(text)).await.map_err(error::r2)
}

async fn rules(r2: &r2::R2, bucket: &str) -> S3Result<Vec<CorsRule>> {
    match r2.cors(bucket).await.map_err(error::r2)? {
        None => Ok(Vec::new()),
        Some(text) => r2::cors::read(&text).map_err(error::internal),
    }
}

// === their use ===

/// Whether a browser may go on: the answer to `OPTIONS`, which nobody signs.
pub(crate) async fn preflight(
    r2: Option<&r2::R2>,
    target: &Target,
    headers: &HeaderMap,
) -> S3Result<Response<s3s::Body>> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(ORIGIN) else {
        return Err(error::refuse("BadRequest", 400, "Insufficient information. Origin request header needed."));
    };
    let Some(method) = text(ACCESS_CONTROL_REQUEST_METHOD) else {
        return Err(error::refuse("BadRequest", 400, "Invalid Access-Control-Request-Method."));
    };
    let asked = text(ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let asked: Vec<&str> = asked.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    // A bucket that is not there has no rules, and nothing tells the two apart.
    let rules = match (r2, &target.bucket) {
        (Some(r2), Some(bucket)) => rules(r2, bucket).await.unwrap_or_default(),
        _ => Vec::new(),
    };
    let fits = |rule: &&CorsRule| allows(rule, origin, method) && asked.iter().all(|name| allows_header(rule, name));
    let Some(rule) = rules.iter().find(fits) else { return Err(forbidden()) };
    let mut response = Response::new(s3s::Body::empty());
    let headers = response.headers_mut();
    answer(rule, origin, headers);
    set(headers, ACCESS_CONTROL_ALLOW_METHODS, &rule.methods.join(", "));
    if !asked.is_empty() {
        set(headers, ACCESS_CONTROL_ALLOW_HEADERS, &asked.join(", "));
    }
    if let Some(seconds) = rule.max_age {
        headers.insert(ACCESS_CONTROL_MAX_AGE, seconds.into());
    }
    Ok(response)
}

/// Says in an answer that its origin may read it, where a rule does.
pub(crate) async fn allow(r2: &r2::R2, bucket: &str, origin: &HeaderValue, method: &Method, headers: &mut HeaderMap) {
    let Ok(origin) = origin.to_str() else { return };
    let rules = rules(r2, bucket).await.unwrap_or_default();
    if let Some(rule) = rules.iter().find(|rule| allows(rule, origin, method.as_str())) {
        answer(rule, origin, headers);
    }
}

fn forbidden() -> S3Error {
    error::refuse("AccessForbidden", 403, "CORSResponse: This CORS request is not allowed.")
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn allows(rule: &CorsRule, origin: &str, method: &str) -> bool {
    rule.origins.iter().any(|pattern| matches(pattern, origin)) && rule.methods.iter().any(|known| known == method)
}

fn allows_header(rule: &CorsRule, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    rule.headers.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &name))
}

fn answer(rule: &CorsRule, origin: &str, headers: &mut HeaderMap) {
    let anybody = rule.origins.iter().any(|pattern| pattern == "*");
    set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, if anybody { "*" } else { origin });
    if !rule.expose.is_empty() {
        set(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &rule.expose.join(", "));
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

/// `*` stands for anything, once.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_anything_once() {
        assert!(matches("*", "https://a.example") && matches("https://*.example", "https://a.b.example"));
        assert!(matches("https://a.example", "https://a.example"));
        assert!(!matches("https://*.example", "http://a.example") && !matches("ab*ba", "aba"));
    }
}
