//! Clients that attack the listener of Workers, while a Worker of another account goes on answering.
//! Those of HTTP/2 are in `http2`, on the API in `api` and `uploads`, by Workers themselves in `workers`.

mod api;
mod http2;
mod uploads;
mod workers;

use harness::wire::{raw, to_end};
use harness::{Neighbour, Served, text};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Tells what it was asked, and how many requests it has met before.
pub(crate) const MIRROR: &str = r#"
    let n = 0;
    export default {
      async fetch(request) {
        const nth = n++;
        const { pathname } = new URL(request.url);
        if (pathname === "/count") return new Response(String(nth));
        const headers = ["host", "content-length", "transfer-encoding", "upgrade", "connection", "cf-connecting-ip", "x"];
        const told = headers.map((name) => `${name}=${request.headers.get(name)}`).join(" ");
        let body;
        try { body = await request.text(); } catch (error) { body = `broken: ${error.message}`; }
        return new Response(`<${request.method} ${request.url} ${told} body=${body}>`);
      },
    };
"#;

async fn mirror(more: &str) -> Served {
    let served = Served::configured(more).await;
    served.upload("hello", json!({}), MIRROR).await;
    served
}

/// How many requests the Worker has met so far.
async fn met(served: &Served) -> usize {
    served.text("hello", "/count").await.parse().expect("a number")
}

