// The decision to deploy a version: to all of the traffic, or to a share of it beside another version.

import { change, path } from "../api.js";
import { ask, field } from "../dialog.js";
import { fill, h } from "../dom.js";
import { percent } from "../format.js";
import { notice } from "../notices.js";

/** `history`: the deployments, the newest first. Answers whether `version` was deployed. */
export async function deployDialog({ name, version, history, versions }) {
  const [now, ...before] = history;
  const has = (deployment) => deployment.versions.some((share) => share.version_id === version.id);
  const isBack = now && !has(now) && before.some(has);
  const verb = isBack ? "Roll back" : "Deploy";
  const others = versions.filter((other) => other.id !== version.id);
  const biggest = [...(now?.versions ?? [])].sort((one, other) => other.percentage - one.percentage).find((share) => share.version_id !== version.id);
  const share = field({
    name: "share", label: "Share of the traffic, in per cent", kind: "number", value: "100", min: 1, max: 100, step: "any", required: true,
    check: (text) => wrongShare(Number(text), others),
  });
  const rest = field({
    name: "rest", label: "The rest goes to", kind: "select",
    value: biggest?.version_id ?? others[0]?.id ?? "",
    options: others.map((other) => [other.id, `v${other.number} (${other.id.slice(0, 8)})`]),
  });
  const message = field({ name: "message", label: "Message", hint: "Why, for whoever reads the history. May be left out.", maxlength: 1000 });
  const effect = h("p", { class: "effect", role: "status" });
  const draw = () => {
    const part = Number(share.value());
    rest.element.hidden = others.length === 0 || !(part > 0 && part < 100);
    fill(effect, part === 100 ? `All requests go to v${version.number}.` : part > 0 && part < 100
      ? `${percent(part)} of requests go to v${version.number}, ${percent(100 - part)} to the other.` : "");
  };
  share.input.addEventListener("input", draw);
  draw();
  return await ask({
    title: `${isBack ? "Roll back to" : "Deploy"} v${version.number} of ${name}?`,
    body: [h("p", { class: "quiet" }, "It takes effect at once; requests that were begun finish where they are. Bindings and secrets are those of the version, stored data stays as it is.")],
    fields: [share, rest, message, { name: "effect", element: effect, value: () => null, check: () => true, focus: () => {} }],
    confirm: verb,
    act: async ({ share, rest, message }) => {
      const percentage = Number(share);
      const shares = [{ version_id: version.id, percentage }];
      if (percentage < 100) shares.push({ version_id: rest, percentage: 100 - percentage });
      const annotations = message.trim() ? { "workers/message": message.trim() } : {};
      const deployment = { strategy: "percentage", versions: shares, annotations };
      await change("POST", path`/workers/scripts/${name}/deployments`, deployment);
      notice(`v${version.number} of ${name} is deployed.`);
    },
  });
}

function wrongShare(share, others) {
  if (!(share > 0 && share <= 100)) return "A share is more than 0 and at most 100.";
  return share < 100 && others.length === 0 ? "There is no other version for the rest." : null;
}
