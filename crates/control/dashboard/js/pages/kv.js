// KV: namespaces, and the keys in one.

import { get, list, path } from "../api.js";
import { field } from "../dialog.js";
import { h } from "../dom.js";
import { copyable } from "../format.js";
import { button, empty, further, heading, loading, section } from "../parts.js";
import { to } from "../router.js";
import { table } from "../table.js";
import { ago } from "../time.js";
import { addKey, openKey, removeKey } from "./kv_value.js";

const PER_PAGE = 100;

export async function namespaces({ signal }) {
  return [heading("KV namespaces"), loading(async () => {
    const namespaces = await allNamespaces(signal);
    if (namespaces.length === 0) return empty("There is no KV namespace yet.", "Make one, and name it in the Worker's wrangler.toml:", "npx wrangler kv namespace create NAME");
    return h("div", { class: "box flush" }, table({
      caption: "KV namespaces",
      rows: namespaces,
      sorted: [0, "ascending"],
      columns: [
        { title: "Name", sort: (namespace) => namespace.title, cell: (namespace) => h("a", { href: to("kv", namespace.id), class: "strong" }, namespace.title) },
        { title: "Id", cell: (namespace) => copyable(namespace.id, "Copy the id") },
      ],
    }).element);
  }, { unavailable: "KV" }).element];
}

async function allNamespaces(signal) {
  const all = [];
  for (let page = 1; page <= 50; page += 1) {
    const { result, info } = await list("/storage/kv/namespaces", { page, per_page: PER_PAGE }, signal);
    all.push(...result);
    if (result.length < PER_PAGE || all.length >= (info.total_count ?? Infinity)) break;
  }
  return all;
}

export async function namespace(id, { signal }) {
  const base = path`/storage/kv/namespaces/${id}`;
  const { title } = await get(base, {}, signal).catch((error) => {
    // Servers without this one route have the list nevertheless.
    if (error.isUnavailable) return { title: id };
    throw error;
  });
  let prefix = "";
  const view = loading(async () => {
    const keys = [];
    let cursor;
    const load = async () => {
      const { result, info } = await list(`${base}/keys`, { prefix, cursor, limit: PER_PAGE }, signal);
      keys.push(...result);
      cursor = info.cursor;
    };
    await load();
    if (keys.length === 0) {
      return prefix ? empty(`No key begins with ${JSON.stringify(prefix)}.`)
        : empty("This namespace has no keys yet.", "Add one here, or from the command line:", `npx wrangler kv key put KEY VALUE --namespace-id ${id} --remote`);
    }
    const rows = keyTable(keys, {
      open: (key) => openKey(base, key, view.reload),
      remove: (key) => removeKey(base, key, view.reload),
      more: further(() => Boolean(cursor), async () => {
        await load();
        rows.rows(keys);
      }),
    });
    return rows.element;
  }, { unavailable: "KV" });
  return [
    heading(title, { trail: [["KV", to("kv")]], below: [h("p", { class: "where" }, copyable(id, "Copy the namespace's id"))] }),
    section("Keys", { tools: [search((text) => {
      prefix = text;
      void view.reload();
    }), button("Add a key", () => addKey(base, view.reload), "primary")] }, view.element),
  ];
}

/** A field that finds by prefix when Enter is pressed, or a little after the last letter. */
export function search(find) {
  const prefix = field({ name: "prefix", label: h("span", { class: "unseen" }, "Find by prefix"), kind: "search", placeholder: "Find by prefix" });
  let timer;
  prefix.input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => find(prefix.value()), 300);
  });
  return h("form", { role: "search", on: { submit: (event) => {
    event.preventDefault();
    clearTimeout(timer);
    find(prefix.value());
  } } }, prefix.element);
}

function keyTable(keys, { open, remove, more }) {
  return table({
    caption: "Keys",
    rows: keys,
    more,
    columns: [
      { title: "Key", sort: (key) => key.name, cell: (key) => h("button", { type: "button", class: "link", on: { click: () => open(key) } }, key.name) },
      { title: "Expires", sort: (key) => key.expiration ?? Infinity, cell: (key) => (key.expiration ? ago(key.expiration * 1000) : h("span", { class: "quiet" }, "never")) },
      { title: "Metadata", cell: (key) => (key.metadata === undefined || key.metadata === null ? h("span", { class: "quiet" }, "–") : h("code", { class: "value" }, JSON.stringify(key.metadata))) },
      { title: "", cell: (key) => button("Delete", () => remove(key), "small danger-quiet", `Delete the key ${key.name}`) },
    ],
  });
}
