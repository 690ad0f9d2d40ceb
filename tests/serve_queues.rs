//! Queues of a host: the stock wrangler makes and looks after them, Workers and HTTP clients send to them and consume them.

use harness::{Project, Served, eventually};
use serde_json::{Value, json};

/// Sends what it is told to, keeps what it is given in KV, and does with it what it says.
const WORKER: &str = r#"
    export default {
      async fetch(request, env) {
        const { pathname, searchParams } = new URL(request.url);
        if (pathname === "/seen") {
          const seen = [];
          let page = { cursor: undefined, list_complete: false };
          while (!page.list_complete) {
            page = await env.SEEN.list({ cursor: page.cursor });
            seen.push(...page.keys.map(({ metadata }) => metadata));
          }
          return Response.json(seen);
        }
        try {
          const delaySeconds = searchParams.has("delay") ? Number(searchParams.get("delay")) : undefined;
          const told = await env.Q.sendBatch((await request.json()).map((body) => ({ body })), { delaySeconds });
          return Response.json(told.metadata.metrics);
        } catch (error) {
          return Response.json(`${error.name}: ${error.message}`);
        }
      },
      async queue(batch, env) {
        for (const { id, attempts, timestamp, body } of batch.messages) {
          await env.SEEN.put(`${batch.queue}/${id}/${attempts}`, "", {
            metadata: { queue: batch.queue, attempts, body, size: batch.messages.length, after: Date.now() - timestamp, by: env.BY },
          });
        }
        for (const message of batch.messages) {
          if (message.body.wait) await scheduler.wait(message.body.wait);
          if (message.body.ack) message.ack();
          if (message.body.throw && batch.queue === "jobs") throw new Error("thrown");
        }
      },
    };
"#;

const BOTH: &str = "[[queues.producers]]\nbinding = \"Q\"\nqueue = \"jobs\"\n[[queues.consumers]]\nqueue = \"jobs\"\n";

struct Fixture {
    served: Served,
    kv: String,
}

// === impl Fixture ===

