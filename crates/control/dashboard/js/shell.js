// What stands around every page: the name, the menu, the account, the theme, the way out.

import { fill, h, icon } from "./dom.js";
import { to } from "./router.js";
import { current, end } from "./session.js";

const AREAS = [
  ["workers", "Workers", "workers"],
  ["kv", "KV", "kv"],
  ["r2", "R2", "r2"],
  ["d1", "D1", "d1"],
  ["objects", "Durable Objects", "objects"],
  ["usage", "Usage", "usage"],
  ["audit", "Audit log", "audit"],
];

export function shell() {
  const links = new Map(AREAS.map(([area, text, sign]) => [area, h("a", { href: to(area) }, icon(sign), h("span", {}, text))]));
  const main = h("main", { id: "main", tabindex: "-1" });
  const { account } = current();
  const element = h("div", { class: "shell" },
    h("header", { class: "bar" },
      h("a", { href: to("workers"), class: "name" }, h("img", { src: "/dashboard/icon.svg", alt: "", width: 24, height: 24 }), "Skerry"),
      h("div", { class: "account" },
        h("span", { class: "who", title: `Account ${account.id}` }, account.name),
        themeSwitch(),
        h("button", { type: "button", id: "log-out", on: { click: logOut } }, "Log out"))),
    h("nav", { class: "menu", "aria-label": "Main" }, h("ul", {}, [...links.values()].map((link) => h("li", {}, link)))),
    main);
  return {
    element,
    main,
    mark(area) {
      for (const [name, link] of links) {
        if (name === area) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    },
  };
}

function logOut() {
  end();
  history.replaceState(null, "", "#/");
  dispatchEvent(new CustomEvent("skerry:logged-out", { detail: "Logged out." }));
}

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Light or dark; the system's until it is pressed. */
export function themeSwitch() {
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (DARK.matches ? "dark" : "light")) === "dark";
  const element = h("button", { type: "button", class: "ghost", id: "theme", on: { click: () => change() } });
  const draw = () => {
    const other = isDark() ? "light" : "dark";
    fill(element, icon(isDark() ? "sun" : "moon"));
    element.ariaLabel = `Use the ${other} theme`;
    element.title = element.ariaLabel;
  };
  const change = () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("skerry.theme", root.dataset.theme);
    } catch {
      // The choice then holds for this page alone.
    }
    draw();
  };
  DARK.addEventListener("change", draw);
  draw();
  return element;
}
