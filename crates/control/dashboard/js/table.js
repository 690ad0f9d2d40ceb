// Tables whose columns sort. On narrow screens each row becomes a card (table.css), so every cell says which column it is of.

import { fill, h } from "./dom.js";

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * `columns`: `{ title, cell(row), sort?(row), width?, align?, first? }`; those with `sort` have a button in their head.
 * `first`: which way it sorts at first: "ascending" or "descending".
 * `sorted`: `[index, direction]` as the rows come.
 * `more`: what stands below the rows. Answers with the element, and `rows(list)` that shows others.
 */
export function table({ caption, columns, rows, sorted = null, more = null }) {
  let shown = rows;
  let order = sorted;
  const body = h("tbody", { role: "rowgroup" });
  const heads = columns.map((column, index) => head(column, () => sortBy(index)));
  const element = h("table", { role: "table" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)),
    body);

  function sortBy(index) {
    const { first = "ascending" } = columns[index];
    const other = first === "ascending" ? "descending" : "ascending";
    order = [index, order?.[0] === index && order[1] === first ? other : first];
    draw();
  }

  function draw() {
    heads.forEach((element, index) => {
      const direction = order?.[0] === index ? order[1] : null;
      if (direction) element.setAttribute("aria-sort", direction);
      else element.removeAttribute("aria-sort");
    });
    const list = order && columns[order[0]].sort ? sort(shown, columns[order[0]].sort, order[1]) : shown;
    fill(body, list.map((row) => h("tr", { role: "row" }, columns.map((column) => cell(column, row)))));
  }

  draw();
  return {
    element: h("div", { class: "flush" }, element, more),
    rows(list) {
      shown = list;
      draw();
    },
  };
}

function head({ title, sort, align }, go) {
  const content = sort ? h("button", { type: "button", class: "sort", on: { click: go } }, title) : title;
  return h("th", { scope: "col", role: "columnheader", class: align, data: { plain: sort ? "no" : "yes" } }, content);
}

function cell({ title, cell, align }, row) {
  const classes = [align, title === "" ? "tools" : null].filter(Boolean).join(" ");
  const content = cell(row);
  const isEmpty = content === null || content === undefined || content === "";
  return h("td", { role: "cell", class: classes || null, data: { column: title } }, !isEmpty && h("div", { class: "cell" }, content));
}

function sort(rows, key, direction) {
  const sign = direction === "descending" ? -1 : 1;
  const keyed = rows.map((row) => [key(row), row]);
  keyed.sort(([one], [other]) => sign * compare(one, other));
  return keyed.map(([, row]) => row);
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return collator.compare(String(one ?? ""), String(other ?? ""));
}
