// What inspect() shows of each kind of object: a word (`{ text }`) or braces with entries (`{ base, open, close, keys, isList, entries }`).
// `keys` are the own properties shown after the entries; `name` stands for the object where the depth ends.

import { primordials } from "./primordials.js";
import { isDOMException } from "./domexception.js";
import { formatNumber, formatProperty, formatValue, quote, stylize } from "./inspect.js";
import { platformEntries } from "./inspect_platform.js";
const {
  ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, ArrayIsArray, ArrayPrototypeIncludes, ArrayPrototypeJoin, ArrayPrototypePush,
  BigInt, BigIntPrototypeValueOf, BooleanPrototypeValueOf, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset, DatePrototypeGetTime, DatePrototypeToISOString, DatePrototypeToString, ErrorPrototypeToString,
  FunctionPrototypeToString, MapPrototypeForEach, MapPrototypeGetSize, MathMin, NumberIsNaN, NumberPrototypeToString,
  NumberPrototypeValueOf, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, ObjectHasOwn, ObjectPrototypePropertyIsEnumerable,
  RegExpPrototype, RegExpPrototypeExec, RegExpPrototypeGetFlags, RegExpPrototypeGetSource, SafeMap, SetPrototypeForEach,
  SetPrototypeGetSize, SharedArrayBufferPrototypeGetByteLength, String, StringPrototypeEndsWith, StringPrototypeIncludes,
  StringPrototypeIndexOf, StringPrototypeRepeat, StringPrototypeReplaceAll, StringPrototypeSlice, StringPrototypeSplit,
  StringPrototypeStartsWith, StringPrototypeValueOf, SymbolPrototypeToString, SymbolPrototypeValueOf, SymbolToStringTag,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag, Uint8Array, WeakMapPrototypeHas, WeakSetPrototypeHas,
} = primordials;

// === Names ===

/** The name of the nearest constructor that made the value, or null for a chain without one. */
function constructorName(value) {
  let object = value;
  while (object !== null) {
    const constructor = ObjectGetOwnPropertyDescriptor(object, "constructor")?.value;
    if (typeof constructor === "function") {
      const { name } = constructor;
      if (typeof name === "string" && name !== "" && isInstance(value, constructor)) return name;
    }
    object = ObjectGetPrototypeOf(object);
  }
  return null;
}

/** `value instanceof constructor` without Symbol.hasInstance. */
function isInstance(value, constructor) {
  const { prototype } = constructor;
  for (let object = ObjectGetPrototypeOf(value); object !== null; object = ObjectGetPrototypeOf(object)) {
    if (object === prototype) return true;
  }
  return false;
}

/** "Name(size) [tag] ". */
function prefixOf(name, tag, fallback, size = "") {
  if (name === null) return `[${fallback}${size}: null prototype] ${tag !== "" && tag !== fallback ? `[${tag}] ` : ""}`;
  return tag !== "" && tag !== name ? `${name}${size} [${tag}] ` : `${name}${size} `;
}

function tagOf(value, name, showHidden) {
  let tag;
  try {
    // A tag of its own is among its properties.
    if (showHidden ? ObjectHasOwn(value, SymbolToStringTag) : ObjectPrototypePropertyIsEnumerable(value, SymbolToStringTag)) return "";
    tag = value[SymbolToStringTag];
  } catch {
    // A getter of the Worker's that throws: there is no tag.
    return "";
  }
  return typeof tag === "string" && tag !== "" && tag !== name ? tag : "";
}

/** The result of a primordial that throws for a receiver of another kind, or undefined. */
function probe(getter, value) {
  try {
    return getter(value);
  } catch {
    return undefined;
  }
}

// === Which kind ===

/** See the head of this file. `details` is what `op_inspect_details` says of the value. */
export function describeObject(context, value, keys, details, level) {
  const name = constructorName(value);
  const tag = tagOf(value, name, context.showHidden);
  const shape = kindOf(context, value, keys, details, level, name, tag);
  if (shape.text === undefined) {
    shape.base ??= "";
    shape.close ??= "}";
    shape.keys ??= keys;
    shape.isList ??= false;
    shape.name ??= StringPrototypeSlice(prefixOf(name, tag, ArrayIsArray(value) ? "Array" : "Object"), 0, -1);
    if (shape.entries === undefined && shape.keys.length === 0) {
      if (shape.base !== "") return { text: shape.base };
      return { text: `${shape.open}${shape.close}` };
    }
  }
  return shape;
}

