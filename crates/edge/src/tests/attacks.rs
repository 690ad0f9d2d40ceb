use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use webapi::body::{BodyReader, Outgoing};

use super::*;

#[tokio::test]
async fn slow_headers_and_silence_end_the_connection() {
    let edge = start(config(impatient()), |_| async { text("hi") }).await;
    let began = Instant::now();
    // Nothing at all.
    assert_eq!(to_end(edge.connect().await).await, "");
    // The beginning of HTTP/2's preface, and no more.
    let mut stream = edge.connect().await;
    stream.write_all(b"PR").await.expect("sent");
    assert_eq!(to_end(stream).await, "");
    // A header line now and then, for ever.
    let mut stream = edge.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.expect("sent");
    let (mut read, mut write) = stream.into_split();
    let dripping = tokio::spawn(async move {
        while write.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = Vec::new();
    let _ = within(read.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    within(dripping).await.expect("the writer was refused");
    // A used connection that idles.
    let mut stream = edge.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    assert!(to_end(stream).await.ends_with("hi"));
    // An HTTP/2 connection without requests.
    let (_client, connection) = h2::client::handshake(edge.connect().await).await.expect("handshake");
    let _ = within(connection).await;
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn a_body_that_stalls_is_an_error_for_its_reader() {
    let edge = start(config(impatient()), |request: Request| async move {
        let body = request.body.expect("a body");
        match body.read_all(1 << 20).await {
            Ok(bytes) => text(format!("{} bytes", bytes.len())),
            Err(error) => text(error.to_string()),
        }
    })
    .await;
    let answer = edge.raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    assert!(answer.contains("Request body stalled"), "{answer}");

    // Slow but alive is fine: each piece comes before the stall.
    let mut stream = edge.connect().await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 8\r\n\r\n")
        .await
        .expect("sent");
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(b"x").await.expect("sent");
    }
    assert!(to_end(stream).await.ends_with("8 bytes"));
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    let edge = start(config(impatient()), |request: Request| async move {
        let gone = request.gone.clone();
        tokio::spawn(async move {
            gone.cancelled().await;
            ENDED.fetch_add(1, Ordering::Relaxed);
        });
        let endless = futures::stream::repeat_with(|| Ok(bytes::Bytes::from_static(&[b'x'; 65536])));
        Response::new(Outgoing::from(BodyReader::from_stream(endless, None)))
    })
    .await;
    let mut stream = edge.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    within(async {
        while ENDED.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    drop(stream);

    // The same on HTTP/2, whose window is closed though its connection answers pings.
    let (mut client, connection) = h2::client::handshake(edge.connect().await).await.expect("handshake");
    tokio::spawn(connection);
    let request = http::Request::get("http://a/").body(()).expect("a request");
    let (response, _) = client.send_request(request, true).expect("sent");
    let response = within(response).await.expect("headers");
    within(async {
        while ENDED.load(Ordering::Relaxed) < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    drop(response);
}

#[tokio::test]
async fn a_rapid_reset_flood_ends_the_connection() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let edge = start(config(Bounds::default()), |_| async {
        STARTED.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    })
    .await;
    let (mut client, connection) = h2::client::handshake(edge.connect().await).await.expect("handshake");
    let connection = tokio::spawn(connection);
    let mut sent = 0;
    let flood = async {
        for _ in 0..20_000 {
            let request = http::Request::get("http://a/").body(()).expect("a request");
            client = match client.clone().ready().await {
                Ok(ready) => ready,
                Err(_) => break,
            };
            let Ok((_, mut stream)) = client.send_request(request, true) else { break };
            stream.send_reset(h2::Reason::CANCEL);
            sent += 1;
            if sent % 10 == 0 {
                tokio::task::yield_now().await;
            }
        }
    };
    within(flood).await;
    drop(client);
    let _ = within(connection).await;
    assert!(sent < 20_000, "the flood was never stopped");
    assert!(STARTED.load(Ordering::Relaxed) < 1000, "{} handlers ran", STARTED.load(Ordering::Relaxed));
}

#[tokio::test]
async fn connections_past_the_bound_wait_for_room() {
    let edge = start(config(Bounds { max_connections: 2, ..Bounds::default() }), |_| async { text("hi") }).await;
    let first = edge.connect().await;
    let second = edge.connect().await;
    let mut third = edge.connect().await;
    third.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("in the backlog");
    let mut buffer = [0; 64];
    assert!(tokio::time::timeout(Duration::from_millis(200), third.read(&mut buffer)).await.is_err(), "no room yet");
    drop(first);
    assert!(within(to_end(third)).await.ends_with("hi"));
    drop(second);
}
