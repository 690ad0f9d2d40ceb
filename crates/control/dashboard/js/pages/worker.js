// One Worker: its tabs, each a module of its own.

import { get, path } from "../api.js";
import { h } from "../dom.js";
import { heading } from "../parts.js";
import { to } from "../router.js";
import { urlLink, workerUrls } from "../worker_url.js";
import { deployments } from "./worker_deployments.js";
import { logs } from "./worker_logs.js";
import { metrics } from "./worker_metrics.js";
import { secrets } from "./worker_secrets.js";
import { settings } from "./worker_settings.js";
import { triggers } from "./worker_triggers.js";

const TABS = [
  ["deployments", "Deployments", deployments],
  ["metrics", "Metrics", metrics],
  ["settings", "Settings", settings],
  ["triggers", "Triggers", triggers],
  ["secrets", "Secrets", secrets],
  ["logs", "Live logs", logs],
];

export async function worker(name, tab, { signal }) {
  const [current] = TABS.filter(([id]) => id === tab).concat([TABS[0]]);
  const [subdomain, url] = await Promise.all([
    get(path`/workers/scripts/${name}/subdomain`, {}, signal),
    workerUrls(signal),
  ]);
  const context = { name, signal, subdomain, url };
  const tabs = h("nav", { class: "tabs", "aria-label": `Parts of ${name}` }, h("ul", {}, TABS.map(([id, text]) =>
    h("li", {}, h("a", { href: to("workers", name, id), "aria-current": id === current[0] ? "page" : null }, text)))));
  return [
    heading(name, {
      trail: [["Workers", to("workers")]],
      below: [h("p", { class: "where" }, subdomain.enabled ? urlLink(url(name)) : h("span", { class: "quiet" }, "It has no host of its own.")), tabs],
    }),
    await current[2](context),
  ];
}
