//! Durable Objects of one class share isolates: what is an object's own stays so, and what befalls one leaves the others alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::{Dev, Project};

const CONFIG: &str = r#"
[[durable_objects.bindings]]
name = "OBJECTS"
class_name = "Thing"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Thing"]
[limits]
cpu_ms = 100
"#;

/// `/name/method/argument…` calls a method of an object.
const WORKER: &str = r#"
    import { DurableObject, RpcTarget } from "cloudflare:workers";

    let isolate;
    let left;
    let shared;
    let settle;
    const hoard = [];
    const told = async (work) => { try { return await work(); } catch (error) { return `${error.name}: ${error.message}`; } };

    class Teller extends RpcTarget {
      constructor(object) { super(); this.object = object; }
      tell() { this.object.ctx.storage.kv.put("told", true); return this.object.ctx.id.name; }
    }

    export class Thing extends DurableObject {
      isolate() { return isolate ??= crypto.randomUUID(); }
      add() {
        const value = (this.ctx.storage.kv.get("value") ?? 0) + 1;
        this.ctx.storage.kv.put("value", value);
        return value;
      }
      memory() { this.kept = (this.kept ?? 0) + 1; return this.kept; }
      abort() { this.ctx.abort("stopped by hand"); }
      loop() { for (;;); }
      hoard() { for (;;) hoard.push(new Array(10_000).fill(Math.random())); }
      block(ms) { return this.ctx.blockConcurrencyWhile(() => scheduler.wait(ms)).then(() => "unblocked"); }
      async alarmIn(ms) { await this.ctx.storage.setAlarm(Date.now() + ms); }
      alarm() { this.ctx.storage.kv.put("rung", this.ctx.id.toString()); }
      rung() { return this.ctx.storage.kv.get("rung") === this.ctx.id.toString(); }

      leave(readable) { left = { ctx: this.ctx, readable, sql: this.ctx.storage.sql, kv: this.ctx.storage.kv }; }
      take() {
        const { ctx, readable, sql, kv } = left;
        return Promise.all([
          () => ctx.storage.get("value"), () => ctx.storage.put("value", -1), () => ctx.storage.deleteAll(), () => sql.exec("SELECT 1"), () => kv.get("value"),
          () => ctx.storage.transactionSync(() => {}), () => ctx.storage.setAlarm(1), () => ctx.abort("not yours"), () => ctx.getWebSockets(),
          () => ctx.blockConcurrencyWhile(() => {}), () => readable.getReader().read(),
        ].map(told));
      }

      // One object waits for what another one of its isolate brings, and goes on with what is its own.
      async await() { shared ??= new Promise((resolve) => { settle = resolve; }); await shared; return this.add(); }
      settle() { settle?.(); }

      teller() { return new Teller(this); }
      async ask(other) {
        const stub = this.env.OBJECTS.getByName(other);
        const teller = await stub.teller();
        return [await teller.tell(), this.ctx.storage.kv.get("told") ?? null, await stub.wasTold()];
      }
      wasTold() { return this.ctx.storage.kv.get("told") ?? null; }
    }

    export default {
      async fetch(request, env) {
        const [, name, method, ...args] = new URL(request.url).pathname.split("/").map(decodeURIComponent);
        const values = method === "leave" ? [request.body] : args.map((arg) => JSON.parse(arg));
        const result = await told(() => env.OBJECTS.getByName(name)[method](...values));
        return Response.json(result ?? null);
      },
    };
"#;

/// Two objects that share an isolate: there are more objects than processors.
async fn pair(dev: &Dev) -> (String, String) {
    let count = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let mut homes = BTreeMap::<String, Vec<String>>::new();
    for name in (0..count).map(|number| format!("object{number}")) {
        homes.entry(dev.text(&format!("/{name}/isolate")).await).or_default().push(name);
    }
    let shared = homes.into_values().find(|names| names.len() > 1).expect("two of them share an isolate");
    (shared[0].clone(), shared[1].clone())
}

