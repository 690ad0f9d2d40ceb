// `node record.mjs NAME ...` asks Node the cases of NAME.js, and workerd those of stubs.js and others (after `.ci/setup bench`), and writes what it says
// to NAME.json.
import { readFileSync, writeFileSync } from "node:fs";

/** A Worker's answers by their paths. */
async function node(name) {
  const { default: worker } = await import(new URL(`${name}.js`, import.meta.url));
  return async (path) => (await worker.fetch(new Request(`http://localhost/${path}`))).json();
}

/** Who is workerd's to answer, and of what date. */
const OF_WORKERD = { fs_platform: "2026-01-01", more: "2026-11-17", names: "2026-11-17", stubs: "2026-04-24" };

async function workerd(name) {
  const { Miniflare } = await import("../../bench/node_modules/miniflare/dist/src/index.js");
  const contents = readFileSync(new URL(`${name}.js`, import.meta.url), "utf8");
  const modules = [{ type: "ESModule", path: "index.js", contents }];
  const miniflare = new Miniflare({ port: 0, modules, compatibilityDate: OF_WORKERD[name], compatibilityFlags: ["nodejs_compat"] });
  return async (path) => (await miniflare.dispatchFetch(`http://localhost/${path}`)).json();
}

for (const name of process.argv.slice(2)) {
  const ask = name in OF_WORKERD ? await workerd(name) : await node(name);
  const lines = [];
  for (const path of await ask("")) lines.push(`${JSON.stringify(path)}: ${JSON.stringify(await ask(encodeURIComponent(path)))}`);
  writeFileSync(new URL(`${name}.json`, import.meta.url), `{\n${lines.join(",\n")}\n}\n`);
}
process.exit();
