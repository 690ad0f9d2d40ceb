// Short messages that come and go at the page's foot; a screen reader says them.

import { h } from "./dom.js";

const STAYS = 5_000;

/** `kind`: "good" or "bad". */
export function notice(text, kind = "good") {
  const close = () => element.remove();
  const element = h("div", { class: `notice ${kind}` }, h("span", {}, text),
    h("button", { type: "button", class: "ghost small", "aria-label": "Dismiss", on: { click: close } }, "×"));
  document.getElementById("notices").append(element);
  setTimeout(close, kind === "bad" ? 2 * STAYS : STAYS);
}
