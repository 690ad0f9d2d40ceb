// Elements are made here and nowhere else. Strings become text nodes: nothing that the API says is ever read as markup.

const SCHEMES = new Set(["http:", "https:", "blob:"]);

/**
 * Makes an element.
 * `attributes`: `class`, `on: { click }` for listeners, `data: {}` for data-*, and any other by its name; null and false leave it out.
 * `children`: nodes, strings, numbers, arrays of them; null and false are left out.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else if (name === "value" || name === "checked" || name === "disabled") {
      element[name] = value;
    } else if (name.startsWith("on") || name === "style" || name === "srcdoc") {
      throw new TypeError(`${name} is not set as an attribute`);
    } else {
      element.setAttribute(name, name === "href" ? safe(String(value)) : value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Puts `children` in the place of what the element has. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** A link that leads to a page or a download, never to a script. */
function safe(href) {
  if (href.startsWith("#")) return href;
  const { protocol } = new URL(href, location.href);
  if (!SCHEMES.has(protocol)) throw new TypeError(`no link may lead to ${protocol}`);
  return href;
}

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element of a drawing; what its attributes say is text or numbers of this page's own. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  append(element, children);
  return element;
}

/** An icon of one path in a box of 16 by 16; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", "aria-hidden": "true", class: "icon" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const ICONS = {
  workers: "M8 1.5 14 5v6l-6 3.5L2 11V5Zm0 0V8m0 6.5V8m6-3L8 8 2 5",
  kv: "M6.5 9.5a3.5 3.5 0 1 1 .8-2.2L14 7.5V10h-2v-1.500h-1.500v1.500",
  r2: "M2.500 4c0-1.100 2.500-2 5.500-2s5.500.900 5.500 2-2.500 2-5.500 2-5.500-.900-5.500-2Zm0 0 1.200 8.500c.2 1 2 1.500 4.300 1.500s4.100-.500 4.300-1.500L13.500 4",
  d1: "M2.500 3.500c0-1 2.500-1.800 5.500-1.800s5.500.800 5.500 1.800v9c0 1-2.500 1.800-5.500 1.800s-5.500-.800-5.500-1.800Zm0 0c0 1 2.500 1.800 5.500 1.800s5.500-.800 5.500-1.800M2.500 8c0 1 2.500 1.800 5.500 1.800s5.500-.800 5.500-1.800",
  objects: "M2.500 2.500h4.500v4.500H2.500Zm6.500 0h4.500v4.500H9Zm-6.500 6.500h4.500v4.500H2.500Zm6.500 0h4.500v4.500H9Z",
  usage: "M2 14h12M3.500 14V9h2v5m1.500 0V4h2v10m1.500 0V7h2v7",
  audit: "M3 2h10v12H3Zm2.500 3.500h5M5.500 8h5M5.500 10.500h3",
  sun: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6Zm0-4v1.500m0 11V15M1 8h1.500m11 0H15M3 3l1 1m8 8 1 1M3 13l1-1m8-8 1-1",
  moon: "M13.500 9.800A6 6 0 0 1 6.200 2.500a6 6 0 1 0 7.300 7.300Z",
  external: "M6 3H3v10h10v-3M9 2.500h4.500V7m0-4.500L7.500 8.500",
  copy: "M5.500 5.500V2.500h8v8h-3m-8-5h8v8h-8Z",
  folder: "M1.800 13V3h4.400l1.500 2h6.500v8Z",
};
