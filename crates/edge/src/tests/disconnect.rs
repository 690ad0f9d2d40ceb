use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;
use webapi::body::{BodyWriter, Outgoing, channel};

use super::*;

/// An edge whose handler hands each request's `gone` out and never answers.
async fn silent() -> (Edge, mpsc::UnboundedReceiver<CancellationToken>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let edge = start(config(Bounds::default()), move |request: Request| {
        let seen = seen.clone();
        async move {
            // The request, with its body, is held as an isolate would hold it.
            let _held = &request.body;
            seen.send(request.gone.clone()).expect("the test listens");
            std::future::pending().await
        }
    })
    .await;
    (edge, requests)
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_the_handler_runs() {
    let (edge, mut requests) = silent().await;
    let big = "x".repeat(1 << 20);
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        // A body that nobody reads, half sent.
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n{}", &big[..1000]),
    ] {
        let mut stream = edge.connect().await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        let gone = within(requests.recv()).await.expect("a request");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!gone.is_cancelled(), "the client is still there");
        drop(stream);
        within(gone.cancelled()).await;
    }
}

#[tokio::test]
async fn an_http2_client_that_resets_its_stream_is_noticed() {
    let (edge, mut requests) = silent().await;
    let (mut client, connection) = h2::client::handshake(edge.connect().await).await.expect("handshake");
    tokio::spawn(connection);
    let request = http::Request::get("http://a/").body(()).expect("a request");
    let (response, mut stream) = client.send_request(request, true).expect("sent");
    let gone = within(requests.recv()).await.expect("a request");
    stream.send_reset(h2::Reason::CANCEL);
    within(gone.cancelled()).await;
    drop(response);
}

#[tokio::test]
async fn a_client_that_leaves_mid_stream_stops_the_writer() {
    let (writers, mut made) = mpsc::unbounded_channel::<(BodyWriter, CancellationToken)>();
    let edge = start(config(Bounds::default()), move |request: Request| {
        let writers = writers.clone();
        async move {
            let (writer, reader) = channel(None);
            writer.write(Bytes::from_static(b"first")).expect("open");
            writers.send((writer, request.gone.clone())).expect("the test listens");
            Response::new(Outgoing::from(reader))
        }
    })
    .await;
    let mut stream = edge.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    let (writer, gone) = within(made.recv()).await.expect("a response");
    let mut buffer = [0; 1024];
    let n = within(stream.read(&mut buffer)).await.expect("the head");
    assert!(buffer[..n].starts_with(b"HTTP/1.1 200"));
    assert!(!gone.is_cancelled());
    // The writer waits for nothing but its own source: only the watch can tell it.
    drop(stream);
    within(writer.watch().reader_gone()).await;
    within(gone.cancelled()).await;
}

#[tokio::test]
async fn a_response_that_was_taken_is_not_a_disconnect() {
    static GONE: AtomicUsize = AtomicUsize::new(0);
    let edge = start(config(Bounds::default()), |request: Request| async move {
        let gone = request.gone.clone();
        tokio::spawn(async move {
            gone.cancelled().await;
            GONE.fetch_add(1, Ordering::Relaxed);
        });
        match request.path_and_query() {
            "/fixed" => text("fixed"),
            "/empty" => text(""),
            "/204" => {
                let mut response = text("");
                *response.status_mut() = http::StatusCode::NO_CONTENT;
                response
            }
            _ => {
                let (writer, reader) = channel(None);
                writer.write(Bytes::from_static(b"streamed")).expect("open");
                writer.close().expect("whole");
                Response::new(Outgoing::from(reader))
            }
        }
    })
    .await;
    for (method, path) in [
        ("GET", "/fixed"),
        ("HEAD", "/fixed"),
        ("GET", "/empty"),
        ("GET", "/204"),
        ("GET", "/stream"),
        ("HEAD", "/stream"),
    ] {
        let answer = edge.raw(&format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }
    edge.stop.cancel();
    edge.served.await.expect("served");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(GONE.load(Ordering::Relaxed), 0);
}
