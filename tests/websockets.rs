//! WebSockets between clients and Workers, Workers and servers, and within a Worker.

use harness::socket::tungstenite::{Error, Message};
use harness::{Dev, Project, Socket};

const WORKER: &str = r#"
    const log = [];
    function accept(request, use) {
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      use(server);
      const protocol = request.headers.get("Sec-WebSocket-Protocol")?.split(",")[0];
      return new Response(null, { status: 101, webSocket: client, headers: protocol ? { "Sec-WebSocket-Protocol": protocol } : {} });
    }
    const routes = {
      "/echo": (request) => accept(request, (server) => {
        server.binaryType = "arraybuffer";
        server.addEventListener("message", ({ data }) => server.send(data));
        server.addEventListener("close", ({ code, reason, wasClean }) => {
          log.push({ code, reason, wasClean, readyState: server.readyState });
        });
      }),
      "/log": () => Response.json(log),
      "/blob": (request) => accept(request, (server) => {
        server.onmessage = async ({ data }) => server.send(`${data.constructor.name} ${await data.text()}`);
      }),
      "/greet": (request) => accept(request, (server) => {
        for (let i = 0; i < 3; i++) server.send(`greeting ${i}`);
        server.close(4001, "that was all");
      }),
      "/later": (request) => accept(request, async (server) => {
        for (let i = 0; i < 3; i++) {
          await scheduler.wait(20);
          server.send(`tick ${i}`);
        }
        server.close(1000, "done");
      }),
      "/throws": (request) => accept(request, (server) => {
        server.addEventListener("message", () => { throw new Error("from a listener"); });
        server.addEventListener("message", ({ data }) => server.send(`still here: ${data}`));
      }),
      "/forgotten": () => new Response(null, { status: 101, webSocket: new WebSocketPair()[0] }),
      "/plain": () => new Response("no socket", { status: 426 }),
      "/facts": (request) => Response.json({
        upgrade: request.headers.get("Upgrade"), key: request.headers.get("Sec-WebSocket-Key"), version: request.headers.get("Sec-WebSocket-Version"),
      }),
      "/flood": (request) => accept(request, (server) => {
        const piece = new Uint8Array(1024 * 1024);
        try {
          for (let i = 0; i < 1000; i++) server.send(piece);
        } catch (error) {
          server.close(4000, error.message.slice(0, 60));
        }
      }),
    };
    export default {
      async fetch(request, env) {
        const url = new URL(request.url);
        const route = routes[url.pathname];
        return route ? route(request, url, env) : new Response("not found", { status: 404 });
      },
    };
"#;

/// As with a compatibility date of 2026-04-07 and later.
const FLAGS: &str = r#"compatibility_flags = ["websocket_standard_binary_type", "web_socket_auto_reply_to_close"]"#;

#[tokio::test]
async fn messages_go_both_ways() {
    let project = Project::configured(FLAGS, WORKER);
    let dev = Dev::start(&project).await;
    let mut socket =
        Socket::open(dev.address(), "/echo", &[("Sec-WebSocket-Protocol", "chat, superchat")]).await.unwrap();
    assert_eq!(socket.response.status(), 101);
    assert_eq!(socket.response.headers()["Sec-WebSocket-Protocol"], "chat");
    assert!(socket.response.headers().contains_key("CF-Ray"));

    socket.send("hello").await;
    assert_eq!(socket.text().await, "hello");
    socket.send("").await;
    assert_eq!(socket.text().await, "");
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    socket.send(bytes.clone()).await;
    assert_eq!(socket.next().await.unwrap().into_data(), bytes);
    let text = "snow ☃ and more ".repeat(100_000);
    socket.send(text.as_str()).await;
    assert_eq!(socket.text().await, text);

    socket.send(Message::Ping("are you there".into())).await;
    assert_eq!(socket.next().await.unwrap(), Message::Pong("are you there".into()));

    socket.close(3456, "enough").await;
    assert_eq!(socket.closed().await, (3456, "enough".into()));
    socket.end().await;
    let log = dev.json("/log").await;
    assert_eq!(log, serde_json::json!([{ "code": 3456, "reason": "enough", "wasClean": true, "readyState": 3 }]));
}

