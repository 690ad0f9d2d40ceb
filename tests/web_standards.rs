//! One pass over the web APIs that a Worker finds, each used as a Worker would.

use harness::{Dev, Project};
use serde_json::json;

const WORKER: &str = r#"
const encoder = new TextEncoder();
const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");

export default {
  async fetch(request) {
    const results = {};
    for (const [name, check] of Object.entries(checks)) {
      try { results[name] = await check(request); } catch (error) { results[name] = `${error.stack}`; }
    }
    return Response.json(results);
  },
};

const checks = {
  headers() {
    const headers = new Headers([["B", "2"], ["a", "1"], ["b", "3"], ["set-cookie", "x"], ["set-cookie", "y"]]);
    return [[...headers], headers.getSetCookie(), headers.has("A")];
  },
  async response() {
    const redirect = Response.redirect("https://example.com/next", 301);
    const error = Response.error();
    const made = Response.json({ a: 1 }, { status: 202 });
    return [redirect.status, redirect.headers.get("location"), error.type, error.status, made.headers.get("content-type"), await made.clone().json(), (await made.text())];
  },
  url() {
    const url = new URL("https://user:pa%20ss@ex\u00e4mple.com:8080/a/../b?x=1#h");
    url.searchParams.append("y", "2 3");
    return [url.href, url.origin, URL.canParse("nope"), [...new URLSearchParams("a=1&a=2&b").entries()]];
  },
  encoding() {
    return [new TextDecoder("shift_jis").decode(new Uint8Array([0x93, 0xfa])), new TextDecoder().decode(encoder.encode("\u2603")), atob(btoa("\u00ff\u0000a"))  === "\u00ff\u0000a"];
  },
  async streams() {
    const stream = ReadableStream.from(["a", "b", "c"]).pipeThrough(new TransformStream({ transform(c, k) { k.enqueue(c.toUpperCase()); } }));
    const parts = [];
    for await (const part of stream) parts.push(part);
    const text = await new Response(new Blob(["x".repeat(1000)]).stream().pipeThrough(new CompressionStream("gzip")).pipeThrough(new DecompressionStream("gzip"))).text();
    return [parts.join(""), text.length];
  },
  async formdata() {
    const form = new FormData();
    form.append("field", "value");
    form.append("file", new File(["content"], "name.txt", { type: "text/plain" }));
    const parsed = await new Response(form).formData();
    const file = parsed.get("file");
    return [parsed.get("field"), file.name, file.type, await file.text()];
  },
  async crypto() {
    const digest = hex(await crypto.subtle.digest("SHA-256", encoder.encode("abc")));
    const key = await crypto.subtle.importKey("raw", encoder.encode("key"), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    const data = encoder.encode("The quick brown fox jumps over the lazy dog");
    const signature = await crypto.subtle.sign("HMAC", key, data);
    return [digest, hex(signature), await crypto.subtle.verify("HMAC", key, signature, data), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), crypto.getRandomValues(new Uint8Array(16)).some((b) => b !== 0)];
  },
  async events() {
    const target = new EventTarget();
    const order = [];
    target.addEventListener("x", (event) => { order.push(event.type, event.detail); event.preventDefault(); }, { once: true });
    const prevented = !target.dispatchEvent(new CustomEvent("x", { detail: 7, cancelable: true }));
    target.dispatchEvent(new Event("x"));
    const any = AbortSignal.any([new AbortController().signal, AbortSignal.abort("why")]);
    return [order, prevented, any.aborted, any.reason];
  },
  async timers() {
    const order = [];
    await new Promise((resolve) => {
      setTimeout(() => { order.push("timeout"); resolve(); }, 10);
      clearTimeout(setTimeout(() => order.push("never"), 1));
      queueMicrotask(() => order.push("microtask"));
      order.push("sync");
    });
    let ticks = 0;
    await new Promise((resolve) => { const id = setInterval(() => { if (++ticks === 3) { clearInterval(id); resolve(); } }, 1); });
    return [order, ticks];
  },
  clone() {
    const original = { date: new Date(0), map: new Map([[1, new Set([2])]]), bytes: new Uint8Array([1, 2]), error: new RangeError("r") };
    original.self = original;
    const copy = structuredClone(original);
    let refused = "";
    try { structuredClone(() => {}); } catch (error) { refused = `${error.name} ${error instanceof DOMException} ${error.code}`; }
    return [copy.self === copy, copy.date.getTime(), copy.map.get(1).has(2), copy.bytes.length, copy.error.name, refused];
  },
  globals() {
    return [navigator.userAgent, typeof performance.timeOrigin, self === globalThis, Object.prototype.toString.call(new Headers())];
  },
};
"#;

#[tokio::test]
async fn a_tour_of_the_platform() {
    let project = Project::worker(WORKER);
    let dev = Dev::start(&project).await;
    let results = dev.json("/").await;
    let expected = json!({
        "headers": [
            [["a", "1"], ["b", "2, 3"], ["set-cookie", "x"], ["set-cookie", "y"]],
            ["x", "y"], true,
        ],
        "response": [301, "https://example.com/next", "error", 0, "application/json", { "a": 1 }, "{\"a\":1}"],
        "url": [
            "https://user:pa%20ss@xn--exmple-cua.com:8080/b?x=1&y=2+3#h", "https://xn--exmple-cua.com:8080", false,
            [["a", "1"], ["a", "2"], ["b", ""]],
        ],
        "encoding": ["日", "☃", true],
        "streams": ["ABC", 1000],
        "formdata": ["value", "name.txt", "text/plain", "content"],
        "crypto": [
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8", true, true, true,
        ],
        "events": [["x", 7], true, true, "why"],
        "timers": [["sync", "microtask", "timeout"], 3],
        "clone": [true, 0, true, 2, "RangeError", "DataCloneError true 25"],
        "globals": ["Cloudflare-Workers", "number", true, "[object Headers]"],
    });
    for (name, wanted) in expected.as_object().unwrap() {
        assert_eq!(&results[name], wanted, "{name}");
    }
}
