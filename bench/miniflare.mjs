// Serves one Worker with a KV namespace, and what bench/workers/durable and bench/workers/r2 are bound to, in miniflare: `node miniflare.mjs SCRIPT FOLDER`. Prints where.
import { readFileSync } from "node:fs";
import { Miniflare } from "miniflare";

const [script, folder] = process.argv.slice(2);
const miniflare = new Miniflare({
  host: "127.0.0.1", port: 0, modules: true, script: readFileSync(script, "utf8"), compatibilityDate: "2026-01-01",
  kvNamespaces: ["KV"], kvPersist: folder,
  ...(script.endsWith("r2.mjs") ? { r2Buckets: { R2: "bench" }, r2Persist: folder } : {}),
  ...(script.includes("durable") ? { durableObjects: { COUNTERS: { className: "Counter", useSQLite: true } }, durableObjectsPersist: folder } : {}),
});
console.log(String(await miniflare.ready));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, async () => { await miniflare.dispose(); process.exit(); });
