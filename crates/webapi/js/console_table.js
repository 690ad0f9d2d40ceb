// The tables of console.table (Console standard section 1.1.8), drawn as Node draws them.

import { primordials } from "./primordials.js";
import { inspect, textWidth } from "./inspect.js";
const {
  ArrayIsArray, ArrayPrototypeIndexOf, ArrayPrototypeJoin, ArrayPrototypePush, MapPrototypeForEach, MapPrototypeGetSize, ObjectHasOwn,
  ObjectKeys, SetPrototypeForEach, SetPrototypeGetSize, StringPrototypeRepeat, TypeError,
} = primordials;

const CELL = { __proto__: null, maxArrayLength: 3, depth: 0, breakLength: Infinity };
const INDEX = "(index)";
const ITERATION = "(iteration index)";

function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function cell(value) {
  return inspect(value, CELL);
}

function draw(head, rows) {
  const widths = [];
  for (let column = 0; column < head.length; column++) {
    let width = textWidth(head[column], false);
    for (let row = 0; row < rows.length; row++) {
      const own = textWidth(rows[row][column], false);
      if (own > width) width = own;
    }
    ArrayPrototypePush(widths, width + 2);
  }
  const line = (left, middle, right) => {
    const parts = [];
    for (let i = 0; i < widths.length; i++) ArrayPrototypePush(parts, StringPrototypeRepeat("\u2500", widths[i]));
    return `${left}${ArrayPrototypeJoin(parts, middle)}${right}`;
  };
  const cells = (row) => {
    const parts = [];
    for (let i = 0; i < widths.length; i++) {
      ArrayPrototypePush(parts, ` ${row[i]}${StringPrototypeRepeat(" ", widths[i] - textWidth(row[i], false) - 1)}`);
    }
    return `\u2502${ArrayPrototypeJoin(parts, "\u2502")}\u2502`;
  };
  const lines = [line("\u250c", "\u252c", "\u2510"), cells(head), line("\u251c", "\u253c", "\u2524")];
  for (let i = 0; i < rows.length; i++) ArrayPrototypePush(lines, cells(rows[i]));
  ArrayPrototypePush(lines, line("\u2514", "\u2534", "\u2518"));
  return ArrayPrototypeJoin(lines, "\n");
}

function isKind(getter, value) {
  try {
    getter(value);
    return true;
  } catch {
    return false;
  }
}

/** The table of `data`, or undefined when it isn't tabular. `properties` picks columns. */
export function tableText(data, properties) {
  if (properties !== undefined && !ArrayIsArray(properties)) {
    throw new TypeError("The \"properties\" argument must be an instance of Array.");
  }
  if (!isObject(data)) return undefined;
  const rows = [];
  if (isKind(MapPrototypeGetSize, data)) {
    MapPrototypeForEach(data, (value, key) => ArrayPrototypePush(rows, [`${rows.length}`, cell(key), cell(value)]));
    return draw([ITERATION, "Key", "Values"], rows);
  }
  if (isKind(SetPrototypeGetSize, data)) {
    SetPrototypeForEach(data, (value) => ArrayPrototypePush(rows, [`${rows.length}`, cell(value)]));
    return draw([ITERATION, "Values"], rows);
  }
  return objectTable(data, properties);
}

function objectTable(data, properties) {
  const columns = [];
  const records = [];
  let hasValues = false;
  const keys = ObjectKeys(data);
  for (let i = 0; i < keys.length; i++) {
    const item = data[keys[i]];
    const primitive = !isObject(item);
    const record = { key: keys[i], cells: { __proto__: null }, value: "" };
    if (primitive) {
      hasValues = true;
      record.value = cell(item);
    }
    if (properties !== undefined || !primitive) {
      const names = properties ?? ObjectKeys(item);
      for (let j = 0; j < names.length; j++) {
        const name = `${names[j]}`;
        if (ArrayPrototypeIndexOf(columns, name) === -1) ArrayPrototypePush(columns, name);
        record.cells[name] = primitive || !ObjectHasOwn(item, name) ? "" : cell(item[name]);
      }
    }
    ArrayPrototypePush(records, record);
  }
  const head = [INDEX];
  for (let i = 0; i < columns.length; i++) ArrayPrototypePush(head, columns[i]);
  if (hasValues) ArrayPrototypePush(head, "Values");
  const rows = [];
  for (let i = 0; i < records.length; i++) {
    const row = [records[i].key];
    for (let j = 0; j < columns.length; j++) ArrayPrototypePush(row, records[i].cells[columns[j]] ?? "");
    if (hasValues) ArrayPrototypePush(row, records[i].value);
    ArrayPrototypePush(rows, row);
  }
  return draw(head, rows);
}
