// Asks Miniflare, which has the platform's own asset Worker and router, each case of cases.json: `node ask.mjs > answers.json`.
// Miniflare is found below bench/, where `make bench` installs it.

import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { Miniflare } from "../../bench/node_modules/miniflare/dist/src/index.js";

const cases = JSON.parse(fs.readFileSync(new URL("cases.json", import.meta.url)));
const date = "2026-01-01";
const SHOWN = ["location", "content-type", "cache-control"];

function folder(more) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "assets-"));
  for (const [name, text] of Object.entries({ ...cases.files, ...more })) {
    fs.mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  return root;
}

// The path goes out as it is written, which fetch would not do.
function ask(url, { path, method = "GET", headers = {} }, host) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: url.hostname, port: url.port, path, method, headers: { host, ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk) => (body += chunk));
      response.on("end", () => {
        const seen = Object.entries(response.headers).filter(([name]) => SHOWN.includes(name) || name.startsWith("x-"));
        const answer = { status: response.statusCode, ...Object.fromEntries(seen.sort()), body };
        if (response.headers.etag) answer.etag = true;
        resolve(answer);
      });
    });
    request.on("error", (error) => resolve({ refused: error.code }));
    request.end();
  });
}

// The lists become what wrangler makes of them.
function routing(list) {
  if (!Array.isArray(list)) return { invoke_user_worker_ahead_of_assets: list };
  return {
    static_routing: {
      user_worker: list.filter((rule) => !rule.startsWith("!")),
      asset_worker: list.filter((rule) => rule.startsWith("!")).map((rule) => rule.slice(1)),
    },
  };
}

async function answers(setup, files, requests, host) {
  const { run_worker_first, flags = [], html_handling, not_found_handling, worker } = setup;
  const directory = folder(files);
  const miniflare = new Miniflare({
    modules: true,
    script: worker ? "export default { fetch: () => new Response('worker') }" : "export default {}",
    compatibilityDate: date,
    compatibilityFlags: flags,
    assets: {
      directory,
      routerConfig: { has_user_worker: Boolean(worker), ...routing(run_worker_first) },
      assetConfig: { html_handling, not_found_handling },
    },
  });
  const url = await miniflare.ready;
  const told = [];
  for (const request of requests) told.push({ ...request, answer: await ask(url, request, host) });
  await miniflare.dispose();
  fs.rmSync(directory, { recursive: true });
  return told;
}

const all = {};
const plain = [...cases.paths.map((path) => ({ path })), ...cases.others];
for (const html_handling of ["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"]) {
  for (const not_found_handling of ["none", "404-page", "single-page-application"]) {
    const asked = not_found_handling === "none" || html_handling === "auto-trailing-slash" ? plain : plain.filter(({ path }) => /none|deep|404/.test(path));
    all[`${html_handling} ${not_found_handling}`] = { html_handling, not_found_handling, asked };
  }
}
for (const [name, setup] of Object.entries(cases.routing)) all[name] = { ...setup, worker: true, asked: cases.routed };
all.rules = { files: cases.rules, asked: cases.ruled };
all.rules_worker = { files: cases.rules, worker: true, asked: cases.ruled };
const result = {};
for (const [name, { asked, files, ...setup }] of Object.entries(all)) {
  const host = `${name.startsWith("rules") ? "rules" : "site"}.localhost`;
  result[name] = { ...setup, rules: files !== undefined, answers: await answers(setup, files, asked, host) };
}
const line = (row) => `      ${JSON.stringify(row)}`;
const block = ([name, { answers, ...setup }]) =>
  `  ${JSON.stringify(name)}: {\n    "setup": ${JSON.stringify(setup)},\n    "answers": [\n${answers.map(line).join(",\n")}\n    ]\n  }`;
process.stdout.write(`{\n${Object.entries(result).map(block).join(",\n")}\n}\n`);
