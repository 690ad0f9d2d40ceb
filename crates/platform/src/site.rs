//! Static assets in front of a Worker's code, and the binding by which the code asks for them.
//! <https://developers.cloudflare.com/workers/static-assets/>

use std::sync::Arc;

use assets::{Body, Decision, Site};
use futures::StreamExt;
use http::{Response, StatusCode};
use registry::{Script, Version};
use url::Url;
use webapi::body::{BodyError, BodyReader, Outgoing};
use workers::{CallFuture, Cause, Compatibility, Invocation, JsException, Request, Service, ServiceFuture};

use crate::Platform;
use crate::assemble::AssembleError;

/// A version's assets, where it has some.
pub(crate) fn load(
    platform: &Platform,
    script: &Script,
    version: &Version,
) -> Result<Option<Arc<Site>>, AssembleError> {
    let Some(named) = &version.document.assets else { return Ok(None) };
    let invalid = |error: &dyn std::fmt::Display| AssembleError::Invalid(format!("the static assets: {error}"));
    let files = platform.services().assets().account(&script.account);
    let manifest = files.manifest(&named.manifest).map_err(|error| invalid(&error))?;
    let manifest = manifest.ok_or_else(|| invalid(&"their manifest is missing"))?;
    let compatibility = compatibility(version);
    let navigation = compatibility.is_on("assets_navigation_prefers_asset_serving");
    let site = Site::new(files.into(), manifest, &named.config, navigation).map_err(|error| invalid(&error))?;
    Ok(Some(Arc::new(site)))
}

/// What a version asks for by its date and flags.
pub(crate) fn compatibility(version: &Version) -> Compatibility {
    let date = version.document.compatibility_date.as_deref().unwrap_or("2021-11-02");
    Compatibility::new(date, &version.document.compatibility_flags)
}

/// The answer of the assets; `None`: the code answers.
pub(crate) async fn answer(site: &Site, request: &Seen<'_>, has_code: bool) -> Option<Response<Outgoing>> {
    let request = match request.asset() {
        Some(request) => request,
        None => return Some(bad_request()),
    };
    if has_code && site.decide(&request) == Decision::Worker {
        return None;
    }
    Some(outgoing(site.answer(&request).await))
}

/// What assets look at in a request.
pub(crate) struct Seen<'r> {
    pub(crate) method: &'r http::Method,
    pub(crate) url: &'r str,
    pub(crate) headers: &'r http::HeaderMap,
}

// === impl Seen ===

impl<'r> Seen<'r> {
    fn asset(&self) -> Option<assets::Request<'r>> {
        Some(assets::Request { method: self.method, url: Url::parse(self.url).ok()?, headers: self.headers })
    }
}

fn bad_request() -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

fn outgoing(response: Response<Body>) -> Response<Outgoing> {
    response.map(|body| {
        let length = body.length();
        if length == 0 {
            return Outgoing::empty();
        }
        let stream = body.into_stream().map(|chunk| {
            chunk.map_err(|error| {
                tracing::error!(%error, "a static asset broke off");
                BodyError::ConnectionLost
            })
        });
        BodyReader::from_stream(stream, Some(length)).into()
    })
}

/// The binding: what it is asked for the assets answer, whatever the code would.
pub struct AssetsBinding(pub Arc<Site>);

impl Service for AssetsBinding {
    fn fetch(&self, request: Request) -> ServiceFuture {
        let site = self.0.clone();
        Box::pin(async move {
            let seen = Seen { method: &request.method, url: &request.url, headers: &request.headers };
            Ok(answer(&site, &seen, false).await.unwrap_or_else(bad_request))
        })
    }

    fn call(&self, invocation: Invocation) -> CallFuture {
        drop(invocation);
        let message = "The static assets have no methods but fetch().".to_owned();
        Box::pin(async {
            Err(Cause::Exception(JsException { name: "TypeError".into(), message, ..JsException::default() }))
        })
    }

    fn invokes_worker(&self) -> bool {
        false
    }
}
