//! HTTP/3: Debian's Chromium and a client by another hand (aioquic, in `tests/http3`), well-meaning ones and others.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use harness::browser::Browser;
use harness::{Neighbour, Served, text};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const WORKER: &str = r#"
    let waiting = 0, aborted = 0;
    const encode = (text) => new TextEncoder().encode(text);
    export default {
      async fetch(request) {
        const url = new URL(request.url);
        switch (url.pathname) {
          case "/cf": {
            const headers = Object.fromEntries(request.headers);
            return Response.json({ url: request.url, cf: request.cf, headers, body: request.body && "some" });
          }
          case "/echo": return new Response(request.body);
          case "/empty": return new Response(null, { status: 204 });
          case "/text": return new Response("text ".repeat(10000), { headers: { "content-encoding": "gzip" } });
          case "/large": return new Response(new Uint8Array(8 << 20));
          case "/throw": throw new Error("x");
          case "/own": return new Response("", { headers: { "alt-svc": "clear" } });
          case "/slow": await scheduler.wait(20); return new Response(url.search);
          case "/waiting": return new Response(String(waiting));
          case "/aborted": return new Response(String(aborted));
          case "/late": waiting++; return new Response(`late ${await request.text()}`);
          case "/waits":
            request.signal.addEventListener("abort", () => aborted++);
            waiting++;
            await scheduler.wait(60_000);
            return new Response("nobody is there");
          case "/breaks": {
            let n = 0;
            const pull = (controller) => n++ < 3 ? controller.enqueue(encode("part")) : controller.error(new Error("broken"));
            return new Response(new ReadableStream({ pull }));
          }
          default: return new Response("<!doctype html><title>page</title>", { headers: { "content-type": "text/html" } });
        }
      },
    };
"#;

/// A server with HTTP/3, its port, and the folder of its certificate.
struct Edge {
    served: Served,
    port: u16,
    folder: TempDir,
}

// === impl Edge ===

impl Edge {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path());
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let served = Served::configured(&format!(
            "[https]\nlisten = \"127.0.0.1:0\"\ncertificate = {certificate:?}\nkey = {key:?}\nhttp3 = true\n"
        ))
        .await;
        served.upload("hello", json!({ "compatibility_flags": ["enable_request_signal"] }), WORKER).await;
        let output = served.output();
        let line = output.lines().find(|line| line.contains("HTTPS: ")).expect("an address");
        let port = line.rsplit(':').next().unwrap().parse().unwrap();
        Self { served, port, folder }
    }

    /// A scene of a script in `tests/http3`.
    fn client(&self, script: &str, scene: &str) -> Command {
        let python = harness::root().join(".cache/http3-client/bin/python");
        assert!(python.is_file(), "{} is missing: run `make test`", python.display());
        let mut client = Command::new(python);
        client.arg(harness::root().join("tests/http3").join(script)).arg(scene);
        client.env("PORT", self.port.to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
        client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        client
    }

    /// Runs it to its end, which has to be a good one: what it printed.
    async fn run(&self, script: &str, scene: &str) -> String {
        let ended = self.client(script, scene).output();
        let ended = timeout(Duration::from_secs(300), ended).await.expect("it ends in time").expect("it starts");
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "{script} {scene}: {said}\n{}", self.served.output());
        said
    }
}

