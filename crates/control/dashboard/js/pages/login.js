// The way in: an account's API token.

import { login } from "../api.js";
import { field } from "../dialog.js";
import { fill, h } from "../dom.js";
import { begin } from "../session.js";
import { themeSwitch } from "../shell.js";

export function loginPage({ message, done }) {
  const token = field({ name: "token", label: "API token", kind: "password", required: true, check: isToken });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const go = h("button", { type: "submit", class: "primary" }, "Log in");
  const enter = async (event) => {
    event.preventDefault();
    if (!token.check()) return token.focus();
    go.disabled = true;
    problem.hidden = true;
    const secret = token.value().trim();
    try {
      begin(secret, await login(secret));
      done();
    } catch (error) {
      fill(problem, said(error));
      problem.hidden = false;
      token.focus();
    }
    go.disabled = false;
  };
  return h("main", { id: "main", tabindex: "-1", class: "login" },
    h("div", { class: "login-box" },
      h("div", { class: "login-head" }, h("img", { src: "/dashboard/icon.svg", alt: "", width: 40, height: 40 }), themeSwitch()),
      h("h1", {}, "Log in to Skerry"),
      message && h("p", { class: "note", role: "status" }, message),
      h("form", { novalidate: true, on: { submit: enter } }, token.element, problem, go),
      h("p", { class: "hint" }, "The first token was printed when the server first started. Another is made on the server with"),
      h("p", {}, h("code", {}, "skerry token create NAME --scope all")),
      h("p", { class: "hint" }, "The token stays in this tab, and is forgotten when you log out or close it.")));
}

/** What could not even be sent as a header. */
function isToken(text) {
  return /^[\x21-\x7e]+$/.test(text.trim()) ? null : "A token has letters, digits and signs, and no spaces.";
}

function said(error) {
  if (error.status === 401) return "This token is not known here, or it has expired.";
  if (error.status === 400) return "This is no token.";
  return error.message;
}
