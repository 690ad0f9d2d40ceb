//! In an account's process: requests of its Workers to hosts of other accounts go to the front, which knows whose they are.

use std::sync::{Arc, PoisonError, RwLock};

use ::config::ServerConfig;
use edge::error_page::{self, Audience, EdgeError};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::StatusCode;
use http::header::SEC_WEBSOCKET_EXTENSIONS;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use platform::Elsewhere;
use tokio_util::sync::CancellationToken;
use webapi::body::{BodyReader, Outgoing};
use webapi::websocket::{Role, pair, relay};

use super::accounts::below;
use super::link::Link;

pub struct Inside {
    link: Link,
    secret: String,
    /// The base domain, and the zones of all accounts.
    domains: RwLock<Arc<Vec<String>>>,
}

// === impl Inside ===

impl Inside {
    pub fn new(link: Link, secret: String, server: &ServerConfig) -> Self {
        Self { link, secret, domains: RwLock::new(Arc::new(domains(server))) }
    }

    /// The server's configuration has changed.
    pub fn change(&self, server: &ServerConfig) {
        *self.domains.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(domains(server));
    }
}

impl Elsewhere for Inside {
    fn has(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let domains = self.domains.read().unwrap_or_else(PoisonError::into_inner).clone();
        domains.iter().any(|domain| below(host, domain).is_some_and(|rest| !rest.is_empty() || *domain != domains[0]))
    }

    fn pass(&self, mut request: edge::Request) -> BoxFuture<'static, edge::Response> {
        let (link, secret) = (self.link.clone(), self.secret.clone());
        let (audience, ray) = (Audience::of(&request.headers), request.ray.clone());
        // Within the server nothing is compressed.
        request.headers.remove(SEC_WEBSOCKET_EXTENSIONS);
        let address = request.remote.ip();
        let exchange = async move {
            let request = request.pass_on(&secret)?;
            let response = link.send(request).await.map_err(|error| {
                tracing::error!(%error, "the front can't be asked");
                EdgeError::Internal
            })?;
            received(response).await
        };
        exchange
            .map(move |done| done.unwrap_or_else(|error| error_page::respond(error, audience, &ray, &address)))
            .boxed()
    }
}

/// What the front has answered, for a Worker.
async fn received(mut response: http::Response<Incoming>) -> Result<edge::Response, EdgeError> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let upgraded = hyper::upgrade::on(&mut response).await.map_err(|_| EdgeError::OriginUnknown)?;
        let (here, there) = pair();
        tokio::spawn(relay(TokioIo::new(upgraded), Role::Client, None, there, CancellationToken::new()));
        return Ok(response.map(|_| Outgoing { socket: Some(Box::new(here)), ..Outgoing::empty() }));
    }
    let (parts, body) = response.into_parts();
    let body = BodyReader::from_incoming(body).with_coding_of(&parts.headers);
    Ok(http::Response::from_parts(parts, body.into()))
}

/// The base domain first.
fn domains(server: &ServerConfig) -> Vec<String> {
    let zones = server.zones.iter().map(|zone| zone.name.0.to_ascii_lowercase());
    std::iter::once(server.base_domain.to_ascii_lowercase()).chain(zones).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_server_are_inside() {
        let text = "base_domain = 'w.test'\n[[zones]]\nname = 'Example.com'\n";
        let server = ServerConfig::from_text(std::path::Path::new("skerry.toml"), text).unwrap();
        let inside = Inside::new(Link::new("front.sock".into()), String::new(), &server);
        for (host, has) in [
            ("a.w.test", true),
            ("A.W.TEST.", true),
            ("w.test", false),
            ("example.com", true),
            ("x.example.com", true),
            ("badexample.com", false),
            ("127.0.0.1", false),
            ("localhost", false),
        ] {
            assert_eq!(inside.has(host), has, "{host}");
        }
    }
}
