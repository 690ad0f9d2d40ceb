// Values as text for console.* and error pages, in the shape of Node's util.inspect: what to show of a value, and how lines are laid out.
// What is shown of each kind of object is in inspect_kinds.js, of the runtime's own classes in inspect_platform.js.
//
//   inspect(value, {
//     depth = 2, colors, showHidden, showProxy, getters, sorted, customInspect = true, compact = 3, breakLength = 80,
//     maxArrayLength = 100, maxStringLength = 10000,
//   })

import { primordials } from "./primordials.js";
import { describeObject } from "./inspect_kinds.js";
import { op_inspect_details } from "skerry:ops";
const {
  ArrayPrototypeIncludes, ArrayPrototypeJoin, ArrayPrototypePop, ArrayPrototypePush, ArrayPrototypeSort, BigIntPrototypeToString,
  FunctionPrototypeCall, MathMax, MathMin, MathRound, MathSqrt, NumberPrototypeToString, ObjectGetOwnPropertyDescriptor,
  ObjectGetOwnPropertySymbols, ObjectIs, ObjectKeys, ObjectPrototypePropertyIsEnumerable, ReflectOwnKeys, RegExpPrototypeExec, SafeMap,
  StringPrototypeCharCodeAt, StringPrototypeIncludes, StringPrototypePadEnd, StringPrototypePadStart, StringPrototypeRepeat,
  StringPrototypeReplaceAll, StringPrototypeSlice, StringPrototypeSplit, StringPrototypeToUpperCase, SymbolFor, SymbolPrototypeToString,
} = primordials;

const CUSTOM = SymbolFor("nodejs.util.inspect.custom");

// === Context ===

const DEFAULTS = {
  __proto__: null, breakLength: 80, colors: false, compact: 3, customInspect: true, depth: 2, getters: false, maxArrayLength: 100,
  maxStringLength: 10000, showHidden: false, showProxy: false, sorted: false,
};

function makeContext(options) {
  const context = {
    __proto__: null, ...DEFAULTS,
    // The objects around the one that is being shown; those that something inside refers to, with their number.
    seen: [],
    circular: null,
    indentation: 0,
    level: 0,
  };
  if (options !== undefined && options !== null) {
    const keys = ObjectKeys(DEFAULTS);
    for (let i = 0; i < keys.length; i++) {
      const given = options[keys[i]];
      if (given !== undefined) context[keys[i]] = given;
    }
  }
  if (context.depth === null) context.depth = Infinity;
  if (context.maxArrayLength === null) context.maxArrayLength = Infinity;
  if (context.maxStringLength === null) context.maxStringLength = Infinity;
  return context;
}

export function inspect(value, options = undefined) {
  return formatValue(makeContext(options), value, 0, true);
}
// What libraries look for on the function that they are handed.
inspect.custom = CUSTOM;
inspect.defaultOptions = { ...DEFAULTS };

// === Colours ===

const STYLES = {
  __proto__: null, bigint: [33, 39], boolean: [33, 39], date: [35, 39], module: [4, 24], null: [1, 22], number: [33, 39], regexp: [31, 39],
  special: [36, 39], string: [32, 39], symbol: [32, 39], undefined: [90, 39],
};

export function stylize(context, text, style) {
  if (!context.colors) return text;
  const codes = STYLES[style];
  return `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m`;
}

/** How many columns `text` takes, colours left out. Full-width characters count two. */
export function textWidth(text, colors) {
  let width = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (colors && code === 0x1b) {
      while (i < text.length && text[i] !== "m") i++;
    } else if (code >= 0xdc00 && code <= 0xdfff) {
      // The second half of a pair, counted with the first.
    } else if (code >= 0xd800 && code <= 0xdbff) width += 2;
    else if (code >= 0x300 && code <= 0x36f) {
      // Combining marks take no column.
    } else width += isWide(code) ? 2 : 1;
  }
  return width;
}

function isWide(code) {
  return code >= 0x1100 && (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6));
}

// === Primitives ===

const CONTROL_NAMES = { __proto__: null, 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 92: "\\\\" };
const NEEDS_ESCAPE = /[\0-\x1f\\\x7f-\x9f\ud800-\udfff]/;

