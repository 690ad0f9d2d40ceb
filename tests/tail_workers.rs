//! Tail Workers in `skerry dev`: a project is told of the events of those that name it.

use harness::{Dev, Project, eventually, text};
use serde_json::{Value, json};

/// Keeps what it is told, and shows it.
const COLLECTOR: &str = r#"
const told = [];
export default {
  tail(events) {
    for (const event of events) {
      told.push({ kind: Object.prototype.toString.call(event.event), url: event.event?.request?.getUnredacted().url, event });
    }
    if (told.at(-1).url?.endsWith("/break")) throw new Error("the collector broke");
  },
  fetch() { return Response.json(told); },
};"#;

const SHOP: &str = r#"
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
export class Room extends DurableObject {
  enter(who) { console.info("entered", who); return "welcome"; }
}
export class Api extends WorkerEntrypoint {
  fail() { throw new RangeError("no bread"); }
}
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    console.log("seen", pathname);
    if (pathname === "/object") return new Response(await env.ROOMS.get(env.ROOMS.idFromName("one")).enter("me"));
    if (pathname === "/rpc") await ctx.exports.Api.fail().catch(() => {});
    if (pathname === "/send") await env.QUEUE.send("letter");
    return new Response("fine", { status: pathname === "/teapot" ? 418 : 200 });
  },
  async queue() { console.warn("a letter"); },
  async scheduled() { console.warn("on time"); },
};"#;

const BOUND: &str = r#"tail_consumers = [{ service = "collector" }, { service = "elsewhere" }]
[[durable_objects.bindings]]
name = "ROOMS"
class_name = "Room"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Room"]
[[queues.producers]]
binding = "QUEUE"
queue = "letters"
[[queues.consumers]]
queue = "letters"
max_batch_timeout = 0
"#;

async fn at(dev: &Dev, worker: &str, path: &str) -> String {
    text(dev.get(path).header("host", &format!("{worker}.localhost")).send().await).await
}

async fn told(dev: &Dev) -> Vec<Value> {
    serde_json::from_str(&at(dev, "collector", "/").await).expect("JSON")
}

async fn event(dev: &Dev, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually(|| async { told(dev).await.iter().any(&wanted) }).await;
    told(dev).await.into_iter().find(wanted).expect("it was there")
}

#[tokio::test]
async fn a_project_is_told_of_anothers_events() {
    let shop = Project::named("shop", BOUND, SHOP);
    let collector = Project::named("collector", "", COLLECTOR);
    let dev = Dev::with(&[], &[shop.path(), collector.path()]).await;
    assert!(!dev.output().contains("tail_consumers"), "{}", dev.output());
    dev.line("the tail consumer elsewhere is told nothing: this process does not serve it").await;

    assert_eq!(at(&dev, "shop", "/teapot").await, "fine");
    let teapot = event(&dev, |event| event["url"].as_str().is_some_and(|url| url.ends_with("/teapot"))).await;
    let item = &teapot["event"];
    assert_eq!(teapot["kind"], "[object FetchEventInfo]");
    assert_eq!((&item["scriptName"], &item["outcome"]), (&json!("shop"), &json!("ok")));
    assert_eq!(item["event"]["response"], json!({ "status": 418 }));
    assert_eq!(item["logs"][0]["message"], json!(["seen", "/teapot"]));

    assert_eq!(at(&dev, "shop", "/object").await, "welcome");
    let entered = event(&dev, |event| event["event"]["executionModel"] == "durableObject").await;
    assert_eq!(
        (&entered["event"]["entrypoint"], &entered["kind"]),
        (&json!("Room"), &json!("[object JsRpcEventInfo]"))
    );
    assert_eq!(entered["event"]["logs"][0]["message"], json!(["entered", "me"]));

    at(&dev, "shop", "/rpc").await;
    let failed = event(&dev, |event| event["event"]["entrypoint"] == "Api").await;
    assert_eq!(
        (&failed["event"]["outcome"], &failed["event"]["event"]["rpcMethod"]),
        (&json!("exception"), &json!("fail"))
    );

    at(&dev, "shop", "/send").await;
    let batch = event(&dev, |event| event["event"]["event"]["queue"] == "letters").await;
    assert_eq!(batch["event"]["event"]["batchSize"], 1);
    assert_eq!(batch["event"]["logs"][0]["message"], json!(["a letter"]));
    at(&dev, "shop", "/cdn-cgi/handler/scheduled?cron=*+*+*+*+*").await;
    let run = event(&dev, |event| event["event"]["event"]["cron"] == "* * * * *").await;
    assert_eq!(run["event"]["logs"][0]["level"], "warn");

    // A consumer that fails is shown, and nobody else notices.
    assert_eq!(at(&dev, "shop", "/break").await, "fine");
    dev.line("the collector broke").await;

    // What the configuration says holds from the next save on.
    shop.write(
        "wrangler.toml",
        std::fs::read_to_string(shop.join("wrangler.toml")).unwrap().replace("\"collector\"", "\"nobody\""),
    );
    dev.line("the tail consumer nobody is told nothing").await;
    at(&dev, "shop", "/untold").await;
    assert!(!told(&dev).await.iter().any(|event| event["url"].as_str().is_some_and(|url| url.ends_with("/untold"))));
}
