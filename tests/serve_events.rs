//! Events beyond requests, and who watches them: cron triggers and `wrangler tail`.

use std::time::Duration;

use harness::{Origin, Project, Served, eventually};

const SPEAKER: &str = "
    export default {
      async fetch(request, env, ctx) {
        const url = new URL(request.url);
        console.log('seen', url.pathname, { deep: [1, 2] });
        ctx.waitUntil((async () => { await scheduler.wait(50); console.warn('later'); })());
        if (url.pathname === '/throw') throw new TypeError('broken');
        return new Response('fine', { status: url.pathname === '/teapot' ? 418 : 200 });
      },
      async scheduled(controller, env) {
        console.log('cron', controller.cron);
        await env.KV?.put('ran', controller.cron);
      },
    };";

#[tokio::test]
async fn tail_shows_each_event_when_it_has_ended() {
    let served = Served::start().await;
    let project = Project::named("speaker", "", SPEAKER);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let tail = served.wrangler_running(project.path(), &["tail", "--format", "json"]);
    // wrangler says nothing in this format until the first event: ask until it has come.
    eventually(|| async {
        served.text("speaker", "/hello").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        tail.output().contains("\"later\"")
    })
    .await;
    served.request("GET", "speaker", "/throw").header("authorization", "Bearer hidden").send().await;
    served.request("POST", "speaker", "/teapot").body("x").await;
    eventually(|| async { tail.output().contains("418") && tail.output().contains("\"broken\"") }).await;

    let events: Vec<serde_json::Value> = values(&tail.output());
    let of = |path: &str| {
        let found = events
            .iter()
            .find(|event| event["event"]["request"]["url"].as_str().is_some_and(|url| url.ends_with(path)));
        found.unwrap_or_else(|| panic!("no event for {path} in {events:#?}"))
    };
    let hello = of("/hello");
    assert_eq!(hello["outcome"], "ok");
    assert_eq!(hello["scriptName"], "speaker");
    assert_eq!(hello["logs"][0]["message"], serde_json::json!(["seen", "/hello", { "deep": [1, 2] }]));
    assert_eq!(hello["logs"][0]["level"], "log");
    assert_eq!((&hello["logs"][1]["message"][0], &hello["logs"][1]["level"]), (&"later".into(), &"warn".into()));
    assert_eq!(hello["event"]["response"]["status"], 200);
    let thrown = of("/throw");
    assert_eq!(thrown["outcome"], "exception");
    assert_eq!(
        (&thrown["exceptions"][0]["name"], &thrown["exceptions"][0]["message"]),
        (&"TypeError".into(), &"broken".into())
    );
    assert_eq!(thrown["event"]["request"]["headers"]["authorization"], "REDACTED");
    let teapot = of("/teapot");
    assert_eq!(
        (&teapot["event"]["request"]["method"], &teapot["event"]["response"]["status"]),
        (&"POST".into(), &418.into())
    );
}

/// The JSON values that a text has one after the other.
fn values(text: &str) -> Vec<serde_json::Value> {
    let start = text.find('{').unwrap_or(text.len());
    serde_json::Deserializer::from_str(&text[start..]).into_iter().map_while(Result::ok).collect()
}

