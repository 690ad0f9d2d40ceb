// R2: buckets, and the objects in one, folder by folder.

import { change, list, path, put, raw } from "../api.js";
import { ask, field } from "../dialog.js";
import { h, icon } from "../dom.js";
import { bytes } from "../format.js";
import { notice } from "../notices.js";
import { button, empty, further, heading, loading, section } from "../parts.js";
import { to } from "../router.js";
import { table } from "../table.js";
import { ago } from "../time.js";
import { download } from "../download.js";

const PER_PAGE = 100;
/** Larger objects go over the S3 API: this one takes and gives them in one piece. */
const MAX_PIECE = 300 << 20;

export async function buckets({ signal }) {
  return [heading("R2 buckets"), loading(async () => {
    const all = [];
    let cursor;
    const load = async () => {
      const { result, info } = await list("/r2/buckets", { cursor, per_page: PER_PAGE }, signal);
      all.push(...result.buckets);
      cursor = info.cursor;
    };
    await load();
    if (all.length === 0) return empty("There is no bucket yet.", "Make one, and name it in the Worker's wrangler.toml:", "npx wrangler r2 bucket create NAME");
    const rows = table({
      caption: "R2 buckets",
      rows: all,
      more: further(() => Boolean(cursor), async () => {
        await load();
        rows.rows(all);
      }),
      columns: [
        { title: "Name", sort: (bucket) => bucket.name, cell: (bucket) => h("a", { href: to("r2", bucket.name), class: "strong" }, bucket.name) },
        { title: "Made", sort: (bucket) => Date.parse(bucket.creation_date), first: "descending", cell: (bucket) => ago(bucket.creation_date) },
        { title: "Storage class", cell: (bucket) => bucket.storage_class ?? "–" },
      ],
    });
    return h("div", { class: "box flush" }, rows.element);
  }, { unavailable: "R2" }).element];
}

/** `prefix`: the folder that is looked into, with its slash. */
export async function bucket(name, prefix, { signal }) {
  const base = path`/r2/buckets/${name}/objects`;
  const view = loading(async () => {
    const rows = [];
    let cursor;
    const load = async () => {
      const { result, info } = await list(base, { prefix, delimiter: "/", cursor, per_page: PER_PAGE }, signal);
      rows.push(...(info.delimited ?? []).map((folder) => ({ folder })), ...result);
      cursor = String(info.is_truncated) === "true" ? info.cursor : undefined;
    };
    await load();
    if (rows.length === 0) {
      return prefix ? empty("There is nothing here.")
        : empty("This bucket is empty.", "Upload a file here, or from the command line:", `npx wrangler r2 object put ${name}/KEY --file FILE --remote`);
    }
    const shown = objectTable(rows, further(() => Boolean(cursor), async () => {
      await load();
      shown.rows(rows);
    }));
    return shown.element;
  }, { unavailable: "The list of a bucket's objects" });
  const steps = prefix.split("/").slice(0, -1);
  const trail = [["R2", to("r2")], [name, to("r2", name)],
    ...steps.map((step, index) => [step || "/", to("r2", name, `${steps.slice(0, index + 1).join("/")}/`)])];
  return [
    heading(prefix ? prefix : name, { trail: prefix ? trail : trail.slice(0, 1) }),
    section("Objects", { tools: [button("Upload a file", upload, "primary")] }, view.element),
  ];

  function objectTable(rows, more) {
    const label = (row) => (row.folder ?? row.key).slice(prefix.length);
    return table({
      caption: `Objects of ${name}`,
      rows,
      more,
      columns: [
        { title: "Key", sort: label, cell: (row) => row.folder
          ? h("a", { href: to("r2", name, row.folder), class: "folder" }, icon("folder"), label(row))
          : h("span", { class: "key" }, label(row)) },
        { title: "Size", align: "right", sort: (row) => row.size ?? -1, first: "descending", cell: (row) => (row.folder ? "" : bytes(row.size)) },
        { title: "Type", cell: (row) => row.http_metadata?.contentType ?? "" },
        { title: "Changed", sort: (row) => Date.parse(row.last_modified) || 0, first: "descending", cell: (row) => (row.folder ? "" : ago(row.last_modified)) },
        { title: "", cell: (row) => (row.folder ? null : [
          button("Download", (event) => fetchObject(row, event.currentTarget), "small", `Download ${row.key}`),
          button("Delete", () => remove(row), "small danger-quiet", `Delete ${row.key}`),
        ]) },
      ],
    });
  }

  async function fetchObject({ key, size }, pressed) {
    if (size > MAX_PIECE) {
      notice(`${key} is too large to go through a page (${bytes(size)}). Get it over the S3 API.`, "bad");
      return;
    }
    pressed.disabled = true;
    try {
      download(await (await raw(base + path`/${key}`)).blob(), key);
    } catch (error) {
      notice(error.message, "bad");
    }
    pressed.disabled = false;
  }

  async function upload() {
    const file = h("input", { type: "file", id: "upload-file", required: true });
    const wrong = h("p", { class: "wrong", role: "alert" });
    const key = field({ name: "key", label: "Key", required: true, value: prefix, hint: "The object's whole name, folders and all.",
      check: (key) => (new TextEncoder().encode(key).length > 1024 ? "A key has at most 1024 bytes." : null) });
    file.addEventListener("change", () => {
      if (file.files[0] && key.value() === prefix) key.input.value = prefix + file.files[0].name;
    });
    const chosen = {
      name: "file", element: h("div", { class: "field" }, h("label", { for: "upload-file" }, "File"), file, wrong),
      value: () => file.files[0], focus: () => file.focus(),
      check: () => {
        wrong.textContent = !file.files[0] ? "This is needed." : file.files[0].size > MAX_PIECE ? `At most ${bytes(MAX_PIECE)}: larger ones go over the S3 API.` : "";
        return wrong.textContent === "";
      },
    };
    const done = await ask({
      title: `Upload to ${name}`,
      fields: [chosen, key],
      confirm: "Upload",
      act: async ({ file, key }) => {
        await put(base + path`/${key}`, file, { type: file.type || "application/octet-stream" });
        notice(`${key} is uploaded.`);
      },
    });
    if (done) await view.reload();
  }

  async function remove({ key }) {
    const done = await ask({
      title: "Delete this object?",
      body: [h("p", {}, h("code", { class: "value" }, key)), h("p", {}, "It is gone for good.")],
      confirm: "Delete",
      danger: true,
      act: async () => {
        await change("DELETE", base + path`/${key}`);
        notice(`${key} is deleted.`);
      },
    });
    if (done) await view.reload();
  }
}