#[tokio::test]
async fn what_is_an_objects_own_is_not_its_neighbours() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    let (one, two) = pair(&dev).await;
    assert_eq!(dev.text(&format!("/{one}/add")).await, "1");
    dev.request("POST", &format!("/{one}/leave")).body("mine").await;
    let answers: Vec<String> = serde_json::from_str(&dev.text(&format!("/{two}/take")).await).unwrap();
    assert_eq!(answers.len(), 11);
    for answer in answers {
        assert!(
            answer.contains(": Cannot perform I/O on behalf of a different Durable Object. I/O objects"),
            "{answer}"
        );
    }
    assert_eq!(dev.text(&format!("/{one}/add")).await, "2");
    // Stubs between the two lead to the right one.
    assert_eq!(dev.text(&format!("/{two}/ask/%22{one}%22")).await, format!(r#"["{one}",null,true]"#));
    // A promise of one's that another settles.
    let waiting = tokio::spawn(dev.get(&format!("/{one}/await")).send());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !waiting.is_finished() {
        assert!(Instant::now() < deadline, "it waits on");
        dev.text(&format!("/{two}/settle")).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(harness::text(waiting.await.unwrap()).await, "3");
    // Alarms ring in their own.
    dev.text(&format!("/{one}/alarmIn/50")).await;
    while dev.text(&format!("/{one}/rung")).await != "true" {
        assert!(Instant::now() < deadline, "no alarm");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(dev.text(&format!("/{two}/rung")).await, "false");
}

#[tokio::test]
async fn what_befalls_one_leaves_the_others_alone() {
    let project = Project::configured(CONFIG, WORKER);
    let mut dev = Dev::flags(&project, &["--enforce-limits"]).await;
    let (one, two) = pair(&dev).await;
    let mut kept = 0;
    for (attack, told) in [
        ("abort", "\"Error: stopped by hand\""),
        ("loop", "\"Error: Durable Object exceeded its CPU time limit and was reset.\""),
    ] {
        kept += 1;
        assert_eq!(dev.text(&format!("/{one}/add")).await, kept.to_string());
        assert_eq!(dev.text(&format!("/{one}/memory")).await, "1");
        assert_eq!(dev.text(&format!("/{two}/memory")).await, kept.to_string(), "before {attack}");
        assert_eq!(dev.text(&format!("/{one}/{attack}")).await, told);
        assert_eq!(dev.text(&format!("/{one}/memory")).await, "1", "after {attack}");
        dev.text(&format!("/{one}/abort")).await;
    }
    // One that blocks its own events blocks nobody else's.
    let blocked = tokio::spawn(dev.get(&format!("/{one}/block/3000")).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    assert_eq!(dev.text(&format!("/{two}/memory")).await, "3");
    assert!(begun.elapsed() < Duration::from_secs(2), "it waited {:?}", begun.elapsed());
    assert_eq!(harness::text(blocked.await.unwrap()).await, "\"unblocked\"");
    // The isolate's memory is everyone's: its end resets them all, and loses nothing that was stored.
    let hoarded = dev.text(&format!("/{one}/hoard")).await;
    assert!(
        hoarded.contains("Durable Object's isolate exceeded its memory limit and was reset.")
            || hoarded.contains("Durable Object exceeded its CPU time limit and was reset."),
        "{hoarded}"
    );
    assert_eq!(dev.text(&format!("/{one}/memory")).await, "1");
    assert_eq!(dev.text(&format!("/{one}/add")).await, "3");
    dev.assert_alive();
}

/// Many objects come and go at once, while others of their isolate are reset again and again: nothing is lost or done twice.
#[tokio::test]
async fn events_find_their_objects_whatever_happens_around_them() {
    const OBJECTS: usize = 20;
    const ROUNDS: usize = 15;
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    let mut tasks = Vec::new();
    for object in 0..OBJECTS {
        let calls: Vec<_> = (0..ROUNDS).map(|_| dev.get(&format!("/o{object}/add"))).collect();
        let aborts: Vec<_> = (0..ROUNDS).map(|_| dev.get(&format!("/victim{}/abort", object % 3))).collect();
        tasks.push(tokio::spawn(async move {
            for (round, (call, abort)) in calls.into_iter().zip(aborts).enumerate() {
                let (value, aborted) = tokio::join!(async { harness::text(call.send().await).await }, async {
                    harness::text(abort.send().await).await
                });
                assert_eq!(value, (round + 1).to_string(), "object {object}");
                assert_eq!(aborted, "\"Error: stopped by hand\"");
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}