function kindOf(context, value, keys, details, level, name, tag) {
  if (ArrayIsArray(value)) return arrayShape(value, keys, name, tag);
  if (typeof value === "function") return functionShape(context, value, name, tag);
  if (ArrayBufferIsView(value)) return viewShape(context, value, keys, name, tag);
  if (details !== undefined) return detailedShape(context, value, keys, details, name, tag);
  const platform = platformEntries(value);
  if (platform !== undefined) return platformShape(platform, name);
  const size = probe(SetPrototypeGetSize, value);
  if (size !== undefined) return setShape(value, size, keys, name, tag);
  const mapSize = probe(MapPrototypeGetSize, value);
  if (mapSize !== undefined) return mapShape(value, mapSize, keys, name, tag);
  const source = probe(RegExpPrototypeGetSource, value);
  if (source !== undefined && value !== RegExpPrototype) {
    const literal = `/${source}/${RegExpPrototypeGetFlags(value)}`;
    return { base: stylize(context, name === "RegExp" ? literal : `${prefixOf(name, tag, "RegExp")}${literal}`, "regexp"), open: "{" };
  }
  const time = probe(DatePrototypeGetTime, value);
  if (time !== undefined) {
    const text = NumberIsNaN(time) ? DatePrototypeToString(value) : DatePrototypeToISOString(value);
    return { base: stylize(context, name === "Date" ? text : `${prefixOf(name, tag, "Date")}${text}`, "date"), open: "{" };
  }
  const byteLength = probe(ArrayBufferPrototypeGetByteLength, value) ?? probe(SharedArrayBufferPrototypeGetByteLength, value);
  if (byteLength !== undefined) return bufferShape(value, byteLength, name, tag);
  if (probe((map) => WeakMapPrototypeHas(map, value), value) !== undefined) return unknownItems(context, prefixOf(name, tag, "WeakMap"));
  if (probe((set) => WeakSetPrototypeHas(set, value), value) !== undefined) return unknownItems(context, prefixOf(name, tag, "WeakSet"));
  const boxed = boxedBase(context, value, name, tag);
  if (boxed !== undefined) {
    const isString = probe(StringPrototypeValueOf, value) !== undefined;
    // The characters of a string are its own properties.
    return { base: boxed, open: "{", keys: isString ? namedKeys(keys) : keys };
  }
  if (name === "Object" && tag === "") return { open: "{" };
  return { open: `${prefixOf(name, tag, "Object")}{` };
}

/** What only V8 can tell. */
function detailedShape(context, value, keys, details, name, tag) {
  switch (details[0]) {
    case "error":
      return errorShape(context, value, keys, name, tag);
    case "arguments":
      return { open: "[Arguments] {" };
    case "promise": {
      const entries = (inner, level) => {
        if (details[1] === 0) return [stylize(inner, "<pending>", "special")];
        inner.indentation += 2;
        const text = formatValue(inner, details[2], level, true);
        inner.indentation -= 2;
        return [details[1] === 2 ? `${stylize(inner, "<rejected>", "special")} ${text}` : text];
      };
      return { open: `${prefixOf(name, tag, "Promise")}{`, entries };
    }
    case "iterator":
      return { open: `[${details[2] ? entriesTag(tag) : tag}] {`, entries: (inner, level) => iteratorEntries(inner, details, level) };
    case "generator":
      return { open: `${prefixOf(name, tag, "Generator")}{` };
    case "module":
      return { open: "[Module: null prototype] {" };
    default:
      return { open: `${prefixOf(name, tag, "Object")}{` };
  }
}

/** An iterator over pairs calls itself "Map Iterator" too. */
function entriesTag(tag) {
  return StringPrototypeReplaceAll(tag, " Iterator", " Entries");
}

function iteratorEntries(context, details, level) {
  const items = details[1];
  const step = details[2] ? 2 : 1;
  const output = [];
  context.indentation += 2;
  for (let i = 0; i < items.length && output.length < context.maxArrayLength; i += step) {
    const text = formatValue(context, items[i], level, true);
    if (step === 1) ArrayPrototypePush(output, text);
    else ArrayPrototypePush(output, `[ ${text}, ${formatValue(context, items[i + 1], level, true)} ]`);
  }
  context.indentation -= 2;
  return withMore(context, output, items.length / step - output.length);
}

// === Lists ===

function withMore(context, output, remaining) {
  context.hasMore = undefined;
  if (remaining > 0) {
    context.hasMore = `... ${remaining} more item${remaining > 1 ? "s" : ""}`;
    ArrayPrototypePush(output, context.hasMore);
  }
  return output;
}

