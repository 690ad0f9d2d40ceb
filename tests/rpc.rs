//! RPC between Workers and objects. The cases of `rpc/front.js` ran in workerd 1.20261117.1 as well (compatibility date
//! 2026-11-17): what it said is `rpc/answers.json`, and Skerry says the same but where a test tells otherwise.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::{Dev, Project, text};
use serde_json::{Value, json};

const FRONT: &str = include_str!("rpc/front.js");
const BACK: &str = include_str!("rpc/back.js");
const ANSWERS: &str = include_str!("rpc/answers.json");

const FRONT_CONFIG: &str = r#"
compatibility_flags = ["enhanced_error_serialization"]
[[services]]
binding = "SERVICE"
service = "back"
entrypoint = "Back"
props = { role = "root" }
[[services]]
binding = "DEFAULT"
service = "back"
[[services]]
binding = "PLAIN"
service = "back"
entrypoint = "plain"
[[durable_objects.bindings]]
name = "OBJECTS"
class_name = "Thing"
script_name = "back"
[[durable_objects.bindings]]
name = "NO_EXTENDS"
class_name = "NoExtends"
script_name = "back"
"#;

const BACK_CONFIG: &str = r#"
compatibility_flags = ["enable_request_signal", "enhanced_error_serialization"]
[[services]]
binding = "SELF"
service = "back"
entrypoint = "Back"
[[durable_objects.bindings]]
name = "OBJECTS"
class_name = "Thing"
[[durable_objects.bindings]]
name = "NO_EXTENDS"
class_name = "NoExtends"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Thing", "NoExtends"]
"#;

/// Disposers that workerd drops with the session of a service's last stub; in an object it runs them, and Skerry always does.
const DROPPED: [&str; 4] = ["disposingResults", "disposingPromises", "disposingStubs", "using"];

struct Both {
    _front: Project,
    back: Project,
    dev: Dev,
}

impl Both {
    async fn start() -> Self {
        let (front, back) = (Project::named("front", FRONT_CONFIG, FRONT), Project::named("back", BACK_CONFIG, BACK));
        let dev = Dev::with(&[], &[front.path(), back.path()]).await;
        Self { _front: front, back, dev }
    }

    async fn ask(&self, case: &str, on: &str) -> Value {
        let body = text(self.dev.get(&format!("/{case}?on={on}")).header("host", "front.localhost").send().await).await;
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{case} on {on} is not JSON ({error}):\n{body}"))
    }
}

