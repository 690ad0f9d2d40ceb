//! Queues in `skerry dev`: what a Worker sends is delivered, and what it says of each message holds.

use harness::{Dev, Project, eventually};
use serde_json::{Value, json};

/// Each thing that is tried with a producer, as workerd 2026-04-26 answers it.
const PRODUCER: &str = r#"
    const told = async (run) => {
      try {
        const { metadata, ...more } = await run();
        return metadata === undefined ? Object.keys(more) : Object.keys(metadata.metrics).join();
      } catch (error) {
        return `${error.name}: ${error.message}`;
      }
    };
    export default { async fetch(request, { Q }) {
      const circle = {};
      circle.circle = circle;
      const { send } = Q;
      let illegal;
      try { send("x"); } catch (error) { illegal = error.name; }
      return Response.json({
        shape: [String(Q), Q.constructor.name, Q.send.length, Q.sendBatch.length, illegal],
        plain: await told(() => Q.send("x")),
        upper: await told(() => Q.send("x", { contentType: "TEXT" })),
        nothing: await told(() => Q.send()),
        undefined: await told(() => Q.send(undefined)),
        text: await told(() => Q.send(5, { contentType: "text" })),
        bytes: await told(() => Q.send(new ArrayBuffer(3), { contentType: "bytes" })),
        type: await told(() => Q.send("x", { contentType: "xml" })),
        circle: (await told(() => Q.send(circle))).split("\n")[0],
        bigint: await told(() => Q.send(5n)),
        uncloneable: await told(() => Q.send(() => 1, { contentType: "v8" })),
        options: await told(() => Q.send("x", 5)),
        huge: await told(() => Q.send("x", { delaySeconds: 2 ** 33 })),
        none: await told(() => Q.sendBatch([])),
        sequence: await told(() => Q.sendBatch("abc")),
        set: await told(() => Q.sendBatch(new Set([{ body: 1 }]))),
        bodiless: await told(() => Q.sendBatch([{}])),
        metrics: await told(() => Q.metrics()),
        late: await told(() => Q.send("x", { delaySeconds: 86401 })),
        large: await told(() => Q.send("x".repeat(128_001), { contentType: "text" })),
        many: await told(() => Q.sendBatch(Array(101).fill({ body: 1 }))),
      });
    } };
"#;

#[tokio::test]
async fn a_producer_is_as_the_platforms() {
    let expected = json!({
        "shape": ["[object WorkerQueue]", "WorkerQueue", 0, 0, "TypeError"],
        "plain": "backlogCount,backlogBytes,oldestMessageTimestamp",
        "upper": "backlogCount,backlogBytes,oldestMessageTimestamp",
        "nothing": "TypeError: Failed to execute 'send' on 'WorkerQueue': parameter 1 is not of type 'JsValue'.",
        "undefined": "TypeError: Message body cannot be undefined",
        "text": "TypeError: Content Type \"text\" requires a value of type string, but received: number",
        "bytes": "TypeError: Content Type \"bytes\" requires a value of type ArrayBufferView, but received: object",
        "type": "TypeError: Unsupported queue message content type: xml",
        "circle": "TypeError: Converting circular structure to JSON",
        "bigint": "TypeError: Do not know how to serialize a BigInt",
        "uncloneable": "DataCloneError: () => 1 could not be cloned.",
        "options": "TypeError: Failed to execute 'send' on 'WorkerQueue': parameter 2 is not of type 'SendOptions'.",
        "huge": "TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
        "none": "TypeError: sendBatch() requires at least one message",
        "sequence": "TypeError: Failed to execute 'sendBatch' on 'WorkerQueue': parameter 1 is not of type 'Sequence'.",
        "set": "backlogCount,backlogBytes,oldestMessageTimestamp",
        "bodiless": "TypeError: Message body cannot be undefined",
        "metrics": ["backlogCount", "backlogBytes", "oldestMessageTimestamp"],
        // What follows is the queue's, not workerd's.
        "late": "Error: message delay of 86401 seconds is out of bounds: it must be from 0 to 86400 (10203)",
        "large": "Error: message length of 128001 bytes exceeds limit of 128000 (10204)",
        "many": "Error: batch message count of 101 is out of bounds: it must be from 1 to 100 (10206)",
    });
    let config =
        |flags: &str| format!("compatibility_flags = {flags}\n[[queues.producers]]\nbinding = \"Q\"\nqueue = \"q\"\n");
    // The flag came after the date of these projects.
    let project = Project::configured(&config("[\"queue_expose_error_codes\"]"), PRODUCER);
    let dev = Dev::start(&project).await;
    let answers = dev.json("/").await;
    for (name, expected) in expected.as_object().unwrap() {
        assert_eq!(answers[name], *expected, "{name}");
    }
    let project = Project::configured(&config("[]"), PRODUCER);
    let dev = Dev::start(&project).await;
    let answers = dev.json("/").await;
    assert_eq!(answers["late"], "Error: Queue send failed: Bad Request");
    assert_eq!(answers["large"], "Error: Queue send failed: Payload Too Large");
    assert_eq!(answers["many"], "Error: Queue sendBatch failed: Payload Too Large");
}

