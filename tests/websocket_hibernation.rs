//! WebSockets that a Durable Object accepts: it sleeps while they are open, wakes for what they bring, and nothing that it
//! says leaves before what it wrote is kept.

use std::time::Duration;

use harness::socket::tungstenite::Message;
use harness::{Dev, Project, Socket};
use serde_json::{Value, json};

const WORKER: &str = r#"
    import { DurableObject } from "cloudflare:workers";
    let woken = 0;
    export class Hub extends DurableObject {
      constructor(ctx, env) {
        super(ctx, env);
        this.born = ++woken;
        this.ctx.blockConcurrencyWhile(async () => { await this.ctx.storage.put("starts", ((await this.ctx.storage.get("starts")) ?? 0) + 1); });
      }
      async fetch(request) {
        const url = new URL(request.url);
        if (request.headers.get("Upgrade") === "websocket") {
          const [client, server] = Object.values(new WebSocketPair());
          const tags = url.searchParams.getAll("tag");
          if (url.pathname === "/stays") {
            server.accept();
            server.addEventListener("message", ({ data }) => server.send(`${data} ${this.born}`));
          } else {
            this.ctx.acceptWebSocket(server, tags);
            server.serializeAttachment({ tags, at: new Date(0), n: 0 });
          }
          return new Response(null, { status: 101, webSocket: client });
        }
        if (url.pathname === "/abort") this.ctx.abort("enough");
        if (url.pathname === "/auto") {
          const pair = url.searchParams.has("off") ? undefined : new WebSocketRequestResponsePair("ping", "pong");
          this.ctx.setWebSocketAutoResponse(pair);
        }
        return Response.json({
          starts: await this.ctx.storage.get("starts"),
          sockets: this.ctx.getWebSockets().map((socket) => this.ctx.getTags(socket)),
          a: this.ctx.getWebSockets("a").length,
          auto: this.ctx.getWebSocketAutoResponse()?.request ?? null,
          answered: this.ctx.getWebSockets().map((socket) => this.ctx.getWebSocketAutoResponseTimestamp(socket) instanceof Date),
          closes: await this.ctx.storage.get("closes") ?? [],
          timeout: this.ctx.getHibernatableWebSocketEventTimeout(),
        });
      }
      async webSocketMessage(socket, message) {
        if (message === "throw") throw new Error("from a handler");
        if (message === "close") return socket.close(4100, "asked to");
        const state = socket.deserializeAttachment();
        state.n++;
        socket.serializeAttachment(state);
        const kind = typeof message === "string" ? message : `${message.constructor.name} ${message.byteLength}`;
        if (kind === "count") {
          // Not before it is on disk.
          const count = ((await this.ctx.storage.get("count")) ?? 0) + 1;
          await this.ctx.storage.put("count", count);
          return socket.send(String(count));
        }
        if (kind === "all") for (const other of this.ctx.getWebSockets()) other.send(`to all from ${state.tags}`);
        else socket.send(JSON.stringify({ kind, n: state.n, at: state.at.getTime(), born: this.born, tags: this.ctx.getTags(socket) }));
      }
      async webSocketClose(socket, code, reason, clean) {
        const closes = (await this.ctx.storage.get("closes")) ?? [];
        closes.push([code, reason, clean, socket.readyState]);
        await this.ctx.storage.put("closes", closes);
        if (code === 1000) socket.close(4200, "in return");
      }
    }
    export default {
      fetch(request, env) {
        return env.HUB.getByName("hub").fetch(request);
      },
    };
"#;

const CONFIG: &str = r#"
compatibility_flags = ["web_socket_auto_reply_to_close"]
[[durable_objects.bindings]]
name = "HUB"
class_name = "Hub"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Hub"]
"#;

async fn said(socket: &mut Socket) -> Value {
    serde_json::from_str(&socket.text().await).expect("JSON")
}

/// Longer than an idle object stays in memory.
const SLEEP: Duration = Duration::from_secs(16);

