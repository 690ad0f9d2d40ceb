// What tests/own_exports.rs asks: each path is a case, and answers.json has what workerd said to the same.
import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint, ServiceStub, env as imported, exports, tracing, withEnv, withEnvAndExports, withExports } from "cloudflare:workers";
import { NonRetryableError } from "cloudflare:workflows";
const told = (run) => {
  try {
    const value = run();
    return value === undefined ? "undefined" : value;
  } catch (error) { return `${error.name}: ${error.message}`; }
};
const later = async (run) => { try { return (await run()) ?? null; } catch (error) { return `${error.name}: ${error.message}`; } };
const text = async (response) => (await response).text();
const json = async (response) => (await response).json();
const whileItStarts = [told(() => Object.keys(exports)), told(() => exports.Named), told(() => imported.TEXT)];

export class Named extends WorkerEntrypoint {
  ping(value) { return ["pong", value ?? null, this.ctx.props, this.env.TEXT]; }
  fetch(request) { return Response.json([request.url, this.ctx.props, request.cf ?? null]); }
  get value() { return 5; }
  stub() { return this.ctx.exports.Named({ props: { from: "callee" } }); }
  take(stub) { return stub.ping("taken"); }
  kinds() { const { date, map, bytes } = this.ctx.props; return [date instanceof Date && +date, map instanceof Map && [...map], bytes instanceof Uint8Array && [...bytes]]; }
  throws() { throw new RangeError("thrown"); }
  again(depth) { return depth === 0 ? "the end" : this.ctx.exports.Named.again(depth - 1); }
}
export class Thing extends DurableObject {
  hello(value) { return ["object", value, this.ctx.id.name ?? null, this.ctx.props]; }
  call() { return this.ctx.exports.Named({ props: { by: "an object" } }).ping(); }
  exported() { return [Object.keys(this.ctx.exports), this.ctx.exports.Named === this.ctx.exports.Named]; }
}
export const plain = { fetch: () => new Response("plain"), method: (value, env, ctx) => ["plain", value, env.TEXT, ctx.props] };

