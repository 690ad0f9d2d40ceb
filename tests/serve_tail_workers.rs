//! Tail Workers: what they are told of others' events, who may be one, and what becomes of those that fail.

use std::sync::{Arc, Mutex};

use harness::{Origin, Project, Served, eventually};
use http_body_util::BodyExt;
use serde_json::{Value, json};

/// Where collectors send what they are told.
struct Told {
    origin: Origin,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Told {
    async fn start() -> Self {
        let events = Arc::<Mutex<Vec<Value>>>::default();
        let noted = events.clone();
        let origin = Origin::start(move |request| {
            let noted = noted.clone();
            async move {
                let body = request.into_body().collect().await.expect("a body").to_bytes();
                noted.lock().unwrap().push(serde_json::from_slice(&body).expect("JSON"));
                Origin::text("noted")
            }
        });
        Self { origin: origin.await, events }
    }

    /// All so far.
    fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    /// Waits for an event that `wanted` says yes to.
    async fn event(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(|| async { self.events().iter().any(&wanted) }).await;
        self.events().into_iter().find(&wanted).unwrap()
    }
}

/// Sends what it is told to `told`, one POST for each event, and says something itself.
fn collector(told: &Told, name: &str, more: &str) -> Project {
    let source = format!(
        "export default {{
           async tail(events, env, ctx) {{
             console.log('told of', events.length);
             for (const event of events) {{
               const unredacted = event.event?.request?.getUnredacted();
               const kind = Object.prototype.toString.call(event.event);
               ctx.waitUntil(fetch('{}', {{ method: 'POST', body: JSON.stringify({{ by: '{name}', kind, event, unredacted }}) }}));
             }}
           }},
         }};",
        told.origin.url("/")
    );
    Project::named(name, more, &source)
}

const PRODUCER: &str = "
    import { WorkerEntrypoint } from 'cloudflare:workers';
    export class Api extends WorkerEntrypoint {
      fail(what) { console.info('asked for', what); throw new RangeError('no ' + what); }
    }
    export default {
      async fetch(request, env, ctx) {
        const url = new URL(request.url);
        console.log('seen', url.pathname, { deep: [1, 2] });
        ctx.waitUntil((async () => { await scheduler.wait(20); console.warn('later'); })());
        if (url.pathname === '/throw') throw new TypeError('broken');
        if (url.pathname === '/rpc') await ctx.exports.Api.fail('bread').catch(() => {});
        return new Response('fine', { status: url.pathname === '/teapot' ? 418 : 200 });
      },
    };";

const ALLOWED: &str = "[outbound]\nallow_private = true\n";

fn is_for(event: &Value, path: &str) -> bool {
    event["unredacted"]["url"].as_str().is_some_and(|url| url.ends_with(path))
}

