// workerd compiles the Workers of its config when the process starts. Its Worker Loader makes one on its first
// request instead, which is what a cold start is: the Host header names the Worker.
export default {
  async fetch(request, env) {
    const name = new URL(request.url).hostname.split(".")[0];
    const worker = env.LOADER.get(name, () => ({
      compatibilityDate: "2026-01-01",
      mainModule: "index.js",
      modules: {
        "index.js": `export default {
          async fetch(request, env, ctx) {
            return new Response("Hello from ${name}");
          },
        };`,
      },
    }));
    return worker.getEntrypoint().fetch(request);
  },
};
