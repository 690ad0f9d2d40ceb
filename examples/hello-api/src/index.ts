interface Env {}

export default {
	async fetch(request): Promise<Response> {
		const { pathname } = new URL(request.url);
		switch (pathname) {
			case "/api/hello":
				return Response.json({ message: "Hello from the edge!" });
			case "/api/time":
				return Response.json({ time: new Date().toISOString(), location: request.cf?.colo });
			default:
				return Response.json({ error: "Not Found" }, { status: 404 });
		}
	},
} satisfies ExportedHandler<Env>;
