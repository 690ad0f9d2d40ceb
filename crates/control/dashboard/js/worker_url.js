// Where Workers answer, as the server says it.

import { get } from "./api.js";
import { h } from "./dom.js";
import { outward } from "./parts.js";

/** A function from a Worker's name to its URL, or to null where the server does not say. */
export async function workerUrls(signal) {
  const { worker_url: template } = await get("/workers/subdomain", {}, signal);
  return (name) => (typeof template === "string" ? template.replace("{name}", () => name) : null);
}

/** A link to a Worker's URL that reads as its host. */
export function urlLink(url) {
  return url === null ? h("span", { class: "quiet" }, "–") : outward(url, new URL(url).host);
}