/// Keeps what it is given in KV, and does with it what it says.
const CONSUMER: &str = r#"
    const show = (body) => {
      if (body instanceof ArrayBuffer) return `bytes ${new Uint8Array(body).join()}`;
      if (body instanceof Map) return `map ${[...body]}`;
      return body;
    };
    export default {
      async fetch(request, env) {
        const { pathname } = new URL(request.url);
        if (pathname === "/seen") {
          const { keys } = await env.SEEN.list();
          return Response.json(keys.map(({ metadata }) => metadata));
        }
        if (pathname === "/types") {
          await env.Q.send("text", { contentType: "text" });
          await env.Q.sendBatch([
            { body: { a: [1] } },
            { body: new Uint8Array([1, 2, 255]).subarray(1), contentType: "bytes" },
            { body: new Map([[1, 2]]), contentType: "v8" },
          ]);
          return new Response("sent");
        }
        await env.Q.sendBatch((await request.json()).map((body) => ({ body })));
        return new Response("sent");
      },
      async queue(batch, env, ctx) {
        const { metadata: { metrics } } = batch;
        for (const message of batch.messages) {
          const { id, attempts, timestamp, body } = message;
          await env.SEEN.put(`${timestamp.getTime()}/${id}/${attempts}`, "", {
            metadata: { queue: batch.queue, attempts, body: show(body), known: metrics.backlogCount > 0, after: Date.now() - timestamp, id: id.length },
          });
        }
        for (const message of batch.messages) {
          switch (message.attempts === 1 ? message.body.first : undefined) {
            case "ack": message.ack(); message.retry(); break;
            case "retry": message.retry(); message.ack(); break;
            case "later": message.retry({ delaySeconds: 1 }); break;
            case "retryAll": batch.retryAll(); batch.ackAll(); break;
            case "throw": throw new Error("thrown");
            case "wait": ctx.waitUntil(Promise.reject(new Error("rejected"))); break;
            case "hang": await new Promise(() => {}); break;
          }
          if (message.body.always === "retry" && batch.queue === "q") message.retry();
        }
      },
    };
"#;

fn consumer(size: u32, more: &str) -> Project {
    let config = format!(
        "[[kv_namespaces]]\nbinding = \"SEEN\"\nid = \"seen\"\n[[queues.producers]]\nbinding = \"Q\"\nqueue = \"q\"\n\
         [[queues.consumers]]\nqueue = \"q\"\nmax_batch_size = {size}\nmax_batch_timeout = 0\n{more}"
    );
    Project::configured(&config, CONSUMER)
}

/// What was seen of all messages, in the order in which they were sent.
async fn seen(dev: &Dev, count: usize) -> Vec<Value> {
    eventually(|| async { dev.json("/seen").await.as_array().unwrap().len() >= count }).await;
    let seen = dev.json("/seen").await;
    assert_eq!(seen.as_array().unwrap().len(), count, "{seen}");
    seen.as_array().unwrap().clone()
}

