//! HTTP/3, where the configuration asks for it: at the address of HTTPS, with its certificates.

use std::sync::Arc;

use ::config::ServerConfig;
use edge::tls::Names;
use edge::{Bounds, Http3};
use http::HeaderValue;
use tokio::net::TcpListener;

pub fn is_on(config: &ServerConfig) -> bool {
    config.https.as_ref().is_some_and(|https| https.http3 == Some(true))
}

/// Binds the UDP port with the number of the TCP port.
pub fn bind(config: &ServerConfig, https: Option<&(TcpListener, Arc<Names>)>) -> Result<Option<Http3>, String> {
    let Some((listener, names)) = https.filter(|_| is_on(config)) else { return Ok(None) };
    let address = listener.local_addr().map_err(|error| format!("the listener has no address: {error}"))?;
    let tls = names.http3_server().map_err(|error| format!("https: {error}"))?;
    let bound = Http3::bind(address, tls, &Bounds::default());
    bound.map(Some).map_err(|error| format!("can't listen on {address} over UDP (`https.http3`): {error}"))
}

/// What answers over HTTPS say of it.
pub fn alt_svc(http3: Option<&Http3>) -> Result<Option<HeaderValue>, String> {
    http3.map(Http3::alt_svc).transpose().map_err(|error| format!("`https.http3`: {error}"))
}