/// Each of these carries a second request that another reader of HTTP might see; none of it may reach a Worker.
#[tokio::test]
async fn nothing_is_smuggled_in_a_request() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    let second = "GET /smuggled HTTP/1.1\r\nHost: neighbour.other.localhost\r\n\r\n";
    let host = "Host: hello.localhost\r\n";
    let post = |headers: &str, body: &str| format!("POST / HTTP/1.1\r\n{host}{headers}\r\n{body}");
    let length = second.len();
    let refused = [
        (
            "a length and chunks that are none",
            post(&format!("Content-Length: {length}\r\nTransfer-Encoding: xchunked\r\n"), second),
        ),
        ("chunks under a name with a space", post("Transfer-Encoding : chunked\r\n", &format!("0\r\n\r\n{second}"))),
        (
            "chunks that are not the last coding",
            post("Transfer-Encoding: chunked, identity\r\n", &format!("0\r\n\r\n{second}")),
        ),
        (
            "chunks and then another coding",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", &format!("0\r\n\r\n{second}")),
        ),
        ("chunks of HTTP/1.0", format!("POST / HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}")),
        ("a length with a sign", post(&format!("Content-Length: +{length}\r\n"), second)),
        ("a negative length", post("Content-Length: -1\r\n", second)),
        ("a list of lengths", post(&format!("Content-Length: 0, {length}\r\n"), second)),
        ("a list of the same length", post("Content-Length: 0,0\r\n", second)),
        ("two lengths", post(&format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), second)),
        ("a length in hexadecimal", post("Content-Length: 0x0\r\n", second)),
        ("a length with a space in it", post("Content-Length: 0 1\r\n", second)),
        ("no length after its name", post("Content-Length:\r\n", second)),
        ("a length past all numbers", post("Content-Length: 184467440737095516160\r\n", second)),
        ("a folded header", post("X: a\r\n b\r\n", second)),
        ("a folded length", post("Content-Length:\r\n 0\r\n", second)),
        ("a space before the first header", format!("GET / HTTP/1.1\r\n {host}\r\n{second}")),
        ("a bare CR in a value", post("X: a\rContent-Length: 0\r\n", second)),
        ("a NUL in a value", post("X: a\0b\r\n", second)),
        ("a NUL in a name", post("X\0: a\r\n", second)),
        ("a header without a colon", post("Content-Length 0\r\n", second)),
        ("two hosts", format!("GET / HTTP/1.1\r\n{host}Host: neighbour.other.localhost\r\n\r\n{second}")),
        (
            "two hosts, the second after a bare LF",
            format!("GET / HTTP/1.1\r\nHost: hello.localhost\nHost: neighbour.other.localhost\r\n\r\n{second}"),
        ),
        ("no host", format!("GET / HTTP/1.1\r\n\r\n{second}")),
        ("a target with a space", format!("GET /a b HTTP/1.1\r\n{host}\r\n{second}")),
        ("another version", format!("GET / HTTP/1.2\r\n{host}\r\n{second}")),
        ("a method that is none", format!("GE(T / HTTP/1.1\r\n{host}\r\n{second}")),
        ("a tunnel", format!("CONNECT neighbour.other.localhost:80 HTTP/1.1\r\n{host}\r\n{second}")),
        ("a target of another scheme", format!("GET ftp://hello.localhost HTTP/1.1\r\n{host}\r\n{second}")),
    ];
    let before = met(&served).await;
    for (what, bytes) in &refused {
        let answer = raw(served.http(), bytes).await;
        assert!(answer.starts_with("HTTP/1.1 4") && answer.matches("HTTP/1.1 ").count() == 1, "{what}: {answer:?}");
    }
    assert_eq!(met(&served).await, before + 1, "a Worker met one of them");

    // What is within a body is the body's, however it is framed, and what is wrong with the framing ends the connection.
    let once = [
        (
            "a length and chunks",
            post(&format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), &format!("0\r\n\r\n{second}")),
        ),
        (
            "chunks and a length",
            post(&format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), &format!("0\r\n\r\n{second}")),
        ),
        ("a chunk's size in two bases", post("Transfer-Encoding: chunked\r\n", &format!("0x0\r\n\r\n{second}"))),
        ("a chunk's size with a sign", post("Transfer-Encoding: chunked\r\n", &format!("+0\r\n\r\n{second}"))),
        (
            "a chunk's size past all numbers",
            post("Transfer-Encoding: chunked\r\n", &format!("10000000000000000\r\n\r\n{second}")),
        ),
        ("a bare LF after a chunk's size", post("Transfer-Encoding: chunked\r\n", &format!("0\n\n{second}"))),
        (
            "a bare LF in a chunk's extension",
            post("Transfer-Encoding: chunked\r\n", &format!("2;a\nxx\r\n0\r\n\r\n{second}")),
        ),
        (
            "a chunk longer than its size",
            post("Transfer-Encoding: chunked\r\n", &format!("1\r\nabc\r\n0\r\n\r\n{second}")),
        ),
        ("a chunk without its end", post("Transfer-Encoding: chunked\r\n", &format!("1\r\na0\r\n\r\n{second}"))),
    ];
    for (what, bytes) in &once {
        let answer = raw(served.http(), bytes).await;
        assert!(answer.matches("HTTP/1.1 ").count() <= 1 && !answer.contains("/smuggled"), "{what}: {answer:?}");
    }
    neighbour.was_calm().await;
    served.assert_alive();
}

