// More of what cases.js has: these call the Worker itself, or a Durable Object of its.
import { DurableObject, RpcStub, RpcTarget, WorkerEntrypoint, env as imported, exports, withEnv } from "cloudflare:workers";
const failure = (run) => { try { return run(); } catch (error) { return `${error.name}: ${error.message}`; } };
const later = async (run) => { try { return (await run()) ?? null; } catch (error) { return `${error.name}: ${error.message}`; } };
const bytes = (text) => new TextEncoder().encode(text);
const hex = (view) => [...new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const soon = (promise) => Promise.race([promise.then(() => "done", (error) => `${error}`), scheduler.wait(10).then(() => "pending")]);
const aPromise = (run) => failure(() => { const promise = run(); promise.catch(() => {}); return "a promise"; });

export class Echo extends WorkerEntrypoint {
  fetch(request) { return new Response(`${request.method} ${request.url}`); }
  hello() { return "hello"; }
  async use(stub) { return await stub.call(); }
  throws() { throw Object.assign(new RangeError("thrown", { cause: new TypeError("why") }), { code: "C", extra: { a: 1 } }); }
  errors() { return [Object.assign(new TypeError("given"), { code: 5 }), new AggregateError([new Error("one")], "all"), Object.assign(new Error("n"), { name: "Own" })]; }
}
export const Thenable = { fetch: () => ({ then(resolve) { resolve(new Response("from a thenable")); } }) };
export class Store extends DurableObject {
  fetch(request) { return new Response(request.url); }
  alarm() {}
  async deletesAlarm() {
    await this.ctx.storage.setAlarm(Date.now() + 1e7);
    await this.ctx.storage.deleteAll();
    const left = (await this.ctx.storage.getAlarm()) !== null;
    await this.ctx.storage.deleteAlarm();
    return left;
  }
}
class Target extends RpcTarget { disposed = 0; call() { return "called"; } [Symbol.dispose]() { this.disposed++; } }

/** What the Worker answers when it is called by one of the cases. */
export async function answer(request) {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/echo": return Response.json([request.method, request.url, [...request.headers], await request.text()]);
    case "/redirect": return new Response(null, { status: 302, headers: { location: searchParams.get("to") } });
    case "/brotli": return new Response(new Uint8Array([0x0b, 0x02, 0x80, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x03]), { encodeBody: "manual", headers: { "content-encoding": "br" } });
    default: return new Response("", { status: +pathname.slice(1) });
  }
}