#[tokio::test]
async fn every_type_of_body_arrives_as_it_was_sent() {
    let project = consumer(10, "");
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/types").await, "sent");
    let seen = seen(&dev, 4).await;
    for body in [json!("text"), json!({ "a": [1] }), json!("bytes 2,255"), json!("map 1,2")] {
        let found =
            seen.iter().find(|message| message["body"] == body).unwrap_or_else(|| panic!("no {body}: {seen:?}"));
        assert_eq!((&found["queue"], &found["attempts"], &found["id"]), (&json!("q"), &json!(1), &json!(32)));
    }
}

#[tokio::test]
async fn what_a_consumer_says_of_a_message_holds() {
    for (messages, expected) in [
        // Of one by itself, of all, and where nothing is said.
        (json!([{ "first": "ack" }, { "n": 1 }]), vec![1, 1]),
        (json!([{ "first": "retry" }, { "n": 1 }]), vec![1, 1, 2]),
        (json!([{ "first": "later" }, { "n": 1 }]), vec![1, 1, 2]),
        (json!([{ "first": "ack" }, { "first": "throw" }]), vec![1, 1, 2]),
        (json!([{ "first": "ack" }, { "first": "retryAll" }]), vec![1, 1, 2]),
        (json!([{ "first": "wait" }, { "n": 1 }]), vec![1, 1, 2, 2]),
        (json!([{ "first": "hang" }, { "n": 1 }]), vec![1, 1, 2, 2]),
    ] {
        let project = consumer(2, "");
        let dev = Dev::start(&project).await;
        dev.request("POST", "/send").body(messages.to_string()).await;
        let seen = seen(&dev, expected.len()).await;
        let mut attempts: Vec<u64> = seen.iter().map(|message| message["attempts"].as_u64().unwrap()).collect();
        attempts.sort_unstable();
        assert_eq!(attempts, expected, "{messages}");
        for message in seen.iter().filter(|message| message["body"]["first"] == "later" && message["attempts"] == 2) {
            assert!(message["after"].as_u64().unwrap() >= 1000, "{message}");
        }
        eventually(|| async { dev.output().contains("QUEUE q ") }).await;
    }
}

#[tokio::test]
async fn what_comes_too_often_goes_to_the_dead_letters() {
    let more = "max_retries = 1\ndead_letter_queue = \"dead\"\n[[queues.consumers]]\nqueue = \"dead\"\nmax_batch_timeout = 0\n";
    let project = consumer(1, more);
    let dev = Dev::start(&project).await;
    dev.request("POST", "/send").body(json!([{ "always": "retry" }]).to_string()).await;
    seen(&dev, 2).await;
    // The first delivery of the dead letter has the key of the first of the message.
    eventually(|| async {
        dev.json("/seen").await.as_array().unwrap().iter().any(|message| message["queue"] == "dead")
    })
    .await;
    let seen = dev.json("/seen").await;
    let told: Vec<_> = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (message["queue"].clone(), message["attempts"].clone()))
        .collect();
    assert_eq!(told, [(json!("dead"), json!(1)), (json!("q"), json!(2))]);
}

#[tokio::test]
async fn messages_outlive_a_crash_and_another_project_consumes_them() {
    let state = tempfile::tempdir().expect("a folder");
    let flags = ["--persist-to", state.path().to_str().unwrap()];
    let producer = Project::named(
        "producer",
        "[[queues.producers]]\nbinding = \"Q\"\nqueue = \"q\"\n",
        "export default { async fetch(request, { Q }) { await Q.send({ n: 1 }); return new Response(\"sent\"); } };",
    );
    let mut dev = Dev::with(&flags, &[producer.path()]).await;
    assert_eq!(dev.text("/").await, "sent");
    dev.kill().await;
    let consumer = consumer(1, "");
    let dev = Dev::with(&flags, &[consumer.path()]).await;
    assert_eq!(seen(&dev, 1).await[0]["body"], json!({ "n": 1 }));
}