/** A string literal, in the quotes that need no escape where there are such. */
export function quote(text) {
  let mark = "'";
  if (StringPrototypeIncludes(text, "'")) {
    if (!StringPrototypeIncludes(text, '"')) mark = '"';
    else if (!StringPrototypeIncludes(text, "`") && !StringPrototypeIncludes(text, "${")) mark = "`";
  }
  if (mark === "'" && StringPrototypeIncludes(text, "'")) return `'${StringPrototypeReplaceAll(escapeControls(text), "'", "\\'")}'`;
  return `${mark}${escapeControls(text)}${mark}`;
}

function escapeControls(text) {
  if (RegExpPrototypeExec(NEEDS_ESCAPE, text) === null) return text;
  let result = "";
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    const named = CONTROL_NAMES[code];
    if (named !== undefined) result += named;
    else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) result += `\\x${StringPrototypeToUpperCase(hex(code, 2))}`;
    else if (code >= 0xd800 && code <= 0xdfff && !isPair(text, i, code)) result += `\\u${hex(code, 4)}`;
    else result += text[i];
  }
  return result;
}

function hex(code, width) {
  let digits = NumberPrototypeToString(code, 16);
  while (digits.length < width) digits = `0${digits}`;
  return digits;
}

/** Whether the surrogate at `i` has its other half beside it. */
function isPair(text, i, code) {
  if (code <= 0xdbff) {
    const next = StringPrototypeCharCodeAt(text, i + 1);
    return next >= 0xdc00 && next <= 0xdfff;
  }
  const previous = StringPrototypeCharCodeAt(text, i - 1);
  return previous >= 0xd800 && previous <= 0xdbff;
}

export function formatNumber(context, value) {
  return stylize(context, ObjectIs(value, -0) ? "-0" : `${value}`, "number");
}

function formatString(context, value) {
  let rest = "";
  if (value.length > context.maxStringLength) {
    const remaining = value.length - context.maxStringLength;
    value = StringPrototypeSlice(value, 0, context.maxStringLength);
    rest = `... ${remaining} more character${remaining > 1 ? "s" : ""}`;
  }
  // A long text with line breaks reads better as one piece per line.
  if (context.compact !== true && value.length > 16 && value.length > context.breakLength - context.indentation - 4) {
    const lines = StringPrototypeSplit(value, "\n");
    const shown = [];
    for (let i = 0; i < lines.length; i++) {
      const last = i === lines.length - 1;
      if (last && lines[i] === "") break;
      ArrayPrototypePush(shown, stylize(context, quote(last ? lines[i] : `${lines[i]}\n`), "string"));
    }
    return ArrayPrototypeJoin(shown, ` +\n${StringPrototypeRepeat(" ", context.indentation + 2)}`) + rest;
  }
  return stylize(context, quote(value), "string") + rest;
}

function formatPrimitive(context, value) {
  switch (typeof value) {
    case "string": return formatString(context, value);
    case "number": return formatNumber(context, value);
    case "bigint": return stylize(context, `${BigIntPrototypeToString(value)}n`, "bigint");
    case "boolean": return stylize(context, `${value}`, "boolean");
    case "undefined": return stylize(context, "undefined", "undefined");
    case "symbol": return stylize(context, SymbolPrototypeToString(value), "symbol");
    default: return stylize(context, "null", "null");
  }
}

// === Objects ===

/** `level` is how deep the value is nested; `typed` is false for what a custom inspect function returned. */
export function formatValue(context, value, level, typed) {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return formatPrimitive(context, value);
  const original = value;
  let details = op_inspect_details(value);
  if (details !== undefined && details[0] === "proxy") {
    if (details[1] === null) return stylize(context, "<Revoked Proxy>", "special");
    if (context.showProxy) return formatProxy(context, details, level);
    while (details !== undefined && details[0] === "proxy" && details[1] !== null) {
      value = details[1];
      details = op_inspect_details(value);
    }
  }
  if (context.customInspect && typed) {
    const custom = value[CUSTOM];
    if (typeof custom === "function" && custom !== inspect) {
      const depth = context.depth - level;
      const result = FunctionPrototypeCall(custom, original, depth, { ...publicOptions(context), depth }, inspect);
      if (result !== original) {
        if (typeof result !== "string") return formatValue(context, result, level, false);
        return StringPrototypeReplaceAll(result, "\n", `\n${StringPrototypeRepeat(" ", context.indentation)}`);
      }
    }
  }
  if (ArrayPrototypeIncludes(context.seen, value)) {
    context.circular ??= new SafeMap();
    if (!context.circular.has(value)) context.circular.set(value, context.circular.size + 1);
    return stylize(context, `[Circular *${context.circular.get(value)}]`, "special");
  }
  return formatObject(context, value, level, details);
}

