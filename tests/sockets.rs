//! `cloudflare:sockets`. The cases of `sockets/cases.js` ran in workerd 1.20260426.1 as well (compatibility date 2026-01-01), with the same
//! servers: what it said is `sockets/answers.json`, and Skerry says the same.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use harness::{Dev, Project};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const CASES: &str = include_str!("sockets/cases.js");
const ANSWERS: &str = include_str!("sockets/answers.json");

/// A server that ends with the test.
struct Server {
    address: SocketAddr,
    listening: JoinHandle<()>,
}

impl Server {
    async fn start<F: Future<Output = std::io::Result<()>> + Send + 'static>(
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away is not the server's business.
                tokio::spawn(serve(stream));
            }
        });
        Self { address, listening }
    }

    async fn echo() -> Self {
        Self::start(echo).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Says back what it hears, until that ends with "bye".
pub async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut tail = Vec::new();
    loop {
        let read = stream.read(&mut buffer).await?;
        stream.write_all(&buffer[..read]).await?;
        stream.flush().await?;
        tail.extend_from_slice(&buffer[..read]);
        tail.drain(..tail.len().saturating_sub(3));
        if read == 0 || tail == b"bye" {
            return stream.shutdown().await;
        }
    }
}

#[tokio::test]
async fn every_case_is_answered_as_by_workerd() {
    let echo = Server::echo().await;
    let greeter = Server::start(|mut stream| async move {
        stream.write_all(b"hello").await?;
        stream.shutdown().await?;
        // What a half-open client still writes is taken, not reset.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
    })
    .await;
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let project = Project::worker(CASES);
    let dev = Dev::start(&project).await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(ANSWERS).unwrap();
    let mut wrong = Vec::new();
    for (name, answer) in &answers {
        let path = format!("/{name}?echo={}&greeter={}&nobody={nobody}", echo.address, greeter.address);
        let ours = dev.json(&path).await;
        if ours != *answer {
            wrong.push(format!("{name}\n  ours    {ours}\n  workerd {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const WORKER: &str = r#"
    import { connect } from "cloudflare:sockets";
    let atGlobalScope;
    try { connect("localhost:1"); } catch (error) { atGlobalScope = error.message; }
    const bytes = (text) => new TextEncoder().encode(text);
    const text = async (readable) => {
      let all = "";
      for await (const chunk of readable.pipeThrough(new TextDecoderStream())) all += chunk;
      return all;
    };
    const failed = (promise) => promise.then(() => "fine", (error) => error.message);
    async function say(socket, message) {
      const writer = socket.writable.getWriter();
      await writer.write(bytes(message));
      writer.releaseLock();
    }
    let kept;
    export default {
      async fetch(request, env) {
        const { pathname, searchParams } = new URL(request.url);
        const at = (port) => `localhost:${port}`;
        switch (pathname) {
          case "/global": return new Response(atGlobalScope);
          case "/mail": {
            const socket = connect("localhost:25");
            return Response.json([await failed(socket.opened), await failed(socket.closed)]);
          }
          case "/tls": {
            const socket = connect(at(env.TLS), { secureTransport: "on" });
            const opened = await failed(socket.opened);
            if (opened !== "fine") return new Response(opened);
            await say(socket, "secret bye");
            return new Response(await text(socket.readable));
          }
          case "/starttls": {
            const plain = connect(at(env.START), { secureTransport: "starttls" });
            const reader = plain.readable.getReader();
            await say(plain, "STARTTLS");
            const answer = new TextDecoder().decode((await reader.read()).value);
            reader.releaseLock();
            const socket = plain.startTls({ expectedServerHostname: searchParams.get("as") ?? undefined });
            const facts = [answer, plain.upgraded, socket.secureTransport, await failed(plain.closed), await failed(socket.opened)];
            if (facts[4] === "fine") {
              await say(socket, "secret bye");
              facts.push(await text(socket.readable));
            }
            let again;
            try { plain.startTls(); } catch (error) { again = error.message; }
            return Response.json([...facts, again]);
          }
          case "/keep": {
            kept = connect(at(env.ECHO));
            await say(kept, "x");
            return new Response("kept");
          }
          case "/foreign": return new Response(await failed(kept.readable.getReader().read()));
          case "/many": {
            const errors = {};
            for (let i = 0; i < 60; i++) {
              try { await connect(at(env.ECHO)).opened; } catch (error) { errors[error.message] = (errors[error.message] ?? 0) + 1; }
            }
            return Response.json(errors);
          }
        }
      },
    };
"#;

#[tokio::test]
async fn tls_from_the_start_and_later() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a key for the certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let later = acceptor.clone();
    let tls = Server::start(move |stream| {
        let acceptor = acceptor.clone();
        async move { echo(acceptor.accept(stream).await?).await }
    })
    .await;
    let start = Server::start(move |mut stream| {
        let acceptor = later.clone();
        async move {
            let mut asked = [0; 8];
            stream.read_exact(&mut asked).await?;
            stream.write_all(b"ready").await?;
            echo(acceptor.accept(stream).await?).await
        }
    })
    .await;
    let echo = Server::echo().await;
    let project = Project::configured("[limits]\nsubrequests = 50", WORKER).file("ca.pem", made.cert.pem());
    let port = |server: &Server| server.address.port();
    let variables = [format!("TLS:{}", port(&tls)), format!("START:{}", port(&start)), format!("ECHO:{}", port(&echo))];
    let flags: Vec<_> = variables.iter().flat_map(|variable| ["--var", variable.as_str()]).collect();

    let wary = Dev::flags(&project, &flags).await;
    assert_eq!(wary.text("/tls").await, "proxy request failed, cannot connect to the specified address");
    drop(wary);

    let trust = project.join("ca.pem").display().to_string();
    let dev = Dev::environment(&[("SSL_CERT_FILE", &trust)], &flags, &[project.path()]).await;
    assert_eq!(dev.text("/tls").await, "secret bye");
    let once = "startTls can only be called once.";
    assert_eq!(dev.json("/starttls").await, json!(["ready", true, "on", "fine", "fine", "secret bye", once]));
    let other = dev.json("/starttls?as=elsewhere.example").await;
    assert_eq!(other, json!(["ready", true, "on", "fine", "TLS Handshake Failed.", once]));

    assert!(dev.text("/global").await.starts_with("Disallowed operation called within global scope"));
    let mail = "Connections to port 25 are prohibited";
    assert_eq!(dev.json("/mail").await, json!([mail, mail]));
    assert_eq!(dev.text("/keep").await, "kept");
    assert!(dev.text("/foreign").await.starts_with("Cannot perform I/O on behalf of a different request."));
    assert_eq!(dev.json("/many").await, json!({ "Too many subrequests.": 10 }));
}
