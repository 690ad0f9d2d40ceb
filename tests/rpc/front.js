// Cases of RPC: `/<case>?on=service` or `?on=object` answers with what came of it. The same file asks workerd.
import * as workers from "cloudflare:workers";
import { RpcStub, RpcTarget } from "cloudflare:workers";

const encode = (text) => new TextEncoder().encode(text);
const settle = () => scheduler.wait(40);

/** Empties the callee's log once what the case before left behind has gone. */
const fresh = async (to) => {
  await settle();
  await to.log();
};

/** An error as text: its class, itself, and the names of its own properties. */
function told(error) {
  if (typeof error !== "object" || error === null) return `threw ${String(error)}`;
  const own = Reflect.ownKeys(error).map(String).filter((key) => !["message", "name", "stack", "code", "durableObjectId"].includes(key));
  const text = error instanceof Error || error instanceof DOMException ? String(error) : JSON.stringify({ ...error, durableObjectId: undefined });
  return `${error.constructor?.name} | ${text} | ${own.sort()}`;
}

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    return told(error);
  }
}

async function attempts(...all) {
  const results = [];
  for (const work of all) results.push(await attempt(work) ?? null);
  return results;
}

class Counter extends RpcTarget {
  disposed = 0;
  constructor(count = 0) { super(); this.count = count; }
  increment(by = 1) { return (this.count += by); }
  get value() { return this.count; }
  [Symbol.dispose]() { this.disposed++; }
}