function publicOptions(context) {
  const options = {};
  const keys = ObjectKeys(DEFAULTS);
  for (let i = 0; i < keys.length; i++) options[keys[i]] = context[keys[i]];
  options.stylize = (text, style) => (style in STYLES ? stylize(context, `${text}`, style) : `${text}`);
  return options;
}

function formatProxy(context, details, level) {
  if (level > context.depth) return stylize(context, "Proxy [Array]", "special");
  context.indentation += 2;
  const parts = [formatValue(context, details[1], level + 1, true), formatValue(context, details[2], level + 1, true)];
  context.indentation -= 2;
  return layOut(context, parts, "", "Proxy [", "]", false, level);
}

/** The own keys that are shown. */
function keysOf(context, value) {
  if (context.showHidden) return ReflectOwnKeys(value);
  const keys = ObjectKeys(value);
  const symbols = ObjectGetOwnPropertySymbols(value);
  for (let i = 0; i < symbols.length; i++) {
    if (ObjectPrototypePropertyIsEnumerable(value, symbols[i])) ArrayPrototypePush(keys, symbols[i]);
  }
  return keys;
}

/**
 * `describeObject` says what the value is: `{ text }` for one that is told in a word, else
 * `{ base, open, close, keys, isList, entries(context, level) }`: its braces, its remaining keys, and a function for what comes before them.
 */
function formatObject(context, value, level, details) {
  const shape = describeObject(context, value, keysOf(context, value), details, level);
  if (shape.text !== undefined) return shape.text;
  if (level > context.depth) return stylize(context, `[${shape.name}]`, "special");
  ArrayPrototypePush(context.seen, value);
  context.level = level;
  let output;
  try {
    output = shape.entries === undefined ? [] : shape.entries(context, level + 1);
    for (let i = 0; i < shape.keys.length; i++) {
      ArrayPrototypePush(output, formatProperty(context, value, shape.keys[i], level + 1, shape.isList));
    }
  } finally {
    ArrayPrototypePop(context.seen);
  }
  let { base } = shape;
  let { open } = shape;
  const index = context.circular === null ? undefined : context.circular.get(value);
  if (index !== undefined) {
    const reference = stylize(context, `<ref *${index}>`, "special");
    if (base === "") open = `${reference} ${open}`;
    else base = `${reference} ${base}`;
  }
  if (context.sorted && !shape.isList) ArrayPrototypeSort(output, context.sorted === true ? undefined : context.sorted);
  return layOut(context, output, base, open, shape.close, shape.isList, level);
}

const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;

export function formatKey(context, key, enumerable) {
  if (typeof key === "symbol") return `[${stylize(context, escapeControls(SymbolPrototypeToString(key)), "symbol")}]`;
  if (key === "__proto__") return "['__proto__']";
  if (!enumerable) return `[${key}]`;
  if (RegExpPrototypeExec(IDENTIFIER, key) !== null) return key;
  return stylize(context, quote(key), "string");
}

/** One property; an element of a list goes without its key. */
export function formatProperty(context, value, key, level, isElement, onlyValue = false) {
  const descriptor = ObjectGetOwnPropertyDescriptor(value, key) ?? { value: value[key], enumerable: true };
  let text;
  if ("value" in descriptor) {
    context.indentation += 2;
    text = formatValue(context, descriptor.value, level, true);
    context.indentation -= 2;
  } else if (descriptor.get !== undefined) {
    const label = descriptor.set === undefined ? "Getter" : "Getter/Setter";
    text = context.getters ? formatGetter(context, value, descriptor, label, level) : stylize(context, `[${label}]`, "special");
  } else {
    text = descriptor.set === undefined ? stylize(context, "undefined", "undefined") : stylize(context, "[Setter]", "special");
  }
  return onlyValue ? text : `${formatKey(context, key, descriptor.enumerable)}: ${text}`;
}

