// What a Worker is bound to, as a table. Secrets have a name and nothing else.

import { h } from "./dom.js";
import { short } from "./format.js";
import { badge } from "./parts.js";
import { to } from "./router.js";
import { table } from "./table.js";

const KINDS = {
  plain_text: ["Text", (binding) => value(binding.text)],
  json: ["JSON", (binding) => value(JSON.stringify(binding.json))],
  secret_text: ["Secret", () => h("span", { class: "quiet" }, "its value is never shown")],
  kv_namespace: ["KV namespace", (binding) => h("a", { href: to("kv", binding.namespace_id) }, short(binding.namespace_id))],
  r2_bucket: ["R2 bucket", (binding) => h("a", { href: to("r2", binding.bucket_name) }, binding.bucket_name)],
  d1: ["D1 database", (binding) => h("a", { href: to("d1") }, short(binding.id))],
  durable_object_namespace: ["Durable Object", (binding) => [h("code", {}, binding.class_name), of(binding.script_name)]],
  service: ["Service", (binding) => [h("a", { href: to("workers", binding.service) }, binding.service), binding.entrypoint && [" ", h("code", {}, binding.entrypoint)]]],
  queue: ["Queue", (binding) => binding.queue_name],
  ratelimit: ["Rate limit", (binding) => `${binding.simple?.limit} in ${binding.simple?.period} s`],
  wasm_module: ["WebAssembly", (binding) => h("code", {}, binding.part)],
  text_blob: ["Text file", (binding) => h("code", {}, binding.part)],
  data_blob: ["Data file", (binding) => h("code", {}, binding.part)],
  version_metadata: ["Version metadata", () => null],
  assets: ["Static assets", () => null],
  analytics_engine: ["Analytics Engine", (binding) => binding.dataset],
  hyperdrive: ["Hyperdrive", (binding) => short(binding.id)],
};

export function bindingTable(caption, bindings) {
  const kindOf = (binding) => KINDS[binding.type]?.[0] ?? binding.type;
  return table({
    caption,
    rows: bindings,
    columns: [
      { title: "Name", sort: (binding) => binding.name, cell: (binding) => h("code", { class: "strong" }, binding.name) },
      { title: "Type", sort: kindOf, cell: (binding) => badge(kindOf(binding)) },
      { title: "Bound to", cell: (binding) => (KINDS[binding.type]?.[1] ?? rest)(binding) },
    ],
    sorted: [1, "ascending"],
  }).element;
}

function value(text) {
  return h("code", { class: "value" }, text);
}

function of(script) {
  return script ? [" of ", h("a", { href: to("workers", script) }, script)] : null;
}

/** Types that this page does not know. */
function rest({ name, type, ...others }) {
  return value(JSON.stringify(others));
}
