import { AsyncLocalStorage } from "node:async_hooks";
import { DurableObject, RpcTarget } from "cloudflare:workers";
const storage = new AsyncLocalStorage();
const store = () => storage.getStore() ?? "none";
class Target extends RpcTarget { #at = store(); told() { return [this.#at, store()]; } }
export class Thing extends DurableObject {
  seen() { return store(); }
  own() { return storage.run("object", async () => { await this.ctx.storage.put("a", 1); await this.ctx.storage.get("a"); return store(); }); }
  async call(callback) { return storage.run("object", async () => [await callback("x"), store()]); }
  async blocked() { return storage.run("object", () => this.ctx.blockConcurrencyWhile(async () => { await scheduler.wait(1); return store(); })); }
  async transaction() { return storage.run("object", () => this.ctx.storage.transaction(async (txn) => { await txn.put("b", 1); return store(); })); }
  target() { return storage.run("made", () => new Target()); }
}
export default { fetch: (request, env, ctx) => storage.run("outer", async () => {
  const ticks = [];
  await new Promise((resolve) => { const interval = setInterval(() => { ticks.push(store()); if (ticks.length === 3) { clearInterval(interval); resolve(); } }, 1); });
  const stub = env.OBJECTS.getByName("one");
  const seen = [await stub.seen(), store()];
  const called = await stub.call((x) => [x, store()]);
  const target = await stub.target();
  const told = await target.told();
  const stream = new TransformStream({ transform(chunk, controller) { controller.enqueue(`${chunk} ${store()}`); } });
  const writer = stream.writable.getWriter();
  storage.run("writer", () => { writer.write("chunk"); });
  const { value } = await stream.readable.getReader().read();
  const target2 = new EventTarget(); let event; storage.run("listener", () => target2.addEventListener("e", () => { event = store(); })); target2.dispatchEvent(new Event("e"));
  const { port1, port2 } = new MessageChannel(); const message = new Promise((resolve) => { storage.run("port", () => { port2.onmessage = () => resolve(store()); }); }); port1.postMessage(1);
  const abort = new AbortController(); let aborted; storage.run("abort", () => { abort.signal.onabort = () => { aborted = store(); }; }); abort.abort();
  const micro = await new Promise((resolve) => storage.run("micro", () => queueMicrotask(() => resolve(store()))));
  return Response.json({ ticks, seen, own: await stub.own(), called, blocked: await stub.blocked(), transaction: await stub.transaction(), told, value, event, message: await message, aborted, micro, last: store() });
}) };