const INDEX = /^(?:0|[1-9][0-9]*)$/;

function filter(keys, keep) {
  const kept = [];
  for (let i = 0; i < keys.length; i++) {
    if (keep(keys[i])) ArrayPrototypePush(kept, keys[i]);
  }
  return kept;
}

/** The keys that are no indices. */
function namedKeys(keys) {
  return filter(keys, (key) => typeof key === "symbol" || RegExpPrototypeExec(INDEX, key) === null);
}

function allNumbers(value, length) {
  for (let i = 0; i < length; i++) {
    const type = typeof value[i];
    if (type !== "number" && type !== "bigint") return false;
  }
  return length > 0;
}

function arrayShape(value, keys, name, tag) {
  const { length } = value;
  const prefix = name === "Array" && tag === "" ? "" : prefixOf(name, tag, "Array", `(${length})`);
  const others = namedKeys(keys);
  if (length === 0 && others.length === 0) return { text: `${prefix}[]` };
  return { open: `${prefix}[`, close: "]", keys: others, isList: true, entries: (context, level) => arrayEntries(context, value, level) };
}

function arrayEntries(context, value, level) {
  const { length } = value;
  const output = [];
  let i = 0;
  while (i < length && output.length < context.maxArrayLength) {
    if (ObjectHasOwn(value, i)) {
      ArrayPrototypePush(output, formatProperty(context, value, `${i}`, level, true, true));
      i++;
      continue;
    }
    const first = i;
    while (i < length && !ObjectHasOwn(value, i)) i++;
    ArrayPrototypePush(output, stylize(context, `<${i - first} empty item${i - first > 1 ? "s" : ""}>`, "undefined"));
  }
  withMore(context, output, length - i);
  context.alignRight = allNumbers(value, MathMin(length, context.maxArrayLength));
  return output;
}

function viewShape(context, value, keys, name, tag) {
  const kind = TypedArrayPrototypeGetSymbolToStringTag(value);
  if (kind === undefined) {
    const fields = [
      "byteLength", DataViewPrototypeGetByteLength(value), "byteOffset", DataViewPrototypeGetByteOffset(value),
      "buffer", DataViewPrototypeGetBuffer(value),
    ];
    return { open: `${prefixOf(name, tag, "DataView")}{`, entries: (inner, level) => fieldEntries(inner, fields, level) };
  }
  const length = TypedArrayPrototypeGetLength(value);
  const prefix = prefixOf(name, tag, kind, `(${length})`);
  const others = namedKeys(keys);
  if (length === 0 && others.length === 0 && !context.showHidden) return { text: `${prefix}[]` };
  return { open: `${prefix}[`, close: "]", keys: others, isList: true, entries: (inner, level) => typedEntries(inner, value, length, level) };
}

function typedEntries(context, value, length, level) {
  const output = [];
  const shown = MathMin(length, context.maxArrayLength);
  for (let i = 0; i < shown; i++) {
    ArrayPrototypePush(output, typeof value[i] === "bigint" ? stylize(context, `${value[i]}n`, "bigint") : formatNumber(context, value[i]));
  }
  withMore(context, output, length - shown);
  context.alignRight = true;
  if (context.showHidden) {
    context.indentation += 2;
    const hidden = [
      "length", length, "byteLength", TypedArrayPrototypeGetByteLength(value), "byteOffset", TypedArrayPrototypeGetByteOffset(value),
      "buffer", TypedArrayPrototypeGetBuffer(value),
    ];
    for (let i = 0; i < hidden.length; i += 2) ArrayPrototypePush(output, `[${hidden[i]}]: ${formatValue(context, hidden[i + 1], level, true)}`);
    context.indentation -= 2;
  }
  return output;
}

// === Collections ===

function setShape(value, size, keys, name, tag) {
  const prefix = prefixOf(name, tag, "Set", `(${size})`);
  if (size === 0 && keys.length === 0) return { text: `${prefix}{}` };
  return { open: `${prefix}{`, entries: (context, level) => {
    const output = [];
    context.indentation += 2;
    SetPrototypeForEach(value, (item) => {
      if (output.length < context.maxArrayLength) ArrayPrototypePush(output, formatValue(context, item, level, true));
    });
    context.indentation -= 2;
    return withMore(context, output, size - output.length);
  } };
}

