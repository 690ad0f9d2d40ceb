// How sizes, shares and ids are written.

import { h, icon } from "./dom.js";
import { notice } from "./notices.js";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(size) {
  if (!Number.isFinite(size)) return "–";
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`;
}

/** A time of milliseconds, short. */
export function millis(time) {
  if (time >= 100_000) return `${(time / 60_000).toFixed(1)} min`;
  if (time >= 1000) return `${(time / 1000).toFixed(1)} s`;
  return `${time >= 10 || time === 0 ? Math.round(time) : time.toFixed(1)} ms`;
}

export function percent(share) {
  return `${Number(share.toFixed(2))} %`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** The first digits of an id; the whole is in the title. */
export function short(id) {
  return h("code", { class: "id", title: id }, String(id).slice(0, 8));
}

/** Code with a button that copies it. */
export function copyable(text, label = "Copy") {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      notice("Copied.");
    } catch {
      // Browsers have no clipboard for pages that came over plain HTTP from another machine.
      notice("The browser does not let this page copy. Select the text instead.", "bad");
    }
  };
  const button = h("button", { type: "button", class: "ghost small", "aria-label": label, title: label, on: { click: copy } }, icon("copy"));
  return h("span", { class: "copyable" }, h("code", {}, text), button);
}
