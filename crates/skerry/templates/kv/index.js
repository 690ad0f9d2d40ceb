export default {
	async fetch(request, env) {
		const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
		if (key === "") {
			const { keys } = await env.NOTES.list();
			return Response.json(keys.map(({ name }) => name));
		}

		switch (request.method) {
			case "GET": {
				const note = await env.NOTES.get(key, "stream");
				return note ? new Response(note) : new Response("Not Found", { status: 404 });
			}
			case "PUT":
				if (request.body === null) return new Response("A body is missing", { status: 400 });
				await env.NOTES.put(key, request.body);
				return new Response("Saved", { status: 201 });
			case "DELETE":
				await env.NOTES.delete(key);
				return new Response(null, { status: 204 });
			default:
				return new Response("Method Not Allowed", { status: 405, headers: { Allow: "GET, PUT, DELETE" } });
		}
	},
};