const cases = {
  // === What there is ===
  shapes: async ({ to }) => {
    const promise = to.counter(1);
    const stub = await promise;
    const property = to.getter;
    const tag = (value) => Object.prototype.toString.call(value);
    return [
      typeof promise, tag(promise), promise.constructor?.name, promise instanceof workers.RpcPromise, promise instanceof Promise,
      typeof stub, tag(stub), stub instanceof RpcStub, stub instanceof Function, Object.getPrototypeOf(stub) === RpcStub.prototype,
      typeof property, tag(property), property instanceof workers.RpcProperty,
      Object.keys(stub), Reflect.ownKeys(promise), "any" in stub, "then" in stub, stub.then === undefined, stub[Symbol.iterator] === undefined,
      typeof stub.length, typeof stub.name, typeof stub.toJSON, typeof stub.dup, typeof stub[Symbol.dispose], typeof promise[Symbol.dispose],
      typeof property[Symbol.dispose], stub.any === stub.any, JSON.stringify(stub) === undefined, String(stub),
    ];
  },
  constructors: () => attempts(
    () => new workers.RpcPromise(), () => new workers.RpcProperty(), () => new RpcStub(), () => new RpcStub(5), () => new RpcStub(new Map()),
    () => new RpcStub(new (class Other {})()), () => typeof new RpcStub({}), () => typeof new RpcStub(() => {}),
  ),
  own: async ({ to }) => {
    const stub = await to.counter(1);
    stub.mine = 5;
    const before = [stub.mine, Object.keys(stub)];
    return [before, delete stub.mine, typeof stub.mine];
  },
  // === Values ===
  calls: async ({ to }) => {
    const { add } = to;
    return [await to.add(1, 2), await add(3, 4), await to.count(), await to.count(undefined), await to.count(1, undefined, 3), await to.nothing() ?? null];
  },
  structured: async ({ to }) => {
    const sent = {
      map: new Map([[1, new Set(["x"])]]), date: new Date(5), bytes: new Uint8Array([1, 2]), regexp: /x/g, big: 5n, missing: undefined, nothing: null,
      nan: NaN, holes: [1, , 3], buffer: new ArrayBuffer(3), text: "\ud800 lone",
    };
    const got = await to.echo(sent);
    return [
      [...got.map.get(1)], got.date.getTime(), [...got.bytes], String(got.regexp), String(got.big), "missing" in got, got.nothing, Number.isNaN(got.nan),
      1 in got.holes, got.holes.length, got.buffer.byteLength, got.text === sent.text, (await to.echo("\ud800")) === "\ud800", await to.echo("é\u{1f600}"),
      await to.echo(0.5), await to.echo(true), await to.echo(null), String(await to.echo(7n)), (await to.cyclic()).self.self.x,
    ];
  },
  kinds: async ({ to }) => [
    await to.kind(() => 1), await to.kind(new Counter()), await to.kind({}), await to.kind([1]), await to.kind(null), await to.kind(new Date(1)),
    await to.kind(new Proxy({ a: 1 }, {})), await to.kind(new Proxy(() => 1, {})), await to.kind(new Blob(["b"])),
  ],
  uncloneableResults: ({ to }) => attempts(
    ...["plainClass", "innerPlain", "nullPrototype", "symbol", "weakMap", "innerPromise", "url", "nestedPromise", "nestedProperty"].map((name) => () => to[name]()),
    async () => typeof (await to.classItself()),
  ),
  uncloneableArguments: ({ to, env }) => attempts(
    ...[
      new (class Other {})(), { p: new (class Other {})() }, Symbol("a"), new WeakMap(), Promise.resolve(1), Object.create(null), to.counter(1), to.getter,
      new URL("http://x/"), new FormData(), new Proxy([1], {}), env.OBJECTS, env.OBJECTS.idFromName("x"), new AbortController().signal,
    ].map((value) => () => to.kind(value)),
  ),
  size: ({ to }) => attempts(
    async () => (await to.large(33554432 - 100)).length,
    async () => (await attempt(() => to.large(33554432 + 10))).slice(0, 80),
    async () => (await attempt(() => to.count("x".repeat(33554433)))).slice(0, 80),
  ),
  // === Members ===
  visibility: async ({ to }) => {
    const counter = await to.counter(5);
    return attempts(
      () => to.instance(), () => to.secret(), () => to.statically(), () => to.missing(), () => to.missing, () => to.env, () => to.ctx, () => to.getter(),
      () => to.getter.x.y, () => counter.own, () => counter.missing(), () => counter.value(), () => counter.nested.deep.missing, () => counter.value.x,
      () => counter.nested.list.length, () => counter(), () => counter.apply(null, []),
    );
  },
  reserved: ({ to }) => attempts(() => to.alarm(), () => to.webSocketMessage(), () => to.dup(), () => to.map(), async () => (await to.fetch("http://x/")).text()),
  reading: async ({ to }) => {
    const counter = await to.counter(5);
    return attempts(
      () => to.getter, async () => (await to.object).x, () => to.object.x, () => to.object.f(4), () => to.promised, () => to.throwing,
      () => to.getter.then((value) => `${value}!`), () => to.getter.finally(() => {}), () => to.throwing.catch((error) => error.message),
      () => counter.value, () => counter.nested.deep.add(1, 2), () => counter.nested.list.then((list) => list.length),
      async () => (await counter.self).increment(),
    );
  },
  tooDeep: ({ to }) => attempt(() => {
    let property = to;
    for (let i = 0; i < 100; i++) property = property.x;
    return property();
  }),
  // === Errors ===
  errors: async ({ to }) => {
    const custom = await to.throwType().catch((error) => [error.code, error.extra, error.remote]);
    const cause = await to.throwCause().catch((error) => [String(error.cause), error.cause.constructor.name]);
    const returned = await to.returnError();
    const sent = await to.echo(Object.assign(new TypeError("sent"), { code: 1 }));
    const inner = (await to.echo([{ error: Object.assign(new TypeError("inner"), { code: 2 }) }]))[0].error;
    return [
      custom, cause, [returned instanceof RangeError, returned.message, returned.code, returned.remote ?? null], [sent instanceof TypeError, sent.code], [inner instanceof TypeError, inner.message, inner.code],
      ...await attempts(...["throwType", "throwCustom", "throwString", "throwObject", "throwNull", "throwDom"].map((name) => () => to[name]())),
    ];
  },
  // === Functions, targets, stubs ===
  functions: async ({ to }) => {
    const f = await to.fn();
    return attempts(() => f(5, 3), () => f.prop, () => to.fn()(9, 1), () => to.fn().prop, () => f.missing, () => f.call, () => f.prop());
  },
  callbacks: async ({ to }) => {
    const seen = [];
    const arity = await to.call((...args) => { seen.push(args); return args.length; }, 1, "2", { a: 3 });
    return [
      arity, seen, await to.forward((x) => x * 2), await to.call(async (x) => { await scheduler.wait(1); return x; }, 9),
      ...await attempts(() => to.call(() => { throw new RangeError("of the callback"); }), () => to.call(() => Symbol("x"))),
    ];
  },
  targets: async ({ to }) => {
    const counter = await to.counter(5);
    const together = [counter.increment(1), counter.increment(2), counter.increment(3)];
    return [await Promise.all(together), await counter.child().increment()];
  },
  localStubs: async () => {
    const counter = new Counter(1);
    const stub = new RpcStub(counter);
    const duplicate = stub.dup();
    const results = [await stub.increment(), await duplicate.value, await attempt(() => stub.count)];
    stub[Symbol.dispose]();
    await settle();
    results.push(counter.disposed, await duplicate.increment());
    duplicate[Symbol.dispose]();
    await settle();
    const object = new RpcStub({ a: 1, b: { c: (x) => x + 1 } });
    results.push(counter.disposed, await object.a, await object.b.c(1), await attempt(() => object.missing), await new RpcStub((x) => x * 3)(3));
    return results;
  },
  proxies: async ({ to }) => {
    const proxied = await to.proxied();
    return [typeof proxied, await proxied.a, await proxied.f()];
  },
  arrays: async ({ to }) => {
    const array = await to.array();
    return [Array.isArray(array), array.length, await array[0].increment(), await array[1](7), typeof array[Symbol.dispose]];
  },
  forwarding: async ({ to }) => [
    await (await to.forwardResult()).increment(), await (await to.forwardPromise()).increment(), await to.forwardPromise().increment(),
    await to.forwardResult().increment(),
  ],
  bindings: ({ to, env }) => attempts(
    async () => { const service = await to.service(); return [await service.add(1, 2), await (await service.fetch("http://x/")).text()]; },
    async () => { const object = await to.objectNamed("passed"); return [await object.add(1, 2), await (await object.fetch("http://x/")).text()]; },
    () => to.service().add(3, 4), () => to.objectNamed("passed").add(5, 6), async () => (await to.echo(env.SERVICE)).add(1, 1),
    async () => (await to.echo(env.OBJECTS.getByName("passed"))).add(1, 2),
  ),
  // === Pipelining ===
  pipelining: ({ to }) => attempts(
    () => to.counter(5).increment(), () => to.counter(5).value, () => to.bundle(3).n, () => to.bundle(3).counter.increment(4), () => to.bundle(3).f(5),
    () => to.counter(1).child().child().increment(), async () => (await to.bundle(3).counter).increment(), () => to.bundle(3).map.get("c"),
    () => to.add(1, 2).x, () => to.add(1, 2).x(), () => to.add(1, 2)(), () => to.nothing().x,
  ),
  pipelinedFailures: ({ to }) => attempts(
    () => to.throwType().method(), () => to.throwType().property, () => to.missing().a.b(), () => to.plainClass().method(), () => to.counter(1).fails(),
    () => to.counter(1).fails().x(), () => to.counter(1).missing().y(),
  ),
  afterwards: async ({ to }) => {
    const bundle = to.bundle(3);
    await bundle;
    const counter = to.counter(5);
    const stub = await counter;
    const number = to.add(1, 2);
    await number;
    return attempts(
      () => bundle.n, () => bundle.counter.increment(), () => bundle.f(2), () => counter.increment(), () => stub.value, () => number.x, () => number.x(),
    );
  },
  // === Lives ===
  parameters: async ({ to }) => {
    const counter = new Counter(3);
    const results = [await to.increment(counter, 5)];
    await settle();
    results.push(counter.disposed, await to.count(counter, counter));
    await settle();
    results.push(counter.disposed);
    const same = await to.echo([counter, counter]);
    results.push(same[0] === same[1], await same[0].increment());
    same[Symbol.dispose]();
    await settle();
    return [...results, counter.disposed, await to.useTwice(counter)];
  },
  sentStubs: async ({ to }) => {
    const counter = new Counter(3);
    const stub = new RpcStub(counter);
    const results = [await to.increment(stub, 5), await stub.increment(1), counter.disposed];
    stub[Symbol.dispose]();
    await settle();
    stub[Symbol.dispose]();
    return [...results, counter.disposed, await attempt(() => stub.increment(1))];
  },
  returnedParameters: async ({ to }) => {
    const counter = new Counter(3);
    const stub = await to.returnParameter(counter);
    const results = [await stub.increment(), await (await to.returnDuplicate(counter)).increment(), counter.disposed];
    stub[Symbol.dispose]();
    await settle();
    const held = await to.holdParameter(counter);
    return [...results, counter.disposed, await held.counter.increment(), await attempt(() => held.after())];
  },
  kept: async ({ to }) => {
    await fresh(to);
    const results = [await to.callLater((x) => `${x}!`)];
    await scheduler.wait(100);
    return [...results, await to.log()];
  },
  disposingResults: async ({ to }) => {
    await fresh(to);
    const bundle = await to.bundle(4);
    const results = [
      Object.keys(bundle), typeof bundle[Symbol.dispose], Object.getOwnPropertyDescriptor(bundle, Symbol.dispose)?.enumerable,
      await bundle.counter.increment(), await bundle.map.get("c").increment(), await bundle.list[0].increment(),
    ];
    bundle[Symbol.dispose]();
    results.push(...await attempts(() => bundle.counter.increment(), () => bundle.f(1), () => bundle.map.get("c").increment()));
    await settle();
    const disposable = await to.disposable();
    results.push(Reflect.ownKeys(disposable).map(String));
    disposable[Symbol.dispose]();
    await settle();
    return [...results, await to.log(), typeof (await to.add(1, 2))[Symbol.dispose], typeof (await to.echo([1]))[Symbol.dispose]];
  },
  disposingPromises: async ({ to }) => {
    await fresh(to);
    const early = to.counter(8);
    early[Symbol.dispose]();
    const results = await attempts(() => early.increment(), async () => (await early).increment());
    const late = to.counter(9);
    const stub = await late;
    late[Symbol.dispose]();
    results.push(await attempt(() => stub.increment()));
    await settle();
    return [...results, await to.log()];
  },
  disposingStubs: async ({ to }) => {
    await fresh(to);
    const stub = await to.counter(11);
    const duplicate = stub.dup();
    stub[Symbol.dispose]();
    stub[Symbol.dispose]();
    await settle();
    const results = [await to.log(), await attempt(() => stub.increment()), await duplicate.increment()];
    duplicate[Symbol.dispose]();
    await settle();
    return [...results, await to.log(), await attempt(() => stub.value)];
  },
  using: async ({ to }) => {
    await fresh(to);
    const stack = new DisposableStack();
    stack.use(await to.counter(20));
    stack.use(await to.bundle(2));
    stack.dispose();
    await settle();
    {
      using counter = await to.counter(30);
      await counter.increment();
    }
    {
      await using counter = await to.counter(40);
      await counter.increment();
    }
    await settle();
    return await to.log();
  },
  waiting: async ({ to }) => {
    await fresh(to);
    await to.waits();
    await scheduler.wait(60);
    return await to.log();
  },
  // === Streams and HTTP ===
  streamsThere: async ({ to }) => {
    const results = [];
    {
      const { readable, writable } = new IdentityTransformStream();
      const read = to.readStream(readable);
      const writer = writable.getWriter();
      await writer.write(encode("ab"));
      await writer.close();
      results.push(await read);
    }
    {
      const { readable, writable } = new IdentityTransformStream();
      const written = to.writeStream(writable);
      results.push(await new Response(readable).text(), await written);
    }
    const chunks = [];
    const collect = new WritableStream({ write(chunk) { chunks.push(new TextDecoder().decode(chunk)); }, close() { chunks.push("closed"); } });
    results.push(await to.writeStream(collect), chunks);
    const made = new ReadableStream({ start(controller) { controller.enqueue(encode("js")); controller.close(); } });
    return [
      ...results, await to.readStream(made), await to.readStream(new Response("response").body), await to.readStream(new Blob(["blob"]).stream()),
      await to.readLength(new Response(new Uint8Array(1000000)).body),
    ];
  },
  streamsBack: async ({ to }) => [
    await new Response(await to.stream()).text(), await new Response(await to.jsStream()).text(), (await to.jsStream()) instanceof ReadableStream,
    await attempt(async () => await new Response(await to.brokenStream()).text()),
  ],
  brokenStreams: ({ to }) => {
    const locked = new Response("x").body;
    locked.getReader();
    const { readable, writable } = new IdentityTransformStream();
    writable.getWriter();
    readable.cancel();
    return attempts(
      () => to.readStream(locked), () => to.writeStream(writable),
      () => to.readStream(new ReadableStream({ pull(controller) { controller.error(new RangeError("bad")); } })),
      () => to.writeStream(new WritableStream({ write() { throw new RangeError("no more"); } })),
      async () => {
        const { readable, writable } = new IdentityTransformStream();
        const read = to.readStream(readable);
        const writer = writable.getWriter();
        await writer.write(encode("foo"));
        writer.abort("stop").catch(() => {});
        return await read;
      },
    );
  },
  http: async ({ to }) => {
    const sent = new Request("http://x/y", { method: "POST", body: "sent body" });
    const body = await to.requestBody(sent);
    const made = await to.makeRequest();
    const response = await to.response();
    const headers = await to.headers();
    return [
      await to.request(new Request("http://x/", { headers: { "x-a": "1" }, cf: { z: 1 } })), body, sent.bodyUsed,
      [made instanceof Request, made.method, made.url, made.headers.get("x-b"), await made.text(), made.cf],
      [response instanceof Response, response.status, response.statusText, [...response.headers], await response.text()],
      [headers instanceof Headers, [...headers]], (await to.echo(new Response(null, { status: 204 }))).status,
    ];
  },
  // === Entrypoints ===
  entrypoints: ({ env }) => attempts(
    () => env.SERVICE.props(), () => env.DEFAULT.method(1), () => env.PLAIN.one(1), () => env.PLAIN.two(1, 2), () => env.PLAIN.none(), () => env.PLAIN.one(),
    () => env.PLAIN.one(1, 2), () => env.PLAIN.property, () => env.PLAIN.object.f(3), () => env.PLAIN.missing(1), () => env.NO_EXTENDS.getByName("x").method(),
    async () => (await env.NO_EXTENDS.getByName("x").fetch("http://x/")).text(),
  ),
  hung: ({ env }) => attempt(() => env.SERVICE.hang()),
  // === Objects ===
  order: async ({ env }) => {
    const object = env.OBJECTS.getByName(`order ${Math.random()}`);
    const calls = [];
    for (let i = 0; i < 200; i++) calls.push(object.order(i));
    await Promise.all(calls);
    return await object.ordered();
  },
  resets: async ({ env }) => {
    const object = env.OBJECTS.getByName(`resets ${Math.random()}`);
    const counter = await object.counter(1);
    const pending = attempt(() => object.hang());
    const slow = attempt(() => counter.slow(10_000));
    await settle();
    return [await attempt(() => object.boom()), await pending, await slow, await attempt(() => counter.increment())];
  },
  signals: async ({ env }) => {
    const object = env.OBJECTS.getByName("signals");
    await object.log();
    const controller = new AbortController();
    const fetched = attempt(() => object.fetch("http://x/wait", { signal: controller.signal }));
    await settle();
    controller.abort(new RangeError("mine"));
    const results = [await fetched];
    await settle();
    return [...results, await object.log()];
  },
  // === Bounds of Skerry's, or of the platform's that workerd by itself has not ===
  rings: ({ env }) => attempts(
    () => env.OBJECTS.getByName("ring0").ring(25, ["ring0", "ring1", "ring2"]), () => env.OBJECTS.getByName("ring0").ring(40, ["ring0", "ring1", "ring2"]),
    () => env.OBJECTS.getByName("ring0").ring(40, ["ring0"]), () => env.OBJECTS.getByName("ring0").fetchRing(25), () => env.OBJECTS.getByName("ring0").fetchRing(40),
    () => env.OBJECTS.getByName("ring0").callbacks(8), () => env.OBJECTS.getByName("ring0").callbacks(40), () => env.SERVICE.recurse(25),
    () => env.SERVICE.recurse(40),
  ),
  many: async ({ env, to }) => {
    // More calls than Workers may be invoked: an object's are no invocations of Workers.
    const object = env.OBJECTS.getByName("many");
    let last;
    for (let i = 0; i < 100; i++) last = await object.add(i, 1);
    const functions = await env.SERVICE.echo(Array.from({ length: 3000 }, (_, i) => () => i));
    return [last, functions.length, await functions[2999](), await attempt(() => env.SERVICE.count(...Array.from({ length: 10001 }, () => () => 1)))];
  },
  chain: ({ to }) => attempt(async () => {
    let last = to.counter(1);
    for (let i = 0; i < 100; i++) last = last.child();
    return await last.increment();
  }),
  unanswered: async ({ env }) => {
    const object = env.OBJECTS.getByName("unanswered");
    const counter = await object.counter(1);
    for (let i = 0; i < 100; i++) counter.slow(1e9).catch(() => {});
    return await counter.increment();
  },
};

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const to = searchParams.get("on") === "object" ? env.OBJECTS.getByName(`the object ${Math.random()}`) : env.SERVICE;
    return Response.json(await attempt(() => cases[pathname.slice(1)]({ to, env })) ?? null);
  },
};
