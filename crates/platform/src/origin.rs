//! The server behind a zone. What no Worker answers goes there, and what a Worker fetches of the zone that it answers for.

use std::time::Duration;

use edge::error_page::EdgeError;
use http::header::HOST;
use http::{HeaderValue, Response};
use url::{Position, Url};
use webapi::body::Outgoing;
use webapi::fetch::{FetchError, Outbound, Passed, Policy, Unreachable};
use webapi::websocket;

/// From the request to the answer's headers, as on the platform.
const PATIENCE: Duration = Duration::from_secs(100);

#[derive(Debug)]
pub struct Origin {
    /// Of `http:` or `https:`; its path means nothing.
    url: Url,
    outbound: Outbound,
}

// === impl Origin ===

impl Origin {
    /// The operator has named it, so that it may be at any address.
    pub fn new(url: Url) -> Self {
        Self { url, outbound: Outbound::new(Policy::development()) }
    }

    /// Asks for what a request to the zone asks for, under the name that it was sent to.
    pub(crate) async fn pass(&self, mut request: Passed) -> Result<Response<Outgoing>, EdgeError> {
        let host = &request.url[Position::BeforeHost..Position::AfterPort];
        request.headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| EdgeError::BadHost)?);
        let mut url = self.url.clone();
        url.set_path(request.url.path());
        url.set_query(request.url.query());
        request.url = url;
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(answer) => answer.map_err(|error| edge_error(&error)),
            Err(_) => Err(EdgeError::OriginSlow),
        }
    }

    async fn exchange(&self, request: Passed) -> Result<Response<Outgoing>, FetchError> {
        if websocket::asks_for_one(&request.method, &request.headers) {
            let opened = websocket::connect(&self.outbound, &request.url, request.headers).await?;
            let socket = opened.socket.map(Box::new);
            return Ok(opened.response.map(|reader| Outgoing { socket, ..reader.into() }));
        }
        let response = self.outbound.pass_on(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.with_coding_of(&parts.headers);
        Ok(Response::from_parts(parts, body.into()))
    }
}

fn edge_error(error: &FetchError) -> EdgeError {
    match error {
        FetchError::Connect { why, .. } => match why {
            Unreachable::Lost | Unreachable::Denied => EdgeError::OriginDown,
            Unreachable::Dns => EdgeError::OriginDns,
            Unreachable::Tls => EdgeError::OriginTls,
            Unreachable::Timeout => EdgeError::OriginTimeout,
        },
        _ => EdgeError::OriginUnknown,
    }
}
