// /one adds to one object; /many to one of 1000. An answer says that the addition is durable.
import { DurableObject } from "cloudflare:workers";

let n = 0;

export class Counter extends DurableObject {
  async add() {
    const value = ((await this.ctx.storage.get("value")) ?? 0) + 1;
    await this.ctx.storage.put("value", value);
    return value;
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const name = pathname === "/many" ? `object-${n++ % 1000}` : "one";
    return new Response(String(await env.COUNTERS.get(env.COUNTERS.idFromName(name)).add()));
  },
};
