// Points in time, said relative to now, with the absolute in a title. They grow older while the page stands.

import { h } from "./dom.js";

const STEPS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

function said(at) {
  const seconds = Math.round((at - Date.now()) / 1000);
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 5 ? "in a moment" : "just now";
}

/** `moment`: what `Date` takes. What is no time is shown as a dash. */
export function ago(moment) {
  const date = new Date(moment ?? NaN);
  if (Number.isNaN(date.getTime())) return h("span", { class: "quiet" }, "–");
  const attributes = { datetime: date.toISOString(), title: absolute.format(date), data: { at: date.getTime() } };
  return h("time", attributes, said(date.getTime()));
}

/** Hours, minutes and seconds. */
export function timeOfDay(millis) {
  const date = new Date(millis);
  return h("time", { datetime: date.toISOString(), title: absolute.format(date) }, clock.format(date));
}

setInterval(() => {
  for (const element of document.querySelectorAll("time[data-at]")) element.textContent = said(Number(element.dataset.at));
}, 20_000);
