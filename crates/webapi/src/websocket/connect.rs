//! WebSockets to servers elsewhere: the client's side of the handshake, for `fetch()` with `Upgrade: websocket` and for
//! `new WebSocket()`.

use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Role, Socket, extension, handshake, pair, relay};
use crate::body::{BodyReader, Outgoing};
use crate::fetch::{FetchError, Outbound, Passed, received};

/// What a server answered to the handshake.
#[derive(Debug)]
pub struct Opened {
    /// Without a body when the socket is there.
    pub response: Response<BodyReader>,
    /// `None`: the server did not switch protocols.
    pub socket: Option<Socket>,
}

/// Asks the server at `url` (`http:` or `https:`) for a WebSocket. Dropping the socket ends the connection.
pub async fn connect(outbound: &Outbound, url: &Url, mut headers: HeaderMap) -> Result<Opened, FetchError> {
    let key = handshake::client_key().map_err(|_| FetchError::ConnectionLost)?;
    let expected = handshake::accept_key(key.as_bytes());
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&key).map_err(|_| FetchError::ConnectionLost)?);
    // Others than compression are not spoken here.
    let offers = handshake::extensions(&headers).filter(|offers| extension::is_offer(offers));
    if offers.is_none() {
        headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    }
    let request = Passed { method: Method::GET, url: url.clone(), headers, body: BodyReader::empty() };
    let headers = match outbound.answered(request) {
        Ok(answer) => return Ok(Opened::inside(answer.await?)),
        Err(passed) => passed.headers,
    };
    let mut response = outbound.upgrade(url, headers).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Opened { response: response.map(BodyReader::from_incoming), socket: None });
    }
    let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).is_some_and(|value| value == expected.as_str());
    let failed = || FetchError::Handshake(url.origin().ascii_serialization());
    if !accepted {
        return Err(failed());
    }
    let extensions = handshake::extensions(response.headers());
    let deflate = match (&offers, &extensions) {
        (_, None) => None,
        (None, Some(_)) => return Err(failed()),
        (Some(offers), Some(answer)) => Some(extension::agreed(offers, answer).ok_or_else(failed)?),
    };
    let upgraded = hyper::upgrade::on(&mut response).await.map_err(|_| FetchError::ConnectionLost)?;
    let (mut here, there) = pair();
    here.protocol = protocol_of(response.headers());
    here.extensions = extensions;
    tokio::spawn(relay(TokioIo::new(upgraded), Role::Client, deflate, there, CancellationToken::new()));
    Ok(Opened { response: response.map(|_| BodyReader::empty()), socket: Some(here) })
}

fn protocol_of(headers: &HeaderMap) -> Option<String> {
    let protocol = headers.get(SEC_WEBSOCKET_PROTOCOL)?;
    Some(String::from_utf8_lossy(protocol.as_bytes()).into_owned())
}

// === impl Opened ===

impl Opened {
    /// What a server of this process answered. There is no connection, so nothing is compressed.
    fn inside(mut response: Response<Outgoing>) -> Self {
        let socket = response.body_mut().socket.take().map(|mut socket| {
            socket.protocol = protocol_of(response.headers());
            *socket
        });
        let mut response = received(response);
        response.headers_mut().remove(SEC_WEBSOCKET_EXTENSIONS);
        Self { response, socket }
    }
}
