use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::body::{BodyError, channel};

/// A server that answers each request with the next of its scripts, and notes what it was sent.
struct Origin {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Origin {
    async fn with(script: impl IntoIterator<Item = String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let script: Arc<Mutex<VecDeque<String>>> = Arc::new(Mutex::new(script.into_iter().collect()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let origin = Self { address, seen: seen.clone(), connections: connections.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(converse(stream, script.clone(), seen.clone()));
            }
        });
        origin
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("lock").clone()
    }
}

/// One request after another; an answer that does not end in a framed message closes the connection.
async fn converse(mut stream: TcpStream, script: Arc<Mutex<VecDeque<String>>>, seen: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.trim().parse::<usize>().expect("a number"));
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let rest = bytes.split_off(head + length);
        seen.lock().expect("lock").push(String::from_utf8_lossy(&bytes).into_owned());
        bytes = rest;
        let Some(answer) = script.lock().expect("lock").pop_front() else { return };
        if answer.starts_with("HTTP") || answer.starts_with("not") {
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        let framed = answer.contains("content-length") && !answer.contains("connection: close");
        if answer.contains("hang") {
            // Wait for the client to go.
            while stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {}
            seen.lock().expect("lock").push("client left".into());
            return;
        }
        if !framed {
            return;
        }
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 Fine\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

fn get(url: &str) -> Subrequest {
    Subrequest {
        method: Method::GET,
        url: Url::parse(url).expect("a URL"),
        headers: HeaderMap::new(),
        body: SubrequestBody::None,
        redirect: RedirectMode::Follow,
        strip_authorization: true,
        options: None,
        abort: None,
    }
}

fn post(url: &str, body: SubrequestBody) -> Subrequest {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    Subrequest { method: Method::POST, headers, body, ..get(url) }
}

fn outbound() -> Outbound {
    Outbound::new(Policy::development())
}

async fn text(response: Subresponse) -> Result<String, BodyError> {
    let body = response.body.expect("a body").decoded();
    Ok(String::from_utf8(body.read_all(1 << 20).await?.to_vec()).expect("text"))
}

#[tokio::test]
async fn connections_are_reused_and_headers_are_ours() {
    let origin = Origin::with([ok("one"), ok("two"), ok("three")]).await;
    let outbound = outbound();
    let mut request = get(&origin.url("/a?b=c#fragment"));
    for (name, value) in [("host", "evil.example"), ("connection", "close"), ("content-length", "3"), ("x-own", "1")] {
        request.headers.insert(name, HeaderValue::from_static(value));
    }
    let response = outbound.fetch(request).await.expect("a response");
    assert_eq!((response.status.as_u16(), response.status_text.as_str()), (200, "Fine"));
    assert_eq!(response.url, origin.url("/a?b=c"));
    assert!(!response.redirected);
    assert_eq!(text(response).await.expect("body"), "one");
    for expected in ["two", "three"] {
        let response = outbound.fetch(get(&origin.url("/"))).await.expect("a response");
        assert_eq!(text(response).await.expect("body"), expected);
    }
    assert_eq!(origin.connections.load(Ordering::Relaxed), 1);
    let expected =
        format!("GET /a?b=c HTTP/1.1\r\nx-own: 1\r\naccept-encoding: br, gzip\r\nhost: {}\r\n\r\n", origin.address);
    assert_eq!(origin.seen()[0], expected);
}

#[tokio::test]
async fn redirects_follow_the_fetch_standard() {
    let other = Origin::with([ok("other origin")]).await;
    let origin =
        Origin::with([redirect(302, "/second#here"), redirect(307, "third?x"), redirect(303, &other.url("/final"))])
            .await;
    let mut request = post(&origin.url("/first"), SubrequestBody::Bytes(Bytes::from_static(b"payload")));
    for name in ["authorization", "cookie", "x-kept"] {
        request.headers.insert(name, HeaderValue::from_static("secret"));
    }
    let response = outbound().fetch(request).await.expect("a response");
    assert!(response.redirected);
    assert_eq!(response.url, other.url("/final"));
    assert_eq!(text(response).await.expect("body"), "other origin");

    let seen = origin.seen();
    assert!(seen[0].starts_with("POST /first ") && seen[0].ends_with("payload"), "{}", seen[0]);
    // 302 made it a GET, without the body and what described it; its own origin still gets the credentials.
    assert!(seen[1].starts_with("GET /second "), "{}", seen[1]);
    assert!(!seen[1].contains("content-") && seen[1].contains("authorization: secret"), "{}", seen[1]);
    assert!(seen[2].starts_with("GET /third?x "), "{}", seen[2]);
    let last = &other.seen()[0];
    assert!(last.contains("x-kept: secret") && !last.contains("authorization"), "{last}");
    // As on the platform, cookies go along.
    assert!(last.contains("cookie: secret"), "{last}");
}

#[tokio::test]
async fn a_307_repeats_bytes_but_not_a_stream() {
    let origin = Origin::with([redirect(307, "/again"), ok("done")]).await;
    let response = outbound().fetch(post(&origin.url("/"), SubrequestBody::Bytes("payload".into()))).await;
    assert_eq!(text(response.expect("a response")).await.expect("body"), "done");
    assert!(origin.seen()[1].starts_with("POST /again ") && origin.seen()[1].ends_with("payload"));

    for status in [302, 307] {
        let origin = Origin::with([redirect(status, "/again"), ok("never")]).await;
        let stream = SubrequestBody::Once(BodyReader::from_bytes("payload"));
        let error = outbound().fetch(post(&origin.url("/"), stream)).await.expect_err("no second reading");
        assert!(matches!(error, FetchError::OneTimeBody), "{error}");
    }
    // 303 asks for something else: the body is not needed again.
    let origin = Origin::with([redirect(303, "/again"), ok("done")]).await;
    let stream = SubrequestBody::Once(BodyReader::from_bytes("payload"));
    let response = outbound().fetch(post(&origin.url("/"), stream)).await.expect("a response");
    assert_eq!(text(response).await.expect("body"), "done");
}

#[tokio::test]
async fn redirects_end() {
    let origin = Origin::with((0..30).map(|_| redirect(302, "/loop"))).await;
    let error = outbound().fetch(get(&origin.url("/loop"))).await.expect_err("a loop");
    let message = error.to_string();
    assert!(message.starts_with(&format!("Too many redirects.{0}, {0}", origin.url("/loop"))), "{message}");
    assert_eq!(origin.seen().len(), 21);

    for (location, expected) in [
        ("http://[", "Invalid Location header; unable to follow redirect."),
        ("ftp://x/", "Fetch API cannot load: ftp://x/"),
        ("file:///etc/passwd", "Fetch API cannot load: file:///etc/passwd"),
    ] {
        let origin = Origin::with([redirect(302, location)]).await;
        let error = outbound().fetch(get(&origin.url("/"))).await.expect_err("nowhere to go");
        assert_eq!(error.to_string(), expected);
    }
    let modes = [RedirectMode::Manual, RedirectMode::Error];
    let [manual, error] = modes.map(|redirect_mode| async move {
        let origin = Origin::with([redirect(302, "/next")]).await;
        outbound().fetch(Subrequest { redirect: redirect_mode, ..get(&origin.url("/")) }).await
    });
    let manual = manual.await.expect("the redirect itself");
    assert_eq!((manual.status.as_u16(), manual.redirected), (302, false));
    assert_eq!(error.await.expect_err("refused").to_string(), "Unexpected redirect encountered");
    // A 3xx without Location is an answer like any other.
    let origin = Origin::with(["HTTP/1.1 302 Nowhere\r\ncontent-length: 2\r\n\r\nhi".to_owned()]).await;
    assert_eq!(text(outbound().fetch(get(&origin.url("/"))).await.expect("answer")).await.expect("body"), "hi");
}

#[tokio::test]
async fn failures_have_the_platforms_words() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("address");
    let policy = Policy { connect_timeout: Duration::from_secs(2), ..Policy::development() };
    let outbound = Outbound::new(policy);
    let fails = async |url: String| outbound.fetch(get(&url)).await.expect_err("fails").to_string();
    assert_eq!(fails(format!("http://{free}/")).await, "Network connection lost.");
    for answer in ["", "not HTTP\r\n\r\n", "HTTP/1.1 200 OK\r\nbroken"] {
        let origin = Origin::with([answer.to_owned()]).await;
        assert_eq!(fails(origin.url("/")).await, "Network connection lost.", "{answer:?}");
    }
    let huge = Origin::with([format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(2_000_000))]).await;
    assert_eq!(fails(huge.url("/")).await, "Network connection lost.");
    let many = Origin::with([format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(600))]).await;
    assert_eq!(fails(many.url("/")).await, "Network connection lost.");
    let lookup = fails("http://no-such-host.invalid/".into()).await;
    assert!(lookup.contains("DNS lookup of no-such-host.invalid found no address"), "{lookup}");
    let plain = Origin::with(["HTTP/1.1 400 No\r\n\r\n".to_owned()]).await;
    let tls = fails(format!("https://{}/", plain.address)).await;
    assert!(tls.starts_with("Could not connect to https://127.0.0.1") || tls == "Network connection lost.", "{tls}");

    for broken in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n",
    ] {
        let origin = Origin::with([broken.to_owned()]).await;
        let response = outbound.fetch(get(&origin.url("/"))).await.expect("headers");
        assert!(matches!(text(response).await, Err(BodyError::ConnectionLost)));
    }
}

