// What a Worker is set to: compatibility, bindings, its Durable Object classes. And its end.

import { change, get, path } from "../api.js";
import { bindingTable } from "../bindings.js";
import { ask, field } from "../dialog.js";
import { h } from "../dom.js";
import { notice } from "../notices.js";
import { badge, button, empty, facts, loading, section } from "../parts.js";
import { go, to } from "../router.js";
import { table } from "../table.js";

export async function settings({ name, signal }) {
  const view = loading(async () => {
    const settings = await get(path`/workers/scripts/${name}/settings`, {}, signal);
    return [
      section("Compatibility and limits", { note: "As the newest version has them. wrangler sets them from the Worker's configuration when it deploys." }, facts([
        ["Compatibility date", settings.compatibility_date ?? "none"],
        ["Compatibility flags", settings.compatibility_flags?.length > 0 ? settings.compatibility_flags.map((flag) => [badge(flag), " "]) : "none"],
        ["CPU limit", settings.limits?.cpu_ms ? `${settings.limits.cpu_ms} ms` : "the plan's"],
        ["Subrequests", settings.limits?.subrequests ? `${settings.limits.subrequests}` : "the plan's"],
        ["Tags", settings.tags?.join(", ")],
      ])),
      section("Bindings", {}, settings.bindings.length > 0
        ? bindingTable(`Bindings of ${name}`, settings.bindings)
        : empty("This Worker is bound to nothing.", "Add bindings to wrangler.toml, then deploy:", "npx wrangler deploy")),
      classes(name, settings),
      section("Delete", { note: "The Worker goes with all its versions and secrets, its schedules, and its Durable Objects with what they store." },
        h("p", {}, button("Delete this Worker", remove, "danger"))),
    ];
  });
  return view.element;

  async function remove() {
    const force = field({ name: "force", label: "Also while other Workers are bound to it", kind: "checkbox" });
    const done = await ask({
      title: `Delete ${name}?`,
      body: [h("p", {}, "This can't be undone. Its host stops answering at once.")],
      typed: name,
      fields: [force],
      confirm: "Delete for good",
      danger: true,
      act: async ({ force }) => {
        await change("DELETE", path`/workers/scripts/${name}`, undefined, force ? { force: true } : {});
        notice(`${name} is deleted.`);
      },
    });
    if (done) go(to("workers"));
  }
}

/** The classes that bindings name: those of this Worker, and those that it uses of others. */
function classes(name, settings) {
  const bound = settings.bindings.filter((binding) => binding.type === "durable_object_namespace");
  if (bound.length === 0) return null;
  return section("Durable Object classes", { tools: [settings.migration_tag && h("span", { class: "quiet" }, "last migration ", h("code", {}, settings.migration_tag))] },
    table({
      caption: `Durable Object classes of ${name}`,
      rows: bound,
      columns: [
        { title: "Class", sort: (binding) => binding.class_name, cell: (binding) => h("code", { class: "strong" }, binding.class_name) },
        { title: "Binding", sort: (binding) => binding.name, cell: (binding) => h("code", {}, binding.name) },
        { title: "Defined by", cell: (binding) => binding.script_name && binding.script_name !== name ? h("a", { href: to("workers", binding.script_name) }, binding.script_name) : "this Worker" },
      ],
      sorted: [0, "ascending"],
    }).element);
}
