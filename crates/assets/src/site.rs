//! What a request for a version's assets is answered.

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use tokio::task::spawn_blocking;
use url::Url;

use crate::config::{ConfigError, Rules};
use crate::intent::{Finder, Intent};
use crate::redirects::Redirect;
use crate::{Body, Config, Decision, Entry, Files, HtmlHandling, Manifest, NotFoundHandling, path};

/// A browser asks each time whether what it has is still right.
const REVALIDATE: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cf-cache-status");
const HIT: HeaderValue = HeaderValue::from_static("HIT");

/// A version's assets, ready to be served.
pub struct Site {
    files: Files,
    manifest: Manifest,
    rules: Rules,
    html: HtmlHandling,
    not_found: NotFoundHandling,
    navigation: bool,
    /// The longest path of the manifest, in bytes.
    longest: usize,
}

/// What assets look at in a request.
#[derive(Debug)]
pub struct Request<'r> {
    pub method: &'r Method,
    pub url: Url,
    pub headers: &'r HeaderMap,
}

/// What a request comes to, before a file is opened.
enum Resolved<'s> {
    File(StatusCode, &'s Entry),
    Redirect(StatusCode, String),
    /// An answer without a body.
    Bare(StatusCode),
    /// The assets have nothing to say.
    Nothing,
}

// === impl Site ===

impl Site {
    /// `navigation`: the flag `assets_navigation_prefers_asset_serving` is on.
    pub fn new(files: Files, manifest: Manifest, config: &Config, navigation: bool) -> Result<Self, ConfigError> {
        let longest = manifest.paths().map(|(path, _)| path.len()).max().unwrap_or(0);
        let html = config.html_handling.unwrap_or_default();
        let not_found = config.not_found_handling.unwrap_or_default();
        Ok(Self { files, manifest, rules: config.rules()?, html, not_found, navigation, longest })
    }

    /// How many paths lead to a file.
    pub fn files(&self) -> usize {
        self.manifest.paths().count()
    }

    /// Who answers a request to a Worker that has code too.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        if let Some(decision) = self.rules.routing.decide(request.url.path()) {
            return decision;
        }
        let navigates = request.headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        let not_found = match self.rules.routing.is_listed() || (self.navigation && navigates) {
            true => self.not_found,
            false => NotFoundHandling::None,
        };
        match self.resolve(request, not_found) {
            Resolved::Nothing => Decision::Worker,
            _ => Decision::Assets,
        }
    }

    pub async fn answer(&self, request: &Request<'_>) -> Response<Body> {
        let mut response = match self.resolve(request, self.not_found) {
            Resolved::File(status, entry) => match self.file(request, status, entry).await {
                Ok(response) => response,
                Err(error) => {
                    tracing::error!(%error, hash = %entry.hash, "a static asset can't be read");
                    return bare(StatusCode::INTERNAL_SERVER_ERROR);
                }
            },
            Resolved::Redirect(status, location) => match HeaderValue::try_from(location) {
                Ok(location) => {
                    let mut response = bare(status);
                    response.headers_mut().insert(LOCATION, location);
                    response
                }
                Err(_) => return bare(StatusCode::INTERNAL_SERVER_ERROR),
            },
            Resolved::Bare(StatusCode::INTERNAL_SERVER_ERROR) => return bare(StatusCode::INTERNAL_SERVER_ERROR),
            Resolved::Bare(status) => bare(status),
            Resolved::Nothing => bare(StatusCode::NOT_FOUND),
        };
        self.rules.headers.apply(&request.url, response.headers_mut());
        response
    }

    fn resolve(&self, request: &Request<'_>, not_found: NotFoundHandling) -> Resolved<'_> {
        let (path, rewritten) = match self.rules.redirects.find(&request.url) {
            Some(Redirect::To(status, location)) => return Resolved::Redirect(status, location),
            Some(Redirect::Broken) => return Resolved::Bare(StatusCode::INTERNAL_SERVER_ERROR),
            Some(Redirect::Rewrite(path)) => (path, true),
            None => (request.url.path().to_owned(), false),
        };
        let decoded = path::decode(&path);
        let (manifest, html, longest) = (&self.manifest, self.html, self.longest);
        let finder = Finder { manifest, html, not_found, longest, redirects: true };
        let intent = match finder.find(&decoded) {
            Some(intent) => intent,
            None if rewritten => return Resolved::Bare(StatusCode::NOT_FOUND),
            None => return Resolved::Nothing,
        };
        if request.method != Method::GET && request.method != Method::HEAD {
            return Resolved::Bare(StatusCode::METHOD_NOT_ALLOWED);
        }
        let (status, entry) = match intent {
            Intent::Redirect(destination) => return self.redirect(request, &destination),
            Intent::File(entry) => (StatusCode::OK, entry),
            Intent::Missing(entry) => (StatusCode::NOT_FOUND, entry),
        };
        // Each file is served at one way to write its path.
        match path::encode(&decoded) == path {
            true => Resolved::File(status, entry),
            false => self.redirect(request, &decoded),
        }
    }

    fn redirect(&self, request: &Request<'_>, destination: &str) -> Resolved<'_> {
        let mut location = path::encode(destination);
        location.extend(request.url.query().filter(|query| !query.is_empty()).map(|query| format!("?{query}")));
        Resolved::Redirect(StatusCode::TEMPORARY_REDIRECT, location)
    }

    async fn file(&self, request: &Request<'_>, status: StatusCode, entry: &Entry) -> std::io::Result<Response<Body>> {
        let (files, hash) = (self.files.clone(), entry.hash.clone());
        let etag = format!("\"{hash}\"");
        let known = request.headers.get(IF_NONE_MATCH).map_or(&b""[..], HeaderValue::as_bytes);
        let is_known = known.strip_prefix(b"W/").unwrap_or(known) == etag.as_bytes();
        let (size, is_head) = (entry.size, request.method == Method::HEAD);
        let wants_body = !is_known && !is_head;
        let opening = spawn_blocking(move || {
            let file = files.open(&hash)?;
            let content_type = file.content_type.clone();
            let body = if wants_body { file.into_body()? } else { Body::default() };
            Ok::<_, std::io::Error>((content_type, body))
        });
        let (content_type, body) = opening.await.map_err(std::io::Error::other)??;
        let mut response = Response::new(body);
        *response.status_mut() = if is_known { StatusCode::NOT_MODIFIED } else { status };
        let headers = response.headers_mut();
        headers.insert(ETAG, HeaderValue::try_from(etag).map_err(std::io::Error::other)?);
        headers.extend(content_type.map(|value| (CONTENT_TYPE, value)));
        if !request.headers.contains_key(AUTHORIZATION) && !request.headers.contains_key(RANGE) {
            headers.insert(CACHE_CONTROL, REVALIDATE);
        }
        headers.insert(CACHE_STATUS, HIT);
        if is_head && !is_known {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
        }
        Ok(response)
    }
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}
