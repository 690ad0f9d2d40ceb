// /get reads a hot key of 100 bytes; /put writes one of 1000 keys, and answers when the write is acknowledged.
const VALUE = "0123456789".repeat(10);
let n = 0;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/get") return new Response(await env.KV.get("hot"));
    await env.KV.put(pathname === "/fill" ? "hot" : `key-${n++ % 1000}`, VALUE);
    return new Response("written");
  },
};
