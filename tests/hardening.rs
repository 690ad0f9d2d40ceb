//! The runtime's JavaScript does not notice what a Worker does to the builtins: every function and accessor of every one is
//! replaced, and what the platform offers goes on as before, without calling any of the replacements.

use harness::{Dev, Project};
use serde_json::Value;

const CONFIG: &str = r#"
compatibility_flags = ["enable_global_performance_classes"]
[[kv_namespaces]]
binding = "KV"
id = "kv"
[[r2_buckets]]
binding = "BUCKET"
bucket_name = "bucket"
[[d1_databases]]
binding = "DB"
database_name = "db"
database_id = "db"
[[durable_objects.bindings]]
name = "OBJECTS"
class_name = "Thing"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Thing"]
"#;

/// `replaceAll` puts something else in the place of every function and accessor of every builtin; `touched` says what of it was called.
const REPLACING: &str = r#"
    const { apply, construct, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
    const { stringify } = JSON;
    const text = String;
    const BUILTINS = [
      "AggregateError", "Array", "ArrayBuffer", "BigInt", "BigInt64Array", "BigUint64Array", "Boolean", "DataView", "Date", "Error", "EvalError", "FinalizationRegistry",
      "Float32Array", "Float64Array", "Function", "Int16Array", "Int32Array", "Int8Array", "Intl", "Iterator", "JSON", "Map", "Math", "Number", "Object", "Promise", "Proxy",
      "RangeError", "ReferenceError", "Reflect", "RegExp", "Set", "String", "Symbol", "SyntaxError", "TypeError", "URIError", "Uint16Array", "Uint32Array", "Uint8Array",
      "Uint8ClampedArray", "WeakMap", "WeakRef", "WeakSet", "decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "isFinite", "isNaN", "parseFloat",
      "parseInt", "unescape",
    ];
    const touched = {};

    function replacement(name, original) {
      const replaced = function (...args) {
        touched[name] = (touched[name] ?? 0) + 1;
        return new.target === undefined ? apply(original, this, args) : construct(original, args, new.target);
      };
      return replaced;
    }

    function replaceAll() {
      const owners = [];
      const add = (name, object) => { if (object !== null && (typeof object === "object" || typeof object === "function")) owners.push([name, object]); };
      for (const name of BUILTINS) {
        const value = globalThis[name];
        add(name, value);
        if (typeof value === "function") add(`${name}.prototype`, value.prototype);
      }
      add("%TypedArray%", getPrototypeOf(Uint8Array));
      add("%TypedArray%.prototype", getPrototypeOf(Uint8Array.prototype));
      add("%ArrayIterator%", getPrototypeOf([][Symbol.iterator]()));
      add("%MapIterator%", getPrototypeOf(new Map().entries()));
      add("%SetIterator%", getPrototypeOf(new Set().values()));
      add("%StringIterator%", getPrototypeOf(""[Symbol.iterator]()));
      add("%RegExpStringIterator%", getPrototypeOf("a".matchAll(/a/g)));
      const generator = function* () {};
      add("%Generator%", getPrototypeOf(generator.prototype));
      const asyncGenerator = async function* () {};
      add("%AsyncGenerator%", getPrototypeOf(asyncGenerator.prototype));
      add("%AsyncIterator%", getPrototypeOf(getPrototypeOf(asyncGenerator.prototype)));
      const plans = [];
      for (const [owner, object] of owners) {
        for (const key of ownKeys(object)) {
          // `await` itself looks at a promise's constructor, and a class at its species' own: those stay.
          if (key === "constructor" || key === "prototype" || key === "name" || key === "length") continue;
          const { value, get, set, configurable, enumerable } = getOwnPropertyDescriptor(object, key);
          if (!configurable) continue;
          const name = `${owner}.${text(key)}`;
          if (typeof value === "function") {
            plans.push([object, key, { value: replacement(name, value), configurable, enumerable, writable: true }]);
          } else if (get !== undefined || set !== undefined) {
            plans.push([object, key, {
              get: get && replacement(`get ${name}`, get), set: set && replacement(`set ${name}`, set), configurable, enumerable,
            }]);
          }
        }
      }
      for (const name of BUILTINS) {
        const value = globalThis[name];
        if (typeof value === "function") {
          const replaced = replacement(name, value);
          replaced.prototype = value.prototype;
          plans.push([globalThis, name, { value: replaced, configurable: true, enumerable: false, writable: true }]);
        }
      }
      const { length } = plans;
      for (let i = 0; i < length; i++) defineProperty(plans[i][0], plans[i][1], plans[i][2]);
    }
"#;

/// `/plain` runs the suite, `/replaced` runs it with everything replaced, and tells which replacements were called.
const RUNNING: &str = r#"
    const names = Object.keys(SUITE);
    export default {
      async fetch(request, env) {
        if (request.url.endsWith("/replaced")) replaceAll();
        const results = {};
        const { length } = names;
        for (let i = 0; i < length; i++) {
          try {
            results[names[i]] = await SUITE[names[i]](env);
          } catch (error) {
            results[names[i]] = `failed: ${error.name}: ${error.message} ${error.stack}`;
          }
        }
        return new Response(stringify({ results, touched }));
      },
    };
"#;

/// It uses syntax and the platform's own objects alone.
const SUITE: &str = r#"
    import { DurableObject } from "cloudflare:workers";

    // What the Worker hands over to be iterated brings its own iterator: that one the runtime has to call.
    const { iterator, asyncIterator } = Symbol;
    const sequence = (...items) => ({
      [iterator]() {
        let next = 0;
        return { next: () => (next < items.length ? { value: items[next++], done: false } : { value: undefined, done: true }) };
      },
    });

    const encoder = new TextEncoder();
    const decoder = new TextDecoder();
    async function collect(stream) {
      const reader = stream.getReader();
      let all = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return all;
        all += typeof value === "string" ? value : decoder.decode(value);
      }
    }
    const streamOf = (a, b) => new ReadableStream({ start(controller) { controller.enqueue(a); controller.enqueue(b); controller.close(); } });

    const SUITE = {
      async headers() {
        const headers = new Headers({ "X-One": "1", "set-cookie": "a=b" });
        headers.append("x-one", "2");
        headers.set("y", "3");
        headers.delete("z");
        const entries = headers.entries();
        let all = "";
        for (let next = entries.next(); !next.done; next = entries.next()) all += `${next.value[0]}=${next.value[1]};`;
        headers.forEach((value, name) => { all += `${name}:${value};`; });
        return `${all} ${headers.get("X-ONE")} ${headers.has("y")} ${headers.getSetCookie()[0]}`;
      },
      async urls() {
        const url = new URL("../b?c=d&e=%C3%A9#f", "http://ex\u00e4mple.com:8080/a/");
        url.searchParams.append("g", "h i");
        url.searchParams.sort();
        url.hostname = "other.example";
        const pattern = new URLPattern({ pathname: "/:name/*" }).exec("http://x/one/two");
        return `${url.href} ${url.searchParams.get("e")} ${url.searchParams.size} ${URL.canParse("x:")} ${pattern.pathname.groups.name}`;
      },
      async encodings() {
        const into = encoder.encodeInto("\u00e9\ud83d\ude00", new Uint8ArrayOriginal(10));
        return `${decoder.decode(encoder.encode("\u00e9"))} ${into.written} ${new TextDecoder("shift_jis").decode(encoder.encode("a"))} ${btoa("hello")} ${atob("aGk=")}`;
      },
      async bodies() {
        const request = new Request("http://example.com/", { method: "POST", body: "body", headers: { a: "b" } });
        const clone = request.clone();
        const json = await new Response('{"a":[1,{"b":2}]}').json();
        const made = await Response.json({ x: 1 }).text();
        const buffer = await new Response("four").arrayBuffer();
        const blob = await new Response(new Blob(sequence("bl", "ob"), { type: "text/x" })).blob();
        return `${await request.text()} ${await clone.text()} ${json.a[1].b} ${made} ${new Uint8ArrayOriginal(buffer)[0]} ${await blob.slice(1).text()} ${blob.type}`;
      },
      async forms() {
        const form = new FormData();
        form.append("a", "1");
        form.append("file", new File(sequence("content"), "name.txt", { type: "text/plain" }));
        const back = await new Response(form).formData();
        const encoded = await new Response("k=v&k=w", { headers: { "content-type": "application/x-www-form-urlencoded" } }).formData();
        return `${back.get("a")} ${await back.get("file").text()} ${back.get("file").name} ${encoded.getAll("k")[1]}`;
      },
      async streams() {
        const doubled = new TransformStream({ transform(chunk, controller) { controller.enqueue(chunk + chunk); } });
        const piped = await collect(streamOf("a", "b").pipeThrough(doubled));
        const tee = streamOf("x", "y").tee();
        const both = (await collect(tee[0])) + (await collect(tee[1]));
        let written = "";
        await streamOf("1", "2").pipeTo(new WritableStream({ write(chunk) { written += chunk; } }));
        const zipped = new Response("zip me").body.pipeThrough(new CompressionStream("gzip")).pipeThrough(new DecompressionStream("gzip"));
        const decoded = await collect(streamOf(encoder.encode("d"), encoder.encode("e")).pipeThrough(new TextDecoderStream()));
        const fixed = new FixedLengthStream(2);
        const writer = fixed.writable.getWriter();
        writer.write(encoder.encode("ok"));
        writer.close();
        const byob = new Response("bytes").body.getReader({ mode: "byob" });
        const first = await byob.read(new Uint8ArrayOriginal(3));
        const from = await collect(ReadableStream.from({ [asyncIterator]: () => sequence("f", "g")[iterator]() }));
        return `${piped} ${both} ${written} ${await collect(zipped)} ${decoded} ${await collect(fixed.readable)} ${decoder.decode(first.value)} ${from}`;
      },
      async clones() {
        const clone = structuredClone({ a: [1, new DateOriginal(5)], b: new Blob(sequence("x")) });
        const stream = streamOf("m", "n");
        return `${clone.a[0]} ${await clone.b.text()} ${await collect(structuredClone(stream, { transfer: sequence(stream) }))}`;
      },
      async messages() {
        const { port1, port2 } = new MessageChannel();
        const got = new PromiseOriginal((resolve) => { port2.onmessage = resolve; });
        port1.postMessage({ a: "message" });
        return (await got).data.a;
      },
      async crypto() {
        const digest = await crypto.subtle.digest("SHA-256", encoder.encode("x"));
        const key = await crypto.subtle.importKey("raw", encoder.encode("key"), { name: "HMAC", hash: "SHA-256" }, false, sequence("sign", "verify"));
        const signature = await crypto.subtle.sign("HMAC", key, encoder.encode("data"));
        const good = await crypto.subtle.verify("HMAC", key, signature, encoder.encode("data"));
        return `${new Uint8ArrayOriginal(digest)[0]} ${good} ${crypto.randomUUID().length} ${crypto.getRandomValues(new Uint8ArrayOriginal(4)) !== undefined}`;
      },
      async events() {
        const target = new EventTarget();
        let seen = "";
        target.addEventListener("e", (event) => { seen += event.type; }, { once: true });
        target.dispatchEvent(new Event("e"));
        target.dispatchEvent(new CustomEvent("e", { detail: 1 }));
        const controller = new AbortController();
        const any = AbortSignal.any(sequence(controller.signal, AbortSignal.timeout(10000)));
        any.onabort = () => { seen += "!"; };
        controller.abort("why");
        return `${seen} ${any.aborted} ${any.reason}`;
      },
      async timers() {
        let order = "";
        await new PromiseOriginal((resolve) => {
          setTimeout((tail) => { order += tail; resolve(); }, 5, "c");
          queueMicrotask(() => { order += "a"; });
          const interval = setInterval(() => { order += "b"; clearInterval(interval); }, 1);
        });
        await scheduler.wait(1);
        performance.mark("m");
        return `${order} ${performance.getEntriesByName("m")[0].name}`;
      },
      async console() {
        console.log("%s is %o", "text", { a: [1, { b: "c" }], e: new ErrorOriginal("x") }, new Headers({ a: "b" }));
        console.table([{ a: 1 }]);
        return "said";
      },
      async sockets() {
        const pair = new WebSocketPair();
        pair[1].accept();
        pair[0].accept();
        const got = new PromiseOriginal((resolve) => { pair[0].addEventListener("message", resolve); });
        pair[1].send("hello");
        return (await got).data;
      },
      async fetches() {
        return `${await (await fetch("data:text/plain,data")).text()}`;
      },
      async kv(env) {
        await env.KV.put("key", "value", { metadata: { m: 1 } });
        const { value, metadata } = await env.KV.getWithMetadata("key");
        return `${value} ${metadata.m} ${(await env.KV.list()).keys[0].name} ${(await env.KV.get("key", "stream")) !== null}`;
      },
      async r2(env) {
        await env.BUCKET.put("key", "object", { httpMetadata: { contentType: "text/x" }, customMetadata: { a: "b" } });
        const object = await env.BUCKET.get("key", { range: { offset: 1 } });
        return `${await object.text()} ${object.httpMetadata.contentType} ${(await env.BUCKET.list()).objects[0].key}`;
      },
      async d1(env) {
        await env.DB.exec("CREATE TABLE IF NOT EXISTS t (a, b)");
        await env.DB.prepare("INSERT INTO t VALUES (?, ?)").bind(1, "two").run();
        const { results } = await env.DB.prepare("SELECT b FROM t").all();
        return results[0].b;
      },
      async objects(env) {
        const stub = env.OBJECTS.getByName("one");
        const answer = await (await stub.fetch("http://object/")).text();
        const called = await stub.call({ a: 1 }, (value) => value + 1);
        return `${answer} ${called.sum} ${await stub.stored()}`;
      },
      async cache() {
        await caches.default.put("http://example.com/cached", new Response("cached", { headers: { "cache-control": "max-age=60" } }));
        return await (await caches.default.match("http://example.com/cached")).text();
      },
    };
    const Uint8ArrayOriginal = Uint8Array, DateOriginal = Date, PromiseOriginal = Promise, ErrorOriginal = Error;

    export class Thing extends DurableObject {
      async fetch() { return new Response("an object"); }
      async call(value, callback) { return { sum: value.a + (await callback(1)) }; }
      async stored() {
        await this.ctx.storage.put({ a: 1, b: 2 });
        await this.ctx.storage.transaction(async (txn) => { await txn.put("c", 3); });
        const listed = await this.ctx.storage.get("c");
        const row = this.ctx.storage.sql.exec("SELECT 4 AS d").one();
        return `${listed} ${row.d}`;
      }
    }