/// What the edge does with headers that say for whom a request is, or how it goes on.
#[tokio::test]
async fn headers_of_the_hop_say_nothing_to_a_worker() {
    let served = mirror("").await;
    let get = async |target: &str, headers: &str| {
        raw(served.http(), format!("GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")).await
    };
    // A target with a host of its own is for that host alone.
    let answer = get("http://hello.localhost/x", "Host: neighbour.other.localhost\r\n").await;
    assert!(answer.contains("<GET http://hello.localhost/x host=hello.localhost "), "{answer}");
    let answer = get("http://nobody.localhost/", "Host: hello.localhost\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    // Nobody names away what the edge says, nor goes over to another protocol.
    let answer = get(
        "/",
        "Host: hello.localhost\r\nConnection: host, cf-connecting-ip, content-length\r\nCF-Connecting-IP: 6.6.6.6\r\n",
    )
    .await;
    assert!(answer.contains("host=hello.localhost ") && answer.contains("cf-connecting-ip=127.0.0.1 "), "{answer}");
    let answer = get("/", "Host: hello.localhost\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("upgrade=null connection=null"), "{answer}");
    // A bare LF ends a line, as RFC 9112 §2.2 has it, and never a request of its own.
    let answer = raw(served.http(), "GET / HTTP/1.1\nHost: hello.localhost\nConnection: close\n\n").await;
    assert!(answer.starts_with("HTTP/1.1 4") || answer.matches('<').count() == 1, "{answer}");
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    let before = served.resident_mib();
    let host = "Host: hello.localhost\r\n";
    let (long, huge) = ("a".repeat(17 << 10), "b".repeat(1 << 20));
    for (expected, request) in [
        ("414", format!("GET /{long} HTTP/1.1\r\n{host}Connection: close\r\n\r\n")),
        ("414", format!("GET /?{long} HTTP/1.1\r\n{host}Connection: close\r\n\r\n")),
        ("4", format!("GET /{huge} HTTP/1.1\r\n{host}\r\n")),
        ("431", format!("GET / HTTP/1.1\r\n{host}X: {huge}\r\n\r\n")),
        ("431", format!("GET / HTTP/1.1\r\n{host}{huge}: x\r\n\r\n")),
        ("431", format!("GET / HTTP/1.1\r\n{host}{}\r\n", "x: y\r\n".repeat(300))),
        ("431", format!("GET / HTTP/1.1\r\n{host}{}\r\n", "x: y\r\n".repeat(200_000))),
        ("413", format!("POST / HTTP/1.1\r\n{host}Content-Length: 104857601\r\nConnection: close\r\n\r\n")),
        ("4", format!("{huge} / HTTP/1.1\r\n{host}\r\n")),
        ("4", huge.clone()),
    ] {
        let answer = raw(served.http(), &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{:.60} gave {answer:.200}", request);
    }
    // Trailers and extensions of chunks are headers that come later.
    for body in
        [format!("0\r\n{}\r\n", format!("x: {huge}\r\n").repeat(8)), format!("1;{huge}{huge}\r\na\r\n0\r\n\r\n")]
    {
        let answer =
            raw(served.http(), format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n{body}")).await;
        assert!(!answer.contains("body=a>"), "{answer:.200}");
    }
    let after = served.resident_mib();
    assert!(after < before + 64, "{before} MiB resident, then {after}");
    neighbour.was_calm().await;
    served.assert_alive();
}

/// Connections that send a little of a request and then next to nothing. When they are cut is tested with shorter bounds, by the
/// units of `edge` and `control`.
#[tokio::test]
async fn slow_clients_hold_nobody_up() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    let head = "POST / HTTP/1.1\r\nHost: hello.localhost\r\n";
    let path = format!("/client/v4/accounts/{}/workers/scripts/slow", served.account);
    let form =
        "Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: 100000\r\n\r\n--edge\r\ncontent-disp";
    let begun = format!("PUT {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n{form}", served.token);
    let mut slow = Vec::new();
    for (address, count, bytes) in [
        (served.http(), 200, format!("{head}X: y")),
        (served.http(), 20, String::new()),
        (served.http(), 20, "P".into()),
        (served.http(), 60, format!("{head}Content-Length: 1000\r\n\r\nabc")),
        (served.http(), 20, format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nab")),
        (served.api_address(), 150, format!("PUT {path} HTTP/1.1\r\nHost: a\r\nX: y")),
        (served.api_address(), 40, begun),
    ] {
        for _ in 0..count {
            let mut stream = TcpStream::connect(address).await.expect("the server accepts");
            stream.write_all(bytes.as_bytes()).await.expect("sent");
            slow.push(stream);
        }
    }
    for _ in 0..5 {
        for stream in &mut slow {
            stream.write_all(b"z").await.expect("a byte now and then");
        }
        neighbour.answers().await;
        assert_eq!(served.ask("GET", "/workers/scripts", "").await.0, 200);
        assert!(served.text("hello", "/").await.contains("body=>"));
    }
    served.upload("while", json!({}), "export default { fetch() { return new Response('deployed'); } };").await;
    assert_eq!(served.text("while", "/").await, "deployed");
    drop(slow);
    neighbour.was_calm().await;
    served.assert_alive();
}

#[tokio::test]
async fn no_odd_host_reaches_a_worker() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    for host in ["HELLO.localhost", "hello.LOCALHOST", "hello.localhost.", "hello.localhost:80", "hello.main.localhost"]
    {
        assert!(text(served.request_to("GET", host, "/").send().await).await.starts_with("<GET "), "{host}");
    }
    let before = met(&served).await;
    let label = "a".repeat(63);
    let long = format!("{}.hello.localhost", [label.as_str(); 5].join("."));
    let name = format!("{}.localhost", "b".repeat(300));
    let odd: Vec<&[u8]> = vec![
        b"",
        b" ",
        b".",
        b"..",
        b"localhost",
        b".localhost",
        b"hello",
        b"hello.",
        b"hello.localhost..",
        b".hello.localhost",
        b"hello..localhost",
        b"-hello.localhost",
        b"xhello.localhost",
        b"hellox.localhost",
        b"hello.localhostx",
        b"hello.xlocalhost",
        b"hello-localhost",
        b"hello.localhost.evil.com",
        b"evil.hello.localhost",
        b"hello.other.localhost",
        b"neighbour.localhost",
        b"neighbour.main.localhost",
        b"neighbour.other.localhost.hello.localhost",
        b"hello.localhost.other.localhost",
        b"other.localhost",
        b"main.localhost",
        b"12345678-hello.localhost",
        b"00000000-hello.localhost",
        b"-.localhost",
        b"*.localhost",
        b"*",
        b"%68ello.localhost",
        b"hello%2elocalhost",
        b"hello.localhost%00",
        b"hello.localhost@evil",
        b"evil@hello.localhost",
        b"hello.localhost/evil",
        b"hello.localhost#",
        b"hello.localhost?",
        b"hello.localhost:99999",
        b"hello.localhost:-1",
        b"hello.localhost:80:80",
        b"hello.localhost:x",
        b"hello.localhost, hello.localhost",
        b"hello.localhost hello.localhost",
        b"127.0.0.1",
        b"127.1",
        b"0x7f.1",
        b"2130706433",
        b"0",
        b"[::1]",
        b"[::ffff:127.0.0.1]",
        b"[hello.localhost]",
        b"[",
        b"]",
        b"[]",
        b"xn--hllo-bpa.localhost",
        b"xn--.localhost",
        b"h\xc3\xa9llo.localhost",
        b"\xef\xbd\x88ello.localhost",
        b"hello\xe3\x80\x82localhost",
        b"\xff.localhost",
        long.as_bytes(),
        name.as_bytes(),
    ];
    for host in odd {
        let request = [b"GET / HTTP/1.1\r\nConnection: close\r\nHost: ".as_slice(), host, b"\r\n\r\n"].concat();
        let answer = raw(served.http(), &request).await;
        let shown = String::from_utf8_lossy(host);
        assert!(answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400"), "{shown}: {answer}");
        assert!(!answer.contains("<GET ") && !answer.contains("calm"), "{shown}: {answer}");
    }
    assert_eq!(met(&served).await, before + 1);
    neighbour.was_calm().await;
    served.assert_alive();
}

/// A connection that is closed in the middle of everything leaves nothing behind.
#[tokio::test]
async fn clients_that_leave_are_forgotten() {
    let mut served = mirror("").await;
    let neighbour = Neighbour::start(&served).await;
    for round in 0..300 {
        let mut stream = TcpStream::connect(served.http()).await.expect("the server accepts");
        let request = "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 10\r\n\r\nabcdefghij";
        stream.write_all(&request.as_bytes()[..round % request.len()]).await.expect("sent");
        if round % 3 == 0 {
            stream.shutdown().await.expect("the end");
            to_end(&mut stream).await;
        }
    }
    neighbour.was_calm().await;
    served.assert_alive();
}