function mapShape(value, size, keys, name, tag) {
  const prefix = prefixOf(name, tag, "Map", `(${size})`);
  if (size === 0 && keys.length === 0) return { text: `${prefix}{}` };
  return { open: `${prefix}{`, entries: (context, level) => {
    const pairs = [];
    MapPrototypeForEach(value, (item, key) => {
      if (pairs.length < context.maxArrayLength * 2) ArrayPrototypePush(pairs, key, item);
    });
    return withMore(context, pairEntries(context, pairs, level), size - pairs.length / 2);
  } };
}

/** `key => value` of a flat list. */
function pairEntries(context, pairs, level) {
  const output = [];
  context.indentation += 2;
  for (let i = 0; i < pairs.length; i += 2) {
    ArrayPrototypePush(output, `${formatValue(context, pairs[i], level, true)} => ${formatValue(context, pairs[i + 1], level, true)}`);
  }
  context.indentation -= 2;
  return output;
}

/** `name: value` of a flat list. */
function fieldEntries(context, fields, level) {
  const output = [];
  context.indentation += 2;
  for (let i = 0; i < fields.length; i += 2) ArrayPrototypePush(output, `${fields[i]}: ${formatValue(context, fields[i + 1], level, true)}`);
  context.indentation -= 2;
  return output;
}

function unknownItems(context, prefix) {
  return { open: `${prefix}{`, entries: () => [stylize(context, "<items unknown>", "special")] };
}

function platformShape({ fields, pairs }, name) {
  if (pairs === undefined) return { open: `${name} {`, entries: (context, level) => fieldEntries(context, fields(), level) };
  const list = pairs();
  const open = `${name}(${list.length / 2}) {`;
  return { open, entries: list.length === 0 ? undefined : (context, level) => pairEntries(context, list, level) };
}

// === Buffers, boxes, functions ===

function bufferShape(value, byteLength, name, tag) {
  return { open: `${prefixOf(name, tag, "ArrayBuffer")}{`, entries: (context) => {
    let bytes;
    try {
      bytes = new Uint8Array(value);
    } catch {
      return [stylize(context, "(detached)", "special"), `byteLength: ${formatNumber(context, byteLength)}`];
    }
    const shown = MathMin(byteLength, 50, context.maxArrayLength);
    let text = "";
    for (let i = 0; i < shown; i++) text += `${i === 0 ? "" : " "}${bytes[i] < 16 ? "0" : ""}${NumberPrototypeToString(bytes[i], 16)}`;
    const remaining = byteLength - shown;
    if (remaining > 0) text += ` ... ${remaining} more byte${remaining > 1 ? "s" : ""}`;
    return [`${stylize(context, "[Uint8Contents]", "special")}: <${text}>`, `byteLength: ${formatNumber(context, byteLength)}`];
  } };
}

const BOXES = [
  ["Number", NumberPrototypeValueOf, "number"], ["String", StringPrototypeValueOf, "string"], ["Boolean", BooleanPrototypeValueOf, "boolean"],
  ["BigInt", BigIntPrototypeValueOf, "bigint"], ["Symbol", SymbolPrototypeValueOf, "symbol"],
];

function plainPrimitive(value) {
  switch (typeof value) {
    case "symbol": return SymbolPrototypeToString(value);
    case "string": return quote(value);
    case "bigint": return `${value}n`;
    default: return `${value}`;
  }
}

function boxedBase(context, value, name, tag) {
  for (let i = 0; i < BOXES.length; i++) {
    const primitive = probe(BOXES[i][1], value);
    if (primitive === undefined) continue;
    const kind = BOXES[i][0];
    let base = `[${kind}`;
    if (name === null) base += " (null prototype)";
    else if (name !== kind) base += ` (${name})`;
    base += `: ${plainPrimitive(primitive)}]`;
    if (tag !== "" && tag !== kind && tag !== name) base += ` [${tag}]`;
    return stylize(context, base, BOXES[i][2]);
  }
  return undefined;
}

const FUNCTION_KINDS = new SafeMap();
for (const sample of [function () {}, async function () {}, function* () {}, async function* () {}]) {
  const prototype = ObjectGetPrototypeOf(sample);
  FUNCTION_KINDS.set(prototype, prototype[SymbolToStringTag] ?? "Function");
}

function functionShape(context, value, name, tag) {
  return { base: stylize(context, functionBase(value, name, tag), "special"), open: "{" };
}

