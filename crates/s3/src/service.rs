//! One request, from its signature to its answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, Request, Response, Uri, header};
use hyper::body::{Body as _, Incoming};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::validation::NameValidation;
use s3s::{S3Error, S3Result};
use tokio::sync::Semaphore;

use crate::access::{self, Target};
use crate::api::Api;
use crate::body::Body;
use crate::logins::{Login, Logins};
use crate::token::Token;
use crate::{cors, error, sign};

/// Bytes of XML that a request may have: 10,000 parts with their checksums, or 1,000 keys of the longest kind.
const XML: u64 = 8 << 20;
/// Requests with XML at a time.
const XML_AT_ONCE: usize = 8;
/// Uploads at a time: each holds a few MiB on their way to the disk.
const UPLOADS_AT_ONCE: usize = 128;
/// Bytes of all headers.
const HEADERS: usize = 32 * 1024;
/// Bytes of a path with its query.
const URI: usize = 16 * 1024;

/// Answers S3's requests.
pub struct Service {
    logins: Arc<dyn Logins>,
    /// What hosts that name a bucket or an account end in.
    domain: String,
    config: Arc<StaticConfigProvider>,
    stall: Duration,
    xml: Semaphore,
    uploads: Semaphore,
}

/// What an operation knows besides its input.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub token: Arc<Token>,
    /// What the body has to be.
    pub expected: r2::Expected,
}

/// Which buckets there are, R2 knows.
struct AnyName;

impl NameValidation for AnyName {
    fn validate_bucket_name(&self, name: &str) -> bool {
        !name.is_empty()
    }
}

// === impl Service ===

impl Service {
    /// A body that is awaited for longer than `stall` has ended.
    pub fn new(logins: Arc<dyn Logins>, domain: String, stall: Duration) -> Self {
        let mut config = S3Config::default();
        config.xml_max_body_size = XML as usize;
        let config = Arc::new(StaticConfigProvider::new(Arc::new(config)));
        let (xml, uploads) = (Semaphore::new(XML_AT_ONCE), Semaphore::new(UPLOADS_AT_ONCE));
        Self { logins, domain, config, stall, xml, uploads }
    }

    fn over(&self, r2: r2::R2) -> S3Service {
        let mut builder = S3ServiceBuilder::new(Api::new(r2));
        builder.set_config(self.config.clone());
        builder.set_validation(AnyName);
        builder.build()
    }

    /// The store that a request is about, for what needs no signature: a browser's rules.
    fn store(&self, parts: &http::request::Parts, target: &Target) -> Option<r2::R2> {
        match sign::named(parts) {
            Some(id) => self.logins.find(&id).ok().flatten().map(|login| login.r2),
            None => self.logins.store(target.account.as_deref()),
        }
    }

    pub(crate) async fn call(&self, request: Request<Incoming>) -> Response<s3s::Body> {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let method = request.method().clone();
        let (parts, incoming) = request.into_parts();
        let has_body = !incoming.is_end_stream();
        let target = Target::of(&parts, &self.domain);
        let browser = target
            .as_ref()
            .ok()
            .filter(|_| origin.is_some())
            .and_then(|target| Some((target.bucket.clone()?, self.store(&parts, target)?)));
        let answer = match target {
            Ok(target) if method == Method::OPTIONS => {
                cors::preflight(browser.as_ref().map(|(_, r2)| r2), &target, &parts.headers).await
            }
            Ok(target) => self.answer(parts, target, incoming).await,
            Err(error) => Err(error),
        };
        let mut response = answer.unwrap_or_else(of_error);
        if let (Some(origin), Some((bucket, r2))) = (origin, browser)
            && method != Method::OPTIONS
        {
            cors::allow(&r2, &bucket, &origin, &method, response.headers_mut()).await;
        }
        // The connection ends where the body was not read: who is told will not send another request into that end.
        if has_body && (response.status().is_client_error() || response.status().is_server_error()) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn answer(
        &self,
        mut parts: http::request::Parts,
        target: Target,
        incoming: Incoming,
    ) -> S3Result<Response<s3s::Body>> {
        if parts.uri.path_and_query().is_some_and(|path| path.as_str().len() > URI) {
            return Err(error::refuse("InvalidURI", 400, "Couldn't parse the specified URI."));
        }
        let size: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > HEADERS {
            let message = "Your request header section exceeds the maximum allowed size.";
            return Err(error::refuse("RequestHeaderSectionTooLarge", 431, message));
        }
        let signed = sign::verify(&parts, &*self.logins, SystemTime::now())?;
        access::check(&signed.login.token, &parts.method, &target)?;
        let query = access::settle_query(&mut parts)?;
        access::refuse_unknown(&parts.method, &query, &parts.headers)?;
        let form =
            parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
        if form && parts.method == Method::POST {
            return Err(error::not_implemented("POST of forms is not implemented"));
        }
        let Login { token, r2 } = &signed.login;
        let (token, s3) = (token.clone(), self.over(r2.clone()));
        let body = Body::new(&parts.headers, incoming, signed, self.stall)?;
        let length = body.length;
        let expected = body.expected.clone();
        let is_upload =
            parts.method == Method::PUT && target.key.is_some() && !parts.headers.contains_key("x-amz-copy-source");
        // Held until the upload is stored.
        let mut _upload = None;
        let body = if is_upload {
            _upload = Some(self.uploads.acquire().await.map_err(error::internal)?);
            let stream = futures::TryStreamExt::map_ok(body.stream, http_body::Frame::data);
            s3s::Body::http_body_unsync(http_body_util::StreamBody::new(stream))
        } else if length > 0 {
            let _permit = self.xml.acquire().await.map_err(error::internal)?;
            s3s::Body::from(body.whole(XML).await?)
        } else {
            s3s::Body::from(body.whole(0).await?)
        };
        parts.headers.remove(header::AUTHORIZATION);
        // Where the bucket was named is settled.
        parts.headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
        tidy(&mut parts.headers);
        let path = if query.is_empty() { target.path } else { format!("{}?{query}", target.path) };
        parts.uri =
            path.parse::<Uri>().map_err(|_| error::refuse("InvalidURI", 400, "Couldn't parse the specified URI."))?;
        parts.extensions.insert(Context { token, expected });
        let answer = s3.call(Request::from_parts(parts, body)).await;
        answer.map_err(|error| error::internal(s3s::StdError::from(error)))
    }
}

/// What S3 overlooks where it makes no sense.
fn tidy(headers: &mut http::HeaderMap) {
    let range = headers.get(header::RANGE).map(|range| range.to_str().map(s3s::dto::Range::parse));
    if range.is_some_and(|range| !matches!(range, Ok(Ok(_)))) {
        headers.remove(header::RANGE);
    }
    // `aws-chunked` is not how the object is encoded.
    let codings = headers.get(header::CONTENT_ENCODING).and_then(|codings| codings.to_str().ok());
    let Some(codings) = codings.filter(|codings| codings.contains("aws-chunked")) else { return };
    let kept: Vec<_> = codings.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect();
    match HeaderValue::from_str(&kept.join(", ")) {
        Ok(value) if !kept.is_empty() => drop(headers.insert(header::CONTENT_ENCODING, value)),
        _ => drop(headers.remove(header::CONTENT_ENCODING)),
    }
}

pub(crate) fn of_error(error: S3Error) -> Response<s3s::Body> {
    error.to_http_response().unwrap_or_else(|error| {
        tracing::error!(%error, "S3: an error could not be written as XML");
        let mut response = Response::new(s3s::Body::empty());
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