#[tokio::test]
async fn a_tail_worker_is_told_of_each_event() {
    let (told, served) = (Told::start().await, Served::configured(ALLOWED).await);
    served.wrangler(collector(&told, "collector", "").path(), &["deploy"]).await.ok();
    let config = "tail_consumers = [{ service = \"collector\" }]";
    let project = Project::named("producer", config, PRODUCER);
    served.wrangler(project.path(), &["deploy"]).await.ok();

    let secret = "0123456789abcdef0123456789abcdef";
    let path = format!("/teapot?id={secret}");
    served.request("POST", "producer", &path).header("x-api-key", "mine").header("x-plain", "shown").body("x").await;
    let teapot = told.event(|event| is_for(event, &path)).await;
    let item = &teapot["event"];
    assert_eq!(teapot["kind"], "[object FetchEventInfo]");
    assert_eq!((&item["scriptName"], &item["outcome"]), (&"producer".into(), &"ok".into()));
    assert_eq!(item["event"]["response"], json!({ "status": 418 }));
    let request = &item["event"]["request"];
    assert_eq!(request["method"], "POST");
    assert!(request["url"].as_str().unwrap().ends_with("/teapot?id=REDACTED"), "{request}");
    assert_eq!(
        (&request["headers"]["x-api-key"], &request["headers"]["x-plain"]),
        (&"REDACTED".into(), &"shown".into())
    );
    assert_eq!(teapot["unredacted"]["headers"]["x-api-key"], "mine");
    assert!(request["cf"]["colo"].is_string());
    assert_eq!(item["logs"][0]["message"], json!(["seen", "/teapot", { "deep": [1, 2] }]));
    assert_eq!((&item["logs"][1]["message"], &item["logs"][1]["level"]), (&json!(["later"]), &"warn".into()));
    assert!(item["eventTimestamp"].as_u64().unwrap() > 1_700_000_000_000);
    assert!(item["scriptVersion"]["id"].is_string() && item["wallTime"].is_u64() && item["cpuTime"].is_u64());
    assert_eq!((&item["diagnosticsChannelEvents"], &item["truncated"]), (&json!([]), &false.into()));

    served.text("producer", "/throw").await;
    let thrown = told.event(|event| is_for(event, "/throw")).await;
    assert_eq!(thrown["event"]["outcome"], "exception");
    let exception = &thrown["event"]["exceptions"][0];
    assert_eq!((&exception["name"], &exception["message"]), (&"TypeError".into(), &"broken".into()));

    served.text("producer", "/rpc").await;
    let call = told.event(|event| event["kind"] == "[object JsRpcEventInfo]").await;
    let item = &call["event"];
    assert_eq!((&item["event"]["rpcMethod"], &item["entrypoint"]), (&"fail".into(), &"Api".into()));
    assert_eq!((&item["outcome"], &item["exceptions"][0]["message"]), (&"exception".into(), &"no bread".into()));
    assert_eq!(item["logs"][0]["message"], json!(["asked for", "bread"]));

    // Without consumers nobody is told: the next deployment takes them away.
    project.write("wrangler.toml", config_of("producer", "tail_consumers = []"));
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let before = told.events().len();
    served.text("producer", "/untold").await;
    project.write("wrangler.toml", config_of("producer", config));
    served.wrangler(project.path(), &["deploy"]).await.ok();
    served.text("producer", "/told-again").await;
    told.event(|event| is_for(event, "/told-again")).await;
    assert!(!told.events()[before..].iter().any(|event| is_for(event, "/untold")));
}

fn config_of(name: &str, more: &str) -> String {
    format!("name = \"{name}\"\nmain = \"index.js\"\ncompatibility_date = \"2026-01-01\"\n{more}\n")
}

