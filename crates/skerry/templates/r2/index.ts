interface Env {
	FILES: R2Bucket;
}

export default {
	async fetch(request, env): Promise<Response> {
		const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
		switch (request.method) {
			case "GET": {
				const file = await env.FILES.get(key, { onlyIf: request.headers });
				if (file === null) return new Response("Not Found", { status: 404 });
				const headers = new Headers({ ETag: file.httpEtag });
				file.writeHttpMetadata(headers);
				// Without a body, the caller's copy is still the right one.
				return "body" in file ? new Response(file.body, { headers }) : new Response(null, { status: 304, headers });
			}
			case "PUT":
				await env.FILES.put(key, request.body, { httpMetadata: request.headers });
				return new Response("Stored", { status: 201 });
			case "DELETE":
				await env.FILES.delete(key);
				return new Response(null, { status: 204 });
			default:
				return new Response("Method Not Allowed", { status: 405, headers: { Allow: "GET, PUT, DELETE" } });
		}
	},
} satisfies ExportedHandler<Env>;
