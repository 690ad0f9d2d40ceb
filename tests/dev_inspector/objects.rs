//! Debuggers attach to Durable Objects.

use harness::debugger::{Debugger, inspector};
use harness::socket::tungstenite::Error;
use harness::{Project, Request, Socket};
use serde_json::{Value, json};

use super::{asked, inspected, save, script, stop_at};

const CONFIG: &str = r#"name = "shop"
main = "src/index.ts"
compatibility_date = "2026-01-01"
[[durable_objects.bindings]]
name = "TILLS"
class_name = "Till"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Till", "Shelf"]
"#;

/// Line 8 is where an object is stopped.
const WORKER: &str = r#"import { DurableObject } from "cloudflare:workers";
interface Env { TILLS: DurableObjectNamespace<Till> }

export class Till extends DurableObject<Env> {
  async add(amount: number): Promise<number> {
    const before: number = (await this.ctx.storage.get<number>("sum")) ?? 0;
    const sum: number = before + amount;
    await this.ctx.storage.put("sum", sum);
    console.log("added", { amount });
    return sum;
  }
}

export class Shelf extends DurableObject<Env> {}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/") return new Response("open");
    const till = env.TILLS.getByName(pathname.slice(1));
    return new Response(String(await till.add(Number(searchParams.get("amount")))));
  },
};
"#;

const STOP: u64 = 8;

fn project() -> Project {
    Project::empty().file("wrangler.toml", CONFIG).file("src/index.ts", WORKER)
}

#[tokio::test]
async fn objects_of_a_class_are_debugged() {
    let project = project();
    let dev = inspected(&project).await;
    let port = inspector(&dev).await;
    let targets = harness::text(Request::new(port, "GET", "/json/list").send().await).await;
    let targets: Value = serde_json::from_str(&targets).expect("JSON");
    let titles: Vec<_> = targets.as_array().expect("targets").iter().map(|target| &target["title"]).collect();
    assert_eq!(titles, ["Worker shop", "Durable Objects Shelf of shop", "Durable Objects Till of shop"]);
    assert_eq!(targets[2]["webSocketDebuggerUrl"], format!("ws://{port}/shop/Till"), "{targets}");

    // An isolate of the class starts for the debugger, before any object is asked for, and stays while the debugger does.
    let mut debugger = Debugger::listen(&dev, "shop/Till").await;
    let before = script(&mut debugger).await;
    stop_at(&mut debugger, &before, STOP).await;
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert!(debugger.heard("Runtime.executionContextsCleared").is_empty(), "its isolate has gone");
    let answer = asked(dev.get("/first?amount=5"));
    let paused = debugger.event("Debugger.paused").await;
    let frames: Vec<_> =
        paused["callFrames"].as_array().expect("frames").iter().map(|frame| &frame["functionName"]).collect();
    assert_eq!(frames, ["add"], "{paused}");
    let on_frame =
        |expression: &str| json!({ "callFrameId": paused["callFrames"][0]["callFrameId"], "expression": expression });
    let value = debugger.command("Debugger.evaluateOnCallFrame", on_frame("`${this.ctx.id.name} ${sum}`")).await;
    assert_eq!(value["result"]["value"], "first 5", "{value}");
    // The Worker itself is not held.
    assert_eq!(dev.text("/").await, "open");
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(answer.await.unwrap(), "5");
    let said = debugger.event("Runtime.consoleAPICalled").await;
    assert_eq!(said["args"][0]["value"], "added", "{said}");
    dev.line("added { amount: 5 }").await;

    // All objects of the class are behind the same target.
    let answer = asked(dev.get("/second?amount=1"));
    debugger.event("Debugger.paused").await;
    debugger.command("Debugger.resume", json!({})).await;
    assert_eq!(answer.await.unwrap(), "1");

    // An object that is stopped goes on in the code that it began in; the next event meets the new code, its storage and the breakpoint.
    let old = asked(dev.get("/first?amount=1"));
    debugger.event("Debugger.paused").await;
    debugger.forget();
    save(&project, &WORKER.replace("before + amount", "before + 10 * amount"));
    debugger.event("Runtime.executionContextsCleared").await;
    assert_eq!(old.await.unwrap(), "6");
    script(&mut debugger).await;
    let new = asked(dev.get("/first?amount=1"));
    debugger.event("Debugger.paused").await;
    // Who leaves lets the object go on.
    drop(debugger);
    assert_eq!(new.await.unwrap(), "16");
    assert_eq!(dev.text("/first?amount=1").await, "26");
}

#[tokio::test]
async fn a_class_that_goes_lets_its_debugger_go() {
    let project = project();
    let mut dev = inspected(&project).await;
    let port = inspector(&dev).await;
    match Socket::open(port, "/shop/Cupboard", &[]).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 404),
        other => panic!("{:?}", other.map(|_| "let in")),
    }
    let mut shelf = Debugger::listen(&dev, "shop/Shelf").await;
    script(&mut shelf).await;
    let deleted = format!("{CONFIG}[[migrations]]\ntag = \"v2\"\ndeleted_classes = [\"Shelf\"]\n");
    project.write("wrangler.toml", &deleted);
    assert_eq!(shelf.closed().await, 1001);

    // A server that is stopped does not wait for who debugs.
    let mut till = Debugger::listen(&dev, "shop/Till").await;
    let script = script(&mut till).await;
    stop_at(&mut till, &script, STOP).await;
    let answer = asked(dev.get("/first?amount=2"));
    till.event("Debugger.paused").await;
    dev.interrupt().await;
    assert_eq!(answer.await.unwrap(), "2");
    assert!(dev.ended().await.success());
}
