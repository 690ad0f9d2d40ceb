// What the account uses, beside what its plan allows.

import { get } from "../api.js";
import { usage } from "../charts.js";
import { h } from "../dom.js";
import { bytes, count, millis } from "../format.js";
import { facts, heading, loading, section } from "../parts.js";

const STORED = [
  ["kv", "KV"], ["r2", "R2"], ["d1", "D1"], ["durable_objects", "Durable Objects"], ["queues", "queues"], ["assets", "static assets"],
];

export async function plan({ signal }) {
  return [heading("Usage"), usage({ signal }), loading(async () => {
    const { plan: name, used, limits, last_day: day } = await get("/skerry/usage", {}, signal);
    const orNone = (limit) => limit?.toLocaleString("en") ?? "no limit";
    return h("div", { class: "columns" },
      section("Used", {}, facts([
        ["Workers", share(used.scripts, limits.scripts)],
        ["KV namespaces", used.kv_namespaces.toLocaleString("en")],
        ["D1 databases", used.d1_databases.toLocaleString("en")],
        ["Storage", limits.storage_bytes === null ? bytes(used.storage_bytes.total) : share(used.storage_bytes.total, limits.storage_bytes, bytes)],
        ...STORED.filter(([product]) => used.storage_bytes[product] > 0).map(([product, name]) => [`Storage: ${name}`, bytes(used.storage_bytes[product])]),
        ["Requests today, UTC", limits.requests_per_day === null ? count(used.requests_today, "request") : share(used.requests_today, limits.requests_per_day)],
        ["Requests, last day", count(day.requests, "request")],
        ["Errors, last day", count(day.errors, "error")],
        ["CPU time, last day", millis(day.cpu_ms)],
      ])),
      section(`Plan: ${name}`, { note: "Plans are set in the server's configuration." }, facts([
        ["Workers", limits.scripts.toLocaleString("en")],
        ["CPU time of an event", `${millis(limits.cpu_ms)}; up to ${millis(limits.max_cpu_ms)} where a Worker asks for it`],
        ["Memory of an isolate", bytes(limits.memory_bytes)],
        ["Subrequests of an event", limits.subrequests.toLocaleString("en")],
        ["Code of a version", bytes(limits.script_bytes)],
        ["Static assets of a version", count(limits.asset_files, "file")],
        ["Requests of a Worker at a time", orNone(limits.concurrent_requests)],
        ["Requests of a Worker in a second", orNone(limits.requests_per_second)],
        ["Requests of all Workers at a time", orNone(limits.account_concurrent_requests)],
        ["Requests of all Workers in a second", orNone(limits.account_requests_per_second)],
        ["Requests of all Workers in a day", orNone(limits.requests_per_day)],
        ["Storage", limits.storage_bytes === null ? "no limit" : bytes(limits.storage_bytes)],
      ])));
  }, { unavailable: "The account's usage" }).element];
}

/** So many of so many, with a bar. */
function share(number, most, shown = (value) => value.toLocaleString("en")) {
  return h("div", { class: "meter" }, `${shown(number)} of ${shown(most)}`,
    h("progress", { max: most, value: number, "aria-hidden": "true" }));
}
