//! A WebSocket client of another hand.

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::PATIENCE;

pub use tokio_tungstenite::tungstenite;

/// An open connection.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What the server answered to the handshake.
    pub response: Response,
}

// === impl Socket ===

impl Socket {
    /// Opens a WebSocket with further headers.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header's value"));
        }
        let opening = tokio_tungstenite::connect_async(request);
        let (stream, response) = timeout(PATIENCE, opening).await.expect("an answer to the handshake in time")?;
        Ok(Self { stream, response })
    }

    pub async fn send(&mut self, message: impl Into<Message>) {
        self.stream.send(message.into()).await.expect("the message is taken");
    }

    /// What comes next; pings are answered and passed over.
    pub async fn next(&mut self) -> Result<Message, Error> {
        loop {
            let next = timeout(PATIENCE, self.stream.next()).await.expect("a message in time");
            match next.expect("the connection is open") {
                Ok(Message::Ping(_)) => {}
                other => return other,
            }
        }
    }

    /// The text that comes next.
    pub async fn text(&mut self) -> String {
        match self.next().await {
            Ok(Message::Text(text)) => text.to_string(),
            other => panic!("no text but {other:?}"),
        }
    }

    /// The Close that comes next: its code and reason.
    pub async fn closed(&mut self) -> (u16, String) {
        match self.next().await {
            Ok(Message::Close(Some(CloseFrame { code, reason }))) => (code.into(), reason.to_string()),
            Ok(Message::Close(None)) => (1005, String::new()),
            other => panic!("no Close but {other:?}"),
        }
    }

    pub async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.stream.close(Some(frame)).await.expect("the Close is taken");
    }

    /// Waits until the server ends the connection.
    pub async fn end(&mut self) {
        let ended = async { while let Some(Ok(_)) = self.stream.next().await {} };
        timeout(PATIENCE, ended).await.expect("the connection's end in time");
    }
}
