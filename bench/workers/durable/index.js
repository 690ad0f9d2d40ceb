// /one adds to one object; /many to one of 1000 in turn, which /fill?from=n has made, ten at a time; /new to one that nobody has met before.
// An answer says that the addition is durable.
import { DurableObject } from "cloudflare:workers";

let n = 0;

export class Counter extends DurableObject {
  async add() {
    const value = ((await this.ctx.storage.get("value")) ?? 0) + 1;
    await this.ctx.storage.put("value", value);
    return value;
  }
}

const add = (env, id) => env.COUNTERS.get(id).add();
const nth = (env, i) => env.COUNTERS.idFromName(`object-${i}`);

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/many": return new Response(String(await add(env, nth(env, n++ % 1000))));
      case "/new": return new Response(String(await add(env, env.COUNTERS.newUniqueId())));
      case "/fill": {
        const from = Number(searchParams.get("from"));
        await Promise.all(Array.from({ length: 10 }, (_, i) => add(env, nth(env, from + i))));
        return new Response("filled");
      }
      default: return new Response(String(await add(env, env.COUNTERS.idFromName("one"))));
    }
  },
};