#[tokio::test]
async fn an_object_sleeps_while_its_sockets_stay_open() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    let mut one = Socket::open(dev.address(), "/?tag=a&tag=b", &[]).await.unwrap();
    let mut two = Socket::open(dev.address(), "/?tag=c", &[]).await.unwrap();
    one.send("hello").await;
    assert_eq!(said(&mut one).await, json!({ "kind": "hello", "n": 1, "at": 0, "born": 1, "tags": ["a", "b"] }));
    one.send(vec![1, 2, 3]).await;
    assert_eq!(said(&mut one).await["kind"], "ArrayBuffer 3");
    let before = dev.json("/auto").await;
    assert_eq!(before["sockets"], json!([["c"], ["a", "b"]]));
    assert_eq!((&before["a"], &before["starts"], &before["auto"]), (&json!(1), &json!(1), &json!("ping")));

    tokio::time::sleep(SLEEP).await;
    // Answered without the object, which sleeps on.
    two.send("ping").await;
    assert_eq!(two.text().await, "pong");
    one.send("again").await;
    let woken = said(&mut one).await;
    assert_eq!(
        woken,
        json!({ "kind": "again", "n": 3, "at": 0, "born": 1, "tags": ["a", "b"] }),
        "a fresh isolate counts anew"
    );
    let after = dev.json("/").await;
    assert_eq!(after["starts"], 2, "the object was made once more");
    assert_eq!(after["sockets"], before["sockets"]);
    assert_eq!(after["answered"], json!([true, false]));
    two.send("all").await;
    assert_eq!(one.text().await, "to all from c");
    assert_eq!(two.text().await, "to all from c");

    dev.json("/auto?off").await;
    two.send("ping").await;
    assert_eq!(said(&mut two).await["kind"], "ping");
}

#[tokio::test]
async fn closes_reach_the_object() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    let open = async || Socket::open(dev.address(), "/", &[]).await.unwrap();

    let mut answered_by_the_object = open().await;
    answered_by_the_object.close(1000, "bye").await;
    assert_eq!(answered_by_the_object.closed().await, (4200, "in return".into()));
    let mut answered_by_the_runtime = open().await;
    answered_by_the_runtime.close(3000, "bye").await;
    assert_eq!(answered_by_the_runtime.closed().await, (3000, "bye".into()));
    let mut closed_by_the_object = open().await;
    closed_by_the_object.send("throw").await;
    closed_by_the_object.send("close").await;
    assert_eq!(closed_by_the_object.closed().await, (4100, "asked to".into()));
    closed_by_the_object.end().await;
    dev.line("from a handler").await;
    drop(open().await);
    harness::eventually(|| async { dev.json("/").await["closes"].as_array().is_some_and(|closes| closes.len() == 4) })
        .await;
    let told = dev.json("/").await;
    let gone = "WebSocket disconnected without sending Close frame.";
    assert_eq!(
        told["closes"],
        json!([[1000, "bye", true, 2], [3000, "bye", true, 2], [4100, "asked to", true, 3], [1006, gone, false, 2]])
    );
    harness::eventually(|| async { dev.json("/").await["sockets"] == json!([]) }).await;
}

#[tokio::test]
async fn a_reset_ends_its_sockets_and_a_socket_kept_by_the_instance_keeps_it() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    let mut kept = Socket::open(dev.address(), "/stays", &[]).await.unwrap();
    let mut hibernating = Socket::open(dev.address(), "/", &[]).await.unwrap();
    hibernating.send("hello").await;
    said(&mut hibernating).await;
    tokio::time::sleep(SLEEP).await;
    kept.send("still").await;
    assert_eq!(kept.text().await, "still 1");
    assert_eq!(dev.json("/").await["starts"], 1, "an open socket of the instance keeps it in memory");

    assert_eq!(dev.get("/abort").send().await.status(), 500);
    assert!(kept.next().await.is_err());
    assert!(hibernating.next().await.is_err());
    let after = dev.json("/").await;
    assert_eq!((&after["starts"], &after["sockets"], &after["closes"]), (&json!(2), &json!([]), &json!([])));
}

#[tokio::test]
async fn what_was_said_survives_a_crash() {
    let project = Project::configured(CONFIG, WORKER);
    let mut told = 0u64;
    for _ in 0..5 {
        let mut dev = Dev::start(&project).await;
        let mut socket = Socket::open(dev.address(), "/", &[]).await.unwrap();
        for _ in 0..40 {
            socket.send("count").await;
        }
        for _ in 0..20 {
            let count: u64 = socket.text().await.parse().unwrap();
            assert!(count > told, "{count} was said after {told}");
            told = count;
        }
        dev.kill().await;
        // What was on its way counts too: it was sent, so it was kept.
        while let Ok(Message::Text(text)) = socket.next().await {
            told = text.parse().unwrap();
        }
    }
}
