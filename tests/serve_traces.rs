//! Traces, as a collector of OpenTelemetry gets them: a real HTTP server that takes OTLP and remembers it.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::{Origin, Project, Request, Served, body_of, eventually, text};
use http_body_util::BodyExt;
use serde_json::Value;

/// A span, with whose it is.
#[derive(Clone, Debug)]
struct Span {
    resource: Value,
    json: Value,
}

#[derive(Clone)]
struct Collector {
    origin: Arc<Origin>,
    requests: Arc<Mutex<Vec<Value>>>,
    /// What it answers.
    status: Arc<AtomicU16>,
}

impl Collector {
    async fn start() -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let status = Arc::new(AtomicU16::new(200));
        let (kept, answered) = (requests.clone(), status.clone());
        let origin = Origin::start(move |request: http::Request<_>| {
            let (kept, answered) = (kept.clone(), answered.load(Ordering::Relaxed));
            async move {
                let is_spans = request.uri().path() == "/v1/traces";
                let body: hyper::body::Incoming = request.into_body();
                let body = body.collect().await.expect("a body").to_bytes();
                if is_spans && answered == 200 {
                    kept.lock().unwrap().push(serde_json::from_slice(&body).expect("JSON"));
                }
                let mut response = Origin::text("{}");
                *response.status_mut() = http::StatusCode::from_u16(if is_spans { answered } else { 200 }).unwrap();
                response
            }
        });
        Self { origin: Arc::new(origin.await), requests, status }
    }

    fn config(&self, more: &str) -> String {
        let url = self.origin.url("");
        format!(
            "[outbound]\nallow_private = true\n[metrics]\nlisten = \"127.0.0.1:0\"\n[traces]\nendpoint = \"{url}\"\n{more}"
        )
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let mut spans = Vec::new();
        for resource in requests.iter().flat_map(|request| request["resourceSpans"].as_array().unwrap()) {
            for scope in resource["scopeSpans"].as_array().unwrap() {
                assert_eq!(scope["scope"]["name"], "skerry");
                let json = scope["spans"].as_array().unwrap().iter();
                spans.extend(json.map(|json| Span { resource: resource["resource"].clone(), json: json.clone() }));
            }
        }
        spans
    }

    async fn span(&self, name: &str) -> Span {
        eventually(|| async { self.spans().iter().any(|span| span.json["name"] == name) }).await;
        self.spans().into_iter().find(|span| span.json["name"] == name).unwrap()
    }

    /// The span of a request to this path.
    async fn request(&self, path: &str) -> Span {
        let is_it = |span: &Span| span.fact("url.path") == path;
        eventually(|| async { self.spans().iter().any(is_it) }).await;
        self.spans().into_iter().find(is_it).unwrap()
    }
}

impl Span {
    fn fact(&self, name: &str) -> Value {
        attribute(&self.json["attributes"], name)
    }

    fn service(&self) -> Value {
        attribute(&self.resource["attributes"], "service.name")
    }

    fn is_below(&self, parent: &Span) -> bool {
        self.json["traceId"] == parent.json["traceId"] && self.json["parentSpanId"] == parent.json["spanId"]
    }
}

fn attribute(attributes: &Value, name: &str) -> Value {
    let found = attributes.as_array().unwrap().iter().find(|attribute| attribute["key"] == name);
    let value = found.and_then(|attribute| attribute["value"].as_object()?.values().next().cloned());
    value.unwrap_or_default()
}

async fn figure(served: &Served, line: &str) -> u64 {
    let output = served.output();
    let url = output.lines().find_map(|line| line.trim().strip_prefix("metrics: http://")).expect("an address");
    let address = url.strip_suffix("/metrics").unwrap().parse().unwrap();
    let figures = text(Request::new(address, "GET", "/metrics").send().await).await;
    let value = figures.lines().find_map(|known| known.strip_prefix(line)).unwrap_or_else(|| panic!("{figures}"));
    value.trim().parse().unwrap()
}

const FRONT: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  async add(n) { await this.env.KV.put("seen", String(n)); return n + 1; }
  async fetch() { return new Response("object"); }
}
export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/throw") throw new Error("secret-in-message");
    if (pathname === "/plain") return new Response("plain");
    await env.KV.put("key", "value");
    await env.KV.get("key");
    await env.BUCKET.put("object", "bytes");
    await env.DB.prepare("SELECT 1").all();
    const origin = searchParams.get("origin");
    const got = await fetch(origin + "/deep/secret-path?token=secret-query", { headers: { authorization: "secret-header" } });
    await got.text();
    await fetch("http://127.0.0.1:1/").catch(() => {});
    const stub = env.COUNTERS.get(env.COUNTERS.idFromName("one"));
    await stub.add(1);
    await (await stub.fetch("http://object/")).text();
    await (await env.BACK.fetch("http://back/inner?secret-inner")).text();
    await env.BACK.greet("you");
    ctx.waitUntil(scheduler.wait(5).then(() => env.KV.get("later")));
    return Response.json({ parent: got.headers.get("x-parent") });
  },
};"#;

