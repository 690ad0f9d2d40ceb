use http::HeaderMap;

use super::*;
use crate::request::absolute;

/// Says everything a Worker would see.
async fn mirror(mut request: Request) -> Response {
    let body = match request.body.take() {
        Some(body) => body.read_all(1 << 20).await.map(|b| String::from_utf8_lossy(&b).into_owned()),
        None => Ok("(none)".to_owned()),
    };
    let mut seen = format!("{} {}\n", request.method, request.url);
    for (name, value) in &request.headers {
        seen += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
    }
    seen += &format!("body: {}\n", body.unwrap_or_else(|error| error.to_string()));
    text(seen)
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("")
}

#[tokio::test]
async fn a_request_arrives_as_behind_cloudflare() {
    let edge = start(config(Bounds::default()), mirror).await;
    let answer = edge
        .raw(
            "GET /a/../b%20c?q='x'#no HTTP/1.1\r\nHost: Example.COM:80\r\nCF-Connecting-IP: 6.6.6.6\r\ncf-ray: fake\r\n\
             X-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 1.1.1.1\r\nCF-Access-Client-Id: mine\r\nKeep-Alive: 5\r\nTE: gzip\r\n\
             X-Hop: 1\r\nAccept-Encoding: zstd\r\nConnection: close, x-hop\r\n\r\n",
        )
        .await;
    assert_eq!(status(&answer), "200", "{answer}");
    for expected in [
        "GET http://example.com/b%20c?q=%27x%27\n",
        "\nhost: Example.COM:80\n",
        "\ncf-connecting-ip: 127.0.0.1\n",
        "\nx-real-ip: 127.0.0.1\n",
        "\nx-forwarded-for: 1.1.1.1, 127.0.0.1\n",
        "\nx-forwarded-proto: http\n",
        "\ncf-visitor: {\"scheme\":\"http\"}\n",
        "\ncf-ipcountry: JP\n",
        "\ncf-access-client-id: mine\n",
        "\naccept-encoding: gzip, br\n",
        "\nbody: (none)\n",
        "-NRT\r\n",
    ] {
        assert!(answer.contains(expected), "no {expected:?} in {answer}");
    }
    for hidden in ["6.6.6.6", "fake", "keep-alive", "\nte:", "x-hop"] {
        assert!(!answer.contains(hidden), "{hidden:?} in {answer}");
    }
}

#[tokio::test]
async fn bodies_are_there_or_not() {
    let edge = start(config(Bounds::default()), mirror).await;
    let post = |framing: &str| format!("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{framing}");
    for (framing, expected) in [
        ("\r\n", "body: (none)\n"),
        ("Content-Length: 0\r\n\r\n", "body: \n"),
        ("Content-Length: 3\r\n\r\nabc", "body: abc\n"),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "body: abc\n"),
        ("Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "body: abc\n"),
    ] {
        let answer = edge.raw(&post(framing)).await;
        assert!(answer.contains(expected), "{framing:?} gave {answer}");
    }
}

#[tokio::test]
async fn odd_requests_are_refused() {
    let edge = start(config(Bounds { max_body: Some(10), ..Bounds::default() }), mirror).await;
    let long = "a".repeat(17_000);
    let huge = "a".repeat(140_000);
    let many = "x: y\r\n".repeat(300);
    for (request, expected) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: <script>\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: 1.2.3.999\r\n\r\n".to_owned(), "400"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n".to_owned(), "400"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), "414"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nx: {huge}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), "431"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n".to_owned(), "413"),
    ] {
        // Nothing behind it is answered.
        let answer = edge.raw(&format!("{request}GET /behind HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(status(&answer), expected, "{:.200}", request);
        assert!(!answer.contains("/behind"), "{answer}");
    }
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n";
    let answer = edge.raw(chunked).await;
    assert!(answer.contains("body: Request body is larger than the 10 bytes allowed."), "{answer}");
    // Two framings: the one that RFC 9112 §6.3 prefers, and no trace of the other.
    let both = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    let answer = edge.raw(both).await;
    assert!(answer.contains("body: a\n") && !answer.contains("content-length: 3"), "{answer}");
    // The URL of an old client without Host is this server's; an absolute target is its own.
    let answer = edge.raw("GET /old HTTP/1.0\r\n\r\n").await;
    assert!(answer.contains(&format!("GET http://{}/old\n", edge.address)), "{answer}");
    let answer = edge.raw("GET http://other.example/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("GET http://other.example/x\n") && answer.contains("\nhost: other.example\n"), "{answer}");
}

#[test]
fn the_fast_path_of_urls_agrees_with_the_url_standard() {
    for authority in [
        "example.com",
        "a.b-c.d",
        "EXAMPLE.com",
        "127.0.0.1:8787",
        "127.1",
        "a:80",
        "a:443",
        "a:8080",
        "[::1]:80",
        "xn--bcher-kva.example",
        "a_b.c",
        "1e.com",
        "x.1",
    ] {
        for path in [
            "/",
            "/a/b",
            "/a/./b",
            "/a/../b",
            "/..",
            "/.well-known/x",
            "/%2e%2e/x",
            "/a%20b",
            "/'",
            "/?'",
            "/a?b=c&d=%7B}",
            "/{a}",
            "/a|b",
            "//x",
            "/a;b=c,d",
            "/a?x=/../y",
            "/a.b/c.d",
        ] {
            let expected = url::Url::parse(&format!("http://{authority}{path}")).ok().map(String::from);
            assert_eq!(absolute(false, authority, path).ok(), expected, "{authority}{path}");
        }
    }
}

#[tokio::test]
async fn responses_are_framed_by_their_bodies_and_keep_the_connection() {
    let edge = start(config(Bounds::default()), |request: Request| async move {
        let mut response = text("twelve bytes");
        // Copied from somewhere, as Workers do: none of it may reach the wire.
        let headers = response.headers_mut();
        headers.insert("content-length", "999".parse().expect("n"));
        headers.insert("transfer-encoding", "chunked".parse().expect("n"));
        headers.insert("connection", "x-hop".parse().expect("n"));
        headers.insert("x-hop", "1".parse().expect("n"));
        if request.path_and_query() == "/panic" {
            panic!("a handler's panic, on purpose");
        }
        response
    })
    .await;
    let answer =
        edge.raw("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("content-length: 12\r\n").count(), 2, "{answer}");
    assert!(!answer.contains("x-hop") && !answer.contains("chunked"), "{answer}");

    let answer = edge.raw("GET /panic HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.ends_with("error: Internal error"), "{answer}");
    let answer = edge.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "the server lives: {answer}");
}

#[test]
fn cookies_split_by_http2_are_joined() {
    let mut headers = HeaderMap::new();
    headers.append("cookie", "a=1".parse().expect("value"));
    headers.append("cookie", "b=2".parse().expect("value"));
    crate::headers::join_cookies(&mut headers);
    assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
}
