interface Env {
	FILES: R2Bucket;
}

export default {
	async fetch(request, env): Promise<Response> {
		const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
		switch (request.method) {
			case "GET": {
				const file = await env.FILES.get(key);
				if (file === null) return new Response("Not Found", { status: 404 });
				const headers = new Headers({ ETag: file.httpEtag });
				file.writeHttpMetadata(headers);
				return new Response(file.body, { headers });
			}
			case "PUT": {
				const file = await env.FILES.put(key, request.body, {
					httpMetadata: { contentType: request.headers.get("Content-Type") ?? "application/octet-stream" },
				});
				return new Response(`Stored ${file.key}, ${file.size} bytes\n`, { status: 201 });
			}
			default:
				return new Response("Method Not Allowed", { status: 405, headers: { Allow: "GET, PUT" } });
		}
	},
} satisfies ExportedHandler<Env>;
