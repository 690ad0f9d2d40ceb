interface Env {
	PAGES: KVNamespace;
	/** Scheme and host of the site, as in https://www.example.com. */
	ORIGIN: string;
}

/** What is kept beside a page. */
interface Kept {
	type: string;
}

const AN_HOUR = 60 * 60;
const LONGEST_KEY = 512;

export default {
	async fetch(request, env, ctx): Promise<Response> {
		const url = new URL(request.url);
		const target = new URL(url.pathname + url.search, env.ORIGIN);
		const key = url.pathname + url.search;
		// Pages for someone in particular are nobody else's.
		const shared = request.method === "GET" && !request.headers.has("Authorization") && !request.headers.has("Cookie");
		if (!shared || key.length > LONGEST_KEY) return fetch(new Request(target, request));

		const { value, metadata } = await env.PAGES.getWithMetadata<Kept>(key, "stream");
		if (value) return new Response(value, { headers: { "Content-Type": metadata?.type ?? "text/html", "X-Cache": "HIT" } });

		const page = await fetch(new Request(target, request));
		const response = new Response(page.body, page);
		response.headers.set("X-Cache", "MISS");
		if (isPage(page)) {
			// One half of the body goes to the visitor, the other into the namespace.
			const kept = response.clone();
			ctx.waitUntil(
				env.PAGES.put(key, kept.body!, {
					expirationTtl: AN_HOUR,
					metadata: { type: page.headers.get("Content-Type")! } satisfies Kept,
				}),
			);
		}
		return response;
	},
} satisfies ExportedHandler<Env>;

/** Whether every visitor may get this answer: a whole HTML page without a cookie, which its server lets be shared. */
function isPage(response: Response): boolean {
	const type = response.headers.get("Content-Type") ?? "";
	const control = response.headers.get("Cache-Control") ?? "";
	return (
		response.status === 200 &&
		type.startsWith("text/html") &&
		!response.headers.has("Set-Cookie") &&
		!/private|no-store|no-cache/i.test(control)
	);
}
