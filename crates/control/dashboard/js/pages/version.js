// One version of a Worker: who made it, what it is bound to.

import { get, path } from "../api.js";
import { bindingTable } from "../bindings.js";
import { h } from "../dom.js";
import { copyable } from "../format.js";
import { badge, button, empty, facts, heading, section } from "../parts.js";
import { go, to } from "../router.js";
import { ago } from "../time.js";
import { urlLink, workerUrls } from "../worker_url.js";
import { deployDialog } from "./deploy.js";

export async function version(name, id, { signal }) {
  const base = path`/workers/scripts/${name}`;
  const [version, { deployments }, { items: versions }, subdomain, url] = await Promise.all([
    get(base + path`/versions/${id}`, {}, signal),
    get(`${base}/deployments`, {}, signal),
    get(`${base}/versions`, { per_page: 100 }, signal),
    get(`${base}/subdomain`, {}, signal),
    workerUrls(signal),
  ]);
  const [now] = deployments;
  const share = now?.versions.find((share) => share.version_id === version.id);
  const { resources: { bindings, script, script_runtime: runtime }, metadata, annotations = {} } = version;
  const deploy = async () => {
    if (await deployDialog({ name, version, history: deployments, versions })) go(to("workers", name));
  };
  return [
    heading(`Version ${version.number}`, {
      trail: [["Workers", to("workers")], [name, to("workers", name)]],
      tools: [share ? badge(`${share.percentage} % of the traffic`, "good") : badge("not deployed"),
        share?.percentage !== 100 && button("Deploy", deploy, "primary")],
    }),
    section("About it", {}, facts([
      ["Id", copyable(version.id, "Copy the id")],
      ["Message", annotations["workers/message"]],
      ["Tag", annotations["workers/tag"]],
      ["Made", ago(metadata.created_on)],
      ["By", metadata.author_email],
      ["From", metadata.source],
      ["By itself at", subdomain.previews_enabled ? urlLink(url(`${version.id.slice(0, 8)}-${name}`)) : null],
      ["Handlers", script.handlers?.join(", ")],
      ["Start", version.startup_time_ms ? `${version.startup_time_ms} ms of CPU time` : null],
      ["Compatibility date", runtime.compatibility_date],
      ["Compatibility flags", runtime.compatibility_flags?.join(", ")],
      ["CPU limit", runtime.limits?.cpu_ms ? `${runtime.limits.cpu_ms} ms` : null],
    ])),
    section("Bindings", {}, bindings.length > 0 ? bindingTable(`Bindings of version ${version.number}`, bindings) : empty("It is bound to nothing.")),
  ];
}
