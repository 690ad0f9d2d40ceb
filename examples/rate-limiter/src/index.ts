import { DurableObject } from "cloudflare:workers";

interface Env {
	LIMITERS: DurableObjectNamespace<RateLimiter>;
}

const LIMIT = 100;
const WINDOW_MS = 60_000;

interface Verdict {
	allowed: boolean;
	remaining: number;
	/** Seconds until the next request is let through; 0 when this one was. */
	retryAfter: number;
}

/** One for each client: it alone counts, so that no two locations let the same request through. */
export class RateLimiter extends DurableObject<Env> {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS request (at INTEGER NOT NULL)");
	}

	/** Counts a request, unless the last minute has had its share already. */
	async take(): Promise<Verdict> {
		const { sql } = this.ctx.storage;
		const now = Date.now();
		sql.exec("DELETE FROM request WHERE at <= ?", now - WINDOW_MS);
		const { count, oldest } = sql.exec<{ count: number; oldest: number }>("SELECT count(*) AS count, min(at) AS oldest FROM request").one();
		if (count >= LIMIT) {
			return { allowed: false, remaining: 0, retryAfter: Math.ceil((oldest + WINDOW_MS - now) / 1000) };
		}
		sql.exec("INSERT INTO request VALUES (?)", now);
		// A client that is gone leaves nothing behind.
		await this.ctx.storage.setAlarm(now + WINDOW_MS);
		return { allowed: true, remaining: LIMIT - count - 1, retryAfter: 0 };
	}

	async alarm(): Promise<void> {
		this.ctx.storage.sql.exec("DELETE FROM request WHERE at <= ?", Date.now() - WINDOW_MS);
	}
}

export default {
	async fetch(request, env): Promise<Response> {
		const client = request.headers.get("CF-Connecting-IP") ?? "unknown";
		const { allowed, remaining, retryAfter } = await env.LIMITERS.getByName(client).take();
		const headers = { "X-RateLimit-Limit": String(LIMIT), "X-RateLimit-Remaining": String(remaining) };
		if (!allowed) {
			return new Response("Too many requests\n", { status: 429, headers: { ...headers, "Retry-After": String(retryAfter) } });
		}
		return new Response("Welcome\n", { headers });
	},
} satisfies ExportedHandler<Env>;
