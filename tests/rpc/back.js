// What the cases call, as a service's entrypoint and as a Durable Object.
import { DurableObject, RpcStub, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

let log = [];

class Counter extends RpcTarget {
  #count;
  own = "an instance property";

  constructor(count = 0) { super(); this.#count = count; }
  increment(by = 1) { return (this.#count += by); }
  get value() { return this.#count; }
  get nested() { return { deep: { add: (a, b) => a + b }, list: [1, 2], value: this.#count }; }
  get self() { return this; }
  child() { return new Counter(100); }
  fails() { throw new RangeError("too far"); }
  async slow(ms) { await scheduler.wait(ms); return "slow"; }
  [Symbol.dispose]() { log.push(`disposed ${this.#count}`); }
}

class Plain { method() {} }

const encode = (text) => new TextEncoder().encode(text);

const methods = (Base) => class extends Base {
  instance = () => "an instance property";
  #secret() { return "private"; }
  static statically() { return "static"; }

  // Values
  add(a, b) { return a + b; }
  echo(value) { return value; }
  count(...args) { return args.length; }
  kind(value) { return [typeof value, Object.prototype.toString.call(value), value?.constructor?.name, value instanceof RpcStub]; }
  nothing() {}
  cyclic() { const object = { x: 1 }; object.self = object; return object; }
  large(length) { return "x".repeat(length); }
  props() { return this.ctx.props; }
  log() { const before = log; log = []; return before; }
  // Members
  get getter() { return "got"; }
  get object() { return { x: 1, f: (a) => a * 2 }; }
  get throwing() { throw new Error("the getter threw"); }
  get promised() { return Promise.resolve(5); }
  alarm() { return "reserved"; }
  webSocketMessage() { return "reserved"; }
  dup() { return "reserved"; }
  fetch(request) { return new Response(`fetched ${request.method}`); }
  map() { return "not reserved"; }
  // Targets and functions
  counter(count) { return new Counter(count); }
  bundle(n) {
    return { n, counter: new Counter(n), f: (x) => x * n, list: [new Counter(1)], map: new Map([["c", new Counter(7)]]) };
  }
  fn() { const f = (a, b) => a - b; f.prop = 5; return f; }
  array() { return [new Counter(1), (x) => x]; }
  disposable() { return { a: 1, [Symbol.dispose]() { log.push("result disposed"); } }; }
  proxied() { return new Proxy({ a: 1, f: () => 2 }, {}); }
  classItself() { return Counter; }
  async call(f, ...args) { return await f(...args); }
  async increment(counter, by) { return await counter.increment(by); }
  async callLater(f) {
    const kept = f.dup();
    scheduler.wait(20).then(async () => {
      log.push(`later ${await kept("x")}`);
      kept[Symbol.dispose]();
    });
    return "now";
  }
  async useTwice(counter) {
    const kept = counter.dup();
    const counts = [await counter.increment(), await kept.increment()];
    kept[Symbol.dispose]();
    return [...counts, await counter.increment()];
  }
  returnParameter(counter) { return counter; }
  async returnDuplicate(counter) { return counter.dup(); }
  holdParameter(counter) { return { counter, after: async () => await counter.increment(1) }; }
  async forward(f) { return await this.env.SELF.call(f, 3); }
  async forwardResult() { return await this.env.SELF.counter(70); }
  forwardPromise() { return this.env.SELF.counter(70); }
  nestedPromise() { return { value: this.env.SELF.counter(70) }; }
  nestedProperty() { return { value: this.env.SELF.getter }; }
  service() { return this.env.SELF; }
  objectNamed(name) { return this.env.OBJECTS.getByName(name); }
  // Errors
  throwType() { throw Object.assign(new TypeError("a type"), { code: 5, extra: { a: 1 } }); }
  throwCustom() { class MyError extends Error { name = "MyError"; detail = "d"; } throw new MyError("custom"); }
  throwCause() { throw new Error("outer", { cause: new RangeError("inner") }); }
  throwString() { throw "a string"; }
  throwObject() { throw { a: 1 }; }
  throwNull() { throw null; }
  throwDom() { throw new DOMException("of the DOM", "AbortError"); }
  returnError() { return Object.assign(new RangeError("returned"), { code: 7 }); }
  // What can't be cloned
  plainClass() { return new Plain(); }
  innerPlain() { return { p: new Plain() }; }
  nullPrototype() { return Object.create(null); }
  symbol() { return Symbol("x"); }
  weakMap() { return new WeakMap(); }
  innerPromise() { return { p: Promise.resolve(1) }; }
  url() { return new URL("http://u/"); }
  // Streams and HTTP
  async readStream(stream) { return await new Response(stream).text(); }
  async readLength(stream) { let length = 0; for await (const chunk of stream) length += chunk.length; return length; }
  async writeStream(stream) {
    const writer = stream.getWriter();
    await writer.write(encode("foo "));
    await writer.write(encode("bar"));
    await writer.close();
    return "written";
  }
  stream() { return new Blob(["streamed"]).stream(); }
  jsStream() { return new ReadableStream({ start(controller) { controller.enqueue(encode("js")); controller.close(); } }); }
  brokenStream() {
    return new ReadableStream({ pull(controller) { controller.error(new RangeError("broke")); } });
  }
  request(request) {
    return [request instanceof Request, request.method, request.url, request.headers.get("x-a"), request.redirect, typeof request.cf];
  }
  async requestBody(request) { return await request.text(); }
  makeRequest() { return new Request("http://made/", { method: "POST", body: "rb", headers: { "x-b": "2" }, cf: { a: 1 } }); }
  response() { return new Response("body", { status: 201, statusText: "Yo", headers: { "x-r": "1", "set-cookie": "a=1" } }); }
  headers() {
    const headers = new Headers({ a: "1" });
    headers.append("set-cookie", "x");
    headers.append("set-cookie", "y");
    return headers;
  }
  // Lives
  async hang() { await new Promise(() => {}); }
  waits() { this.ctx.waitUntil(scheduler.wait(5).then(() => log.push("waited"))); return 1; }
};

export class Back extends methods(WorkerEntrypoint) {
  async recurse(n) { return n === 0 ? "end" : await this.env.SELF.recurse(n - 1); }
}

export class Thing extends methods(DurableObject) {
  order(i) { (this.seen ??= []).push(i); }
  ordered() { return this.seen.every((value, i) => value === i) && this.seen.length; }
  boom() { this.ctx.abort("the reason"); }
  async ring(n, names) {
    return n === 0 ? "end" : await this.env.OBJECTS.getByName(names[n % names.length]).ring(n - 1, names);
  }
  async fetchRing(n) {
    if (n === 0) return "end";
    return await (await this.env.OBJECTS.getByName(`ring${n % 3}`).fetch(`http://x/ring/${n - 1}`)).text();
  }
  async callbackRing(callback, n) { return n === 0 ? "end" : await callback(n - 1); }
  async callbacks(n) {
    const next = (left) => this.env.OBJECTS.getByName(`ring${left % 3}`).callbackRing(next, left);
    return await next(n);
  }
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/ring/")) return new Response(await this.fetchRing(Number(pathname.slice(6))));
    if (pathname !== "/wait") return new Response(`fetched ${request.method}`);
    await new Promise((resolve) => {
      request.signal.addEventListener("abort", () => {
        log.push(`signal ${request.signal.reason}`);
        resolve();
      });
    });
    return new Response("too late");
  }
}

export class NoExtends {
  fetch() { return new Response("fetched"); }
  method() { return 1; }
}

export const plain = {
  one: (a, env, ctx) => [a, typeof env, typeof ctx?.waitUntil],
  two: (a, b, env, ctx) => [a, b, typeof env, typeof ctx],
  none: () => 1,
  property: 5,
  object: { f: (a) => a },
};

export default { method: (a) => [a] };