"#;

/// Node's modules, with what they have of the platform under them.
const NODE_SUITE: &str = r#"
    import assert from "node:assert";
    import { AsyncLocalStorage } from "node:async_hooks";
    import { Buffer } from "node:buffer";
    import { EventEmitter } from "node:events";
    import path from "node:path";
    import querystring from "node:querystring";
    import { Readable, Transform, pipeline } from "node:stream";
    import { StringDecoder } from "node:string_decoder";
    import { format, inspect } from "node:util";

    const PromiseOriginal = Promise;
    const SUITE = {
      async stores() {
        const storage = new AsyncLocalStorage();
        return await storage.run("store", async () => { await scheduler.wait(1); return storage.getStore(); });
      },
      async buffers() {
        const bytes = Buffer.from("h\u00e9llo", "utf8");
        return `${bytes.toString("hex")} ${bytes.toString("base64")} ${bytes.indexOf("l")} ${Buffer.concat([bytes, Buffer.from("!")]).length} ${bytes.readUInt16BE(0)}`;
      },
      async emitters() {
        const emitter = new EventEmitter();
        let heard = "";
        emitter.on("a", (value) => { heard += value; });
        emitter.once("a", () => { heard += "once"; });
        emitter.emit("a", 1);
        emitter.emit("a", 2);
        return heard;
      },
      async texts() {
        const decoder = new StringDecoder("utf8");
        return `${decoder.write(Buffer.from([0xc3]))}${decoder.write(Buffer.from([0xa9]))} ${path.join("a", "..", "b")} ${querystring.stringify({ a: "b c" })} ` +
          `${format("%s %d %j", "x", 1, { y: 2 })} ${inspect({ a: [1, { b: "c" }] })}`;
      },
      async streams() {
        let all = "";
        const upper = new Transform({ transform(chunk, encoding, done) { done(null, `<${chunk}>`); } });
        const source = new Readable({ read() { this.push("a"); this.push("b"); this.push(null); } });
        upper.on("data", (chunk) => { all += chunk; });
        await new PromiseOriginal((resolve, reject) => { pipeline(source, upper, (error) => { if (error) reject(error); else resolve(); }); });
        return all;
      },
      async assertions() {
        try { assert.deepStrictEqual({ a: 1 }, { a: 2 }); } catch (error) { return error.code; }
      },
    };
