// /get reads a hot object of 1 KiB, /put stores one of 1000 as large; any other path is an object to put or to get.
const VALUE = "0123456789abcdef".repeat(64);
let n = 0;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/fill" || pathname === "/put") {
      await env.R2.put(pathname === "/fill" ? "hot" : `key-${n++ % 1000}`, VALUE);
      return new Response("written");
    }
    if (request.method === "PUT") {
      await env.R2.put(pathname, request.body);
      return new Response("written");
    }
    const object = await env.R2.get(pathname === "/get" ? "hot" : pathname);
    return new Response(object.body, { headers: { "Content-Length": object.size } });
  },
};
