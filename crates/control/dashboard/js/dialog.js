// Dialogs: the browser's own <dialog>, which keeps the focus inside, closes with Escape and gives the focus back.

import { fill, h } from "./dom.js";

let last = 0;

/**
 * Asks for a decision, and carries it out while the dialog stands: what fails is said in it, and may be tried again.
 * `body`: nodes. `fields`: what `field` makes. `confirm`: what the button says. `danger`: it can't be undone.
 * `act(values)`: does it. `typed`: the text that must be entered first.
 * Answers whether it was done.
 */
export function ask({ title, body = [], fields = [], confirm, danger = false, act, typed, wide = false }) {
  const id = `dialog-${++last}`;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const go = h("button", { type: "submit", class: danger ? "danger" : "primary" }, confirm);
  const inputs = typed === undefined ? fields : [typedName(typed, go), ...fields];
  const cancel = h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel");
  const form = h("form", { novalidate: true, autocomplete: "off" },
    h("h2", { id }, title), body, inputs.map((input) => input.element), problem,
    h("div", { class: "actions" }, cancel, go));
  const dialog = h("dialog", { "aria-labelledby": id, class: wide ? "wide" : null }, form);
  return new Promise((resolve) => {
    let done = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const wrong = inputs.find((input) => !input.check());
      if (wrong) return wrong.focus();
      go.disabled = true;
      form.ariaBusy = "true";
      problem.hidden = true;
      try {
        await act(Object.fromEntries(inputs.map((input) => [input.name, input.value()])));
        done = true;
        dialog.close();
      } catch (error) {
        fill(problem, error.message);
        problem.hidden = false;
        go.disabled = false;
      }
      form.ariaBusy = null;
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
    (inputs[0] ?? { focus: () => (danger ? cancel : go).focus() }).focus();
  });
}

/** A field that lets the button go only once a name was typed. */
function typedName(name, go) {
  const typed = field({ name: "typed", label: ["Type ", h("strong", {}, name), " to go on"] });
  const compare = () => {
    go.disabled = typed.value() !== name;
  };
  typed.input.addEventListener("input", compare);
  compare();
  return typed;
}

/**
 * A labelled field. `kind`: "text", "password", "number", "checkbox", "area", "select" with `options: [[value, label]]`.
 * `check(value)`: what is wrong with it, or nothing.
 */
export function field({ name, label, kind = "text", value = "", hint, required = false, options = [], check, ...attributes }) {
  const id = `field-${++last}`;
  const common = { id, name, "aria-describedby": hint ? `${id}-hint` : null, ...attributes };
  const isCheckbox = kind === "checkbox";
  let input;
  if (kind === "area") {
    input = h("textarea", { rows: 8, spellcheck: "false", ...common, value });
  } else if (kind === "select") {
    input = h("select", common, options.map(([key, text]) => h("option", { value: key }, text)));
    input.value = value;
  } else {
    input = h("input", { type: kind, spellcheck: "false", autocapitalize: "off", autocomplete: "off", ...common });
    if (isCheckbox) input.checked = Boolean(value);
    else input.value = value;
  }
  const wrong = h("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const read = () => (isCheckbox ? input.checked : input.value);
  const labelled = h("label", { for: id }, label);
  const element = h("div", { class: isCheckbox ? "field check" : "field" },
    isCheckbox ? [input, labelled] : [labelled, input],
    hint && h("p", { class: "hint", id: `${id}-hint` }, hint), wrong);
  const complain = (reason) => {
    fill(wrong, reason ?? "");
    wrong.hidden = !reason;
    input.ariaInvalid = reason ? "true" : null;
    input.setAttribute("aria-describedby", [reason && wrong.id, hint && `${id}-hint`].filter(Boolean).join(" "));
    return !reason;
  };
  input.addEventListener("input", () => complain(null));
  return {
    name, element, input,
    value: read,
    focus: () => input.focus(),
    check: () => complain(required && read() === "" ? "This is needed." : check?.(read())),
  };
}
