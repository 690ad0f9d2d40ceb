// One event of a tail (subprotocol trace-v1), in a line with what it logged below.

import { h } from "./dom.js";
import { badge } from "./parts.js";
import { timeOfDay } from "./time.js";

/** What a message says, or null where it is no event. */
export function readEvent(data) {
  try {
    const event = JSON.parse(typeof data === "string" ? data : new TextDecoder().decode(data));
    return typeof event === "object" && event !== null && !Array.isArray(event) ? event : null;
  } catch {
    return null;
  }
}

const BAD = new Set(["exception", "exceededCpu", "exceededMemory", "scriptNotFound", "internalError"]);

export function eventItem(message, number) {
  const { outcome, event, eventTimestamp, logs = [], exceptions = [] } = message;
  return h("li", { id: `event-${number}` },
    h("div", { class: "event" },
      timeOfDay(eventTimestamp ?? Date.now()),
      badge(outcome ?? "unknown", outcome === "ok" ? "good" : BAD.has(outcome) ? "bad" : "warn"),
      h("span", { class: "event-what" }, what(event))),
    exceptions.map((exception) => h("pre", { class: "log error" }, exception.stack ?? `${exception.name}: ${exception.message}`)),
    logs.map((log) => h("pre", { class: `log ${log.level === "error" ? "error" : log.level === "warn" ? "warn" : ""}` },
      h("span", { class: "level" }, log.level), [log.message].flat().map(written).join(" "))));
}

function written(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What happened, by what the event has. */
function what(event) {
  if (event?.request) {
    const { method, url } = event.request;
    return [h("strong", {}, method), " ", url, event.response && h("span", { class: "quiet" }, ` ${event.response.status}`)];
  }
  if (event?.cron) return [h("strong", {}, "cron"), " ", event.cron];
  if (event?.rpcMethod) return [h("strong", {}, "rpc"), " ", event.rpcMethod];
  if (event?.queue) return [h("strong", {}, "queue"), ` ${event.queue}`, event.batchSize && `, ${event.batchSize} messages`];
  if (event?.scheduledTime) return h("strong", {}, "alarm");
  return h("span", { class: "quiet" }, "event");
}
