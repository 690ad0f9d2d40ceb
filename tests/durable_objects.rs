//! Durable Objects: one instance for each id, storage that lasts, alarms, and what happens when things break.

use std::time::{Duration, Instant};

use harness::{Dev, Project};
use serde_json::json;

const CONFIG: &str = r#"
[[durable_objects.bindings]]
name = "OBJECTS"
class_name = "Thing"
[[durable_objects.bindings]]
name = "PLAIN"
class_name = "Plain"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Thing"]
new_classes = ["Plain"]
"#;

/// `/method/argument/…?name=…` calls a method of the object of this name.
const WORKER: &str = r#"
    import { DurableObject } from "cloudflare:workers";

    export class Thing extends DurableObject {
      constructor(ctx, env) {
        super(ctx, env);
        ctx.blockConcurrencyWhile(async () => {
          await scheduler.wait(20);
          this.prepared = true;
        });
        this.born = crypto.randomUUID;
      }
      isPrepared() { return this.prepared === true; }
      async add(by) {
        const value = ((await this.ctx.storage.get("value")) ?? 0) + by;
        await this.ctx.storage.put("value", value);
        return value;
      }
      async value() { return (await this.ctx.storage.get("value")) ?? 0; }
      async slowly() {
        // Between these two nobody else's event is delivered: storage is awaited, nothing else.
        const before = (await this.ctx.storage.get("slow")) ?? 0;
        const again = (await this.ctx.storage.get("slow")) ?? 0;
        await this.ctx.storage.put("slow", again + 1);
        return before + 1;
      }
      echo(value) { return value; }
      kinds() { return { map: new Map([[1, new Set(["x"])]]), date: new Date(5), bytes: new Uint8Array([1, 2]), error: new RangeError("far") }; }
      fails(kind) { throw kind === "range" ? new RangeError("too far") : new TypeError("of no kind"); }
      uncloneable() { return new WeakMap(); }
      abort() { this.ctx.abort("stopped by hand"); }
      jurisdiction() { return this.ctx.id.jurisdiction; }
      memory() { this.kept = (this.kept ?? 0) + 1; return this.kept; }
      loop() { for (;;); }
      endlessQuery() { return this.ctx.storage.sql.exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n").one(); }
      async list(options) { return [...(await this.ctx.storage.list(options))]; }
      async fill(count) { for (let i = 0; i < count; i++) this.ctx.storage.put(`key${String(i).padStart(4, "0")}`, i); }
      async undone() {
        await this.ctx.storage.put("a", 1);
        try {
          await this.ctx.storage.transaction(async (txn) => {
            await txn.put("a", 2);
            await scheduler.wait(5);
            throw new Error("undo");
          });
        } catch {}
        await this.ctx.storage.transaction(async (txn) => { await txn.put("a", 3); txn.rollback(); });
        try { this.ctx.storage.transactionSync(() => { this.ctx.storage.kv.put("a", 4); throw new Error("undo"); }); } catch {}
        this.ctx.storage.transactionSync(() => this.ctx.storage.kv.put("b", 5));
        return [await this.ctx.storage.get("a"), this.ctx.storage.kv.get("b")];
      }
      sql() {
        const { sql } = this.ctx.storage;
        sql.exec("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT, data BLOB)");
        const made = sql.exec("INSERT INTO note (text, data) VALUES (?, ?)", "hello", new Uint8Array([7]));
        const cursor = sql.exec("SELECT id, text, data FROM note WHERE id = ?", 1);
        const { columnNames } = cursor;
        const row = cursor.one();
        return { written: made.rowsWritten, columnNames, id: row.id, text: row.text, data: [...new Uint8Array(row.data)], raw: [...sql.exec("SELECT count(*) FROM note").raw()] };
      }
      sqlError(text) { try { this.ctx.storage.sql.exec(text); return "none"; } catch (error) { return error.message; } }
      async alarmIn(ms) { await this.ctx.storage.setAlarm(Date.now() + ms); return (await this.ctx.storage.getAlarm()) - Date.now(); }
      async alarm({ retryCount }) {
        const rung = this.ctx.storage.kv.get("rung") ?? [];
        this.ctx.storage.kv.put("rung", [...rung, retryCount]);
        if (this.ctx.storage.kv.get("fail")) { this.ctx.storage.kv.delete("fail"); throw new Error("an alarm that fails"); }
      }
      failNext() { this.ctx.storage.kv.put("fail", true); }
      rung() { return this.ctx.storage.kv.get("rung") ?? []; }
      later() { setTimeout(() => this.ctx.storage.put("later", true), 30); return "now"; }
      async wasLater() { return await this.ctx.storage.get("later"); }
      // One request waits for what another one brings.
      wait() { return new Promise((resolve) => { this.release = resolve; }); }
      bring(what) { this.release(what); return "brought"; }
      async fetch(request) {
        return new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`, { status: 201, headers: { "x-object": this.ctx.id.name } });
      }
    }

    export class Plain {
      constructor(state, env) { this.state = state; }
      async fetch() {
        const count = ((await this.state.storage.get("count")) ?? 0) + 1;
        this.state.storage.put("count", count);
        let sql = "sql";
        try { this.state.storage.sql; } catch (error) { sql = error.message; }
        return Response.json({ count, sql });
      }
    }

    export default {
      async fetch(request, env) {
        const { pathname, searchParams } = new URL(request.url);
        const [, method, ...args] = pathname.split("/").map(decodeURIComponent);
        const id = env.OBJECTS.idFromName(searchParams.get("name") ?? "one");
        const stub = env.OBJECTS.get(id);
        try {
          switch (method) {
            case "fetch": return await stub.fetch("https://object/some/path", { method: "POST", body: request.body });
            case "plain": return await env.PLAIN.getByName("p").fetch(request);
            case "ids": {
              const unique = env.OBJECTS.newUniqueId();
              const foreign = [];
              for (const text of ["zz", env.PLAIN.newUniqueId().toString()]) {
                try { env.OBJECTS.idFromString(text); } catch (error) { foreign.push(`${error.name}: ${error.message}`); }
              }
              return Response.json({
                same: id.equals(env.OBJECTS.idFromName("one")), name: id.name, length: id.toString().length, other: id.equals(unique),
                read: env.OBJECTS.idFromString(unique.toString()).equals(unique), noName: unique.name === undefined, stub: stub.id.equals(id) && stub.name,
                foreign,
              });
            }
            case "jurisdictions": {
              const eu = env.OBJECTS.jurisdiction("eu");
              const told = [];
              for (const wrong of [
                () => eu.get(id), () => eu.idFromString(id.toString()), () => eu.idFromString(env.OBJECTS.jurisdiction("us").newUniqueId().toString()),
                () => eu.newUniqueId({ jurisdiction: "us" }), () => env.OBJECTS.jurisdiction("mars"), () => env.OBJECTS.newUniqueId({ jurisdiction: "mars" }),
              ]) {
                try { wrong(); told.push("none"); } catch (error) { told.push(`${error.name}: ${error.message}`); }
              }
              const one = eu.idFromName("one");
              return Response.json({
                other: one.equals(id), own: one.jurisdiction, none: id.jurisdiction === undefined, unique: env.OBJECTS.newUniqueId({ jurisdiction: "fedramp" }).jurisdiction,
                read: env.OBJECTS.idFromString(one.toString()).jurisdiction, inside: await env.OBJECTS.get(one).jurisdiction(), outside: (await stub.jurisdiction()) ?? null,
                whole: eu.jurisdiction(undefined).idFromName("one").equals(id), value: [await eu.getByName("one").add(5), await stub.value()], told,
              });
            }
            case "kinds": {
              const { map, date, bytes, error } = await stub.kinds();
              return Response.json([map.get(1).has("x"), date.getTime(), [...bytes], error instanceof RangeError, error.message]);
            }
            case "hundred": {
              const values = await Promise.all(Array.from({ length: 100 }, () => stub.add(1)));
              return Response.json(new Set(values).size);
            }
            default: return Response.json((await stub[method](...args.map((arg) => JSON.parse(arg)))) ?? null);
          }
        } catch (error) {
          return new Response(`${error.name}: ${error.message}`, { status: 500 });
        }
      },
    };
"#;

#[tokio::test]
async fn objects_answer_and_remember() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/isPrepared").await, "true");
    assert_eq!(dev.text("/add/2").await, "2");
    assert_eq!(dev.text("/add/3").await, "5");
    assert_eq!(dev.text("/value?name=other").await, "0");
    assert_eq!(dev.text("/hundred?name=busy").await, "100");
    assert_eq!(dev.text("/slowly").await, "1");

    let answer = dev.request("POST", "/fetch").body("hello").await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["x-object"], "one");
    assert_eq!(harness::text(answer).await, "POST /some/path hello");
    for count in 1..3 {
        let plain = dev.json("/plain").await;
        assert_eq!(plain["count"], count);
        assert!(plain["sql"].as_str().unwrap().starts_with("SQL is not enabled for this Durable Object class."));
    }

    let ids = dev.json("/ids").await;
    let expected = json!({
        "same": true, "name": "one", "length": 64, "other": false, "read": true, "noName": true, "stub": "one",
        "foreign": [
            "TypeError: Invalid Durable Object ID: must be 64 hex digits",
            "TypeError: Durable Object ID is not valid for this namespace.",
        ],
    });
    assert_eq!(ids, expected);

    assert_eq!(dev.text("/undone").await, "[1,5]");
    dev.text("/fill/30?name=full").await;
    let listed = dev.json(r#"/list/%7B%22prefix%22:%22key002%22,%22reverse%22:true,%22limit%22:2%7D?name=full"#).await;
    assert_eq!(listed, json!([["key0029", 29], ["key0028", 28]]));
    let sql = dev.json("/sql").await;
    let expected = json!({ "written": 1, "columnNames": ["id", "text", "data"], "id": 1, "text": "hello", "data": [7], "raw": [[1]] });
    assert_eq!(sql, expected);
    let refused = dev.text("/sqlError/%22SELECT * FROM _cf_KV%22".replace(' ', "%20").as_str()).await;
    assert!(refused.contains("prohibited") || refused.contains("not authorized"), "{refused}");
}

#[tokio::test]
async fn a_jurisdiction_is_part_of_an_id() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    let other = |method: &str| {
        format!("TypeError: {method} called on jurisdictional subnamespace with an ID from a different jurisdiction")
    };
    let unknown = "TypeError: Invalid jurisdiction: \"mars\". It is one of eu, us, fedramp, fedramp-high.";
    let expected = json!({
        "other": false, "own": "eu", "none": true, "unique": "fedramp", "read": "eu", "inside": "eu", "outside": null, "whole": true, "value": [5, 0],
        "told": [other("get"), other("idFromString"), other("idFromString"), other("newUniqueId"), unknown, unknown],
    });
    assert_eq!(dev.json("/jurisdictions").await, expected);
}

#[tokio::test]
async fn values_and_errors_cross_by_structured_clone() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/kinds").await, r#"[true,5,[1,2],true,"far"]"#);
    assert_eq!(dev.text(r#"/echo/%7B%22a%22:[1,null]%7D"#).await, r#"{"a":[1,null]}"#);
    assert_eq!(dev.text("/fails/%22range%22").await, "RangeError: too far");
    assert_eq!(dev.text("/fails/%22type%22").await, "TypeError: of no kind");
    assert!(dev.text("/uncloneable").await.starts_with("DataCloneError: "));
    assert_eq!(dev.text("/nothing").await, "TypeError: The RPC receiver does not implement the method \"nothing\".");
    assert_eq!(dev.text("/alarm").await, "TypeError: 'alarm' is a reserved method and cannot be called over RPC.");
}

#[tokio::test]
async fn an_objects_events_share_what_they_began() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    let waiting = tokio::spawn(dev.get("/wait").send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(dev.text("/bring/%22news%22").await, "\"brought\"");
    assert_eq!(harness::text(waiting.await.unwrap()).await, "\"news\"");
    assert_eq!(dev.text("/later").await, "\"now\"");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(dev.text("/wasLater").await, "true");
}

#[tokio::test]
async fn a_reset_loses_memory_and_keeps_storage() {
    let project = Project::configured(&format!("{CONFIG}\n[limits]\ncpu_ms = 50"), WORKER);
    let mut dev = Dev::flags(&project, &["--enforce-limits"]).await;
    assert_eq!(dev.text("/add/7").await, "7");
    for (attack, told) in [
        ("/abort", "Error: stopped by hand"),
        ("/loop", "Error: Durable Object exceeded its CPU time limit and was reset."),
        ("/endlessQuery", "Error: Durable Object exceeded its CPU time limit and was reset."),
    ] {
        assert_eq!(dev.text("/memory").await, "1", "before {attack}");
        assert_eq!(dev.text("/memory").await, "2", "before {attack}");
        assert_eq!(dev.text(attack).await, told);
        assert_eq!(dev.text("/memory").await, "1", "after {attack}");
        assert_eq!(dev.text("/value").await, "7", "after {attack}");
        dev.text("/abort").await;
        dev.assert_alive();
    }
}

#[tokio::test]
async fn alarms_ring_again_after_failures_and_restarts() {
    let project = Project::configured(CONFIG, WORKER);
    let mut dev = Dev::start(&project).await;
    let ahead: i64 = dev.text("/alarmIn/100").await.parse().unwrap();
    assert!((50..=100).contains(&ahead), "{ahead}");
    rung(&dev, "one", "[0]").await;
    // It fails once: retried after two seconds.
    dev.text("/failNext").await;
    dev.text("/alarmIn/0").await;
    rung(&dev, "one", "[0,0,1]").await;

    // One that comes due while nothing runs.
    dev.text("/alarmIn/300?name=sleeper").await;
    dev.kill().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let dev = Dev::start(&project).await;
    rung(&dev, "sleeper", "[0]").await;
    assert_eq!(dev.text("/rung").await, "[0,0,1]");
}

async fn rung(dev: &Dev, name: &str, expected: &str) {
    let start = Instant::now();
    loop {
        let rung = dev.text(&format!("/rung?name={name}")).await;
        if rung == expected {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "the alarm of {name} rang {rung}, not {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_save_gives_objects_new_code() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/add/7").await, "7");
    assert_eq!(dev.text("/memory").await, "1");
    project.write("index.js", WORKER.replace("value() { return", "value() { return 1000 +"));
    let start = Instant::now();
    while dev.text("/value").await != "1007" {
        assert!(start.elapsed() < Duration::from_secs(10), "the object still runs the old code");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(dev.text("/memory").await, "1");
}

/// A binding to a class of another Worker of the same process; without it the error says what to do.
#[tokio::test]
async fn another_workers_class_can_be_bound() {
    let owner = Project::named("owner", CONFIG, WORKER);
    let guest = Project::named(
        "guest",
        "[[durable_objects.bindings]]\nname = \"THINGS\"\nclass_name = \"Thing\"\nscript_name = \"owner\"\n",
        "export default { async fetch(request, env) { try { return new Response(await env.THINGS.getByName('one').add(1)); } catch (e) { return new Response(e.message); } } };",
    );
    let persist = Project::empty();
    let state = persist.path().to_str().unwrap();
    let alone = Dev::with(&["--persist-to", state], &[guest.path()]).await;
    let told = alone.text("/").await;
    assert!(told.contains("owner-Thing") && told.contains("start the Worker"), "{told}");
    drop(alone);
    let both = Dev::with(&["--persist-to", state], &[owner.path(), guest.path()]).await;
    let host = |name: &str| format!("{name}.localhost:{}", both.address().port());
    for (name, path, expected) in [("guest", "/", "1"), ("owner", "/add/1", "2"), ("guest", "/", "3")] {
        let answer = both.get(path).header("host", &host(name)).send().await;
        assert_eq!(harness::text(answer).await, expected, "{name}");
    }
}
