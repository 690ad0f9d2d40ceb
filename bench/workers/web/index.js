// Each path does enough of one thing that it outweighs the request around it, and answers with what came of it.
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const prose = encoder.encode("The quick brown fox jumps over the lazy dog. Füchse, 狐狸, 🦊! ".repeat(1024));
const ascii = encoder.encode("The quick brown fox jumps over the lazy dog. ".repeat(1024));
const rows = Array.from({ length: 200 }, (_, id) => ({ id, name: `row ${id}`, tags: ["a", "b", "c"], nested: { value: id / 3, text: "text with \"quotes\"" } }));
const addresses = Array.from({ length: 200 }, (_, i) => `https://user:pass@sub${i}.example.com:8443/a/b/../c%20d/${i}?q=${i}&r=h%C3%A9&s=x+y#fragment`);

async function streamed() {
  const chunk = ascii.subarray(0, 4096);
  let left = 256;
  const source = new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(chunk.slice());
      else controller.close();
    },
  });
  let total = 0;
  for await (const piece of source.pipeThrough(new TransformStream())) total += piece.byteLength;
  return total;
}

const PATHS = {
  "/stream": streamed,
  "/decode": () => decoder.decode(prose).length + decoder.decode(ascii).length,
  "/url": () => {
    let total = 0;
    for (let i = 0; i < addresses.length; i++) {
      const url = new URL(addresses[i]);
      total += url.href.length + url.searchParams.get("q").length;
    }
    return total;
  },
  "/digest": async () => {
    let total = 0;
    for (let i = 0; i < 20; i++) total += new Uint8Array(await crypto.subtle.digest("SHA-256", ascii))[0];
    return total;
  },
};

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/json") return Response.json(rows);
    return new Response(String(await PATHS[pathname]()));
  },
};
