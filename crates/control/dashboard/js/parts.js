// Parts that pages are made of: sections that load by themselves, empty states, failures, facts.

import { ApiError } from "./api.js";
import { fill, h } from "./dom.js";
import { copyable } from "./format.js";

/** A page's head: the way to it, its title, and what can be done. */
export function heading(title, { trail = [], tools = [], below = [] } = {}) {
  const way = trail.length > 0 && h("nav", { class: "trail", "aria-label": "Breadcrumb" },
    h("ol", {}, trail.map(([text, href]) => h("li", {}, h("a", { href }, text)))));
  return h("header", { class: "heading" }, way,
    h("div", { class: "row" }, h("h1", { tabindex: "-1" }, title), h("div", { class: "tools" }, tools)), below);
}

/** A titled box. */
export function section(title, { tools = [], note } = {}, ...children) {
  return h("section", { class: "box" },
    h("div", { class: "box-head" }, h("h2", {}, title), h("div", { class: "tools" }, tools)),
    note && h("p", { class: "note" }, note),
    children);
}

/**
 * A place that is filled by `load()` and says when that fails. Answers with the element and `reload()`, which keeps what is
 * there until the new comes.
 */
export function loading(load, { unavailable } = {}) {
  const element = h("div", { class: "loaded", "aria-busy": "true" }, h("p", { class: "wait" }, "Loading…"));
  let turn = 0;
  const reload = async () => {
    const mine = ++turn;
    let content;
    try {
      content = await load();
    } catch (error) {
      if (error.name === "AbortError") return;
      content = failure(error, reload, unavailable);
    }
    if (mine !== turn) return;
    fill(element, content);
    element.ariaBusy = null;
  };
  void reload();
  return { element, reload };
}

/** Why something is not shown, and what to do. `unavailable`: what the server lacks. */
export function failure(error, again, unavailable = "This") {
  if (error instanceof ApiError && error.isUnavailable) {
    return h("div", { class: "empty" }, h("p", {}, h("strong", {}, "Not available on this server.")),
      h("p", { class: "quiet" }, `${unavailable} is not in this version of Skerry's API.`));
  }
  if (error instanceof ApiError && error.isForbidden) {
    return h("div", { class: "empty" }, h("p", {}, h("strong", {}, "This token may not see this.")),
      h("p", { class: "quiet" }, "It lacks the scope for it. Log in with a token that has more."));
  }
  if (error instanceof ApiError && error.status === 404) {
    return h("div", { class: "empty" }, h("p", {}, h("strong", {}, "Not found.")), h("p", { class: "quiet" }, error.message),
      h("p", {}, h("a", { href: "#/" }, "All Workers")));
  }
  // A defect of this page is told to whoever has the console open.
  if (!(error instanceof ApiError)) console.error(error);
  return h("div", { class: "empty", role: "alert" }, h("p", {}, h("strong", {}, "This can't be shown.")),
    h("p", { class: "quiet" }, error.message),
    again && h("p", {}, h("button", { type: "button", on: { click: again } }, "Try again")));
}

/** Nothing is there yet: what it would be, and the command that makes it. */
export function empty(title, text, ...commands) {
  return h("div", { class: "empty" }, h("p", {}, h("strong", {}, title)), text && h("p", { class: "quiet" }, text),
    commands.map((command) => h("p", {}, copyable(command, "Copy the command"))));
}

/** Names with their values. A pair whose value is null is left out. */
export function facts(pairs) {
  const given = pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== "");
  return h("dl", { class: "facts" }, given.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}` }, text);
}

export function button(text, click, kind = "", label) {
  return h("button", { type: "button", class: kind || null, "aria-label": label, on: { click } }, text);
}

/** A link to elsewhere, in a tab of its own. */
export function outward(href, text) {
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text);
}

/** Rows that come in parts: a button below them asks for more as long as `more()` says that there is. */
export function further(more, load) {
  const element = h("div", { class: "further" });
  const draw = () => fill(element, more() && go);
  const go = button("Show more", async () => {
    go.disabled = true;
    try {
      await load();
      draw();
    } catch (error) {
      fill(element, failure(error, () => fill(element, go)));
    }
    go.disabled = false;
  });
  draw();
  return element;
}