#[tokio::test]
async fn private_addresses_are_for_those_who_may() {
    let origin = Origin::with([ok("private")]).await;
    let public = Outbound::new(Policy::public());
    let port = origin.address.port();
    for host in
        ["127.0.0.1", "localhost", "a.localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433", "0.0.0.0"]
    {
        let error = public.fetch(get(&format!("http://{host}:{port}/"))).await.expect_err(host);
        assert!(error.to_string().contains("is not a public address"), "{host}: {error}");
    }
    assert_eq!(origin.connections.load(Ordering::Relaxed), 0);
    for (address, expected) in [
        ("8.8.8.8", true),
        ("10.1.2.3", false),
        ("100.64.0.1", false),
        ("100.128.0.1", true),
        ("169.254.169.254", false),
        ("172.31.0.1", false),
        ("172.32.0.1", true),
        ("192.168.1.1", false),
        ("198.18.0.1", false),
        ("224.0.0.1", false),
        ("255.255.255.255", false),
        ("2606:4700::1111", true),
        ("fe80::1", false),
        ("fd00::1", false),
        ("::", false),
        ("64:ff9b::10.0.0.1", false),
        ("64:ff9b::8.8.8.8", true),
        ("2002:7f00:1::", false),
        ("2001:db8::1", false),
        ("2001::1", false),
    ] {
        assert_eq!(is_public(address.parse::<IpAddr>().expect("an address")), expected, "{address}");
    }
}

