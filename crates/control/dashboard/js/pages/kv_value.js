// One key of KV: its value looked at, changed, deleted. A change keeps the key's metadata and its expiration.

import { change, path, put, raw } from "../api.js";
import { ask, field } from "../dialog.js";
import { h } from "../dom.js";
import { bytes } from "../format.js";
import { notice } from "../notices.js";
import { facts } from "../parts.js";
import { ago } from "../time.js";
import { download } from "../download.js";

/** Longer values are downloaded, not edited in a page. */
const MAX_EDITED = 1 << 20;

/** `key`: as the list of keys has it. */
export async function openKey(base, key, changed) {
  let text;
  let blob;
  try {
    blob = await (await raw(base + path`/values/${key.name}`)).blob();
    text = blob.size <= MAX_EDITED ? utf8(await blob.arrayBuffer()) : null;
  } catch (error) {
    notice(error.message, "bad");
    return;
  }
  const about = facts([
    ["Size", bytes(blob.size)],
    ["Expires", key.expiration ? ago(key.expiration * 1000) : "never"],
    ["Metadata", key.metadata === undefined || key.metadata === null ? null : h("code", { class: "value" }, JSON.stringify(key.metadata))],
  ]);
  const save = h("p", {}, h("button", { type: "button", on: { click: () => download(blob, key.name) } }, "Download the value"));
  const ends = text === null ? null : lineEnds(text);
  if (ends === null) {
    const why = blob.size > MAX_EDITED ? "The value is too long to be shown here." : "The value is not text that this page could keep as it is.";
    await ask({ title: key.name, body: [about, h("p", {}, why)], confirm: "Download", wide: true, act: async () => download(blob, key.name) });
    return;
  }
  const value = field({ name: "value", label: "Value", kind: "area", value: text, rows: 12 });
  const done = await ask({
    title: key.name,
    body: [about, save],
    fields: [value],
    confirm: "Save",
    wide: true,
    act: async ({ value }) => {
      await write(base, key, value.replaceAll("\n", ends));
      notice(`${key.name} is saved.`);
    },
  });
  if (done) await changed();
}

export async function addKey(base, changed) {
  const done = await ask({
    title: "Add a key",
    fields: [
      field({ name: "name", label: "Key", required: true, check: (name) => (new TextEncoder().encode(name).length > 512 ? "A key has at most 512 bytes." : null) }),
      field({ name: "value", label: "Value", kind: "area", rows: 8 }),
      field({ name: "ttl", label: "Expires after, in seconds", kind: "number", min: 60, step: 1, hint: "At least 60. It stays until it is deleted when left out.",
        check: (ttl) => (ttl === "" || Number(ttl) >= 60 ? null : "At least 60 seconds.") }),
    ],
    confirm: "Add",
    wide: true,
    act: async ({ name, value, ttl }) => {
      const expiration = ttl === "" ? undefined : Math.floor(Date.now() / 1000) + Number(ttl);
      await write(base, { name, expiration }, value);
      notice(`${name} is saved.`);
    },
  });
  if (done) await changed();
}

export async function removeKey(base, key, changed) {
  const done = await ask({
    title: "Delete this key?",
    body: [h("p", {}, h("code", { class: "value" }, key.name)), h("p", {}, "Its value is gone for good.")],
    confirm: "Delete",
    danger: true,
    act: async () => {
      await change("DELETE", base + path`/values/${key.name}`);
      notice(`${key.name} is deleted.`);
    },
  });
  if (done) await changed();
}

async function write(base, { name, expiration, metadata }, value) {
  let body = new Blob([value], { type: "application/octet-stream" });
  let type = "application/octet-stream";
  if (metadata !== undefined && metadata !== null) {
    body = new FormData();
    // As bytes: browsers change the line ends of text in forms.
    body.append("value", new Blob([value]));
    body.append("metadata", JSON.stringify(metadata));
    type = undefined;
  }
  await put(base + path`/values/${name}`, body, { query: { expiration }, type });
}

/** How a text ends its lines. An area for text has line feeds alone, so text with both, or with others, can't be edited: null. */
function lineEnds(text) {
  const feeds = text.split("\n").length - 1;
  const returns = text.split("\r").length - 1;
  const pairs = text.split("\r\n").length - 1;
  if (returns === 0) return "\n";
  return feeds === pairs && returns === pairs ? "\r\n" : null;
}

/** The text of these bytes, or null where they are none. */
function utf8(buffer) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(buffer);
  } catch {
    return null;
  }
}
