//! What a Worker has of itself: `ctx.exports`, and `env`, `exports`, `withEnv` and `tracing` of `cloudflare:workers`. The cases of `own_exports/index.js`
//! ran in workerd 2026-11-17: what it said is `own_exports/answers.json`.

use std::collections::BTreeMap;

use harness::{Dev, Project, text};
use serde_json::{Value, json};

const ANSWERS: &str = include_str!("own_exports/answers.json");

const OBJECTS: &str = "[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Thing\"]\n[vars]\nTEXT = \"t\"\n";

#[tokio::test]
async fn a_worker_finds_itself() {
    let flags = "compatibility_flags = [\"no_nodejs_compat\", \"no_nodejs_compat_v2\"]";
    let config =
        format!("name = \"own\"\nmain = \"index.js\"\ncompatibility_date = \"2026-11-16\"\n{flags}\n{OBJECTS}");
    let project = Project::copy_of("tests/own_exports").file("wrangler.toml", &config);
    let dev = Dev::start(&project).await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(ANSWERS).unwrap();
    let mut wrong = Vec::new();
    for (case, expected) in &answers {
        let ours = dev.text(&format!("/{case}")).await;
        if serde_json::from_str(&ours).ok().as_ref() != Some(expected) {
            wrong.push(format!("{case}\n  ours    {ours}\n  workerd {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn stubs_of_oneself_have_limits() {
    let project = Project::configured(
        "",
        r#"
        import { WorkerEntrypoint, exports } from "cloudflare:workers";
        const later = async (run) => { try { return await run(); } catch (error) { return `${error.name}: ${error.message}`; } };
        export class Named extends WorkerEntrypoint {
          deeper(depth) { return depth === 0 ? 0 : this.ctx.exports.Named.deeper(depth - 1); }
          size() { return this.ctx.props.text.length; }
        }
        const kept = exports;
        export default {
          async fetch(request, env, ctx) {
            const { pathname } = new URL(request.url);
            if (pathname === "/deep") return Response.json(await later(() => exports.Named.deeper(100)));
            if (pathname === "/stub") return Response.json([
              await later(() => exports.Named({ props: { text: "a".repeat(1 << 20) } }).size()), await later(() => exports.Named({ props: { text: "a".repeat(40 << 20) } }).size()),
              await later(() => exports.Named({ props: { stub: exports.Named({}) } })), await later(() => exports.Named({ props: { run() {} } })), kept === exports,
            ]);
            // A Worker that makes very many of them keeps none.
            for (let i = 0; i < 100000; i++) exports.Named({ props: { text: `${i}` } });
            return Response.json(await exports.Named({ props: { text: "last" } }).size());
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let depth = dev.json("/deep").await;
    assert!(depth.as_str().is_some_and(|told| told.contains("Subrequest depth limit exceeded")), "{depth}");
    assert_eq!(
        dev.json("/stub").await,
        json!([
            1 << 20,
            "Error: The props of a stub are limited to 32MiB.",
            "DataCloneError: ctx.props can hold no functions, stubs or streams.",
            "DataCloneError: ctx.props can hold no functions, stubs or streams.",
            true
        ])
    );
    assert_eq!(dev.json("/many").await, 4);
}

#[tokio::test]
async fn a_binding_to_a_workflow_fails_when_it_is_used() {
    let project = Project::configured(
        "[[workflows]]\nbinding = \"FLOW\"\nname = \"flow\"\nclass_name = \"Flow\"\n",
        r#"
        import { WorkflowEntrypoint } from "cloudflare:workers";
        import { EmailMessage } from "cloudflare:email";
        export class Flow extends WorkflowEntrypoint { async run() {} }
        export default {
          async fetch(request, env) {
            const told = await (async () => env.FLOW.create())().catch((error) => error.message);
            const { from, to, raw } = new EmailMessage("a@a", "b@b", "text");
            return Response.json([told, typeof (await env.FLOW), from, to, raw]);
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let why = "The binding \"FLOW\" is of a workflow, and Skerry runs none.";
    assert_eq!(dev.json("/").await, json!([why, "object", "a@a", "b@b", "text"]));
}

#[tokio::test]
async fn an_event_may_end_itself() {
    let project = Project::configured(
        "",
        r#"
        import { WorkerEntrypoint, exports } from "cloudflare:workers";
        export class Named extends WorkerEntrypoint {
          async ends() { await null; this.ctx.abort(new RangeError("enough")); return "not heard"; }
        }
        export default {
          async fetch(request, env, ctx) {
            const { pathname } = new URL(request.url);
            if (pathname === "/call") return new Response(await exports.Named.ends().then((value) => value, (error) => `${error.name}: ${error.message}`));
            if (pathname === "/other") return new Response(await exports.default.fetch("http://x/later").then((response) => response.text(), (error) => `${error.name}: ${error.message}`));
            if (pathname === "/now") { ctx.abort("why"); return new Response("not heard"); }
            setTimeout(() => ctx.abort(), 10);
            await new Promise(() => {});
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/call").await, "RangeError: enough");
    assert_eq!(dev.text("/other").await, "Error: Worker execution was aborted due to call to ctx.abort().");
    assert_eq!(dev.get("/now").send().await.status().as_u16(), 500);
    assert_eq!(dev.text("/call").await, "RangeError: enough");
}

#[tokio::test]
async fn the_global_scope_has_what_workerd_has() {
    let source = r#"
        const names = new Set();
        for (let object = globalThis; object && object !== Object.prototype; object = Object.getPrototypeOf(object)) {
          for (const name of Object.getOwnPropertyNames(object)) names.add(name);
        }
        const chain = (object) => {
          const members = new Set();
          for (; object && object !== Object.prototype; object = Object.getPrototypeOf(object)) for (const name of Object.getOwnPropertyNames(object)) members.add(name);
          return [...members].sort();
        };
        const told = (run) => { try { return run() ?? null; } catch (error) { return `${error.name}: ${error.message}`; } };
        export default { fetch: (request, env, ctx) => Response.json({
          names: [...names].sort(), console: chain(console), navigator: chain(navigator), crypto: chain(crypto), performance: chain(performance), caches: chain(caches),
          scheduler: chain(scheduler), ctx: chain(ctx),
          body: [
            Object.getOwnPropertyNames(Body.prototype).sort(), Object.getPrototypeOf(Request.prototype) === Body.prototype, Object.getPrototypeOf(Response.prototype) === Body.prototype,
            Object.getPrototypeOf(Request) === Body, Object.hasOwn(Request.prototype, "text"), request instanceof Body, new Response() instanceof Body,
            Object.prototype.toString.call(Body.prototype), told(() => new Body()), told(() => Object.getOwnPropertyDescriptor(Body.prototype, "bodyUsed").get.call({})).slice(0, 29), Body.length,
          ],
          events: [TailEvent === TraceEvent, TailEvent.name, Object.getPrototypeOf(TailEvent.prototype) === ExtendableEvent.prototype, told(() => new TailEvent("a")), told(() => new TraceEvent())],
          profile: [told(() => console.profile("a")), told(() => console.profileEnd()), told(() => console.timeStamp()), Object.keys(console.context("a")).length, typeof console.context("a").context],
        }) };
    "#;
    let [new, old] = ["2026-11-17", "2026-03-16"].map(|date| {
        let config = format!("name = \"w{}\"\nmain = \"index.js\"\ncompatibility_date = \"{date}\"\n", &date[5..7]);
        Project::empty().file("wrangler.toml", &config).file("index.js", source)
    });
    let dev = Dev::with(&[], &[new.path(), old.path()]).await;
    for (host, answers) in [
        ("w11.localhost", include_str!("own_exports/globals_new.json")),
        ("w03.localhost", include_str!("own_exports/globals_old.json")),
    ] {
        let ours: BTreeMap<String, Value> =
            serde_json::from_str(&text(dev.get("/").header("host", host).send().await).await).unwrap();
        let theirs: BTreeMap<String, Value> = serde_json::from_str(answers).unwrap();
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (key, expected) in theirs {
            let mut expected = expected;
            if let Some(names) = expected.as_array_mut() {
                // Of products that are not here, and empty in workerd too; and what Skerry has of the language at any date.
                names.retain(|name| {
                    key != "ctx" || !["access", "cache", "mapVirtualHost"].map(Value::from).contains(name)
                });
                let place = names.iter().position(|name| key == "names" && name == "TextDecoder");
                if let Some(place) = place {
                    names.insert(place, json!("Temporal"));
                }
            }
            assert_eq!(ours[&key], expected, "{key} at {host}");
        }
    }
}
