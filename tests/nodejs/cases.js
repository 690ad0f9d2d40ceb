// What tests/nodejs_compat.rs asks of Node's modules; tests/nodejs/answers.json has what node v20.20.2 said to the same.
import assert from "node:assert";
import strict from "node:assert/strict";
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { Buffer } from "node:buffer";
import diagnostics from "node:diagnostics_channel";
import EventEmitter, { once } from "node:events";
import { builtinModules, createRequire } from "node:module";
import path, { posix, win32 } from "node:path";
import punycode from "node:punycode";
import querystring from "node:querystring";
import { Duplex, Readable, Transform, Writable, PassThrough } from "node:stream";
import { json, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as later } from "node:timers/promises";
import util, { format, inspect, promisify } from "node:util";
import types from "node:util/types";

const failure = (run) => { try { return run(); } catch (error) { return [error.name, error.code, error.message]; } };

const cases = {
  assertions: () => [
    failure(() => assert.strictEqual(1, 2)),
    failure(() => assert.deepStrictEqual({ a: [1, 2, { b: new Map([[1, 2]]) }] }, { a: [1, 2, { b: new Map([[1, 3]]) }] })),
    failure(() => assert.throws(() => { throw new TypeError("wrong"); }, RangeError)),
    failure(() => strict.equal(1, "1")),
    failure(() => assert.match("abc", /x/)),
    failure(() => assert.ok(1)),
    failure(() => assert.fail("boom")),
    failure(() => assert.ok(0, "said")),
    failure(() => assert.notDeepEqual({ a: 1 }, { a: 1 })),
  ],
  buffers: () => [
    Buffer.from("hällo €😀").toString("hex"), Buffer.from("68656c6c6fzz", "hex").toString(), Buffer.from("aGVsbG8", "base64").toString("latin1"),
    Buffer.from("-_8", "base64url").toString("base64"), Buffer.from("zażółć", "utf16le").length, Buffer.from("ÿa", "latin1").toString("ascii"),
    Buffer.concat([Buffer.from("a"), Buffer.alloc(3, "bc")]).toString(), Buffer.byteLength("€uro"), Buffer.compare(Buffer.from("a"), Buffer.from("b")),
    Buffer.from("abcabc").indexOf("ca"), Buffer.from("abcabc").lastIndexOf("b"), Buffer.from("abc").includes("d"), Buffer.from("abcabc").indexOf(Buffer.from("c"), -2),
    Buffer.from([1, 2, 3, 4]).readUInt32BE(0), Buffer.from([1, 2, 3, 4]).swap16().toString("hex"), Buffer.alloc(4).write("€€"), Buffer.from("abc").equals(Buffer.from("abc")),
    failure(() => Buffer.from("abc").readInt32LE(0)), failure(() => Buffer.alloc(-1)), failure(() => Buffer.from(5)), failure(() => Buffer.from("a").toString("what")),
    inspect(Buffer.from("abc")), JSON.stringify(Buffer.from("ab")), Buffer.from("abcdef").subarray(1, 4).toString(), Buffer.from("abc").fill("xy").toString(),
    Buffer.from("test").toString("base64url"), Buffer.from("ab").toString("utf16le").length, Buffer.from([0xff, 0xe2, 0x82]).toString(), Buffer.isEncoding("UTF-8"),
    Buffer.from("abc").lastIndexOf("a", -10), Buffer.from("a\u0000b", "utf16le").indexOf("b", 0, "utf16le"), Buffer.from("abc").toString("utf8", 1, 2),
  ],
  channels: () => {
    const heard = [];
    const listen = (message, name) => heard.push([message, name]);
    diagnostics.subscribe("things", listen);
    diagnostics.channel("things").publish({ a: 1 });
    diagnostics.unsubscribe("things", listen);
    return [heard, diagnostics.hasSubscribers("things")];
  },
  events: async () => {
    const emitter = new EventEmitter();
    const heard = [];
    emitter.on("a", (...args) => heard.push(args)).once("a", () => heard.push("once")).prependListener("a", () => heard.push("first"));
    emitter.emit("a", 1, 2);
    emitter.emit("a", 3);
    setTimeout(() => emitter.emit("b", 4), 1);
    const controller = new AbortController();
    const aborted = once(emitter, "c", { signal: controller.signal }).catch((error) => [error.name, error.code]);
    controller.abort();
    return [heard, await once(emitter, "b"), await aborted, emitter.eventNames(), emitter.listenerCount("a"), failure(() => emitter.emit("error", new Error("loud"))), failure(() => emitter.on("a", 1))];
  },
  modules: () => [createRequire("/a.js")("node:path").join("a", "b"), builtinModules.includes("util")],
  paths: () => [path.join("/a", "../b", "c.txt"), path.resolve("/x", "y", "..", "z"), path.relative("/a/b", "/a/c/d"), path.parse("/a/b.tar.gz"), win32.join("c:\\a", "..", "b"), posix.sep, win32.basename("C:\\x\\y.z", ".z"), path.normalize("a//b/./c/.."), failure(() => path.join(1))],
  punycodes: () => [punycode.toASCII("mañana.com"), punycode.toUnicode("xn--maana-pta.com"), punycode.decode("maana-pta")],
  queries: () => [querystring.parse("a=1&b=%20x&a=2&c"), querystring.stringify({ a: [1, 2], b: "ä &", c: true }), querystring.escape("a b&c")],
  streams: async () => {
    const chunks = [];
    await pipeline(
      Readable.from(["a", "b", "c"]),
      new Transform({ transform(chunk, _, done) { done(null, String(chunk).toUpperCase()); } }),
      new Writable({ write(chunk, _, done) { chunks.push(String(chunk)); done(); } }),
    );
    const broken = await pipeline(Readable.from(["x"]), new Transform({ transform(_chunk, _, done) { done(new Error("broken")); } }), new PassThrough().resume()).catch((error) => error.message);
    const read = [];
    for await (const chunk of Readable.from([1, 2, 3]).map((n) => n * 2)) read.push(chunk);
    const web = await text(Readable.toWeb(Readable.from([Buffer.from("to web")])));
    const back = await text(Readable.fromWeb(new Blob(["from web"]).stream()));
    return [chunks, broken, read, await json(Readable.from(['{"a":', "1}"])), web, back, Duplex.prototype instanceof Readable];
  },
  decoders: () => {
    const halves = (encoding, ...parts) => { const decoder = new StringDecoder(encoding); return [...parts.map((part) => decoder.write(Buffer.from(part))), decoder.end()]; };
    return [halves("utf8", [0xe2, 0x82], [0xac], [0xf0, 0x9f], [0x98, 0x80, 0xe2]), halves("utf16le", [0x61], [0x00, 0x3d, 0xd8], [0x4d, 0xdc]), halves("base64", [1, 2], [3, 4]), halves("hex", [255, 1])];
  },
  utils: async () => [
    format("%s %d %i %j %o %%", "a", 1.5, 2.7, { a: 1 }, [1]), inspect({ a: { b: { c: { d: 1 } } }, m: new Map([["k", new Set([1])]]), f() {}, s: Symbol("x") }),
    inspect(new Proxy({}, {}), { showProxy: true }), inspect(Promise.resolve(4)), inspect([, 1, "a"]), inspect(new Map([[1, 2]]).entries()),
    await promisify((a, done) => done(null, a + 1))(1), await promisify((done) => done(new Error("no")))().catch((error) => error.message),
    util.isDeepStrictEqual({ a: new Set([1, { b: 2 }]) }, { a: new Set([1, { b: 2 }]) }), util.inherits.length, util.stripVTControlCharacters("\u001b[31mred\u001b[0m"),
    util.parseArgs({ args: ["-f", "--bar", "b"], options: { f: { type: "boolean", short: "f" }, bar: { type: "string" } } }).values,
    types.isProxy(new Proxy({}, {})), types.isAsyncFunction(async () => {}), types.isBoxedPrimitive(Object(1)), types.isUint8Array(Buffer.alloc(1)), util.types.isDate(new Date()),
    inspect(new (class Foo { constructor() { this.x = 1n; } })()), util.toUSVString("a\ud800"), util.styleText("red", "x", { validateStream: false }), failure(() => promisify(1)),
  ],
  storage: async () => {
    const storage = new AsyncLocalStorage();
    const other = new AsyncLocalStorage();
    const seen = [storage.getStore()];
    await storage.run(1, async () => {
      seen.push(storage.getStore());
      await later(1);
      seen.push(storage.getStore());
      other.run("o", () => seen.push([storage.getStore(), other.getStore()]));
      await new Promise((resolve) => setTimeout(() => { seen.push(storage.getStore()); resolve(); }, 1));
      await new Promise((resolve) => queueMicrotask(() => { seen.push(storage.getStore()); resolve(); }));
      storage.exit(() => seen.push(storage.getStore()));
      const inside = AsyncLocalStorage.snapshot();
      const bound = AsyncLocalStorage.bind(() => storage.getStore());
      const resource = new AsyncResource("R");
      storage.run(2, () => seen.push(storage.getStore(), inside(() => storage.getStore()), bound(), resource.runInAsyncScope(() => storage.getStore()), AsyncResource.bind(() => storage.getStore())()));
      for await (const chunk of Readable.from(["s"])) seen.push([String(chunk), storage.getStore()]);
    });
    seen.push(storage.getStore());
    return seen;
  },
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : (await cases[name]()) ?? null);
  },
};
