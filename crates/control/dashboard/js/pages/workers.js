// All Workers of the account.

import { get } from "../api.js";
import { usage } from "../charts.js";
import { field } from "../dialog.js";
import { h } from "../dom.js";
import { count, percent, short } from "../format.js";
import { badge, empty, heading } from "../parts.js";
import { to } from "../router.js";
import { table } from "../table.js";
import { ago } from "../time.js";
import { urlLink, workerUrls } from "../worker_url.js";

export async function workers({ signal }) {
  const [scripts, url] = await Promise.all([get("/workers/scripts", {}, signal), workerUrls(signal)]);
  if (scripts.length === 0) {
    return [heading("Workers"), empty("No Worker is deployed yet.",
      "Point wrangler at this server with the three variables that it printed at its first start, then deploy from the Worker's folder:",
      "npx wrangler deploy")];
  }
  const list = table({
    caption: "Workers",
    rows: scripts,
    columns: [
      { title: "Name", sort: (script) => script.id, cell: (script) => h("a", { href: to("workers", script.id), class: "strong" }, script.id) },
      { title: "Answers at", cell: (script) => answersAt(script, url) },
      { title: "Deployed", sort: deployedAt, first: "descending", cell: (script) => ago(script.deployment?.created_on) },
      { title: "Version", cell: (script) => shares(script.deployment) },
      { title: "Handlers", cell: (script) => h("span", { class: "quiet" }, (script.handlers ?? []).join(", ") || "–") },
    ],
    sorted: [2, "descending"],
  });
  const search = field({ name: "search", label: h("span", { class: "unseen" }, "Filter by name"), kind: "search", placeholder: "Filter by name" });
  search.input.addEventListener("input", () => {
    const wanted = search.value().toLowerCase();
    list.rows(scripts.filter((script) => script.id.includes(wanted)));
  });
  return [
    heading("Workers", { tools: [h("span", { class: "quiet" }, count(scripts.length, "Worker")), scripts.length > 5 && search.element] }),
    usage({ signal }),
    h("div", { class: "box flush" }, list.element),
  ];
}

function deployedAt(script) {
  return script.deployment ? Date.parse(script.deployment.created_on) : 0;
}

function answersAt(script, url) {
  return script.subdomain?.enabled === false ? h("span", { class: "quiet" }, "its routes alone") : urlLink(url(script.id));
}

/** The versions of a deployment, each with its share where there are two. */
function shares(deployment) {
  if (!deployment) return badge("not deployed", "warn");
  const { versions } = deployment;
  return h("span", { class: "shares" }, versions.map((share) => h("span", {},
    share.number ? `v${share.number} ` : null, short(share.version_id),
    versions.length > 1 && h("span", { class: "quiet" }, ` ${percent(share.percentage)}`))));
}
