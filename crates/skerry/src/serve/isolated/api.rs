//! The API and S3's at the front: each request goes as it is to the process of the account that it is for, which alone decides what
//! it may do.

use std::sync::Arc;
use std::time::Duration;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use webapi::body::{BodyReader, HttpBody};

use super::accounts::{Accounts, Tenant};
use super::link::{Link, Unanswered};

/// A body that is awaited and does not come.
const STALL: Duration = Duration::from_secs(60);
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
/// Digits of an account's id, which links without a token begin with.
const ID: usize = 32;

// === impl Accounts ===

impl Accounts {
    /// Whose process answers a request to the API: that of the token's account, else that of the account in the path, and any for what
    /// is refused by all alike.
    pub fn of_api(&self, path: &str, headers: &HeaderMap) -> Option<Arc<Tenant>> {
        let named = account_in(path).and_then(|id| self.of_id(id));
        let Some(secret) = bearer(headers) else { return named.or_else(|| self.any()) };
        let knows = |tenant: &Arc<Tenant>| matches!(tenant.registry.token(secret), Ok(Some(_)));
        let known = named.clone().filter(knows).or_else(|| self.of_token(secret));
        known.or(named).or_else(|| self.any())
    }

    /// Whose process answers a request to the S3 API: that of the key that it is signed with, else that of the account in its host.
    pub fn of_s3(&self, uri: &Uri, headers: &HeaderMap) -> Option<Arc<Tenant>> {
        let signer = access_key(uri, headers).and_then(|id| self.of_token_id(&id));
        let named = || {
            let host = headers.get(HOST)?.to_str().ok()?;
            host.split('.').find_map(|label| self.of_id(label))
        };
        signer.or_else(named).or_else(|| self.any())
    }
}

/// The account that a path names.
fn account_in(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/client/v4").unwrap_or(path);
    let named = path.strip_prefix("/accounts/").and_then(|rest| rest.split('/').next());
    let links = ["/tails/", "/d1/uploads/", "/d1/exports/"];
    named.or_else(|| links.iter().find_map(|link| path.strip_prefix(link)?.get(..ID)))
}

pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The key that a request of S3's is signed with.
fn access_key(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let scope = match headers.get(AUTHORIZATION) {
        Some(value) => value.to_str().ok()?.split_once("Credential=")?.1.to_owned(),
        None => {
            let query = url::form_urlencoded::parse(uri.query()?.as_bytes());
            query.into_iter().find(|(name, _)| name == "X-Amz-Credential")?.1.into_owned()
        }
    };
    Some(scope.split('/').next()?.to_owned())
}

/// Passes a request on, and its answer back, as they are. What becomes a WebSocket goes on as one.
pub async fn pass(link: &Link, mut request: Request<Incoming>) -> Result<Response<HttpBody>, Unanswered> {
    let upgrade = request.headers().contains_key(UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    // What is for one hop is made anew for the next.
    for name in [KEEP_ALIVE, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    if upgrade.is_none() {
        parts.headers.remove(CONNECTION);
    }
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(HOST, host);
    }
    let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    (parts.uri, parts.version) = (Uri::from(path), Version::HTTP_11);
    let body = BodyReader::from_incoming(body).bounded(None, Some(STALL)).into_http_body();
    let mut response = link.send(Request::from_parts(parts, body)).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(client) = upgrade
    {
        let server = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(client), Ok(server)) = tokio::join!(client, server) else { return };
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut server).await {
                tracing::debug!(%error, "a WebSocket of the API ended");
            }
        });
    } else {
        for name in [CONNECTION, KEEP_ALIVE, TRANSFER_ENCODING] {
            response.headers_mut().remove(name);
        }
    }
    Ok(response.map(|body| BodyReader::from_incoming(body).into_http_body()))
}

/// What the API says where the account's process does not answer.
pub fn unavailable() -> Response<HttpBody> {
    const ERROR: &str = r#"{"success":false,"errors":[{"code":10013,"message":"The account's process is starting. Try again in a moment."}],"messages":[],"result":null}"#;
    refused(ERROR, "application/json")
}

/// The same in S3's words.
pub fn unavailable_s3() -> Response<HttpBody> {
    const ERROR: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>ServiceUnavailable</Code><Message>The account's process is starting. Try again in a moment.</Message></Error>";
    refused(ERROR, "application/xml")
}

fn refused(text: &'static str, kind: &'static str) -> Response<HttpBody> {
    let mut response = Response::new(BodyReader::from_bytes(text).into_http_body());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_signatures_say_whose_they_are() {
        let id = "0123456789abcdef0123456789abcdef";
        let (tail, upload) = (format!("/tails/{id}ffff"), format!("/d1/uploads/{id}00"));
        for (path, account) in [
            ("/client/v4/accounts/x/workers/scripts", Some("x")),
            ("/client/v4/accounts", None),
            ("/client/v4/user", None),
            (&tail, Some(id)),
            (&upload, Some(id)),
            ("/tails/short", None),
            ("/", None),
        ] {
            assert_eq!(account_in(path), account, "{path}");
        }
        let signed = HeaderMap::from_iter([(
            AUTHORIZATION,
            HeaderValue::from_static(
                "AWS4-HMAC-SHA256 Credential=key/20260101/auto/s3/aws4_request, SignedHeaders=host, Signature=0",
            ),
        )]);
        let uri = |text: &'static str| Uri::from_static(text);
        assert_eq!(access_key(&uri("/b/k"), &signed).as_deref(), Some("key"));
        let query = uri("/b/k?X-Amz-Credential=other%2F20260101%2Fauto%2Fs3%2Faws4_request&X-Amz-Date=0");
        assert_eq!(access_key(&query, &HeaderMap::new()).as_deref(), Some("other"));
        assert_eq!(access_key(&uri("/b/k"), &HeaderMap::new()), None);
    }
}
