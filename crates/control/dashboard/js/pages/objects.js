// Durable Objects: the namespaces of the account's classes, and the objects in one that have stored something.

import { get, list, path } from "../api.js";
import { h } from "../dom.js";
import { bytes, copyable } from "../format.js";
import { badge, empty, further, heading, loading } from "../parts.js";
import { to } from "../router.js";
import { table } from "../table.js";

const PER_PAGE = 100;
const BASE = "/workers/durable_objects/namespaces";

export async function classes({ signal }) {
  return [heading("Durable Objects"), loading(async () => {
    const namespaces = await get(BASE, { per_page: 1000 }, signal);
    if (namespaces.length === 0) {
      return empty("No Worker has a class of Durable Objects yet.", "A class is named in the Worker's wrangler.toml, with a migration that makes it, and deployed with it:", "npx wrangler deploy");
    }
    return h("div", { class: "box flush" }, table({
      caption: "Classes of Durable Objects",
      rows: namespaces,
      sorted: [0, "ascending"],
      columns: [
        { title: "Class", sort: (namespace) => namespace.class, cell: (namespace) => h("a", { href: to("objects", namespace.id), class: "strong" }, namespace.class) },
        { title: "Worker", sort: (namespace) => namespace.script, cell: (namespace) => h("a", { href: to("workers", namespace.script) }, namespace.script) },
        { title: "Storage", cell: (namespace) => badge(namespace.use_sqlite ? "SQLite" : "key-value") },
        { title: "In memory", align: "right", sort: (namespace) => namespace.in_memory, first: "descending", cell: (namespace) => namespace.in_memory.toLocaleString("en") },
        { title: "Id", cell: (namespace) => copyable(namespace.id, "Copy the id") },
      ],
    }).element);
  }, { unavailable: "The list of Durable Objects" }).element];
}

export async function objects(id, { signal }) {
  const namespaces = await get(BASE, { per_page: 1000 }, signal);
  const namespace = namespaces.find((namespace) => namespace.id === id);
  const view = loading(async () => {
    const all = [];
    let cursor;
    const load = async () => {
      const { result, info } = await list(`${BASE}${path`/${id}/objects`}`, { cursor, limit: PER_PAGE }, signal);
      all.push(...result);
      cursor = info.cursor;
    };
    await load();
    if (all.length === 0) return empty("No object of this class has stored anything yet.", "Objects without storage are not listed: there is nothing to know them by.");
    const rows = table({
      caption: "Objects that have stored something",
      rows: all,
      more: further(() => Boolean(cursor), async () => {
        await load();
        rows.rows(all);
      }),
      columns: [
        { title: "Id", cell: (object) => copyable(object.id, "Copy the id") },
        { title: "Size", align: "right", sort: (object) => object.size, first: "descending", cell: (object) => bytes(object.size) },
      ],
    });
    return h("div", { class: "box flush" }, rows.element);
  }, { unavailable: "The list of a class's objects" });
  return [heading(namespace?.class ?? "Durable Objects", { trail: [["Durable Objects", to("objects")]] }), view.element];
}