#[tokio::test]
async fn every_case_is_answered_as_by_workerd() {
    let both = Both::start().await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(ANSWERS).unwrap();
    let mut wrong = Vec::new();
    for (name, answer) in &answers {
        let (on, case) = name.split_once(' ').unwrap();
        let expected = match DROPPED.contains(&case) {
            true => &answers[&format!("object {case}")],
            false => answer,
        };
        let told = both.ask(case, on).await;
        if told != *expected {
            wrong.push(format!("{name}:\n  workerd {expected}\n  here    {told}"));
        }
    }
    assert!(answers.len() > 80, "{} cases", answers.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn rings_end() {
    let both = Both::start().await;
    let told = both.ask("rings", "object").await;
    let told: Vec<_> = told.as_array().unwrap().iter().map(|told| told.as_str().unwrap()).collect();
    for (place, deep) in [false, true, true, false, true, false, true, false, true].into_iter().enumerate() {
        match deep {
            false => assert_eq!(told[place], "end", "{place}: {told:?}"),
            true => assert!(told[place].contains("Subrequest depth limit exceeded"), "{place}: {told:?}"),
        }
    }
    assert_eq!(both.ask("calls", "object").await[0], 3);
}

#[tokio::test]
async fn messages_are_bounded() {
    let both = Both::start().await;
    let many = both.ask("many", "service").await;
    assert_eq!(many.as_array().unwrap()[..3], [json!(100), json!(3000), json!(2999)]);
    assert!(many[3].as_str().unwrap().contains("Too many stubs and streams in one RPC message"), "{many}");
    assert_eq!(both.ask("unanswered", "object").await, 2);
}

/// Stubs of an instance whose code a save has replaced are broken; new calls reach the new code.
#[tokio::test]
async fn a_save_breaks_stubs_of_the_old_code() {
    let front = Project::named(
        "front",
        "[[durable_objects.bindings]]\nname = \"THINGS\"\nclass_name = \"Thing\"\nscript_name = \"back\"\n",
        r#"
        export default {
          async fetch(request, env) {
            const object = env.THINGS.getByName("one");
            if (new URL(request.url).pathname === "/version") return new Response(await object.version());
            const counter = await object.counter();
            const waiting = counter.slow(60_000).then(() => "answered", (error) => [error.message, error.durableObjectReset, error.remote]);
            return Response.json([await waiting, await counter.slow(0).catch((error) => error.message), await object.version()]);
          },
        };
        "#,
    );
    let source = |version: &str| {
        format!(
            r#"
            import {{ DurableObject, RpcTarget }} from "cloudflare:workers";
            class Counter extends RpcTarget {{ async slow(ms) {{ await scheduler.wait(ms); return ms; }} }}
            export class Thing extends DurableObject {{
              version() {{ return "{version}"; }}
              counter() {{ return new Counter(); }}
            }}
            export default {{ fetch: () => new Response() }};
            "#
        )
    };
    let config = "[[durable_objects.bindings]]\nname = \"THINGS\"\nclass_name = \"Thing\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Thing\"]\n";
    let back = Project::named("back", config, &source("old"));
    let dev = Dev::with(&[], &[front.path(), back.path()]).await;
    let at_front = async |path: &str| text(dev.get(path).header("host", "front.localhost").send().await).await;
    assert_eq!(at_front("/version").await, "old");
    let waiting = tokio::spawn(dev.get("/").header("host", "front.localhost").send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    back.write("index.js", source("new"));
    let told: Value = serde_json::from_str(&text(waiting.await.unwrap()).await).unwrap();
    let gone = "The execution context which hosts this callback is no longer running.";
    assert_eq!(told, json!([["Durable Object reset because its code was updated.", true, true], gone, "new"]));
}

/// The events that stubs keep end with whoever holds the stubs: the instance becomes idle, and the isolate forgets them.
#[tokio::test]
async fn nothing_is_left_of_callers_that_have_gone() {
    let both = Both::start().await;
    let front = &both;
    for _ in 0..20 {
        front.ask("unanswered", "service").await;
        front.ask("bindings", "service").await;
    }
    // Another save of the callee ends its instances at once when nothing holds them, after some seconds otherwise.
    both.back.write("index.js", BACK.replace("return a + b;", "return a + b + 1000;"));
    let began = Instant::now();
    while both.ask("calls", "object").await[0] != 1003 {
        assert!(began.elapsed() < harness::PATIENCE, "the objects still run the old code");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Workers and objects that call each other at random, all at once: every answer is the right one, and all disposers run.
#[tokio::test]
async fn many_callers_at_once() {
    const STRESS: &str = r#"
        import { DurableObject, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

        class Cell extends RpcTarget {
          static alive = 0;
          constructor(value) { super(); this.value_ = value; Cell.alive++; }
          get value() { return this.value_; }
          add(by) { this.value_ += by; return this.value_; }
          async with(f) { return await f(this.value_); }
          [Symbol.dispose]() { Cell.alive--; }
        }

        const methods = (Base) => class extends Base {
          cell(value) { return new Cell(value); }
          async sum(values, add) { let sum = 0; for (const value of values) sum = await add(sum, value); return sum; }
          async pass(depth, seed, f) {
            if (depth === 0) return await f(seed);
            const next = seed % 2 === 0 ? this.env.OTHER : this.env.OBJECTS.getByName(`o${seed % 5}`);
            return await next.pass(depth - 1, seed + 1, f);
          }
          async echo(value) { return value; }
          alive() { return Cell.alive; }
        };

        export class Service extends methods(WorkerEntrypoint) {}
        export class Thing extends methods(DurableObject) {
          async counted(f) {
            const count = ((await this.ctx.storage.get("count")) ?? 0) + 1;
            await this.ctx.storage.put("count", count);
            return await f(count);
          }
        }

        const trials = [
          async (to, seed) => {
            using cell = await to.cell(seed);
            const [a, b] = await Promise.all([cell.add(1), cell.add(2)]);
            return a === seed + 1 && b === seed + 3 && (await cell.value) === seed + 3;
          },
          async (to, seed) => {
            using result = to.cell(seed);
            return (await result.add(5)) === seed + 5;
          },
          async (to, seed) => (await to.sum([1, 2, seed], (a, b) => a + b)) === 3 + seed,
          async (to, seed) => (await to.pass(3, seed, (x) => x * 2)) === (seed + 3) * 2,
          async (to, seed) => { using cell = await to.cell(seed); return (await cell.with((value) => value + 1)) === seed + 1; },
          async (to, seed) => {
            const { readable, writable } = new IdentityTransformStream();
            const echoed = to.echo(readable);
            const writer = writable.getWriter();
            const written = (async () => { for (let i = 0; i < 20; i++) await writer.write(new Uint8Array(1000 + seed)); await writer.close(); })();
            using stream = await echoed;
            const length = (await new Response(stream).arrayBuffer()).byteLength;
            await written;
            return length === 20 * (1000 + seed);
          },
          async (to, seed, env) => await env.OBJECTS.getByName(`o${seed % 5}`).counted((count) => count > 0),
        ];

        export default {
          async fetch(request, env) {
            const url = new URL(request.url);
            if (url.pathname === "/alive") {
              const all = [env.OTHER.alive()];
              for (let i = 0; i < 5; i++) all.push(env.OBJECTS.getByName(`o${i}`).alive());
              return Response.json(await Promise.all(all));
            }
            const seed = Number(url.searchParams.get("seed"));
            const to = seed % 3 === 0 ? env.OTHER : env.OBJECTS.getByName(`o${seed % 5}`);
            const done = await Promise.all(trials.map((trial, i) => trial(to, seed + i, env).catch((error) => `${i}: ${error.stack}`)));
            return Response.json(done);
          },
        };
    "#;
    let config = |other: &str, own: bool| {
        let script = if own { "" } else { "script_name = \"a\"\n" };
        format!(
            "[[services]]\nbinding = \"OTHER\"\nservice = \"{other}\"\nentrypoint = \"Service\"\n\
             [[durable_objects.bindings]]\nname = \"OBJECTS\"\nclass_name = \"Thing\"\n{script}\
             {}",
            if own { "[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Thing\"]\n" } else { "" }
        )
    };
    let (a, b) = (Project::named("a", &config("b", true), STRESS), Project::named("b", &config("a", false), STRESS));
    let dev = Dev::with(&[], &[a.path(), b.path()]).await;
    for round in 0..4 {
        let asked = (0..60).map(|seed| {
            let worker = if seed % 2 == 0 { "a.localhost" } else { "b.localhost" };
            let request = dev.get(&format!("/?seed={}", round * 60 + seed)).header("host", worker).send();
            async move { text(request.await).await }
        });
        for told in futures::future::join_all(asked).await {
            assert_eq!(told, "[true,true,true,true,true,true,true]", "in round {round}");
        }
    }
    let began = Instant::now();
    for worker in ["a.localhost", "b.localhost"] {
        loop {
            let alive = text(dev.get("/alive").header("host", worker).send().await).await;
            if alive == "[0,0,0,0,0,0]" {
                break;
            }
            assert!(began.elapsed() < harness::PATIENCE, "targets that nobody holds are not disposed of: {alive}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A Durable Object's call, its answer and its callbacks leave after the writes that they follow, in order.
#[tokio::test]
async fn messages_of_objects_keep_their_order() {
    let project = Project::configured(
        "[[durable_objects.bindings]]\nname = \"THINGS\"\nclass_name = \"Thing\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Thing\"]\n",
        r#"
        import { DurableObject } from "cloudflare:workers";
        export class Thing extends DurableObject {
          async tell(note) {
            const told = [];
            for (let i = 0; i < 50; i++) {
              // Every other one follows a write that is not on disk yet.
              if (i % 2 === 0) this.ctx.storage.put("last", i);
              told.push(note(i));
            }
            await Promise.all(told);
            return await this.ctx.storage.get("last");
          }
        }
        export default {
          async fetch(request, env) {
            const seen = [];
            const last = await env.THINGS.getByName("one").tell((i) => { seen.push(i); });
            return Response.json([last, seen.length, seen.every((value, i) => value === i)]);
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    for _ in 0..5 {
        assert_eq!(dev.json("/").await, json!([48, 50, true]));
    }
}
