// What of a Worker is deployed, and its versions: deploy one, roll back.

import { get, path } from "../api.js";
import { h } from "../dom.js";
import { percent, short } from "../format.js";
import { badge, button, empty, facts, further, loading, section } from "../parts.js";
import { to } from "../router.js";
import { table } from "../table.js";
import { ago } from "../time.js";
import { deployDialog } from "./deploy.js";

const PER_PAGE = 25;

export async function deployments({ name, signal }) {
  const base = path`/workers/scripts/${name}`;
  let listed = 1;
  const view = loading(async () => {
    const [{ deployments: history }, versions] = await Promise.all([get(`${base}/deployments`, {}, signal), firstPages()]);
    const [now] = history;
    const known = new Map(versions.map((version) => [version.id, version]));
    const shown = versions.slice();
    const more = further(() => shown.length % PER_PAGE === 0 && shown.length === listed * PER_PAGE, async () => {
      const next = await page(listed + 1);
      listed += 1;
      shown.push(...next);
      next.forEach((version) => known.set(version.id, version));
      rows.rows(shown);
    });
    const rows = versionTable({ name, rows: shown, history, deploy, more });
    return [
      h("div", { class: "columns" },
        section("Current deployment", {}, now ? currentDeployment(name, now, known) : empty("No version is deployed.", "Deploy one from the list below.")),
        section("History", {}, historyList(name, history.slice(0, 6), known))),
      section("Versions", { note: "A version is code with its bindings, and never changes. Rolling back is deploying one that was deployed before." },
        rows.element),
    ];
    async function deploy(version) {
      if (await deployDialog({ name, version, history, versions: shown })) await view.reload();
    }
  });
  return view.element;

  async function page(number) {
    return (await get(`${base}/versions`, { page: number, per_page: PER_PAGE }, signal)).items;
  }

  async function firstPages() {
    const pages = await Promise.all(Array.from({ length: listed }, (_, index) => page(index + 1)));
    return pages.flat();
  }
}

function currentDeployment(name, now, known) {
  return [
    h("ul", { class: "split" }, now.versions.map((share) => h("li", {},
      h("span", { class: "split-name" }, versionLink(name, share.version_id, known)),
      shareBar(share.percentage),
      h("span", { class: "number" }, percent(share.percentage))))),
    facts([
      ["Deployed", ago(now.created_on)],
      ["By", now.author_email],
      ["Message", now.annotations?.["workers/message"] ?? cause(now.annotations)],
    ]),
  ];
}

function shareBar(share) {
  return h("progress", { max: 100, value: share, "aria-hidden": "true" });
}

function historyList(name, history, known) {
  if (history.length === 0) return empty("Nothing was deployed yet.");
  return h("ol", { class: "history" }, history.map((deployment) => h("li", {},
    h("span", {}, whichOf(deployment, name, known)),
    h("span", { class: "quiet" }, deployment.annotations?.["workers/message"] ?? cause(deployment.annotations)),
    h("span", { class: "quiet end" }, ago(deployment.created_on)))));
}

/** The version, or both with their shares, which leave no room for ids. */
function whichOf({ versions }, name, known) {
  if (versions.length === 1) return versionLink(name, versions[0].version_id, known);
  return versions.map(({ version_id: id, percentage }, index) => [index > 0 && ", ",
    h("a", { href: to("workers", name, "versions", id), title: id }, known.has(id) ? `v${known.get(id).number}` : short(id)), ` ${percent(percentage)}`]);
}

function versionLink(name, id, known) {
  const number = known.get(id)?.number;
  return h("a", { href: to("workers", name, "versions", id), class: "version" }, number ? `v${number} ` : null, short(id));
}

function versionTable({ name, rows, history, deploy, more }) {
  const [now] = history;
  const share = (version) => now?.versions.find((share) => share.version_id === version.id);
  const deployedOnce = new Set(history.flatMap((deployment) => deployment.versions.map((share) => share.version_id)));
  return table({
    caption: `Versions of ${name}`,
    rows,
    more,
    sorted: [0, "descending"],
    columns: [
      {
        title: "Version", sort: (version) => version.number, first: "descending",
        cell: (version) => h("a", { href: to("workers", name, "versions", version.id), class: "version" }, `v${version.number} `, short(version.id)),
      },
      { title: "Made", sort: (version) => Date.parse(version.metadata.created_on), first: "descending", cell: (version) => ago(version.metadata.created_on) },
      { title: "By", sort: (version) => version.metadata.author_email, cell: (version) => version.metadata.author_email },
      { title: "Message", cell: message },
      { title: "Traffic", align: "right", sort: (version) => share(version)?.percentage ?? 0, first: "descending", cell: (version) => traffic(share(version)) },
      {
        title: "",
        cell: (version) => {
          if (share(version)?.percentage === 100) return null;
          const verb = !share(version) && deployedOnce.has(version.id) ? "Roll back" : "Deploy";
          return button(verb, () => deploy(version), "small", `${verb} to version ${version.number}`);
        },
      },
    ],
  });
}

function traffic(share) {
  return share ? badge(percent(share.percentage), "good") : h("span", { class: "quiet" }, "–");
}

function message({ annotations = {} }) {
  const text = annotations["workers/message"];
  const tag = annotations["workers/tag"];
  return h("span", { class: "message" }, tag && [badge(tag), " "], text ?? h("span", { class: "quiet" }, cause(annotations)));
}

const CAUSES = {
  upload: "deployed by an upload",
  version_upload: "uploaded",
  secret: "a secret was changed",
  settings_update: "settings were changed",
  deployment: "deployed",
  rollback: "rolled back",
};

function cause(annotations) {
  const trigger = annotations?.["workers/triggered_by"];
  return CAUSES[trigger] ?? trigger ?? "";
}
