//! HTTP/3 with bounds short enough to wait for, by a client that sends any bytes over QUIC.

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint, ReadToEndError, RecvStream, SendStream};
use webapi::body::BodyReader;

use super::*;
use crate::Http3;
use crate::tls::{Certificates, Names};

/// H3_NO_ERROR, H3_REQUEST_INCOMPLETE, H3_INTERNAL_ERROR (RFC 9114 §8.1).
const NO_ERROR: u32 = 0x100;
const INTERNAL_ERROR: u32 = 0x102;
const REQUEST_INCOMPLETE: u32 = 0x10d;

struct Quic {
    edge: Edge,
    trusted: Arc<rustls::RootCertStore>,
}

async fn quic<F, A>(bounds: Bounds, answer: F) -> Quic
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    static NTH: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let nth = NTH.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("skerry-http3-{}-{nth}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (chain, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let tls = Names::new(Some(Certificates::load(&chain, &key).expect("a pair"))).http3_server().expect("TLS");
    std::fs::remove_dir_all(&folder).expect("removed");

    let http3 = Http3::bind("127.0.0.1:0".parse().expect("an address"), tls, &bounds).expect("a port");
    let address = SocketAddr::from(([127, 0, 0, 1], http3.port));
    let stop = CancellationToken::new();
    let served = tokio::spawn(http3.serve(config(bounds), Arc::new(Answer(answer)), stop.clone()));
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add(made.cert.der().clone()).expect("trusted");
    Quic { edge: Edge { address, stop, served }, trusted: Arc::new(trusted) }
}

impl Quic {
    async fn connect(&self, protocol: &[u8]) -> Result<Connection, ConnectionError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.expect("TLS").with_root_certificates(self.trusted.clone()).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let config = QuicClientConfig::try_from(config).expect("QUIC");
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a socket");
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(config)));
        within(endpoint.connect(self.edge.address, "localhost").expect("begun")).await
    }

    /// A connection with its control stream and settings, which are none.
    async fn open(&self) -> Connection {
        let connection = self.connect(b"h3").await.expect("a handshake");
        let mut control = connection.open_uni().await.expect("a stream");
        control.write_all(b"\x00\x04\x00").await.expect("sent");
        // It is not to end before the connection.
        let held = connection.clone();
        tokio::spawn(async move {
            held.closed().await;
            drop(control);
        });
        connection
    }
}

/// The frame of a request's headers: by QPACK's static table, without compression (RFC 9204 §4.5, appendix A).
fn headers(method: &str) -> Vec<u8> {
    let method = if method == "POST" { 0xd4 } else { 0xd1 };
    let mut block = vec![0, 0, method, 0xd7, 0xc1, 0x50, 9];
    block.extend_from_slice(b"localhost");
    [&[1, u8::try_from(block.len()).expect("short")], &block[..]].concat()
}

async fn ask(connection: &Connection, bytes: &[u8]) -> (SendStream, RecvStream) {
    let (mut send, receive) = within(connection.open_bi()).await.expect("a stream");
    send.write_all(bytes).await.expect("sent");
    (send, receive)
}

/// All of an answer; its DATA frames are in it as text.
async fn answer(mut receive: RecvStream) -> String {
    String::from_utf8_lossy(&within(receive.read_to_end(1 << 20)).await.expect("an answer")).into_owned()
}

/// The number that the server's stream was reset with.
async fn reset(mut receive: RecvStream) -> u32 {
    match within(receive.read_to_end(1 << 30)).await {
        Err(ReadToEndError::Read(quinn::ReadError::Reset(code))) => u32::try_from(code.into_inner()).expect("a number"),
        other => panic!("no reset: {:?}", other.map(|bytes| bytes.len())),
    }
}