function formatGetter(context, value, descriptor, label, level) {
  try {
    const result = FunctionPrototypeCall(descriptor.get, value);
    context.indentation += 2;
    const text = formatValue(context, result, level, true);
    context.indentation -= 2;
    const isObject = result !== null && typeof result === "object";
    if (isObject) return `${stylize(context, `[${label}]`, "special")} ${text}`;
    return `${stylize(context, `[${label}:`, "special")} ${text}${stylize(context, "]", "special")}`;
  } catch (error) {
    return `${stylize(context, `[${label}: <Inspection threw`, "special")} (${inspect(error, { __proto__: null, depth: 0 })})>]`;
  }
}

// === Layout ===

/** Entries between braces: on one line when they are short and not nested deeply, else a line each; long lists in columns. */
export function layOut(context, output, base, open, close, isList, level) {
  const prefix = base === "" ? "" : `${base} `;
  if (output.length === 0) return `${prefix}${open}${close}`;
  if (context.compact !== true) {
    const count = output.length;
    if (isList && count > 6) output = inColumns(context, output);
    if (typeof context.compact === "number" && context.level - level < context.compact && count === output.length) {
      const start = output.length + context.indentation + open.length + base.length + 10;
      if (fitsOnLine(context, output, start, base)) {
        const joined = ArrayPrototypeJoin(output, ", ");
        if (!StringPrototypeIncludes(joined, "\n")) return `${prefix}${open} ${joined} ${close}`;
      }
    }
    const newline = `\n${StringPrototypeRepeat(" ", context.indentation)}`;
    return `${prefix}${open}${newline}  ${ArrayPrototypeJoin(output, `,${newline}  `)}${newline}${close}`;
  }
  if (fitsOnLine(context, output, 0, base)) return `${open}${prefix === "" ? "" : ` ${base}`} ${ArrayPrototypeJoin(output, ", ")} ${close}`;
  const newline = `\n${StringPrototypeRepeat(" ", context.indentation)}`;
  return `${prefix}${open} ${ArrayPrototypeJoin(output, `,${newline}  `)} ${close}`;
}

function fitsOnLine(context, output, start, base) {
  let total = output.length + start;
  if (total + output.length > context.breakLength) return false;
  for (let i = 0; i < output.length; i++) {
    total += textWidth(output[i], context.colors);
    if (total > context.breakLength) return false;
  }
  return base === "" || !StringPrototypeIncludes(base, "\n");
}

/** Many short list entries as rows of aligned columns, about 2.5 times as wide as high. */
function inColumns(context, output) {
  const hasMore = context.hasMore === output[output.length - 1];
  const count = hasMore ? output.length - 1 : output.length;
  const widths = [];
  let total = 0;
  let widest = 0;
  for (let i = 0; i < count; i++) {
    const width = textWidth(output[i], context.colors);
    ArrayPrototypePush(widths, width);
    total += width + 2;
    if (width > widest) widest = width;
  }
  const cell = widest + 2;
  if (cell * 3 + context.indentation >= context.breakLength || (total / cell <= 5 && widest > 6)) return output;
  const bias = MathSqrt(cell - total / output.length);
  const biased = MathMax(cell - 3 - bias, 1);
  const columns = MathMin(
    MathRound(MathSqrt(2.5 * biased * count) / biased),
    (context.breakLength - context.indentation - ((context.breakLength - context.indentation) % cell)) / cell,
    context.compact * 4,
    15,
  );
  if (columns <= 1) return output;
  const columnWidths = [];
  for (let column = 0; column < columns; column++) {
    let width = 0;
    for (let i = column; i < count; i += columns) width = MathMax(width, widths[i]);
    ArrayPrototypePush(columnWidths, width + 2);
  }
  // Numbers line up on their last digit.
  const pad = context.alignRight ? StringPrototypePadStart : StringPrototypePadEnd;
  const rows = [];
  for (let first = 0; first < count; first += columns) {
    const end = MathMin(first + columns, count);
    let row = "";
    for (let i = first; i < end - 1; i++) row += pad(`${output[i]}, `, columnWidths[i - first] + output[i].length - widths[i]);
    const last = end - 1;
    const lastWidth = columnWidths[last - first] + output[last].length - widths[last] - 2;
    row += context.alignRight ? StringPrototypePadStart(output[last], lastWidth) : output[last];
    ArrayPrototypePush(rows, row);
  }
  if (hasMore) ArrayPrototypePush(rows, output[count]);
  return rows;
}