const cases = {
  start: () => whileItStarts,
  names: () => [Object.keys(exports), Object.keys(exports.Named), Object.getOwnPropertyNames(exports.Named)],
  kinds: () => ["default", "Named", "plain"].map((name) => [typeof exports[name], Object.prototype.toString.call(exports[name]), exports[name] instanceof ServiceStub, exports[name].constructor.name]),
  specialized: () => [typeof exports.Named({}), Object.prototype.toString.call(exports.Named({ props: {} })), told(() => exports.Named({})({}))],
  same: (ctx) => [exports === ctx.exports, ctx.exports === ctx.exports, exports.Named === ctx.exports.Named, exports.Named === exports.Named, Object.isFrozen(ctx.exports)],
  called: async (ctx) => [
    await later(() => ctx.exports.Named.ping(1)), await later(() => exports.Named.ping()), await later(() => exports.plain.method(2)), await later(() => exports.Named.value),
    await later(() => exports.Named.nothing()), await later(() => exports.Named.throws()), await later(() => exports.Named({ props: { a: [1, { b: null }] } }).ping(3)),
    await later(() => exports.plain({ props: { c: 1 } }).method(4)), await later(() => exports.Named({ other: 1 }).ping()), await later(() => exports.Named(null).ping()),
    await later(() => exports.Named({ props: undefined }).ping()), await later(() => exports.Named({ props: [1] }).ping()),
    await later(() => exports.Named({ props: { date: new Date(5), map: new Map([[1, 2]]), bytes: new Uint8Array([7]) } }).kinds()),
  ],
  fetched: async (ctx) => [
    await later(() => json(ctx.exports.Named.fetch("http://x/y"))), await later(() => json(exports.Named({ props: { b: 2 } }).fetch("http://x/y", { cf: { z: 1 } }))),
    await later(() => text(exports.plain.fetch("http://x/"))), await later(() => json(exports.default.fetch("http://x/props"))),
    await later(() => json(exports.default({ props: { q: 1 } }).fetch("http://x/props"))), await later(() => exports.Named.fetch("/relative")),
  ],
  refused: async () => [
    told(() => exports.Named()), told(() => exports.Named(5)), told(() => exports.Named({ props: 5 })), told(() => exports.Named({ props: null })), told(() => exports.Named({ get props() { throw new Error("of a getter"); } })),
    told(() => exports.Named({ props: Object.create({ inherited: 1 }) })), await later(() => exports.Named.take(exports.Named)), await later(() => exports.Named.take(exports)),
  ],
  passed: async () => [
    await later(async () => { const stub = await exports.Named.stub(); return [typeof stub, Object.prototype.toString.call(stub), await stub.ping(9), await json(stub.fetch("http://x/"))]; }),
    await later(() => exports.Named.take(exports.Named({ props: { given: 1 } }))), await later(() => exports.Named({ props: { own: 1 } }).take(exports.plain({}))),
  ],
  objects: async (ctx) => [
    await later(() => ctx.exports.Thing.getByName("n").hello(1)), await later(() => exports.Thing.get(exports.Thing.idFromName("m")).hello(2)),
    await later(() => exports.Thing.getByName("n").call()), await later(() => exports.Thing.getByName("n").exported()), exports.Thing.newUniqueId().toString().length,
    exports.Thing.idFromName("n").toString() === ctx.exports.Thing.idFromName("n").toString(),
  ],
  depth: async () => [await later(() => exports.Named.again(5))],
  env: async (ctx, env) => {
    const keys = () => Object.keys(imported).sort().join();
    const wait = () => new Promise((resolve) => setTimeout(resolve, 1));
    const all = [imported.TEXT, imported === env, told(() => withEnv({ A: 1 }, () => [imported.A, keys(), "TEXT" in imported]))];
    all.push(await withEnv({ A: 2 }, async () => { await null; await wait(); return imported.A; }), imported.A ?? "none");
    all.push(told(() => withEnv({ A: 1 }, () => withEnv({ B: 2 }, keys))), told(() => withEnv({}, 5)), told(() => withEnv({})), told(() => withEnv(5, keys)), told(() => withEnv(null, keys)));
    all.push(told(() => withEnv({ A: 1 }, (...rest) => rest.length)), told(() => withEnv({ A: 1 }, () => { throw new RangeError("inside"); })), imported.A ?? "none");
    all.push(told(() => withExports({ X: 1 }, () => [Object.keys(exports), exports.X])), told(() => withEnvAndExports({ A: 5 }, { Y: 1 }, () => [Object.keys(exports), keys()])));
    all.push(told(() => { imported.NEW = 1; return [imported.NEW, env.NEW, delete imported.NEW, "NEW" in env]; }), told(() => withEnv({ Q: 1 }, () => { imported.R = 2; return keys(); })), keys());
    const [first, second] = await Promise.all([1, 2].map((value) => withEnv({ A: value }, async () => { await wait(); return imported.A; })));
    return [...all, first, second];
  },
  classes: () => [
    told(() => new WorkflowEntrypoint()), told(() => new WorkflowEntrypoint({}, {})), (class extends WorkflowEntrypoint {}).prototype instanceof WorkflowEntrypoint,
    [new NonRetryableError("m"), new NonRetryableError("m", "Own")].map((error) => [error.name, error.message, String(error), error instanceof Error, Object.keys(error)]), NonRetryableError.length,
  ],
  tracing: async (ctx) => {
    const span = ctx.tracing.startSpan("a");
    return [
      Object.prototype.toString.call(tracing), span.isTraced, span.spanContext(), told(() => span.setAttribute("a") === span), told(() => span.setAttributes(5)), told(() => span.updateName()),
      told(() => span.setStatus({})), told(() => span.setStatus({ code: "ok" }) === span), told(() => span.end()), told(() => tracing.enterSpan("x", (inner, ...rest) => [tracing.getActiveSpan() === inner, rest], 5, 6)),
      await tracing.enterSpan("x", async (inner) => { await null; return tracing.getActiveSpan() === inner; }), told(() => tracing.withActiveSpan(span, () => tracing.getActiveSpan() === span)),
      told(() => tracing.withActiveSpan(5, () => 1)), told(() => tracing.enterSpan()), told(() => tracing.enterSpan("a")), told(() => tracing.startSpan()), told(() => new tracing.Span()),
      told(() => tracing.enterSpan("x", () => { throw new RangeError("inside"); })),
    ];
  },
};

export default {
  async fetch(request, env, ctx) {
    const { hostname, pathname } = new URL(request.url);
    if (hostname === "x") return Response.json(ctx.props);
    try { return Response.json(await cases[pathname.slice(1)](ctx, env)); } catch (error) { return Response.json(`failed: ${error.stack}`); }
  },
};