/// The number that the server closed the connection with.
async fn closed(connection: &Connection) -> u32 {
    match within(connection.closed()).await {
        ConnectionError::ApplicationClosed(closed) => u32::try_from(closed.error_code.into_inner()).expect("a number"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn silence_and_slow_headers_end() {
    let bounds = Bounds { idle_timeout: Duration::from_millis(900), ..impatient() };
    let edge = quic(bounds, |_| async { text("hi") }).await;
    let connection = edge.open().await;
    let (send, receive) = ask(&connection, &headers("GET")[..5]).await;
    assert_eq!(reset(receive).await, REQUEST_INCOMPLETE);
    drop(send);
    let (mut send, receive) = ask(&connection, &headers("GET")).await;
    send.finish().expect("ended");
    assert!(answer(receive).await.ends_with("hi"));
    assert_eq!(closed(&connection).await, NO_ERROR);
    // One that never was HTTP/3's.
    assert!(edge.connect(b"hq").await.is_err());
    let silent = edge.connect(b"h3").await.expect("a handshake");
    assert_eq!(closed(&silent).await, NO_ERROR);
}

#[tokio::test]
async fn bodies_that_stall_or_lie_are_errors_for_their_reader() {
    let edge = quic(impatient(), |request: Request| async move {
        match request.body.expect("a body").read_all(1 << 20).await {
            Ok(bytes) => text(format!("{} bytes", bytes.len())),
            Err(error) => text(error.to_string()),
        }
    })
    .await;
    let connection = edge.open().await;
    let (_send, receive) = ask(&connection, &[&headers("POST")[..], b"\x00\x03abc"].concat()).await;
    let told = answer(receive).await;
    assert!(told.contains("Request body stalled"), "{told}");
    // The frame says more than there is.
    let (mut send, receive) = ask(&connection, &[&headers("POST")[..], b"\x00\x0aabc"].concat()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    send.finish().expect("ended");
    let told = answer(receive).await;
    assert!(told.contains("Network connection lost"), "{told}");
    // Nothing but empty frames for ever is a stall too.
    let (mut send, receive) = ask(&connection, &headers("POST")).await;
    let dripping = tokio::spawn(async move {
        while send.write_all(b"\x00\x00").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let told = answer(receive).await;
    assert!(told.contains("Request body stalled"), "{told}");
    within(dripping).await.expect("the writer was refused");
}

#[tokio::test]
async fn a_client_that_takes_nothing_or_leaves_is_gone() {
    let (told, mut gone) = tokio::sync::mpsc::unbounded_channel();
    let edge = quic(impatient(), move |request: Request| {
        let told = told.clone();
        async move {
            let (token, pending) = (request.gone.clone(), request.body.is_some());
            tokio::spawn(async move {
                token.cancelled().await;
                told.send(()).expect("the test listens");
            });
            if pending {
                std::future::pending::<()>().await;
            }
            let endless = futures::stream::repeat_with(|| Ok(bytes::Bytes::from_static(&[b'x'; 65536])));
            Response::new(Outgoing::from(BodyReader::from_stream(endless, None)))
        }
    })
    .await;
    let connection = edge.open().await;
    let (mut send, receive) = ask(&connection, &headers("GET")).await;
    send.finish().expect("ended");
    within(gone.recv()).await.expect("gone");
    assert_eq!(reset(receive).await, INTERNAL_ERROR);
    // It gives up a request while nothing is sent.
    let (_send, mut receive) = ask(&connection, &headers("POST")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    receive.stop(0x10c_u32.into()).expect("stopped");
    within(gone.recv()).await.expect("gone");
    // Its connection ends.
    let (_send, _receive) = ask(&connection, &headers("POST")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    connection.close(0_u32.into(), b"");
    within(gone.recv()).await.expect("gone");
}

#[tokio::test]
async fn connections_past_the_bound_are_refused() {
    let edge = quic(Bounds { max_connections: 1, ..Bounds::default() }, |_| async { text("hi") }).await;
    let first = edge.open().await;
    assert!(matches!(edge.connect(b"h3").await, Err(ConnectionError::ConnectionClosed(_))));
    first.close(0_u32.into(), b"");
    while edge.connect(b"h3").await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let bounds = Bounds { drain: Duration::from_millis(300), ..Bounds::default() };
    let edge = quic(bounds, |_| std::future::pending()).await;
    let (busy, idle) = (edge.open().await, edge.open().await);
    let (mut send, _receive) = ask(&busy, &headers("GET")).await;
    send.finish().expect("ended");
    tokio::time::sleep(Duration::from_millis(100)).await;
    edge.edge.stop.cancel();
    assert_eq!(closed(&idle).await, NO_ERROR);
    assert_eq!(within(edge.edge.served).await.expect("served"), Drained { cut: 1 });
    assert_eq!(closed(&busy).await, NO_ERROR);
}