function functionBase(value, name, tag) {
  const source = FunctionPrototypeToString(value);
  if (StringPrototypeStartsWith(source, "class") && StringPrototypeEndsWith(source, "}")) return classBase(value, name, tag);
  const kind = FUNCTION_KINDS.get(ObjectGetPrototypeOf(value)) ?? "Function";
  let base = `[${kind}`;
  if (name === null) base += " (null prototype)";
  const own = ObjectGetOwnPropertyDescriptor(value, "name")?.value;
  base += typeof own === "string" && own !== "" ? `: ${own}]` : " (anonymous)]";
  if (name !== kind && name !== null && name !== "Function") base += ` ${name}`;
  return tag !== "" && tag !== name && tag !== kind ? `${base} [${tag}]` : base;
}

function classBase(value, name, tag) {
  const own = ObjectGetOwnPropertyDescriptor(value, "name")?.value;
  let base = `[class ${typeof own === "string" && own !== "" ? own : "(anonymous)"}`;
  if (name !== "Function" && name !== null) base += ` [${name}]`;
  if (tag !== "" && tag !== name) base += ` [${tag}]`;
  const parent = ObjectGetPrototypeOf(value);
  if (name === null) base += " extends [null prototype]";
  else if (typeof parent === "function" && parent.name !== "") base += ` extends ${parent.name}`;
  return `${base}]`;
}

// === Errors ===

function stackOf(error) {
  let stack;
  try {
    ({ stack } = error);
    return typeof stack === "string" && stack !== "" ? withoutRuntimeFrames(stack) : ErrorPrototypeToString(error);
  } catch {
    // A getter of the Worker's that throws.
    return "[Error]";
  }
}

/** A stack without the frames of the runtime's own modules, which say nothing to a Worker's author. */
export function withoutRuntimeFrames(stack) {
  if (!StringPrototypeIncludes(stack, "skerry:/")) return stack;
  const lines = StringPrototypeSplit(stack, "\n");
  return ArrayPrototypeJoin(filter(lines, (line) => RegExpPrototypeExec(RUNTIME_FRAME, line) === null), "\n");
}
const RUNTIME_FRAME = /^ {4}at .*skerry:\//;

/** The class's name at the head of a stack that was written under its parent's. */
function nameStack(stack, error, name, tag) {
  let own = name ?? "Error";
  try {
    if (typeof error.name === "string" && error.name !== "Error" && error.name !== "" && StringPrototypeIncludes(stack, error.name)) own = error.name;
  } catch {
    // As above: the class's name will do.
  }
  if (name === null) {
    const head = RegExpPrototypeExec(STACK_HEAD, stack);
    return `[${head === null ? "Error" : head[1]}: null prototype]${StringPrototypeSlice(stack, head === null ? 0 : head[1].length)}`;
  }
  if (own !== "Error" && !StringPrototypeIncludes(stack, own)) {
    const head = RegExpPrototypeExec(STACK_HEAD, stack);
    if (head !== null) {
      const rest = StringPrototypeSlice(stack, head[1].length);
      stack = StringPrototypeEndsWith(own, "Error") ? `${own}${rest}` : `${own} [${head[1]}]${rest}`;
    }
  }
  return tag !== "" && !StringPrototypeIncludes(stack, tag) ? `${stack} [${tag}]` : stack;
}
const STACK_HEAD = /^([A-Za-z_$][A-Za-z0-9_$]*)(?=:|\n|$)/;

function errorShape(context, value, keys, name, tag) {
  let stack = nameStack(stackOf(value), value, name, tag);
  if (isDOMException(value)) {
    const head = RegExpPrototypeExec(STACK_HEAD, stack);
    if (head !== null) stack = `DOMException [${head[1]}]${StringPrototypeSlice(stack, head[1].length)}`;
  }
  // What the stack says already is not said again.
  const others = filter(keys, (key) => {
    if (key !== "name" && key !== "message" && key !== "stack") return true;
    const own = value[key];
    return typeof own !== "string" || !StringPrototypeIncludes(stack, own);
  });
  if (!ArrayPrototypeIncludes(others, "cause") && ObjectHasOwn(value, "cause")) ArrayPrototypePush(others, "cause");
  const errors = ObjectGetOwnPropertyDescriptor(value, "errors");
  if (errors !== undefined && ArrayIsArray(errors.value) && !ArrayPrototypeIncludes(others, "errors")) ArrayPrototypePush(others, "errors");
  const frames = StringPrototypeIndexOf(stack, "\n    at");
  if (frames === -1) stack = `[${stack}]`;
  if (context.indentation > 0) stack = StringPrototypeReplaceAll(stack, "\n", `\n${StringPrototypeRepeat(" ", context.indentation)}`);
  return { base: stack, open: "{", keys: others, name: name ?? "Error" };
}