#[tokio::test]
async fn classic_scripts_and_classes_consume_too() {
    let script = r#"
        addEventListener("fetch", (event) => event.respondWith(SEEN.get("seen").then((seen) => new Response(seen))));
        addEventListener("queue", (event) => {
          const { queue, messages, metadata, type } = event;
          event.waitUntil(SEEN.put("seen", JSON.stringify([type, queue, messages.map(({ body }) => body), Object.keys(metadata)])));
        });
    "#;
    let class = r#"
        import { WorkerEntrypoint } from "cloudflare:workers";
        export default class extends WorkerEntrypoint {
          async fetch() { await this.env.Q.send("hello"); return new Response(await this.env.SEEN.get("seen")); }
          async queue(batch) { await this.env.SEEN.put("seen", batch.messages[0].body); batch.ackAll(); }
        }
    "#;
    let bound = "[[kv_namespaces]]\nbinding = \"SEEN\"\nid = \"NAME\"\n[[queues.producers]]\nbinding = \"Q\"\nqueue = \"NAME\"\n[[queues.consumers]]\nqueue = \"NAME\"\nmax_batch_timeout = 0\n";
    let class = Project::named("class", &bound.replace("NAME", "class"), class);
    let script = Project::named("script", &bound.replace("NAME", "script"), script);
    let sender = Project::named(
        "sender",
        "[[queues.producers]]\nbinding = \"Q\"\nqueue = \"script\"\n",
        "export default { async fetch(request, { Q }) { await Q.send({ a: 1 }); return new Response(\"sent\"); } };",
    );
    let dev = Dev::with(&[], &[class.path(), script.path(), sender.path()]).await;
    let ask =
        async |name: &str| harness::text(dev.get("/").header("host", &format!("{name}.localhost")).send().await).await;
    ask("class").await;
    eventually(|| async { ask("class").await == "hello" }).await;
    assert_eq!(ask("sender").await, "sent");
    eventually(|| async { !ask("script").await.is_empty() }).await;
    assert_eq!(ask("script").await, r#"["queue","script",[{"a":1}],["metrics"]]"#);
}

/// A flag says whether what a handler gave to `waitUntil` counts; another, what a message is by default.
#[tokio::test]
async fn flags_are_followed() {
    let source = r#"
        export default {
          async fetch(request, { Q, SEEN }) {
            if (new URL(request.url).pathname === "/send") await Q.send(new Map([[1, 2]]));
            return new Response(await SEEN.get("seen"));
          },
          async queue(batch, { SEEN }, ctx) {
            const { attempts, body } = batch.messages[0];
            ctx.waitUntil(Promise.reject(new Error("rejected")));
            await SEEN.put("seen", `${attempts} ${body instanceof Map}`);
          },
        };
    "#;
    for (flags, expected) in
        [("[\"no_queues_json_messages\", \"queue_consumer_no_wait_for_wait_until\"]", "1 true"), ("[]", "2 false")]
    {
        let config = format!(
            "compatibility_flags = {flags}\n[[kv_namespaces]]\nbinding = \"SEEN\"\nid = \"s\"\n[[queues.producers]]\nbinding = \"Q\"\nqueue = \"q\"\n\
             [[queues.consumers]]\nqueue = \"q\"\nmax_batch_timeout = 0\nmax_retries = 1\n"
        );
        let project = Project::configured(&config, source);
        let dev = Dev::start(&project).await;
        dev.text("/send").await;
        eventually(|| async { dev.text("/").await == expected }).await;
    }
}

/// examples/job-queue, as its README says.
#[tokio::test]
async fn the_example_does_its_jobs() {
    let project = Project::copy_of("examples/job-queue");
    let dev = Dev::start(&project).await;
    let post = async |text: &str| {
        let answer = dev.request("POST", "/jobs").body(text.to_owned()).await;
        assert_eq!(answer.status(), 202);
        harness::text(answer).await.trim().to_owned()
    };
    let (fine, empty) = (post("hello").await, post("").await);
    let sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n";
    eventually(|| async { dev.text(&fine).await == sum }).await;
    eventually(|| async { dev.text(&empty).await == "failed\n" }).await;
}
