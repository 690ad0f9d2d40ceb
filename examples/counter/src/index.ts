import { DurableObject } from "cloudflare:workers";

interface Env {
	COUNTERS: DurableObjectNamespace<Counter>;
}

/** A number that many count together. */
export class Counter extends DurableObject<Env> {
	async value(): Promise<number> {
		return (await this.ctx.storage.get<number>("value")) ?? 0;
	}

	async add(amount: number): Promise<number> {
		// Nothing else happens in the object between the read and the write, and the caller hears of it when it is on disk.
		const value = (await this.value()) + amount;
		await this.ctx.storage.put("value", value);
		return value;
	}
}

export default {
	async fetch(request, env): Promise<Response> {
		// /visits, /visits/increment, /visits/decrement
		const [, name, action, ...rest] = new URL(request.url).pathname.split("/");
		if (!name || rest.length > 0) return new Response("Not found: try /visits/increment\n", { status: 404 });
		const counter = env.COUNTERS.getByName(name);
		switch (action) {
			case undefined:
				return Response.json({ name, value: await counter.value() });
			case "increment":
				return Response.json({ name, value: await counter.add(1) });
			case "decrement":
				return Response.json({ name, value: await counter.add(-1) });
			default:
				return new Response("Not found: there are increment and decrement\n", { status: 404 });
		}
	},
} satisfies ExportedHandler<Env>;