#[tokio::test]
async fn who_may_be_a_tail_consumer() {
    let (told, served) = (Told::start().await, Served::configured(ALLOWED).await);
    served.wrangler(collector(&told, "collector", "").path(), &["deploy"]).await.ok();
    let plain = "export default { fetch() { return new Response('x'); } };";
    served.wrangler(Project::named("plain", "", plain).path(), &["deploy"]).await.ok();
    for (consumer, why) in [
        ("nobody", "Tail Worker does not exist on this account. Check the Worker name and try again. [code: 10203]"),
        ("plain", "it has no tail() handler"),
        ("producer", "can't be a tail consumer of its own events"),
    ] {
        let config = format!("tail_consumers = [{{ service = \"{consumer}\" }}]");
        let refused =
            served.wrangler(Project::named("producer", &config, PRODUCER).path(), &["deploy"]).await.refused().text();
        assert!(refused.contains(why), "{refused}");
    }
    let config = "tail_consumers = [{ service = \"collector\" }]";
    served.wrangler(Project::named("producer", config, PRODUCER).path(), &["deploy"]).await.ok();
    // One that consumes already is found out at its next deployment too.
    let config = "tail_consumers = [{ service = \"plain\" }]";
    served.wrangler(Project::named("producer", config, PRODUCER).path(), &["deploy"]).await.refused();
    let (status, body) = served
        .ask("PATCH", "/workers/scripts/producer/script-settings", r#"{"tail_consumers":[{"service":"nobody"}]}"#)
        .await;
    assert_eq!((status, &body["errors"][0]["code"]), (400, &10203.into()), "{body}");
    let (_, body) = served.ask("GET", "/workers/scripts/producer/script-settings", "").await;
    assert_eq!(body["result"]["tail_consumers"], json!([{ "service": "collector" }]));
    // A Worker that others' events are told to is not deleted by accident.
    let (status, body) = served.ask("DELETE", "/workers/scripts/collector", "").await;
    assert_eq!((status, &body["errors"][0]["code"]), (400, &10064.into()), "{body}");
    let (status, _) = served.ask("DELETE", "/workers/scripts/collector?force=true", "").await;
    assert_eq!(status, 200);
    assert_eq!(served.text("producer", "/still").await, "fine");
}

#[tokio::test]
async fn tail_workers_fail_and_are_tailed_without_end_or_harm() {
    let (told, mut served) = (Told::start().await, Served::configured(ALLOWED).await);
    // Each is told of the other's events, and of the producer's.
    served.wrangler(collector(&told, "one", "").path(), &["deploy"]).await.ok();
    served.wrangler(collector(&told, "two", "tail_consumers = [{ service = \"one\" }]").path(), &["deploy"]).await.ok();
    served.wrangler(collector(&told, "one", "tail_consumers = [{ service = \"two\" }]").path(), &["deploy"]).await.ok();
    let failing = "let told = 0;
        export default { tail() { told++; throw new Error('the tail Worker broke'); }, fetch() { return new Response(`${told}`); } };";
    served
        .wrangler(Project::named("failing", "tail_consumers = [{ service = \"two\" }]", failing).path(), &["deploy"])
        .await
        .ok();
    let config = "tail_consumers = [{ service = \"one\" }, { service = \"failing\" }]";
    served.wrangler(Project::named("producer", config, PRODUCER).path(), &["deploy"]).await.ok();

    assert_eq!(served.text("producer", "/once").await, "fine");
    let of = |by: &'static str, of: &'static str| {
        move |event: &Value| event["by"] == by && event["event"]["scriptName"] == of
    };
    told.event(of("one", "producer")).await;
    let tailed = told.event(of("two", "one")).await;
    assert_eq!(tailed["kind"], "[object TailEventInfo]");
    assert_eq!(tailed["event"]["event"]["consumedEvents"], json!([{ "scriptName": "producer" }]));
    assert_eq!(tailed["event"]["logs"][0]["message"], json!(["told of", 1]));
    let failed = told.event(of("two", "failing")).await;
    assert_eq!(
        (&failed["event"]["outcome"], &failed["event"]["exceptions"][0]["message"]),
        (&"exception".into(), &"the tail Worker broke".into())
    );
    // Two's own event about the failing one's is told to one, who was told of nothing that led to it. There it ends.
    told.event(of("one", "two")).await;
    assert_eq!(served.text("producer", "/twice").await, "fine");
    eventually(|| async { told.events().iter().filter(|event| of("one", "producer")(event)).count() == 2 }).await;
    served.assert_alive();
    eventually(|| async { told.events().len() == 8 }).await;
}

#[tokio::test]
async fn events_of_durable_objects_are_told_too() {
    let (told, served) = (Told::start().await, Served::configured(ALLOWED).await);
    served.wrangler(collector(&told, "collector", "").path(), &["deploy"]).await.ok();
    let source = "
        import { DurableObject } from 'cloudflare:workers';
        export class Clock extends DurableObject {
          async fetch() { console.log('asked'); return new Response('tick', { status: 202 }); }
          async set() { await this.ctx.storage.setAlarm(Date.now()); }
          alarm() { console.warn('rang'); throw new Error('too early'); }
        }
        export default { async fetch(request, env) {
          const clock = env.CLOCKS.getByName('one');
          await clock.set();
          return clock.fetch('http://clock/time');
        } };";
    let config = "tail_consumers = [{ service = \"collector\" }]\n[[durable_objects.bindings]]\nname = \"CLOCKS\"\nclass_name = \"Clock\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Clock\"]";
    served.wrangler(Project::named("clock", config, source).path(), &["deploy"]).await.ok();
    assert_eq!(served.text("clock", "/").await, "tick");
    for (kind, message, outcome) in
        [("[object FetchEventInfo]", json!(["asked"]), "ok"), ("[object AlarmEventInfo]", json!(["rang"]), "exception")]
    {
        let is_it = |event: &Value| event["kind"] == kind && event["event"]["executionModel"] == "durableObject";
        let event = told.event(is_it).await;
        let item = &event["event"];
        assert_eq!((&item["entrypoint"], &item["outcome"]), (&"Clock".into(), &outcome.into()), "{item}");
        assert_eq!(item["logs"][0]["message"], message);
    }
    let alarm = told.event(|event| event["kind"] == "[object AlarmEventInfo]").await;
    assert!(alarm["event"]["event"]["scheduledTime"].as_str().unwrap().ends_with('Z'));
    assert_eq!(alarm["event"]["exceptions"][0]["message"], "too early");
    let call = told.event(|event| event["event"]["event"]["rpcMethod"] == "set").await;
    assert_eq!((&call["event"]["executionModel"], &call["event"]["outcome"]), (&"durableObject".into(), &"ok".into()));
    // The request from outside is an event of its own.
    told.event(|event| {
        event["event"]["executionModel"] == "stateless" && event["event"]["event"]["response"]["status"] == 202
    })
    .await;
}