#[tokio::test]
async fn a_worker_speaks_first_and_closes() {
    let project = Project::configured(FLAGS, WORKER);
    let dev = Dev::start(&project).await;
    let mut socket = Socket::open(dev.address(), "/greet", &[]).await.unwrap();
    for i in 0..3 {
        assert_eq!(socket.text().await, format!("greeting {i}"));
    }
    assert_eq!(socket.closed().await, (4001, "that was all".into()));
    socket.end().await;

    let mut socket = Socket::open(dev.address(), "/later", &[]).await.unwrap();
    for i in 0..3 {
        assert_eq!(socket.text().await, format!("tick {i}"));
    }
    assert_eq!(socket.closed().await, (1000, "done".into()));

    let mut socket = Socket::open(dev.address(), "/blob", &[]).await.unwrap();
    socket.send(b"bytes".to_vec()).await;
    assert_eq!(socket.text().await, "Blob bytes");

    let mut socket = Socket::open(dev.address(), "/throws", &[]).await.unwrap();
    socket.send("one").await;
    assert_eq!(socket.text().await, "still here: one");
    dev.line("from a listener").await;
}

#[tokio::test]
async fn before_the_flag_a_worker_answers_a_close_itself() {
    const MANUAL: &str = r#"
        export default {
          fetch() {
            const [client, server] = Object.values(new WebSocketPair());
            server.accept();
            server.addEventListener("message", ({ data }) => server.send(`${data.constructor.name} ${data.byteLength}`));
            server.addEventListener("close", async ({ code }) => {
              server.send(`got ${code}, am ${server.readyState}`);
              await scheduler.wait(10);
              server.close(4002, "in my own time");
            });
            return new Response(null, { status: 101, webSocket: client });
          },
        };
    "#;
    let project = Project::worker(MANUAL);
    let dev = Dev::start(&project).await;
    let mut socket = Socket::open(dev.address(), "/", &[]).await.unwrap();
    socket.send(b"four".to_vec()).await;
    assert_eq!(socket.text().await, "ArrayBuffer 4");
    socket.close(1000, "").await;
    assert_eq!(socket.text().await, "got 1000, am 2");
    assert_eq!(socket.closed().await, (4002, "in my own time".into()));
}

#[tokio::test]
async fn a_client_that_vanishes_is_noticed() {
    let project = Project::worker(WORKER);
    let dev = Dev::start(&project).await;
    let mut socket = Socket::open(dev.address(), "/echo", &[]).await.unwrap();
    socket.send("hello").await;
    assert_eq!(socket.text().await, "hello");
    drop(socket);
    let reason = "WebSocket disconnected without sending Close frame.";
    let expected = serde_json::json!([{ "code": 1006, "reason": reason, "wasClean": false, "readyState": 2 }]);
    harness::eventually(|| async { dev.json("/log").await == expected }).await;
}

#[tokio::test]
async fn what_is_no_upgrade_is_an_ordinary_answer() {
    let project = Project::worker(WORKER);
    let dev = Dev::start(&project).await;
    let Err(Error::Http(answer)) = Socket::open(dev.address(), "/plain", &[]).await else { panic!("no HTTP answer") };
    assert_eq!(answer.status(), 426);
    // A request without the header can't have a WebSocket.
    let answer = dev.get("/greet").send().await;
    assert_eq!(answer.status(), 500);
    let text = harness::text(answer).await;
    assert!(text.contains("did not contain the header"), "{text}");
    let facts = dev.get("/facts").header("Connection", "Upgrade").header("Upgrade", "websocket").send().await;
    assert_eq!(harness::text(facts).await, r#"{"upgrade":"websocket","key":null,"version":null}"#);
    // An end that nobody accepted is gone with its event.
    let mut socket = Socket::open(dev.address(), "/forgotten", &[]).await.unwrap();
    assert!(socket.next().await.is_err());
}

#[tokio::test]
async fn a_worker_that_sends_too_much_is_told() {
    let project = Project::worker(WORKER);
    let dev = Dev::start(&project).await;
    let mut socket = Socket::open(dev.address(), "/flood", &[]).await.unwrap();
    let mut received = 0;
    let close = loop {
        match socket.next().await.unwrap() {
            Message::Binary(bytes) => received += bytes.len(),
            Message::Close(close) => break close.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert!(close.reason.starts_with("Can't send: the WebSocket messages of this Worker"), "{close:?}");
    assert_eq!(received, 63 * 1024 * 1024);
}
