// What the account uses, beside what its plan allows.

import { get } from "../api.js";
import { usage } from "../charts.js";
import { h } from "../dom.js";
import { bytes, count, millis } from "../format.js";
import { facts, heading, loading, section } from "../parts.js";

export async function plan({ signal }) {
  return [heading("Usage"), usage({ signal }), loading(async () => {
    const { plan: name, used, limits, last_day: day } = await get("/skerry/usage", {}, signal);
    const orNone = (limit) => limit?.toLocaleString("en") ?? "no limit";
    return h("div", { class: "columns" },
      section("Used", {}, facts([
        ["Workers", share(used.scripts, limits.scripts)],
        ["KV namespaces", used.kv_namespaces.toLocaleString("en")],
        ["D1 databases", used.d1_databases.toLocaleString("en")],
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
      ])));
  }, { unavailable: "The account's usage" }).element];
}

/** So many of so many, with a bar. */
function share(number, most) {
  return h("div", { class: "meter" }, `${number.toLocaleString("en")} of ${most.toLocaleString("en")}`,
    h("progress", { max: most, value: number, "aria-hidden": "true" }));
}