"#;

/// What the suite says as it is, and what it says with everything replaced.
async fn run(config: &str, suite: &str) -> (Value, Value) {
    let project = Project::configured(config, &[suite, REPLACING, RUNNING].concat());
    let dev = Dev::start(&project).await;
    let plain: Value = serde_json::from_str(&dev.text("/plain").await).unwrap();
    for (name, result) in plain["results"].as_object().unwrap() {
        assert!(!result.as_str().unwrap().starts_with("failed: "), "{name}: {result}");
    }
    (plain, serde_json::from_str(&dev.text("/replaced").await).unwrap())
}

#[tokio::test]
async fn the_runtime_calls_nothing_that_a_worker_has_replaced() {
    let (plain, replaced) = run(CONFIG, SUITE).await;
    assert_eq!(plain["results"].as_object().unwrap().len(), 19);
    assert_eq!(replaced["results"], plain["results"]);
    assert_eq!(replaced["touched"], serde_json::json!({}));
}

#[tokio::test]
async fn nodes_modules_work_on_with_everything_replaced() {
    let (plain, replaced) = run("compatibility_flags = [\"nodejs_compat\"]", NODE_SUITE).await;
    assert_eq!(plain["results"].as_object().unwrap().len(), 6);
    // Node's own files call some of the replacements, which do as the originals do.
    assert_eq!(replaced["results"], plain["results"]);
}
