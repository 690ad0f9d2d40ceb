//! What a Worker must not be able to do or see.

use harness::{Dev, Project};

#[tokio::test]
async fn code_from_strings_is_refused() {
    let project = Project::worker(
        r#"
        const tries = {
          eval: () => eval("1 + 1"),
          indirect: () => (0, eval)("1 + 1"),
          function: () => new Function("return 1")(),
          async: () => (async () => {}).constructor("return 1")(),
          generator: () => (function* () {}).constructor("yield 1")(),
          timeout: () => setTimeout("globalThis.pwned = true", 0),
          wasm: () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
          compile: () => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
          instantiate: () => WebAssembly.instantiate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
        };
        export default {
          async fetch() {
            const results = {};
            for (const [name, attempt] of Object.entries(tries)) {
              try { await attempt(); results[name] = "allowed"; } catch (error) { results[name] = `${error.name}: ${error.message}`; }
            }
            await scheduler.wait(5);
            results.pwned = globalThis.pwned === true;
            return Response.json(results);
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let results = dev.json("/").await;
    for name in ["eval", "indirect", "function", "async", "generator"] {
        assert_eq!(results[name], "EvalError: Code generation from strings disallowed for this context", "{name}");
    }
    for name in ["wasm", "compile", "instantiate"] {
        let text = results[name].as_str().unwrap();
        assert!(
            text.starts_with("CompileError: ") && text.contains("Wasm code generation disallowed by embedder"),
            "{text}"
        );
    }
    assert_eq!(results["pwned"], false);
}

#[tokio::test]
async fn clocks_stand_still_while_code_runs() {
    let project = Project::worker(
        r#"
        const atStart = Date.now();
        export default {
          async fetch() {
            const before = [Date.now(), performance.now(), new Date().getTime()];
            for (let i = 0, x = 1; i < 30_000_000; i++) x = (x * 1103515245 + 12345) & 0x7fffffff;
            const after = [Date.now(), performance.now(), new Date().getTime()];
            await scheduler.wait(30);
            return Response.json({ before, after, later: Date.now(), atStart });
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let clocks = dev.json("/").await;
    assert_eq!(clocks["before"], clocks["after"]);
    let waited = clocks["later"].as_f64().unwrap() - clocks["after"][0].as_f64().unwrap();
    assert!((25.0..5_000.0).contains(&waited), "the clock moved {waited} ms in a wait of 30");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as f64;
    assert!((clocks["later"].as_f64().unwrap() - now).abs() < 10_000.0, "Date.now() is not the time of day: {clocks}");
}

#[tokio::test]
async fn nothing_of_one_worker_reaches_another() {
    let one = Project::named(
        "one",
        "[vars]\nSECRET = \"of one\"",
        r#"
        globalThis.shared = "from one";
        Array.prototype.push = function () { return "poisoned"; };
        Object.prototype.leaked = "from one";
        Response.prototype.text = async () => "poisoned";
        export default { async fetch() { return new Response("one"); } };
        "#,
    );
    let two = Project::named(
        "two",
        "",
        r#"
        export default {
          async fetch(request, env) {
            const list = [];
            list.push(1);
            return Response.json({
              shared: typeof shared, leaked: {}.leaked ?? null, list, env: Object.keys(env),
              text: await new Response("clean").text(),
              process: typeof process === "undefined" || typeof process.binding !== "function",
              hidden: ["Deno", "require", "__filename", "gc", "d8", "skerry", "ops"].filter((name) => name in globalThis),
            });
          },
        };
        "#,
    );
    let dev = Dev::with(&[], &[one.path(), two.path()]).await;
    let port = dev.address().port();
    let host = |name: &str| format!("{name}.localhost:{port}");
    assert_eq!(harness::text(dev.get("/").header("host", &host("one")).send().await).await, "one");
    let seen = harness::text(dev.get("/").header("host", &host("two")).send().await).await;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&seen).unwrap(),
        serde_json::json!({
            "shared": "undefined", "leaked": null, "list": [1], "env": [], "text": "clean", "process": true, "hidden": [],
        })
    );
}

#[tokio::test]
async fn the_runtime_does_not_notice_overwritten_builtins() {
    let project = Project::worker(
        r#"
        const { defineProperty } = Reflect;
        const poison = () => { throw new Error("the runtime called a Worker's function"); };
        const methods = {
          Array: ["push", "slice", "map", "forEach", "join", "shift", "splice", "concat", "includes", Symbol.iterator],
          Map: ["get", "set", "has", "delete", Symbol.iterator], WeakMap: ["get", "set", "has"], Set: ["add", "has", "delete"],
          String: ["toLowerCase", "slice", "split", "replace", "trim", "indexOf", "startsWith", "charCodeAt"],
          RegExp: ["exec", "test", Symbol.replace], Uint8Array: ["set", "subarray", "slice", "fill"],
          Promise: ["catch", "finally"], Function: ["call", "bind"], Object: ["hasOwnProperty", "toString"],
        };
        const targets = [];
        for (const [owner, names] of Object.entries(methods)) {
          const { prototype } = owner === "Uint8Array" ? Object.getPrototypeOf(globalThis[owner]) : globalThis[owner];
          for (const name of names) targets.push([prototype, name]);
        }
        for (let i = targets.length - 1; i >= 0; i--) defineProperty(targets[i][0], targets[i][1], { value: poison });
        JSON.stringify = JSON.parse = Object.keys = Object.entries = Array.from = Reflect.apply = poison;
        for (const name in { Uint8Array: 0, Promise: 0, Map: 0, Set: 0, WeakMap: 0, Symbol: 0, Proxy: 0 }) globalThis[name] = null;
        export default {
          async fetch(request) {
            const headers = new Headers({ "X-One": "1", "x-two": "2" });
            headers.append("X-Three", "3");
            const text = await request.text();
            const url = new URL("../b?c=d#e", "http://example.com/a/");
            const reader = new Response("streamed").body.getReader();
            const first = await reader.read();
            return new Response(`${text} ${headers.get("X-THREE")} ${url.href} ${first.value.length}`, { headers });
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let answer = dev.request("POST", "/").body("sent").await;
    assert_eq!(answer.headers()["x-one"], "1");
    assert_eq!(harness::text(answer).await, "sent 3 http://example.com/b?c=d#e 8");
}
