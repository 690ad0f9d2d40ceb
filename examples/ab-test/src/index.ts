interface Env {
	/** Scheme and host of the site that is tested, as in https://www.example.com. */
	ORIGIN: string;
}

type Variant = "a" | "b";

const COOKIE = "ab-home";
const THIRTY_DAYS = 30 * 24 * 60 * 60;

export default {
	async fetch(request, env): Promise<Response> {
		const url = new URL(request.url);
		const origin = new URL(env.ORIGIN);
		url.protocol = origin.protocol;
		url.host = origin.host;
		url.port = origin.port;
		if (url.pathname !== "/") return fetch(new Request(url, request));

		const before = assigned(request);
		const variant = before ?? (Math.random() < 0.5 ? "a" : "b");
		url.pathname = `/home-${variant}`;
		const home = await fetch(new Request(url, request));
		if (before) return home;

		// A new visitor: the same home for thirty days.
		const response = new Response(home.body, home);
		response.headers.append("Set-Cookie", `${COOKIE}=${variant}; Path=/; Max-Age=${THIRTY_DAYS}; HttpOnly; SameSite=Lax`);
		return response;
	},
} satisfies ExportedHandler<Env>;

/** The variant that this visitor was given before. */
function assigned(request: Request): Variant | undefined {
	const cookies = request.headers.get("Cookie")?.split(";") ?? [];
	for (const cookie of cookies) {
		const [name, value] = cookie.trim().split("=");
		if (name === COOKIE && (value === "a" || value === "b")) return value;
	}
}