/// Makes a certificate in a folder: its bytes, in hexadecimal.
fn certificate(folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["hello.localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A client that goes on.
struct Underway {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

// === impl Underway ===

impl Underway {
    fn start(mut command: Command) -> Self {
        let mut process = command.spawn().expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        Self { process, lines }
    }

    async fn line(&mut self) -> String {
        let line = timeout(harness::PATIENCE, self.lines.next_line()).await.expect("a line in time");
        line.expect("its output").expect("a line")
    }

    async fn ended_well(mut self) {
        let ended = timeout(harness::PATIENCE, self.process.wait()).await.expect("it ends in time").expect("it ends");
        assert!(ended.success());
    }
}

#[tokio::test]
async fn a_client_by_another_hand_is_answered_as_over_tcp() {
    let mut edge = Edge::start().await;
    edge.run("travel.py", "travels").await;
    // Nothing is said of HTTP/3 without TLS.
    let plain = edge.served.request("GET", "hello", "/cf").send().await;
    assert!(plain.headers().get("alt-svc").is_none());
    assert!(text(plain).await.contains("HTTP/1.1"));
    edge.served.assert_alive();
}

#[tokio::test]
async fn chromium_speaks_http3_to_a_worker() {
    let edge = Edge::start().await;
    let hash = "openssl x509 -in \"$0\" -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl enc -base64";
    let hash = Command::new("sh").arg("-c").arg(hash).arg(edge.folder.path().join("cert.pem")).output().await.unwrap();
    let trust = format!("--ignore-certificate-errors-spki-list={}", String::from_utf8(hash.stdout).unwrap().trim());
    let force = format!("--origin-to-force-quic-on=hello.localhost:{}", edge.port);
    // Unlike over TCP it does not try the other address family.
    let resolve = "--host-resolver-rules=MAP hello.localhost 127.0.0.1";
    let browser = Browser::with(&["--enable-quic", resolve, &force, &trust]).await;
    let mut page = browser.open(&format!("https://hello.localhost:{}/", edge.port)).await;
    page.until("document.title === 'page' && document.readyState === 'complete'").await;
    assert_eq!(page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol").await, "h3");
    assert_eq!(
        page.evaluate("fetch('/cf').then((answer) => answer.json()).then(({ cf }) => cf.httpProtocol)").await,
        "HTTP/3"
    );
    // Large both ways, and compared in the page.
    let echoed = page.evaluate(
        "(async () => {
           const sent = new Uint8Array(4 << 20);
           for (let at = 0; at < sent.length; at += 65536) crypto.getRandomValues(sent.subarray(at, at + 65536));
           const answer = await fetch('/echo', { method: 'POST', body: sent });
           const hash = async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).join();
           return await hash(await answer.arrayBuffer()) === await hash(sent);
         })()",
    );
    assert_eq!(echoed.await, true);
    // A fetch that is given up is given up in the Worker.
    page.evaluate(
        "globalThis.leaves = new AbortController(), void fetch('/waits', { signal: leaves.signal }).catch(() => {})",
    )
    .await;
    page.until("fetch('/waiting').then((answer) => answer.text()).then((n) => n === '1')").await;
    page.evaluate("leaves.abort()").await;
    page.until("fetch('/aborted').then((answer) => answer.text()).then((n) => n === '1')").await;
    page.close().await;
}

#[tokio::test]
async fn attackers_over_http3_hold_up_nobody() {
    let mut edge = Edge::start().await;
    let neighbour = Neighbour::start(&edge.served).await;
    let before = edge.served.resident_mib();
    let said = edge.run("attack.py", "everything").await;
    assert!(said.contains("retried True"), "{said}");
    neighbour.was_calm().await;
    let grown = edge.served.resident_mib().saturating_sub(before);
    assert!(grown < 400, "memory grew by {grown} MiB");
    edge.served.assert_alive();
}

#[tokio::test]
async fn certificates_are_read_again_for_http3_too() {
    let edge = Edge::start().await;
    let second = certificate(edge.folder.path());
    assert!(!edge.run("travel.py", "certificate").await.contains(&second));
    edge.served.hang_up().await;
    edge.served.line("read the certificates again").await;
    assert_eq!(edge.run("travel.py", "certificate").await, format!("certificate {second}\n"));
}

#[tokio::test]
async fn a_stop_lets_requests_over_http3_finish() {
    let mut edge = Edge::start().await;
    let mut client = Underway::start(edge.client("travel.py", "drains"));
    assert_eq!(client.line().await, "underway");
    edge.served.terminate().await;
    client.ended_well().await;
    assert!(edge.served.ended().await.success(), "{}", edge.served.output());
    assert!(!edge.served.output().contains("did not finish"), "{}", edge.served.output());
}

#[tokio::test]
async fn without_the_flag_there_is_no_http3() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let more = format!("[https]\nlisten = \"127.0.0.1:0\"\ncertificate = {certificate:?}\nkey = {key:?}\n");
    let served = Served::configured(&more).await;
    let output = served.output();
    let line = output.lines().find(|line| line.contains("HTTPS: ")).expect("an address");
    let port: u16 = line.rsplit(':').next().unwrap().parse().unwrap();
    // The UDP port is free.
    std::net::UdpSocket::bind(("127.0.0.1", port)).expect("nobody has it");
}
