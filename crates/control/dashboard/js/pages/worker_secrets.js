// A Worker's secrets: their names. A value goes in and is never shown again.

import { change, get, path } from "../api.js";
import { ask, field } from "../dialog.js";
import { h } from "../dom.js";
import { notice } from "../notices.js";
import { button, empty, loading, section } from "../parts.js";
import { table } from "../table.js";

const MAX_BYTES = 5 << 10;

export async function secrets({ name, signal }) {
  const base = path`/workers/scripts/${name}/secrets`;
  const view = loading(async () => {
    const secrets = await get(base, {}, signal);
    return section("Secrets", {
      tools: [button("Add a secret", () => set(), "primary")],
      note: "Each change makes a version and deploys it. A value can be replaced, not read.",
    }, secrets.length > 0 ? list(secrets) : empty("This Worker has no secrets.", "Add one here, or from its folder:", "npx wrangler secret put NAME"));
  });
  return view.element;

  function list(secrets) {
    return table({
      caption: `Secrets of ${name}`,
      rows: secrets,
      sorted: [0, "ascending"],
      columns: [
        { title: "Name", sort: (secret) => secret.name, cell: (secret) => h("code", { class: "strong" }, secret.name) },
        { title: "Value", cell: () => h("span", { class: "quiet" }, "hidden") },
        {
          title: "",
          cell: (secret) => [
            button("Replace", () => set(secret.name), "small", `Replace the secret ${secret.name}`),
            button("Delete", () => remove(secret.name), "small danger-quiet", `Delete the secret ${secret.name}`),
          ],
        },
      ],
    }).element;
  }

  async function set(known) {
    const called = field({ name: "called", label: "Name", required: true, maxlength: 512, placeholder: "API_KEY" });
    const text = field({
      name: "text", label: known ? "New value" : "Value", kind: "area", rows: 4, required: true,
      check: (text) => (new TextEncoder().encode(text).length > MAX_BYTES ? "A secret has at most 5 KiB." : null),
    });
    const done = await ask({
      title: known ? `Replace the value of ${known}` : `Add a secret to ${name}`,
      fields: known ? [text] : [called, text],
      confirm: known ? "Replace and deploy" : "Add and deploy",
      act: async ({ called = known, text }) => {
        await change("PUT", base, { name: called, text, type: "secret_text" });
        notice(`The secret ${called} is set.`);
      },
    });
    if (done) await view.reload();
  }

  async function remove(secret) {
    const done = await ask({
      title: `Delete the secret ${secret}?`,
      body: [h("p", {}, `A version of ${name} without it is deployed at once.`)],
      confirm: "Delete and deploy",
      danger: true,
      act: async () => {
        await change("DELETE", base + path`/${secret}`);
        notice(`The secret ${secret} is deleted.`);
      },
    });
    if (done) await view.reload();
  }
}
