import { DurableObject } from "cloudflare:workers";

interface Env {
	COUNTERS: DurableObjectNamespace<Counter>;
}

/** One counter: a single instance per name, wherever its callers are. */
export class Counter extends DurableObject<Env> {
	async value(): Promise<number> {
		return (await this.ctx.storage.get<number>("value")) ?? 0;
	}

	async increment(): Promise<number> {
		const value = (await this.value()) + 1;
		await this.ctx.storage.put("value", value);
		return value;
	}
}

export default {
	async fetch(request, env): Promise<Response> {
		const name = new URL(request.url).pathname;
		const counter = env.COUNTERS.getByName(name);
		switch (request.method) {
			case "GET":
				return Response.json({ name, value: await counter.value() });
			case "POST":
				return Response.json({ name, value: await counter.increment() });
			default:
				return new Response("Method Not Allowed", { status: 405, headers: { Allow: "GET, POST" } });
		}
	},
} satisfies ExportedHandler<Env>;
