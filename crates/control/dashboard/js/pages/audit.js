// The audit log: every change over the API, who made it and how it ended.

import { list } from "../api.js";
import { h } from "../dom.js";
import { short } from "../format.js";
import { badge, empty, further, heading, loading } from "../parts.js";
import { table } from "../table.js";
import { ago } from "../time.js";

const PER_PAGE = 100;

/** What routes do, in words. Others are shown as they are. */
const DEEDS = [
  ["PUT", "/workers/scripts/{script}", "Deployed"],
  ["DELETE", "/workers/scripts/{script}", "Deleted the Worker"],
  ["DELETE", "/workers/services/{script}", "Deleted the Worker"],
  ["POST", "/workers/scripts/{script}/versions", "Uploaded a version"],
  ["POST", "/workers/scripts/{script}/deployments", "Deployed a version"],
  ["PUT", "/workers/scripts/{script}/secrets", "Set a secret"],
  ["DELETE", "/workers/scripts/{script}/secrets/{secret}", "Deleted a secret"],
  ["PATCH", "/workers/scripts/{script}/settings", "Changed settings"],
  ["PATCH", "/workers/scripts/{script}/script-settings", "Changed settings"],
  ["PUT", "/workers/scripts/{script}/schedules", "Set the schedules"],
  ["POST", "/workers/scripts/{script}/subdomain", "Switched its own host"],
  ["DELETE", "/workers/scripts/{script}/subdomain", "Switched off its own host"],
  ["POST", "/workers/scripts/{script}/tails", "Began to follow its logs"],
  ["DELETE", "/workers/scripts/{script}/tails/{tail}", "Ceased to follow its logs"],
];

export async function audit({ signal }) {
  return [
    heading("Audit log", { below: [h("p", { class: "note" }, "Every change that was asked for over the API, carried out or refused. Reading is not written down.")] }),
    loading(async () => {
      const entries = [];
      let before;
      const load = async () => {
        const { result, info } = await list("/audit_logs", { limit: PER_PAGE, before }, signal);
        entries.push(...result);
        before = info.before;
      };
      await load();
      if (entries.length === 0) return empty("Nothing was changed yet.", "The first deployment will be here:", "npx wrangler deploy");
      const rows = table({
        caption: "Audit log",
        rows: entries,
        more: further(() => Boolean(before), async () => {
          await load();
          rows.rows(entries);
        }),
        columns: [
          { title: "When", sort: (entry) => Date.parse(entry.when), first: "descending", cell: (entry) => ago(entry.when) },
          { title: "Who", sort: who, cell: (entry) => h("span", { title: entry.actor.id }, actor(entry)) },
          { title: "What", sort: deed, cell: (entry) => h("span", { title: entry.action.type }, deed(entry)) },
          { title: "On", cell: (entry) => h("code", { class: "value" }, subject(entry)) },
          { title: "Outcome", sort: (entry) => entry.metadata.status, cell: outcome },
        ],
      });
      return h("div", { class: "box flush" }, rows.element);
    }, { unavailable: "The audit log" }).element,
  ];
}

function who(entry) {
  return entry.actor.name ?? entry.actor.id;
}

function actor(entry) {
  if (entry.actor.name) return entry.actor.name;
  return entry.actor.type === "system" ? "the command line" : ["a revoked token ", short(entry.actor.id)];
}

function deed({ action }) {
  const [method, route] = action.type.split(" ");
  const below = route?.replace(/^.*\/accounts\/\{account\}/, "");
  return DEEDS.find(([one, path]) => one === method && path === below)?.[2] ?? `${method} ${below}`;
}

/** The path below the account, without what all have in common. */
function subject({ resource }) {
  const below = resource.id.replace(/^.*\/accounts\/[^/]*\//, "").replace(/^workers\/(scripts|services)\//, "");
  try {
    return decodeURIComponent(below);
  } catch {
    return below;
  }
}

function outcome({ action, metadata }) {
  return badge(action.result ? "done" : `refused (${metadata.status})`, action.result ? "good" : "bad");
}