const BACK: &str = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  async fetch() { await caches.default.match("http://cached/"); return new Response("back"); }
  greet(name) { return "hello " + name; }
}"#;

async fn front(served: &Served) -> Project {
    let (_, made) = served.ask("POST", "/storage/kv/namespaces", r#"{"title":"traced"}"#).await;
    let kv = made["result"]["id"].as_str().unwrap().to_owned();
    let (_, made) = served.ask("POST", "/d1/database", r#"{"name":"traced"}"#).await;
    let d1 = made["result"]["uuid"].as_str().unwrap().to_owned();
    served.ask("POST", "/r2/buckets", r#"{"name":"traced"}"#).await;
    let more = format!(
        r#"
services = [{{ binding = "BACK", service = "back" }}]
kv_namespaces = [{{ binding = "KV", id = "{kv}" }}]
r2_buckets = [{{ binding = "BUCKET", bucket_name = "traced" }}]
d1_databases = [{{ binding = "DB", database_name = "traced", database_id = "{d1}" }}]
[[durable_objects.bindings]]
name = "COUNTERS"
class_name = "Counter"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Counter"]"#
    );
    served.wrangler(Project::named("back", "", BACK).path(), &["deploy"]).await.ok();
    let front = Project::named("front", &more, FRONT);
    served.wrangler(front.path(), &["deploy"]).await.ok();
    front
}

#[tokio::test]
async fn a_request_and_all_that_it_asks_for_is_one_trace() {
    let collector = Collector::start().await;
    let served = Served::configured(&collector.config("headers = { \"x-key\" = \"let-me-in\" }")).await;
    let _project = front(&served).await;
    let elsewhere = Origin::start(|request: http::Request<_>| async move {
        let parent = request.headers().get("traceparent").cloned();
        let mut response = Origin::text("elsewhere");
        response.headers_mut().insert("x-parent", parent.unwrap_or(http::HeaderValue::from_static("none")));
        response
    })
    .await;
    let path = format!("/all?origin={}&secret-outer", elsewhere.url(""));
    let request = served.request("POST", "front", &path);
    let answer = request.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").send().await;
    let ray = answer.headers()["cf-ray"].to_str().unwrap().split('-').next().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body_of(answer).await).unwrap();
    assert_eq!(body["parent"], "none", "nobody asked to tell others of the trace");

    let root = collector.request("/all").await;
    assert_eq!(root.json["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((&root.json["parentSpanId"], &root.json["kind"]), (&"00f067aa0ba902b7".into(), &2.into()));
    assert_eq!((root.service(), root.fact("service.name")), ("front".into(), Value::Null));
    assert_eq!(root.fact("cloudflare.script_name"), "front");
    assert_eq!(root.fact("http.request.method"), "POST");
    assert_eq!(root.fact("http.response.status_code"), "200");
    assert_eq!((root.fact("cloudflare.outcome"), root.fact("cloudflare.ray_id")), ("ok".into(), ray.into()));
    assert_eq!((root.fact("faas.trigger"), root.fact("faas.coldstart")), ("http".into(), true.into()));
    assert!(root.fact("cpu_time_ms").as_f64().unwrap() > 0.0);
    assert_eq!(root.fact("cloudflare.script_version.id").as_str().unwrap().len(), 36);

    for (name, service) in [
        ("kv_put", "front"),
        ("kv_get", "front"),
        ("r2_put", "front"),
        ("d1_query", "front"),
        ("durable_object_rpc", "front"),
        ("durable_object_fetch", "front"),
        ("service_fetch", "front"),
        ("service_rpc", "front"),
    ] {
        let span = collector.span(name).await;
        assert!(span.is_below(&root) || name == "kv_put", "{span:?}");
        assert_eq!((span.service(), &span.json["kind"]), (service.into(), &3.into()), "{name}");
    }
    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.json["name"] == name).cloned().collect::<Vec<Span>>();
    // Both fetches, one of which failed; the second KV read came after the answer.
    let fetches: Vec<Span> = named("fetch").into_iter().filter(|span| span.is_below(&root)).collect();
    assert_eq!(fetches.len(), 2);
    assert!(fetches.iter().any(|span| span.fact("http.response.status_code") == "200"));
    assert!(fetches.iter().any(|span| span.json["status"]["code"] == 2 && span.fact("server.port") == "1"));
    assert_eq!(named("kv_get").iter().filter(|span| span.is_below(&root)).count(), 2);
    // What the object did is below the call of it.
    let call = &named("durable_object_rpc")[0];
    assert_eq!(call.fact("rpc.method"), "add");
    assert_eq!(named("kv_put").iter().filter(|span| span.is_below(call)).count(), 1);
    // The other Worker's invocations are below the calls, and theirs below them.
    let inner = collector.spans().into_iter().find(|span| {
        span.service() == "back" && span.json["name"] == "fetch" && span.is_below(&named("service_fetch")[0])
    });
    let inner = inner.expect("an invocation of `back`");
    assert_eq!(inner.fact("cloudflare.script_name"), "back");
    assert!(named("cache_match")[0].is_below(&inner));
    assert!(named("rpc").iter().any(|span| span.service() == "back" && span.is_below(&named("service_rpc")[0])));

    let everything = serde_json::to_string(&*collector.requests.lock().unwrap()).unwrap();
    assert!(!everything.contains("secret-"), "{everything}");
    let seen = collector.origin.seen();
    let headers = &seen.iter().find(|seen| seen.path == "/v1/traces").unwrap().headers;
    assert_eq!(
        (&headers["x-key"], &headers["content-type"]),
        (&"let-me-in".parse().unwrap(), &"application/json".parse().unwrap())
    );

    // What fails is told without its message.
    assert_eq!(served.request("GET", "front", "/throw?x").send().await.status(), 500);
    let thrown = collector.request("/throw").await;
    assert_eq!((thrown.fact("cloudflare.outcome"), &thrown.json["status"]["code"]), ("exception".into(), &2.into()));
    assert_eq!((thrown.fact("faas.coldstart"), &thrown.json["parentSpanId"]), (false.into(), &Value::Null));
    assert!(!serde_json::to_string(&thrown.json).unwrap().contains("secret-"));
    eventually(|| async { figure(&served, "skerry_spans_total{result=\"exported\"}").await >= 17 }).await;
}

/// What is neither asked for from outside nor due by a cron trigger has an event span of its own too.
#[tokio::test]
async fn batches_alarms_and_tails_are_events() {
    const SOURCE: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Clock extends DurableObject {
  async set() { await this.ctx.storage.setAlarm(Date.now()); }
  async alarm() { await this.env.KV.get("rung"); }
}
export default {
  async fetch(request, env) {
    await env.QUEUE.send("one");
    await env.QUEUE.sendBatch([{ body: "two" }, { body: "three" }]);
    await env.CLOCKS.get(env.CLOCKS.idFromName("one")).set();
    return new Response("sent");
  },
  async queue(batch, env) { await env.KV.get("consumed"); },
};"#;
    const TAIL: &str = "export default { async tail(events) { await caches.default.match('http://told/'); } };";
    let collector = Collector::start().await;
    let served = Served::configured(&collector.config("")).await;
    let (_, made) = served.ask("POST", "/storage/kv/namespaces", r#"{"title":"traced"}"#).await;
    let kv = made["result"]["id"].as_str().unwrap().to_owned();
    served.ask("POST", "/queues", r#"{"queue_name":"letters"}"#).await;
    let more = format!(
        r#"
tail_consumers = [{{ service = "listener" }}]
kv_namespaces = [{{ binding = "KV", id = "{kv}" }}]
[[queues.producers]]
binding = "QUEUE"
queue = "letters"
[[queues.consumers]]
queue = "letters"
max_batch_size = 3
max_batch_timeout = 1
[[durable_objects.bindings]]
name = "CLOCKS"
class_name = "Clock"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Clock"]"#
    );
    served.wrangler(Project::named("listener", "", TAIL).path(), &["deploy"]).await.ok();
    served.wrangler(Project::named("post", &more, SOURCE).path(), &["deploy"]).await.ok();
    assert_eq!(served.text("post", "/send").await, "sent");

    let root = collector.request("/send").await;
    let (one, many) = (collector.span("queue_send").await, collector.span("queue_sendBatch").await);
    assert!(one.is_below(&root) && many.is_below(&root));
    assert_eq!(many.fact("messaging.batch.message_count"), "2");

    let below = async |parent: &Span, name: &str| {
        let is_it = |span: &Span| span.json["name"] == name && span.is_below(parent);
        eventually(|| async { collector.spans().iter().any(is_it) }).await;
    };
    let batch = collector.span("queue").await;
    assert_eq!((batch.service(), &batch.json["parentSpanId"]), ("post".into(), &Value::Null));
    assert_eq!((batch.fact("faas.trigger"), batch.fact("cloudflare.outcome")), ("queue".into(), "ok".into()));
    assert_eq!(batch.fact("cloudflare.queue.name"), "letters");
    assert!(batch.fact("cloudflare.queue.batch_size").as_str().is_some_and(|size| ["1", "2", "3"].contains(&size)));
    below(&batch, "kv_get").await;

    let alarm = collector.span("alarm").await;
    assert_eq!((alarm.service(), alarm.fact("cloudflare.entrypoint")), ("post".into(), "Clock".into()));
    assert_eq!(
        (alarm.fact("cloudflare.handler_type"), alarm.fact("cloudflare.outcome")),
        ("alarm".into(), "ok".into())
    );
    assert!(alarm.fact("cloudflare.scheduled_time").as_str().is_some_and(|time| time.len() == 13), "{alarm:?}");
    below(&alarm, "kv_get").await;

    let tail = collector.span("tail").await;
    assert_eq!((tail.service(), tail.fact("cloudflare.trace.count")), ("listener".into(), "1".into()));
    assert_eq!(tail.fact("cloudflare.script_name"), "listener");
    below(&tail, "cache_match").await;
}

#[tokio::test]
async fn what_is_sampled_and_what_others_are_told_is_configured() {
    let collector = Collector::start().await;
    let more = "sample = 0\nfollow_parents = true\npropagate = true";
    let mut served = Served::configured(&collector.config(more)).await;
    let source = r#"export default { async fetch(request) {
      const origin = new URL(request.url).searchParams.get("origin");
      return origin ? fetch(origin) : new Response("ok");
    } };"#;
    served.wrangler(Project::named("told", "", source).path(), &["deploy"]).await.ok();
    let elsewhere = Origin::start(|_: http::Request<_>| async { Origin::text("elsewhere") }).await;
    assert_eq!(served.text("told", "/unsampled").await, "ok");
    let parent = |flags: &str| format!("00-{}-{}-{flags}", "a".repeat(32), "b".repeat(16));
    let not = served.request("GET", "told", "/not").header("traceparent", &parent("00"));
    assert_eq!(not.send().await.status(), 200);
    let path = format!("/followed?origin={}", elsewhere.url(""));
    let followed = served.request("GET", "told", &path).header("traceparent", &parent("01"));
    assert_eq!(text(followed.send().await).await, "elsewhere");
    // Spans that wait are sent when the server stops.
    served.terminate().await;
    assert!(served.ended().await.success());
    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().filter_map(|span| span.json["name"].as_str()).collect();
    assert_eq!(names, ["fetch", "fetch"], "{spans:?}");
    let (child, root) = (&spans[0], &spans[1]);
    assert!(child.is_below(root) && root.json["parentSpanId"] == "b".repeat(16));
    let told = elsewhere.seen()[0].headers["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(told, format!("00-{}-{}-01", "a".repeat(32), child.json["spanId"].as_str().unwrap()));
}

#[tokio::test]
async fn a_collector_that_fails_holds_up_nobody() {
    let collector = Collector::start().await;
    collector.status.store(400, Ordering::Relaxed);
    let mut served = Served::configured(&collector.config("")).await;
    let source = "export default { fetch() { return new Response('ok'); } };";
    served.wrangler(Project::named("plain", "", source).path(), &["deploy"]).await.ok();
    assert_eq!(served.text("plain", "/lost").await, "ok");
    eventually(|| async { figure(&served, "skerry_spans_total{result=\"failed\"}").await == 1 }).await;
    collector.status.store(200, Ordering::Relaxed);
    assert_eq!(served.text("plain", "/kept").await, "ok");
    collector.request("/kept").await;
    eventually(|| async { figure(&served, "skerry_spans_total{result=\"exported\"}").await == 1 }).await;
    assert_eq!(figure(&served, "skerry_spans_total{result=\"dropped\"}").await, 0);

    // One that is not there at all, when the server stops.
    collector.status.store(503, Ordering::Relaxed);
    assert_eq!(served.text("plain", "/gone").await, "ok");
    served.terminate().await;
    let ended = tokio::time::timeout(Duration::from_secs(20), served.ended()).await.expect("it ends");
    assert!(ended.success(), "{}", served.output());
}
