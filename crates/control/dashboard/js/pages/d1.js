// D1: the account's databases.

import { get, list, path } from "../api.js";
import { h } from "../dom.js";
import { bytes, copyable } from "../format.js";
import { empty, further, heading, loading } from "../parts.js";
import { table } from "../table.js";
import { ago } from "../time.js";

const PER_PAGE = 25;

export async function databases({ signal }) {
  return [heading("D1 databases"), loading(async () => {
    const all = [];
    let page = 0;
    let isWhole = false;
    const load = async () => {
      const { result } = await list("/d1/database", { page: page + 1, per_page: PER_PAGE }, signal);
      page += 1;
      all.push(...(await Promise.all(result.map((database) => whole(database, signal)))));
      isWhole = result.length < PER_PAGE;
    };
    await load();
    if (all.length === 0) return empty("There is no database yet.", "Make one, and name it in the Worker's wrangler.toml:", "npx wrangler d1 create NAME");
    const rows = table({
      caption: "D1 databases",
      rows: all,
      more: further(() => !isWhole, async () => {
        await load();
        rows.rows(all);
      }),
      sorted: [0, "ascending"],
      columns: [
        { title: "Name", sort: (database) => database.name, cell: (database) => h("span", { class: "strong" }, database.name) },
        { title: "Id", cell: (database) => copyable(database.uuid, "Copy the id") },
        { title: "Tables", align: "right", sort: (database) => database.num_tables ?? 0, first: "descending", cell: (database) => database.num_tables ?? "–" },
        { title: "Size", align: "right", sort: (database) => database.file_size ?? 0, first: "descending", cell: (database) => bytes(database.file_size) },
        { title: "Made", sort: (database) => Date.parse(database.created_at), first: "descending", cell: (database) => ago(database.created_at) },
      ],
    });
    return [
      h("div", { class: "box flush" }, rows.element),
      h("p", { class: "note" }, "SQL is run from the command line: ", h("code", {}, "npx wrangler d1 execute NAME --remote --command \"SELECT 1\"")),
    ];
  }, { unavailable: "D1" }).element];
}

/** Lists leave out how large a database is. Where one can't be asked for, its row has what the list said. */
async function whole(database, signal) {
  if (database.file_size !== undefined) return database;
  try {
    return { ...database, ...(await get(path`/d1/database/${database.uuid}`, {}, signal)) };
  } catch (error) {
    if (signal.aborted) throw error;
    return database;
  }
}