export const more = {
  fetch_refuses_unknown_protocols: async () => [(await later(() => fetch("abcd://127.0.0.1:1/"))).includes("cannot load"), new Request("abcd://x/").url],
  durable_object_fetch_requires_full_url: async (request, env) => {
    const stub = env.STORE.getByName("a"), all = [];
    for (const url of ["/path", "p?q", "", "//x/y", "http://h/p"]) all.push(await later(() => stub.fetch(url).then((response) => response.text())));
    return [...all, await later(() => env.SELF.fetch("/x"))];
  },
  streams_byob_reader_detaches_buffer: async () => {
    const view = new Uint8Array(4), { buffer } = view, part = new Uint8Array(new ArrayBuffer(8), 2, 4);
    const reader = new Response("abcdefgh").body.getReader({ mode: "byob" });
    const { value } = await reader.read(view);
    const second = await reader.read(part);
    const own = new Uint8Array(4), kept = own.buffer;
    await new ReadableStream({ type: "bytes", pull(controller) { controller.byobRequest.view[0] = 7; controller.byobRequest.respond(1); } }).getReader({ mode: "byob" }).read(own);
    return [buffer.byteLength, view.byteLength, hex(value), value.buffer === buffer, second.value.byteOffset, hex(second.value), kept.byteLength];
  },
  workers_api_getters_setters_on_prototype: () => [Object.hasOwn(new Request("http://a"), "url"), Object.hasOwn(Request.prototype, "url"), Object.keys(new Response()).length],
  dont_substitute_null_on_type_error: () => [
    failure(() => new Request("http://a", { signal: 5 }).signal.aborted), failure(() => new Response("", { webSocket: 5 }).webSocket), failure(() => new Request("http://a", { cf: 5 }).cf),
  ],
  url_standard: () => failure(() => [new URL("http://a/b c").href, new URL("http://a/%zz").href]),
  capture_async_api_throws: () => [aPromise(() => fetch()), aPromise(() => caches.open()), aPromise(() => scheduler.wait()), aPromise(() => crypto.subtle.digest("none", bytes("")))],
  no_cf_botmanagement_default: (request) => [request.cf.botManagement ?? null, new Request("http://a").cf ?? null],
  strict_crypto_checks: async () => {
    const generated = (modulusLength) => later(async () => {
      const { privateKey } = await crypto.subtle.generateKey({ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength, publicExponent: new Uint8Array([1, 0, 1]) }, true, ["sign"]);
      return privateKey.usages;
    });
    return [await generated(1000), await generated(1024)];
  },
  fetcher_no_get_put_delete: async (request, env) => {
    const { SELF: self } = env, stub = env.STORE.getByName("a"), all = [typeof self.get, typeof self.put, typeof self.delete, typeof stub.get];
    for (const run of [
      () => self.get("http://self/echo"), () => self.get("http://self/echo", "json"), async () => hex(await self.get("http://self/echo", "arrayBuffer")), async () => typeof await self.get("http://self/echo", "stream"),
      () => self.get("http://self/echo", "other"), () => self.get("http://self/404"), () => self.get("http://self/410"), () => self.get("http://self/500"), () => self.put("http://self/echo", "body"),
      () => self.put("http://self/500", ""), () => self.put("http://self/404", ""), () => self.delete("http://self/echo"), () => self.delete("http://self/404"), () => stub.get("http://x/y"),
    ]) all.push(await later(run));
    return all;
  },
  unwrap_custom_thenables: () => later(() => exports.Thenable.fetch("http://x/").then((response) => response.text())),
  rpc: async (request, env) => [
    typeof exports.Echo.hello, typeof env.SELF.hello, typeof env.STORE.getByName("b").nothing, "hello" in env.SELF, await later(() => exports.Echo.hello?.()),
    await later(() => exports.Echo.fetch("http://x/").then((response) => response.text())),
  ],
  brotli_content_encoding: async (request, env) => {
    const response = await env.SELF.fetch("http://self/brotli");
    return [response.headers.get("content-encoding"), await later(async () => hex(await response.arrayBuffer()))];
  },
  internal_stream_byob_return_view: async () => {
    const shown = ({ done, value }) => [done, value === undefined ? "undefined" : `${value.constructor.name} ${value.byteLength} ${value.buffer.byteLength}`];
    const reader = new Response("ab").body.getReader({ mode: "byob" });
    return [shown(await reader.read(new Uint8Array(4))), shown(await reader.read(new Uint8Array(4))), shown(await new Response("").body.getReader({ mode: "byob" }).read(new Uint8Array(8)))];
  },
  fetch_standard_url: async () => [
    ...["http://a/b c", "HTTP://A:80/x/../y#z", "a", "http://a", "  http://a  ", "http://\u00e9/\u00e9?\u00e9"].map((url) => failure(() => new Request(url).url)),
    new Request(new Request("http://a/ b")).url, await later(() => exports.Echo.fetch("http://a/b c#f").then((response) => response.text())), await later(() => fetch("/x")),
  ],
  internal_writable_stream_abort_clears_queue: async () => {
    const { writable } = new IdentityTransformStream(), writer = writable.getWriter();
    const all = [writer.write(bytes("one")), writer.write(bytes("two")), writer.abort(new Error("why")), writer.closed];
    return Promise.all(all.map(soon));
  },
  "fixup-transform-stream-backpressure": async () => {
    const log = [], stream = new TransformStream({ transform(chunk, controller) { log.push(`transforms ${chunk}`); controller.enqueue(chunk); } }, { highWaterMark: 1 }, { highWaterMark: 0 });
    const writer = stream.writable.getWriter(), reader = stream.readable.getReader();
    const write = (chunk) => writer.write(chunk).then(() => log.push(`wrote ${chunk}`));
    write(1); await scheduler.wait(5); log.push(writer.desiredSize, (await reader.read()).value); await scheduler.wait(5);
    write(2); write(3); await scheduler.wait(5); log.push(writer.desiredSize, (await reader.read()).value, (await reader.read()).value); await scheduler.wait(5);
    return log;
  },
  strip_authorization_on_cross_origin_redirect: async (request, env) => {
    const headers = { authorization: "secret", cookie: "c", "x-a": "1" };
    const seen = async (to) => (await (await env.SELF.fetch(`http://self/redirect?to=${encodeURIComponent(to)}`, { headers })).json())[2];
    return [await seen("http://self/echo"), await seen("http://other.example/echo")];
  },
  rpc_params_dup_stubs: async () => {
    const target = new Target(), stub = new RpcStub(target), all = [await later(() => exports.Echo.use(stub))];
    await scheduler.wait(10);
    return [...all, await later(() => exports.Echo.use(stub)), target.disposed];
  },
  text_decoder_replace_surrogates: () => {
    const lone = new Uint8Array([0x00, 0xd8, 0x41, 0x00]);
    return [new TextDecoder("utf-16le").decode(lone).charCodeAt(0), failure(() => new TextDecoder("utf-16le", { fatal: true }).decode(lone)).slice(0, 9)];
  },
  text_decoder_cjk_decoder: () => ["gbk", "gb18030", "big5", "euc-jp", "shift_jis", "euc-kr", "x-user-defined"].map((label) => {
    const text = new TextDecoder(label).decode(new Uint8Array([0x80, 0x41, 0x81, 0x30, 0x81, 0x30, 0xa1, 0x5c, 0xff]));
    return [label, ...[...text].map((character) => character.codePointAt(0).toString(16))].join(" ");
  }),
  delete_all_deletes_alarm: (request, env) => env.STORE.getByName("alarm").deletesAlarm(),
  writable_stream_spec_compliant_writer: async () => {
    const writer = new WritableStream().getWriter();
    writer.releaseLock();
    const waiting = new WritableStream({ write: () => new Promise(() => {}) }).getWriter();
    waiting.write(1);
    waiting.releaseLock();
    return [await later(() => writer.ready), await later(() => writer.closed), await later(() => waiting.ready)];
  },
  encoder_stream_spec_compliant_backpressure: async () => {
    const [encoder, decoder] = [new TextEncoderStream(), new TextDecoderStream()].map(({ writable }) => writable.getWriter());
    return [encoder.desiredSize, decoder.desiredSize, await soon(encoder.write("a")), await soon(decoder.write(bytes("a"))), await soon(encoder.write("b")), encoder.desiredSize, decoder.desiredSize];
  },
  enhanced_error_serialization: async () => {
    const shown = (error) => [error.name, error.message, error.constructor.name, error.code ?? null, error.cause?.message ?? null, error.extra ?? null, error.errors?.map(String) ?? null];
    return [await exports.Echo.throws().catch(shown), ...(await exports.Echo.errors()).map(shown)];
  },
  unhandled_rejection_after_microtask_checkpoint: async () => {
    const heard = [], listener = (event) => { heard.push(`${event.type} ${event.reason}`); event.preventDefault(); };
    addEventListener("unhandledrejection", listener);
    const caught = Promise.reject("caught late");
    queueMicrotask(() => queueMicrotask(() => caught.catch(() => {})));
    Promise.reject("never caught");
    await scheduler.wait(5);
    removeEventListener("unhandledrejection", listener);
    return heard;
  },
  enable_ctx_exports: (request, env, ctx) => ["exports" in ctx && ctx.exports !== undefined, typeof exports.Echo],
  disallow_importable_env: () => [Object.keys(imported).length > 0, Object.keys(exports).length > 0, withEnv({ A: 1 }, () => imported.A)],
  env_module_nullable_support: () => [null, undefined, 5].map((value) => withEnv(value, () => Object.keys(imported).length > 0)),
  enable_global_performance_classes: () => [typeof Performance, typeof PerformanceEntry, typeof performance.mark, typeof performance.timerify, performance instanceof EventTarget, Object.keys(Object.getPrototypeOf(performance)).sort()],
  html_rewriter_treats_esi_include_as_void_tag: () =>
    new HTMLRewriter().on("esi\\:include", { element(element) { element.replace("[included]"); } }).transform(new Response("<p><esi:include src=a>after</p><esi:include/>end")).text(),
  no_resizable_array_buffer_in_blob: () => {
    const buffer = new ArrayBuffer(1, { maxByteLength: 4 });
    return [buffer, new Uint8Array(buffer), new DataView(buffer), new ArrayBuffer(2)].map((part) => failure(() => new Blob([part]).size));
  },
  cache_reload_enabled: () => ["reload", "force-cache"].map((cache) => failure(() => new Request("http://a", { cache }).cache)),
};
