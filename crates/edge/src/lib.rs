//! The HTTP edge: listeners, TLS, HTTP/1.1, HTTP/2 and HTTP/3, and what Cloudflare's own edge adds to a request before a Worker
//! sees it. Above it there is one seam, [`Handler`]; nothing here knows which Worker answers.

mod activity;
mod client;
mod connection;
pub mod error_page;
pub mod geo;
mod headers;
mod http3;
mod listener;
pub mod passed;
mod ray;
mod request;
#[cfg(target_os = "linux")]
mod rtt;
mod service;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
pub mod tls;

pub use accept::Drained;
pub use geo::{Cf, Geo};
pub use http3::Http3;
pub use listener::{Bounds, Config, serve};
pub use ray::Ray;
pub use request::Request;
pub use stream::Listener;

use webapi::body::Outgoing;

/// What a handler answers. Hop-by-hop headers and framing are the edge's; `Content-Encoding` is settled with the client.
pub type Response = http::Response<Outgoing>;

/// Answers requests: the dispatcher of Workers, or a test.
pub trait Handler: Send + Sync + 'static {
    /// Dropped when the client goes away first; `request.gone` fires too, for whatever outlives the call.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;
}
