//! Servers of this very process, which a request reaches without the network.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, Method, Response};
use isolate::v8;
use url::Url;

use super::FetchError;
use crate::body::{BodyReader, Outgoing};

/// Knows which hosts this process serves itself.
pub trait Inside: Send + Sync {
    /// Gives a request to the server of its host. The request comes back, ready for the network, where that is elsewhere.
    fn answer(&self, request: Passed) -> Result<Inner, Box<Passed>>;

    /// The one for the event that the running code belongs to. None: this one.
    fn here(&self, _scope: &mut v8::PinScope) -> Option<Arc<dyn Inside>> {
        None
    }
}

/// An answer on its way.
pub type Inner = Pin<Box<dyn Future<Output = Result<Response<Outgoing>, FetchError>> + Send>>;

/// One exchange, without its redirects.
#[derive(Debug)]
pub struct Passed {
    pub method: Method,
    /// `http:` or `https:`, without fragment.
    pub url: Url,
    pub headers: HeaderMap,
    pub body: BodyReader,
}

/// The answer of an inner server as it would be after a passage through HTTP: its body says itself how it is encoded.
pub(crate) fn received(response: Response<Outgoing>) -> Response<BodyReader> {
    Outgoing::settle(response, "identity").map(BodyReader::from)
}
