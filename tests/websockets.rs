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

/// What a Worker does as the client of another.
const CLIENT: &str = r#"
    function heard(socket) {
      const log = [];
      const over = new Promise((resolve) => {
        for (const type of ["open", "message", "close", "error"]) {
          socket.addEventListener(type, ({ data, code, reason, message }) => {
            log.push([type, data ?? code ?? message ?? null, reason ?? null]);
            if (type === "close") resolve();
          });
        }
      });
      return [log, over];
    }
    export default {
      async fetch(request, env) {
        const { pathname, searchParams } = new URL(request.url);
        const there = searchParams.get("url");
        if (pathname === "/echo") return env.ECHO.fetch(request);
        if (pathname === "/through") return fetch(there, request);
        if (pathname === "/fetch") {
          const { status, webSocket } = await fetch(there, { headers: { Upgrade: "websocket", "Sec-WebSocket-Protocol": "chat" } });
          if (!webSocket) return Response.json({ status });
          const [log, over] = heard(webSocket);
          webSocket.accept();
          webSocket.send("from a Worker");
          webSocket.addEventListener("message", () => webSocket.close(4010, "heard it"), { once: true });
          await over;
          return Response.json({ status, log, readyState: webSocket.readyState, url: webSocket.url });
        }
        if (pathname === "/new") {
          const socket = new WebSocket(there.replace("http", "ws"), ["chat", "other"]);
          const [log, over] = heard(socket);
          const before = socket.readyState;
          socket.onopen = () => socket.send("hello");
          socket.addEventListener("message", () => socket.close(1000));
          await over;
          return Response.json({ before, log, after: socket.readyState, protocol: socket.protocol });
        }
        if (pathname === "/local") {
          const [a, b] = Object.values(new WebSocketPair());
          const [log, over] = heard(b);
          a.accept();
          b.accept();
          a.send("x");
          a.close(1000, "y");
          await over;
          return Response.json(log);
        }
        return new Response("?", { status: 404 });
      },
    };
"#;

#[tokio::test]
async fn a_worker_is_a_client_too() {
    let echo = Project::named("echo", FLAGS, WORKER);
    let service = "[[services]]\nbinding = \"ECHO\"\nservice = \"echo\"\n";
    let client = Project::named("front", &format!("{FLAGS}\n{service}"), CLIENT);
    let dev = Dev::with(&[], &[client.path(), echo.path()]).await;
    let at_echo = |path: &str| format!("http://echo.localhost:{}{path}", dev.address().port());
    let front = async |path: &str| -> serde_json::Value {
        let answer = dev.get(path).header("Host", "front.localhost").send().await;
        serde_json::from_str(&harness::text(answer).await).expect("JSON")
    };
    let ask = async |path: &str, target: &str| front(&format!("{path}?url={}", at_echo(target))).await;

    let heard = ask("/fetch", "/echo").await;
    let log = serde_json::json!([["message", "from a Worker", null], ["close", 4010, "heard it"]]);
    assert_eq!(heard, serde_json::json!({ "status": 101, "log": log, "readyState": 3, "url": null }));
    assert_eq!(ask("/fetch", "/plain").await, serde_json::json!({ "status": 426 }));
    let heard = ask("/new", "/echo").await;
    let log = serde_json::json!([["open", null, null], ["message", "hello", null], ["close", 1000, ""]]);
    assert_eq!(heard, serde_json::json!({ "before": 0, "log": log, "after": 3, "protocol": "chat" }));
    let refused = ask("/new", "/plain").await;
    let expected = "Failed to establish the WebSocket connection: expected server to reply with HTTP status code 101 \
                    (switching protocols), but received 426 instead.";
    assert_eq!(refused["log"][0], serde_json::json!(["error", expected, null]));
    assert_eq!(refused["log"][1], serde_json::json!(["close", 1006, "Failed to establish websocket connection"]));
    assert_eq!(front("/local").await, serde_json::json!([["message", "x", null], ["close", 1000, "y"]]));

    // A socket that is passed on: from another Worker of the process, and from a server.
    for path in ["/echo", &format!("/through?url={}", at_echo("/echo"))] {
        let mut socket = Socket::open(dev.address(), path, &[("Host", "front.localhost")]).await.unwrap();
        socket.send("all the way").await;
        assert_eq!(socket.text().await, "all the way", "{path}");
        socket.close(4000, "and back").await;
        assert_eq!(socket.closed().await, (4000, "and back".into()), "{path}");
    }
}

#[tokio::test]
async fn a_hostile_client_hurts_itself_alone() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let project = Project::configured(FLAGS, WORKER);
    let dev = Dev::start(&project).await;
    let mut neighbour = Socket::open(dev.address(), "/echo", &[]).await.unwrap();
    let attacks: [(&str, Vec<u8>, u16); 4] = [
        ("a frame without a mask", b"\x81\x01x".to_vec(), 1002),
        ("4 EiB announced", b"\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0".to_vec(), 1009),
        ("a Close with a forbidden code", b"\x88\x82\0\0\0\0\x03\xee".to_vec(), 1002),
        ("garbage", vec![0xFF; 4096], 1002),
    ];
    for (what, bytes, code) in attacks {
        let mut stream = tokio::net::TcpStream::connect(dev.address()).await.unwrap();
        let handshake = format!(
            "GET /echo HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            dev.address()
        );
        stream.write_all(handshake.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let mut read = 0;
        while !answer[..read].ends_with(b"\r\n\r\n") {
            read += stream.read(&mut answer[read..read + 1]).await.unwrap();
        }
        let head = String::from_utf8_lossy(&answer[..read]).to_lowercase();
        // RFC 6455 §1.3 has this very example.
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        stream.write_all(&bytes).await.unwrap();
        let mut close = Vec::new();
        let _ = stream.read_to_end(&mut close).await;
        assert_eq!(close.get(2..4), Some(&code.to_be_bytes()[..]), "{what}");
    }
    neighbour.send("still here").await;
    assert_eq!(neighbour.text().await, "still here");
}