impl Fixture {
    async fn new(queues: &[&str]) -> Self {
        let served = Served::start().await;
        let (status, made) = served.ask("POST", "/storage/kv/namespaces", r#"{"title":"seen"}"#).await;
        assert_eq!(status, 200, "{made}");
        for queue in queues {
            let (status, made) = served.ask("POST", "/queues", &json!({ "queue_name": queue }).to_string()).await;
            assert_eq!(status, 200, "{made}");
        }
        Self { kv: made["result"]["id"].as_str().unwrap().to_owned(), served }
    }

    fn project(&self, name: &str, more: &str) -> Project {
        let config = format!("[[kv_namespaces]]\nbinding = \"SEEN\"\nid = \"{}\"\n{more}", self.kv);
        Project::named(name, &config, WORKER)
    }

    async fn deploy(&self, name: &str, more: &str) {
        self.served.wrangler(self.project(name, more).path(), &["deploy"]).await.ok();
    }

    async fn id(&self, queue: &str) -> String {
        let (_, found) = self.served.ask("GET", &format!("/queues?name={queue}"), "").await;
        found["result"][0]["queue_id"].as_str().unwrap_or_else(|| panic!("{found}")).to_owned()
    }

    async fn send(&self, bodies: &Value) -> Value {
        let answer = self.served.request("POST", "worker", "/send").body(bodies.to_string()).await;
        serde_json::from_str(&harness::text(answer).await).unwrap()
    }

    async fn seen(&self) -> Vec<Value> {
        serde_json::from_str(&self.served.text("worker", "/seen").await).unwrap()
    }

    async fn backlog(&self, queue: &str) -> u64 {
        let (_, metrics) = self.served.ask("GET", &format!("/queues/{}/metrics", self.id(queue).await), "").await;
        metrics["result"]["backlog_count"].as_u64().unwrap_or_else(|| panic!("{metrics}"))
    }
}

fn code(answer: &Value) -> u64 {
    answer["errors"][0]["code"].as_u64().unwrap_or_else(|| panic!("no code in {answer}"))
}

#[tokio::test]
async fn wrangler_looks_after_queues() {
    let fixture = Fixture::new(&[]).await;
    let served = &fixture.served;
    let empty = Project::empty();
    let queues = async |args: &[&str]| served.wrangler(empty.path(), &[&["queues"][..], args].concat()).await;
    queues(&["create", "jobs", "--delivery-delay-secs", "30", "--message-retention-period-secs", "600"]).await.ok();
    queues(&["create", "dead"]).await.ok();
    let taken = queues(&["create", "jobs"]).await.refused().text();
    assert!(taken.contains("11009") && taken.contains("already taken"), "{taken}");
    let listed = queues(&["list"]).await.ok().text();
    assert!(listed.contains("jobs") && listed.contains("dead"), "{listed}");
    let settings = async || {
        served.ask("GET", &format!("/queues/{}", fixture.id("jobs").await), "").await.1["result"]["settings"].clone()
    };
    assert_eq!(
        settings().await,
        json!({ "delivery_delay": 30, "delivery_paused": false, "message_retention_period": 600 })
    );
    queues(&["update", "jobs", "--delivery-delay-secs", "0"]).await.ok();
    queues(&["pause-delivery", "jobs"]).await.ok();
    assert_eq!(
        settings().await,
        json!({ "delivery_delay": 0, "delivery_paused": true, "message_retention_period": 600 })
    );
    queues(&["resume-delivery", "jobs"]).await.ok();
    assert_eq!(settings().await["delivery_paused"], false);

    fixture.deploy("worker", "[[queues.producers]]\nbinding = \"Q\"\nqueue = \"jobs\"\n").await;
    let info = queues(&["info", "jobs"]).await.ok().text();
    assert!(info.contains("Number of Producers: 1") && info.contains("worker:worker"), "{info}");
    let add = [
        "consumer",
        "worker",
        "add",
        "jobs",
        "worker",
        "--batch-size",
        "7",
        "--batch-timeout",
        "2",
        "--message-retries",
        "9",
    ];
    queues(&[&add[..], &["--dead-letter-queue", "dead", "--max-concurrency", "3", "--retry-delay-secs", "4"]].concat())
        .await
        .ok();
    let listed = queues(&["consumer", "worker", "list", "jobs", "--json"]).await.ok().stdout;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!((&listed[0]["script"], &listed[0]["dead_letter_queue"]), (&json!("worker"), &json!("dead")));
    let expected =
        json!({ "batch_size": 7, "max_wait_time_ms": 2000, "max_retries": 9, "max_concurrency": 3, "retry_delay": 4 });
    assert_eq!(listed[0]["settings"], expected);
    let again = queues(&["consumer", "http", "add", "jobs"]).await.refused().text();
    assert!(again.contains("11004"), "{again}");
    queues(&["consumer", "worker", "remove", "jobs", "worker"]).await.ok();
    queues(&["consumer", "http", "add", "jobs", "--batch-size", "3", "--visibility-timeout-secs", "60"]).await.ok();
    let listed: Value =
        serde_json::from_str(&queues(&["consumer", "list", "jobs", "--json"]).await.ok().stdout).expect("JSON");
    assert_eq!(
        (&listed[0]["type"], &listed[0]["settings"]["visibility_timeout_ms"]),
        (&json!("http_pull"), &json!(60_000))
    );
    queues(&["consumer", "http", "remove", "jobs"]).await.ok();

    fixture.send(&json!([{ "n": 1 }, { "n": 2 }])).await;
    assert_eq!(fixture.backlog("jobs").await, 2);
    queues(&["purge", "jobs", "--force"]).await.ok();
    assert_eq!(fixture.backlog("jobs").await, 0);
    // What is not there says so.
    let refused = queues(&["subscription", "list", "jobs"]).await.refused().text();
    assert!(refused.contains("7003"), "{refused}");
    queues(&["delete", "jobs"]).await.ok();
    let gone = queues(&["info", "jobs"]).await.refused().text();
    assert!(gone.contains("does not exist"), "{gone}");
    // The Worker still runs, and its queue refuses what is sent to it; a new version can't be bound to it.
    assert_eq!(fixture.send(&json!([{ "n": 1 }])).await, "Error: Queue sendBatch failed: Not Found");
    let project = fixture.project("worker", "[[queues.producers]]\nbinding = \"Q\"\nqueue = \"jobs\"\n");
    let refused = served.wrangler(project.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("does not exist"), "{refused}");
}

#[tokio::test]
async fn messages_are_delivered_in_batches_and_again() {
    let fixture = Fixture::new(&["jobs"]).await;
    let more = format!(
        "{BOTH}max_batch_size = 5\nmax_batch_timeout = 60\nmax_retries = 1\ndead_letter_queue = \"dead\"\n\
         [[queues.consumers]]\nqueue = \"dead\"\nmax_batch_timeout = 0\n"
    );
    // A queue for dead letters that is not there is made, but wrangler wants to find those that are consumed.
    fixture.served.ask("POST", "/queues", r#"{"queue_name":"dead"}"#).await;
    fixture.deploy("worker", &more).await;
    // Full batches wait for nothing.
    let metrics = fixture.send(&(0..10).map(|n| json!({ "n": n })).collect()).await;
    assert_eq!(metrics["backlogCount"], 10);
    eventually(|| async { fixture.seen().await.len() == 10 }).await;
    assert!(fixture.seen().await.iter().all(|seen| seen["size"] == 5 && seen["attempts"] == 1));
    eventually(|| async { fixture.backlog("jobs").await == 0 }).await;

    // One is acknowledged before another throws: the rest comes again, and then to the dead letters.
    let id = fixture.id("jobs").await;
    let (_, consumers) = fixture.served.ask("GET", &format!("/queues/{id}/consumers"), "").await;
    let consumer = consumers["result"][0]["consumer_id"].as_str().expect("an id");
    let settings = json!({ "batch_size": 5, "max_wait_time_ms": 0, "max_retries": 1 });
    let body = json!({ "type": "worker", "script_name": "worker", "dead_letter_queue": "dead", "settings": settings });
    let (status, changed) =
        fixture.served.ask("PUT", &format!("/queues/{id}/consumers/{consumer}"), &body.to_string()).await;
    assert_eq!((status, &changed["result"]["settings"]["max_wait_time_ms"]), (200, &json!(0)), "{changed}");
    fixture.send(&json!([{ "ack": true, "t": 0 }, { "throw": true, "t": 1 }, { "throw": true, "t": 2 }])).await;
    eventually(|| async { fixture.seen().await.iter().filter(|seen| seen["queue"] == "dead").count() == 2 }).await;
    let of = |seen: &[Value], queue: &str, t: u64| {
        let mut attempts: Vec<u64> = seen
            .iter()
            .filter(|seen| seen["queue"] == queue && seen["body"]["t"] == t)
            .map(|seen| seen["attempts"].as_u64().unwrap())
            .collect();
        attempts.sort_unstable();
        attempts
    };
    let seen = fixture.seen().await;
    assert_eq!((of(&seen, "jobs", 0), of(&seen, "jobs", 1), of(&seen, "dead", 1)), (vec![1], vec![1, 2], vec![1]));
    eventually(|| async { fixture.backlog("jobs").await == 0 && fixture.backlog("dead").await == 0 }).await;
}

#[tokio::test]
async fn delays_hold_and_deployments_take_over() {
    let fixture = Fixture::new(&["jobs"]).await;
    fixture.deploy("worker", &format!("{BOTH}max_batch_timeout = 0\n[vars]\nBY = \"one\"\n")).await;
    let late =
        fixture.served.request("POST", "worker", "/send?delay=2").body(json!([{ "late": true }]).to_string()).await;
    assert_eq!(late.status(), 200);
    fixture.send(&json!([{ "late": false }])).await;
    eventually(|| async { fixture.seen().await.len() == 2 }).await;
    let seen = fixture.seen().await;
    let late = seen.iter().find(|seen| seen["body"]["late"] == true).unwrap();
    assert!(late["after"].as_u64().unwrap() >= 2000, "{late}");
    // The next batch meets the version that was deployed last; the consumer is the same.
    fixture.deploy("worker", &format!("{BOTH}max_batch_timeout = 0\n[vars]\nBY = \"two\"\n")).await;
    fixture.send(&json!([{ "n": 3 }])).await;
    eventually(|| async { fixture.seen().await.iter().any(|seen| seen["by"] == "two") }).await;
    // A version that can't consume is refused while its Worker does.
    let project = Project::named("worker", "", "export default { fetch: () => new Response() };");
    let refused = fixture.served.wrangler(project.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("11001"), "{refused}");
    // A Worker that is deleted consumes nothing any more, and the queue may have another consumer.
    fixture.served.wrangler(project.path(), &["delete", "--force"]).await.ok();
    let (_, consumers) =
        fixture.served.ask("GET", &format!("/queues/{}/consumers", fixture.id("jobs").await), "").await;
    assert_eq!(consumers["result"], json!([]));
    fixture.deploy("worker", BOTH).await;
}

/// What was acknowledged to a sender comes, however the server ends, and what was being handled comes again.
#[tokio::test]
async fn acknowledged_messages_survive_sigkill() {
    let mut fixture = Fixture::new(&["jobs"]).await;
    fixture.deploy("worker", &format!("{BOTH}max_batch_timeout = 0\nmax_batch_size = 1\nmax_concurrency = 1\n")).await;
    fixture.send(&json!([{ "n": -1, "wait": 60_000 }])).await;
    eventually(|| async { fixture.seen().await.len() == 1 }).await;
    // The only place is taken by that one.
    for n in 0..50 {
        let metrics = fixture.send(&json!([{ "n": n }])).await;
        assert_eq!(metrics["backlogCount"], n + 2);
    }
    fixture.served.kill().await;
    fixture.served.again().await;
    assert_eq!(fixture.backlog("jobs").await, 51);
    // It is being handled again, and that it was before does not count. The others want another place.
    fixture.deploy("worker", &format!("{BOTH}max_batch_timeout = 0\nmax_batch_size = 10\n")).await;
    eventually(|| async { fixture.seen().await.iter().filter(|seen| seen["body"]["n"] != -1).count() == 50 }).await;
    assert!(fixture.seen().await.iter().all(|seen| seen["attempts"] == 1));
}

#[tokio::test]
async fn a_stop_lets_a_batch_end() {
    let mut fixture = Fixture::new(&["jobs"]).await;
    fixture.deploy("worker", &format!("{BOTH}max_batch_timeout = 0\n")).await;
    fixture.send(&json!([{ "n": 1, "wait": 2000 }])).await;
    eventually(|| async { fixture.seen().await.len() == 1 }).await;
    fixture.served.terminate().await;
    assert!(fixture.served.ended().await.success());
    fixture.served.again().await;
    assert_eq!(fixture.backlog("jobs").await, 0);
    assert_eq!(fixture.seen().await.len(), 1);
}

#[tokio::test]
async fn messages_are_sent_and_pulled_over_http() {
    let fixture = Fixture::new(&["jobs", "dead"]).await;
    let served = &fixture.served;
    let id = fixture.id("jobs").await;
    let ask = async |method: &str, path: &str, body: Value| {
        served.ask(method, &format!("/queues/{id}{path}"), &body.to_string()).await
    };
    let (status, refused) = ask("POST", "/messages/pull", json!({})).await;
    assert_eq!((status, code(&refused)), (400, 100_127));
    let consumer = json!({ "type": "http_pull", "dead_letter_queue": "dead", "settings": { "max_retries": 1 } });
    let (status, made) = ask("POST", "/consumers", consumer).await;
    assert_eq!(status, 200, "{made}");

    let (status, sent) = ask("POST", "/messages", json!({ "body": { "greeting": "hello" } })).await;
    assert_eq!((status, &sent["result"]["metadata"]["metrics"]["backlog_count"]), (200, &json!(1)), "{sent}");
    let batch =
        json!({ "messages": [{ "body": "text", "content_type": "text" }, { "body": 7, "delay_seconds": 3600 }] });
    assert_eq!(ask("POST", "/messages/batch", batch).await.0, 200);
    let (_, pulled) = ask("POST", "/messages/pull", json!({ "batch_size": 10, "visibility_timeout_ms": 60_000 })).await;
    let messages = pulled["result"]["messages"].as_array().expect("messages").clone();
    let told: Vec<_> =
        messages.iter().map(|message| (&message["body"], &message["attempts"], &message["metadata"])).collect();
    let one = json!(1);
    assert_eq!(
        told,
        [
            (&json!("eyJncmVldGluZyI6ImhlbGxvIn0="), &one, &json!({ "CF-Content-Type": "json" })),
            (&json!("text"), &one, &json!({ "CF-Content-Type": "text" })),
        ]
    );
    assert_eq!(ask("POST", "/messages/pull", json!({})).await.1["result"]["messages"], json!([]));
    let ack = json!({
        "acks": [{ "lease_id": messages[0]["lease_id"] }, { "lease_id": "nonsense" }],
        "retries": [{ "lease_id": messages[1]["lease_id"], "delay_seconds": 0 }],
    });
    let (status, settled) = ask("POST", "/messages/ack", ack).await;
    assert_eq!(
        (status, &settled["result"]["ackCount"], &settled["result"]["retryCount"]),
        (200, &json!(1), &json!(1)),
        "{settled}"
    );
    assert_eq!(settled["result"]["warnings"].as_array().unwrap().len(), 1);
    let (_, pulled) = ask("POST", "/messages/pull", json!({})).await;
    assert_eq!(pulled["result"]["messages"][0]["attempts"], 2);
    let again = json!({ "retries": [{ "lease_id": pulled["result"]["messages"][0]["lease_id"] }] });
    ask("POST", "/messages/ack", again).await;
    assert_eq!((fixture.backlog("jobs").await, fixture.backlog("dead").await), (1, 1));

    for (path, body, status, number) in [
        ("/messages", json!({}), 400, 10207),
        ("/messages", json!({ "body": 5, "content_type": "text" }), 400, 10207),
        ("/messages", json!({ "body": 5, "content_type": "v8" }), 400, 10203),
        ("/messages", json!({ "body": 5, "content_type": "xml" }), 400, 10203),
        ("/messages", json!({ "body": 5, "delay_seconds": 86_401 }), 400, 10203),
        ("/messages", json!({ "body": "x".repeat(128_001), "content_type": "text" }), 413, 10204),
        ("/messages/batch", json!({ "messages": [] }), 413, 10206),
        (
            "/messages/batch",
            json!({ "messages": Value::from_iter((0..101).map(|_| json!({ "body": 1 }))) }),
            413,
            10206,
        ),
        ("/messages/batch", json!({ "messages": [{ "body": 1 }], "delay_seconds": -1 }), 400, 10202),
        ("/messages/pull", json!({ "batch_size": 101 }), 400, 10206),
        ("/messages/pull", json!({ "visibility_timeout_ms": 43_200_001 }), 400, 10207),
        (
            "/messages/ack",
            json!({ "acks": Value::from_iter((0..1001).map(|_| json!({ "lease_id": "x" }))) }),
            400,
            10206,
        ),
        ("/purge", json!({}), 400, 100_128),
        ("/consumers", json!({ "type": "http_pull" }), 409, 11004),
    ] {
        let (answered, refused) = ask("POST", path, body).await;
        assert_eq!((answered, code(&refused)), (status, number), "{path}: {refused}");
    }
    for settings in [
        json!({ "batch_size": 101 }),
        json!({ "max_retries": 101 }),
        json!({ "retry_delay": 86_401 }),
        json!({ "max_concurrency": 0 }),
    ] {
        let other = format!("/queues/{}/consumers", fixture.id("dead").await);
        let (status, refused) =
            served.ask("POST", &other, &json!({ "type": "http_pull", "settings": settings }).to_string()).await;
        assert_eq!((status, code(&refused)), (400, 100_127), "{settings}");
    }
    for (name, settings, number) in
        [("", json!({}), 11003), ("a b", json!({}), 11003), ("new", json!({ "message_retention_period": 59 }), 100_128)]
    {
        let body = json!({ "queue_name": name, "settings": settings });
        let (status, refused) = served.ask("POST", "/queues", &body.to_string()).await;
        assert_eq!((status, code(&refused)), (400, number), "{name:?}");
    }

    // Another account's token, and a token that may only read.
    let (account, token) = served.another_account().await;
    let path = format!("/accounts/{account}/queues/{id}/messages");
    let (status, refused) = served.ask_as(&token, "POST", &path, r#"{"body":1}"#).await;
    assert_eq!((status, code(&refused)), (404, 11000));
    let (status, _) = served
        .ask_as(&token, "POST", &format!("/accounts/{}/queues/{id}/messages", served.account), r#"{"body":1}"#)
        .await;
    assert_eq!(status, 403);
}