#[tokio::test]
async fn tails_are_filtered_bounded_and_end() {
    let served = Served::start().await;
    let project = Project::named("speaker", "", SPEAKER);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let mut urls = Vec::new();
    for _ in 0..10 {
        let (status, body) =
            served.ask("POST", "/workers/scripts/speaker/tails", r#"{"filters":[{"outcome":["exception"]}]}"#).await;
        assert_eq!(status, 200, "{body}");
        urls.push((
            body["result"]["id"].as_str().unwrap().to_owned(),
            body["result"]["url"].as_str().unwrap().to_owned(),
        ));
    }
    let (status, body) = served.ask("POST", "/workers/scripts/speaker/tails", "").await;
    assert_eq!((status, &body["errors"][0]["code"]), (429, &10057.into()));
    let (status, _) = served.ask("DELETE", &format!("/workers/scripts/speaker/tails/{}", urls[0].0), "").await;
    assert_eq!(status, 200);
    let (status, _) = served.ask("POST", "/workers/scripts/speaker/tails", "").await;
    assert_eq!(status, 200);

    let path = urls[1].1.split_once("/tails/").map(|(_, key)| format!("/tails/{key}")).unwrap();
    let protocol = [("sec-websocket-protocol", "trace-v1")];
    let mut socket = harness::Socket::open(served.api_address(), &path, &protocol).await.unwrap();
    served.text("speaker", "/fine").await;
    served.text("speaker", "/throw").await;
    let event: serde_json::Value = serde_json::from_str(&socket.text().await).unwrap();
    assert_eq!(event["outcome"], "exception");
    // A URL is good for one.
    assert!(harness::Socket::open(served.api_address(), &path, &protocol).await.is_err());
    assert!(harness::Socket::open(served.api_address(), "/tails/0123", &protocol).await.is_err());
}

#[tokio::test]
async fn cron_triggers_are_set_and_checked() {
    let served = Served::start().await;
    let project = Project::named("ticker", "[triggers]\ncrons = [\"* * * * *\", \"0 0 L * *\"]", SPEAKER);
    let deployed = served.wrangler(project.path(), &["deploy"]).await.ok().text();
    assert!(deployed.contains("schedule: * * * * *"), "{deployed}");
    let (_, body) = served.ask("GET", "/workers/scripts/ticker/schedules", "").await;
    let crons: Vec<&str> = body["result"]["schedules"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|schedule| schedule["cron"].as_str())
        .collect();
    assert_eq!(crons, ["* * * * *", "0 0 L * *"]);
    for wrong in ["* * * *", "61 * * * *", "0 0 31 2 *", "x"] {
        let (status, body) =
            served.ask("PUT", "/workers/scripts/ticker/schedules", &format!(r#"[{{"cron":"{wrong}"}}]"#)).await;
        assert_eq!((status, &body["errors"][0]["code"]), (400, &10100.into()), "{wrong}");
    }
    project.write(
        "wrangler.toml",
        "name = \"ticker\"\nmain = \"index.js\"\ncompatibility_date = \"2026-01-01\"\n[triggers]\ncrons = []\n",
    );
    served.wrangler(project.path(), &["triggers", "deploy"]).await.ok();
    let (_, body) = served.ask("GET", "/workers/scripts/ticker/schedules", "").await;
    assert_eq!(body["result"]["schedules"], serde_json::json!([]));
}

#[tokio::test]
async fn a_cron_trigger_runs_its_worker() {
    let served = Served::start().await;
    let source = "let ran; export default { fetch() { return Response.json(ran ?? null); }, scheduled({ cron, scheduledTime }) { ran = { cron, scheduledTime }; } };";
    let project = Project::named("ticker", "[triggers]\ncrons = [\"* * * * *\", \"0 0 29 2 *\"]", source);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let mut ran = serde_json::Value::Null;
    for _ in 0..80 {
        ran = serde_json::from_str(&served.text("ticker", "/").await).unwrap();
        if !ran.is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(ran["cron"], "* * * * *");
    assert_eq!(ran["scheduledTime"].as_i64().unwrap() % 60_000, 0);
}

/// Nobody asks the Worker after the crash: its alarm alone does.
#[tokio::test]
async fn an_alarm_comes_due_after_a_crash() {
    let origin = Origin::start(|_| async { Origin::text("rung") }).await;
    let mut served = Served::configured("[outbound]\nallow_private = true\n").await;
    let source = format!(
        "import {{ DurableObject }} from 'cloudflare:workers';
         export class Clock extends DurableObject {{
           set() {{ return this.ctx.storage.setAlarm(Date.now() + 4000); }}
           async alarm() {{ await fetch('{}'); }}
         }}
         export default {{ async fetch(_, env) {{ await env.CLOCKS.getByName('one').set(); return new Response('set'); }} }};",
        origin.url("/")
    );
    let config = "[[durable_objects.bindings]]\nname = \"CLOCKS\"\nclass_name = \"Clock\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Clock\"]";
    served.wrangler(Project::named("clock", config, &source).path(), &["deploy"]).await.ok();
    assert_eq!(served.text("clock", "/").await, "set");
    served.kill().await;
    assert!(origin.seen().is_empty(), "the alarm rang before the crash");
    served.again().await;
    eventually(|| async { !origin.seen().is_empty() }).await;
}
