use super::*;

fn slow(after: Duration) -> impl Fn(Request) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>> {
    move |_| {
        Box::pin(async move {
            tokio::time::sleep(after).await;
            text("finished")
        })
    }
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_takes_no_new_ones() {
    let edge = start(config(Bounds::default()), slow(Duration::from_millis(400))).await;
    let mut busy = edge.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    let idle = edge.connect().await;
    let mut used = edge.connect().await;
    used.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    let (mut http2, connection) = h2::client::handshake(edge.connect().await).await.expect("handshake");
    tokio::spawn(connection);
    let request = http::Request::get("http://a/").body(()).expect("a request");
    let (response, _) = http2.send_request(request, true).expect("sent");
    tokio::time::sleep(Duration::from_millis(100)).await;

    edge.stop.cancel();
    assert_eq!(within(to_end(idle)).await, "");
    let answer = within(to_end(busy)).await;
    assert!(answer.ends_with("finished") && answer.contains("connection: close"), "{answer}");
    assert!(to_end(used).await.ends_with("finished"));
    assert_eq!(within(response).await.expect("an answer").status(), 200);
    drop(http2);
    assert_eq!(within(edge.served).await.expect("served"), Drained { cut: 0 });
    assert!(TcpStream::connect(edge.address).await.is_err(), "the port is free");
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let edge = start(
        config(Bounds { drain: Duration::from_millis(300), ..Bounds::default() }),
        slow(Duration::from_secs(3600)),
    )
    .await;
    let mut busy = edge.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(100)).await;
    edge.stop.cancel();
    assert_eq!(within(edge.served).await.expect("served"), Drained { cut: 1 });
    assert_eq!(to_end(busy).await, "");
}
