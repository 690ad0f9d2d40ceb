//! Node's network modules, with real peers: `nodejs/network.js` has what is done.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use harness::{Dev, Origin, Project};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::sockets::echo;

const WORKER: &str = include_str!("nodejs/network.js");

/// Servers that end with the test.
#[derive(Default)]
struct Servers(JoinSet<()>);

impl Servers {
    async fn start<F: Future<Output = std::io::Result<()>> + Send + 'static>(
        &mut self,
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        self.0.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        address
    }
}

/// Tells what it was asked.
async fn tell(request: http::Request<Incoming>) -> http::Response<harness::OriginBody> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let sent: Vec<_> = head.headers.get_all("x-sent").iter().map(|value| value.to_str().unwrap()).collect();
    let sent = sent.join(", ");
    let mut response =
        http::Response::builder().header("x-was", sent).header("set-cookie", "a=1").header("set-cookie", "b=2");
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let mut text = format!("{} {target} ", head.method).into_bytes();
    text.extend_from_slice(&body);
    match head.uri.path() {
        "/redirect" => response = response.status(302).header("location", "/elsewhere"),
        "/gzip" => {
            response = response.header("content-encoding", "gzip");
            text = GZIPPED.to_vec();
        }
        _ => {}
    }
    response.body(Full::new(Bytes::from(text)).boxed_unsync()).unwrap()
}

/// "hello world"
const GZIPPED: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 87, 40, 207, 47, 202, 73, 1, 0, 133, 17, 74, 13, 11, 0, 0,
    0,
];

#[tokio::test]
async fn sockets_and_exchanges() {
    let mut servers = Servers::default();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let later = acceptor.clone();
    let echoing = servers.start(echo).await;
    let silent = servers
        .start(|mut stream| async move {
            let mut hears = [0; 1024];
            while stream.read(&mut hears).await? > 0 {}
            Ok(())
        })
        .await;
    let tls = servers
        .start(move |stream| {
            let acceptor = acceptor.clone();
            async move { echo(acceptor.accept(stream).await?).await }
        })
        .await;
    let start = servers
        .start(move |mut stream| {
            let acceptor = later.clone();
            async move {
                stream.read_exact(&mut [0; 8]).await?;
                stream.write_all(b"ready").await?;
                echo(acceptor.accept(stream).await?).await
            }
        })
        .await;
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let origin = Origin::start(tell).await;
    let (safe, trusted) = Origin::start_tls(tell).await;

    let project = Project::configured("compatibility_flags = [\"nodejs_compat\"]", WORKER)
        .file("ca.pem", format!("{}{trusted}", made.cert.pem()));
    let peers = [
        ("ECHO", echoing),
        ("SILENT", silent),
        ("TLS", tls),
        ("START", start),
        ("NOBODY", nobody),
        ("ORIGIN", origin.address()),
        ("SAFE", safe.address()),
    ];
    let variables = peers.map(|(name, address)| format!("{name}:{}", address.port()));
    let flags: Vec<_> = variables.iter().flat_map(|variable| ["--var", variable.as_str()]).collect();
    let trust = project.join("ca.pem").display().to_string();
    let dev = Dev::environment(&[("SSL_CERT_FILE", &trust)], &flags, &[project.path()]).await;

    let facts = json!([true, "IPv4", false, "open"]);
    let events = json!(["lookup", "connect", "ready", "finish", "end", "close"]);
    assert_eq!(dev.json("/echo").await, json!([facts, "Hello from net bye", events, 18, 18, true]));
    assert_eq!(dev.json("/much").await, json!([3_000_003, "drained"]));
    let mail = "Connections to port 25 are prohibited";
    let refused = json!(["ECONNREFUSED", "connect", "127.0.0.1", true, -111, "connect ECONNREFUSED", mail]);
    assert_eq!(dev.json("/refused").await, refused);
    assert_eq!(dev.json("/timeout").await, json!([true, 20]));
    assert_eq!(dev.json("/own_buffer").await, "12345678bye");
    assert_eq!(dev.json("/plain_http").await, json!(["HTTP/1.1 200 OK", true]));

    assert_eq!(dev.json("/secure").await, json!(["secret bye", true, true, true, {}]));
    assert_eq!(dev.json("/written_early").await, "early bye");
    assert_eq!(dev.json("/upgraded").await, json!(["ready", "later bye"]));
    assert_eq!(dev.json("/another").await, json!(["Error", null, "TLS Handshake Failed."]));
    // These are workerd's.
    let options = json!([
        ["ERR_OPTION_NOT_IMPLEMENTED", "The options.rejectUnauthorized option is not implemented"],
        ["ERR_OPTION_NOT_IMPLEMENTED", "The options.ALPNProtocols option is not implemented"],
        ["ERR_OPTION_NOT_IMPLEMENTED", "The options.isServer option is not implemented"],
        [null, "Not implemented"],
        [null, "createServer() is not implemented"],
        [null, "Server is not implemented"],
        ["ERR_INVALID_ARG_VALUE", "The argument 'path' is not supported. Received '/tmp/x'"],
        [null, "Not implemented"],
        ["ERR_TLS_INVALID_PROTOCOL_VERSION", "\"x\" is not a valid minimum TLS protocol version"],
        [],
    ]);
    assert_eq!(dev.json("/options").await, options);

    let names = dev.json("/names").await;
    assert_eq!(names[0], json!([{ "address": "127.0.0.1", "family": 4 }]));
    assert_eq!(names[1], json!(["Error", "ENOTFOUND", "getaddrinfo ENOTFOUND nobody.invalid"]));
    assert_eq!(names[2][1], "ERR_METHOD_NOT_IMPLEMENTED");

    let cookies = json!(["a=1", "b=2"]);
    let asked = json!([[200, "1, 2", cookies, "POST /a?b=c one two"], [200, "", cookies, "GET //double?x "], 302]);
    assert_eq!(dev.json("/asked").await, asked);
    assert_eq!(dev.json("/asked_in_vain").await, json!([true, "ECONNRESET", "AbortError"]));
    assert_eq!(dev.json("/asked_safely").await, json!([200, "", cookies, "GET /safe "]));
    assert_eq!(dev.json("/gzipped").await, json!([null, "hello world"]));

    let told = dev.get("/served/x?y=z").header("x-sent", "1").send().await;
    assert_eq!(told.headers()["content-type"], "application/json");
    let told: Value = serde_json::from_str(&harness::text(told).await).unwrap();
    assert_eq!(told, json!(["GET", "/served/x?y=z", "1", "1.1"]));
    let echoed = dev.request("POST", "/served/echo").body("said".to_owned()).await;
    assert_eq!(
        (echoed.status().as_u16(), &echoed.headers()["x-method"]),
        (201, &http::HeaderValue::from_static("POST"))
    );
    assert_eq!(echoed.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(harness::text(echoed).await, "said");
    assert_eq!(dev.text("/served/slow").await, "one two");
    assert_eq!(dev.get("/served/empty").send().await.status(), 204);
}
