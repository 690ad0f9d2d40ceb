//! Bytes on a connection, for what no client would send: raw HTTP/1.1, and the frames of HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::PATIENCE;

/// Any connection.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Writes bytes on a fresh connection and reads until the server closes it.
pub async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    // The server may well hang up before it has read all of it.
    let _ = stream.write_all(bytes.as_ref()).await;
    to_end(&mut stream).await
}

/// Everything until the close; a reset is one too.
pub async fn to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A connection of HTTP/2: over TLS to a server that shows this certificate, with prior knowledge otherwise.
pub async fn http2(address: SocketAddr, certificate: Option<&CertificateDer<'static>>) -> Box<dyn Stream> {
    let stream = TcpStream::connect(address).await.expect("the server accepts");
    let mut stream: Box<dyn Stream> = match certificate {
        None => Box::new(stream),
        Some(certificate) => {
            let mut trusted = rustls::RootCertStore::empty();
            trusted.add(certificate.clone()).expect("a certificate");
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let mut config = config.expect("TLS").with_root_certificates(trusted).with_no_client_auth();
            config.alpn_protocols = vec![b"h2".to_vec()];
            let name = ServerName::try_from("hello.localhost").expect("a name");
            Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake"))
        }
    };
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("sent");
    stream.write_all(&frame(SETTINGS, 0, 0, b"")).await.expect("sent");
    stream
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame (RFC 9113 §4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a GET of `/` for this host, without compression (RFC 7541 §6.2.2; static table).
pub fn get(host: &str) -> Vec<u8> {
    // :method GET, :scheme http and :path / are entries 2, 6 and 4; :authority is entry 1 with a value.
    let mut block = vec![0x82, 0x86, 0x84, 0x01, u8::try_from(host.len()).expect("a short host")];
    block.extend_from_slice(host.as_bytes());
    block
}

/// Reads frames until one of these kinds comes, or the connection's end: its kind, stream and payload.
pub async fn read_frame(stream: &mut (impl AsyncRead + Unpin + ?Sized), kinds: &[u8]) -> Option<(u8, u32, Vec<u8>)> {
    let reading = async {
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            stream.read_exact(&mut payload).await.ok()?;
            if kinds.contains(&head[3]) {
                let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
                return Some((head[3], id, payload));
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("a frame or the end in time")
}
