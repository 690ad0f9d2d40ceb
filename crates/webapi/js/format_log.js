// The Formatter of the Console standard (section 2.2), with Node's extensions: a line of text from the arguments of console.log.

import { primordials } from "./primordials.js";
import { inspect } from "./inspect.js";
const {
  JSONStringify, Number, NumberParseFloat, NumberParseInt, ObjectGetPrototypeOf, ObjectHasOwn, String, StringPrototypeIncludes,
  StringPrototypeIndexOf, StringPrototypeSlice, SymbolPrototypeToString,
} = primordials;

const SHALLOW = { __proto__: null, depth: 0, colors: false, compact: 3 };
const DETAILED = { __proto__: null, depth: 4, showHidden: true, showProxy: true };

function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** Whether a class of the Worker's says how its instances read as text. */
function hasOwnText(value) {
  for (let object = value; object !== null; object = ObjectGetPrototypeOf(object)) {
    if (ObjectHasOwn(object, "toString")) return typeof object.toString === "function" && ObjectGetPrototypeOf(object) !== null && !isBuiltin(object);
  }
  return false;
}

/** A prototype of the language's own: its toString says less than inspect does. */
function isBuiltin(object) {
  return BUILTIN_PROTOTYPES.has(object);
}
const BUILTIN_PROTOTYPES = new primordials.SafeSet();
for (const name of ["Array", "Function", "Date", "RegExp", "Boolean", "Number", "String", "Symbol", "BigInt", "Error", "TypedArray", "Object"]) {
  BUILTIN_PROTOTYPES.add(primordials[`${name}Prototype`]);
}

function asString(value) {
  if (typeof value === "number") return inspect(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return SymbolPrototypeToString(value);
  if (typeof value === "function" || !isObject(value)) return String(value);
  return hasOwnText(value) ? String(value) : inspect(value, SHALLOW);
}

function asInteger(value) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return "NaN";
  return inspect(NumberParseInt(value));
}

function asNumber(value) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol" || isObject(value)) return "NaN";
  return inspect(Number(value));
}

function asJson(value) {
  try {
    return JSONStringify(value) ?? "undefined";
  } catch (error) {
    if (StringPrototypeIncludes(`${error?.message}`, "circular")) return "[Circular]";
    throw error;
  }
}

/** What `%x` makes of a value, or undefined where it is no directive. */
function directive(kind, value) {
  switch (kind) {
    case "s": return asString(value);
    case "d": return asNumber(value);
    case "i": return asInteger(value);
    case "f": return typeof value === "symbol" ? "NaN" : inspect(NumberParseFloat(value));
    case "j": return asJson(value);
    case "o": return inspect(value, DETAILED);
    case "O": return inspect(value);
    // CSS has nothing to style here.
    case "c": return "";
    default: return undefined;
  }
}

/** `args` is an array; strings among them come as they are, everything else inspected. */
export function formatLog(args, options = undefined) {
  if (args.length === 0) return "";
  const first = args[0];
  if (args.length === 1) return typeof first === "string" ? first : inspect(first, options);
  let next = 0;
  let text = "";
  if (typeof first === "string") {
    next = 1;
    let done = 0;
    let at = StringPrototypeIndexOf(first, "%");
    while (at !== -1 && at + 1 < first.length) {
      const kind = first[at + 1];
      const shown = kind === "%" ? "%" : next < args.length ? directive(kind, args[next]) : undefined;
      if (shown === undefined) {
        at = StringPrototypeIndexOf(first, "%", at + 1);
        continue;
      }
      text += StringPrototypeSlice(first, done, at) + shown;
      if (kind !== "%") next++;
      done = at + 2;
      at = StringPrototypeIndexOf(first, "%", done);
    }
    text += StringPrototypeSlice(first, done);
    if (next < args.length) text += " ";
  }
  for (; next < args.length; next++) {
    const value = args[next];
    text += typeof value === "string" ? value : inspect(value, options);
    if (next + 1 < args.length) text += " ";
  }
  return text;
}