#[tokio::test]
async fn an_abort_ends_the_exchange_and_the_body() {
    let origin = Origin::with(["hang".to_owned()]).await;
    let abort = CancellationToken::new();
    let fetching = tokio::spawn({
        let request = Subrequest { abort: Some(abort.clone()), ..get(&origin.url("/")) };
        async move { outbound().fetch(request).await }
    });
    while origin.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    abort.cancel();
    assert!(matches!(fetching.await.expect("joined"), Err(FetchError::Aborted)));

    let partial = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhang";
    let origin = Origin::with([partial.to_owned()]).await;
    let abort = CancellationToken::new();
    let request = Subrequest { abort: Some(abort.clone()), ..get(&origin.url("/")) };
    let mut body = outbound().fetch(request).await.expect("headers").body.expect("a body");
    assert_eq!(body.chunk().await.expect("chunk").expect("bytes"), "hang");
    abort.cancel();
    assert!(matches!(body.chunk().await, Some(Err(BodyError::Aborted))));
    await_leave(&origin).await;
}

#[tokio::test]
async fn a_body_nobody_wants_closes_its_connection() {
    let partial = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhang";
    let origin = Origin::with([partial.to_owned()]).await;
    let response = outbound().fetch(get(&origin.url("/"))).await.expect("headers");
    drop(response);
    await_leave(&origin).await;
}

async fn await_leave(origin: &Origin) {
    for _ in 0..400 {
        if origin.seen().last().is_some_and(|last| last == "client left") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the connection stayed open");
}

#[tokio::test]
async fn a_streamed_body_is_chunked_and_its_failure_is_the_fetchs() {
    let origin = Origin::with([ok("thanks")]).await;
    let (writer, reader) = channel(Some(6));
    let request = post(&origin.url("/"), SubrequestBody::Once(reader));
    let fetching = tokio::spawn(async move { outbound().fetch(request).await });
    for part in ["abc", "def"] {
        writer.write(Bytes::from_static(part.as_bytes())).expect("open");
    }
    writer.close().expect("whole");
    let response = fetching.await.expect("joined").expect("a response");
    assert_eq!(text(response).await.expect("body"), "thanks");
    assert!(origin.seen()[0].contains("content-length: 6\r\n") && origin.seen()[0].ends_with("abcdef"));

    let origin = Origin::with([ok("never")]).await;
    let (writer, reader) = channel(None);
    let request = post(&origin.url("/"), SubrequestBody::Once(reader));
    let fetching = tokio::spawn(async move { outbound().fetch(request).await });
    writer.write(Bytes::from_static(b"abc")).expect("open");
    writer.abort(BodyError::Source("the Worker's own reason".into()));
    let error = fetching.await.expect("joined").expect_err("the body failed");
    assert_eq!(error.to_string(), "the Worker's own reason");
}

#[tokio::test]
async fn null_bodies_are_none() {
    for (method, answer) in [
        (Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n"),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n"),
    ] {
        let origin = Origin::with([answer.to_owned()]).await;
        let response = outbound().fetch(Subrequest { method, ..get(&origin.url("/")) }).await.expect("a response");
        assert!(response.body.is_none());
    }
}
