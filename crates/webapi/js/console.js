// The Console standard (https://console.spec.whatwg.org). Lines go to `op_console(level, text)`, which adds their
// source position; where the event is traced, what was said goes to `op_trace(level, arguments)` too.

import { primordials } from "./primordials.js";
import { tableText } from "./console_table.js";
import { formatLog } from "./format_log.js";
import { inspect } from "./inspect.js";
import { withoutRuntimeFrames } from "./inspect_kinds.js";
import "./inspect_classes.js";
import { op_console, op_now, op_trace } from "skerry:ops";
const {
  ArrayPrototypeUnshift, ErrorCaptureStackTrace, NumberIsInteger, NumberPrototypeToFixed, ObjectDefineProperty, ReflectApply, SafeMap,
  StringPrototypeIndexOf, StringPrototypeReplaceAll, StringPrototypeSlice, SymbolToStringTag,
} = primordials;
/** V8's own: it shows values to who inspects the isolate, and to nobody else. */
const theirs = primordials.globalThis.console;
const tellInspector = theirs.log;

export { formatLog } from "./format_log.js";
export { inspect } from "./inspect.js";

const DEBUG = 0;
const LOG = 1;
const WARN = 2;
const ERROR = 3;
const INFO = 4;

// The state of one isolate: the requests that share it share the console, as they do on the platform.
let indent = "";
const counts = new SafeMap();
const timers = new SafeMap();

/** `said`: what the text was made of. */
function print(level, text, said = [text]) {
  const traced = op_console(level, indent === "" ? text : indent + StringPrototypeReplaceAll(text, "\n", `\n${indent}`));
  if (traced) op_trace(level, said);
}

function label(value) {
  return value === undefined ? "default" : `${value}`;
}

/** How long a timer has been running, as text; undefined, with a warning, for one that doesn't run. */
function elapsed(name) {
  const started = timers.get(name);
  if (started === undefined) {
    print(WARN, `Timer '${name}' does not exist`);
    return undefined;
  }
  const ms = op_now() - started;
  if (ms >= 1000) return `${NumberPrototypeToFixed(ms / 1000, 3)}s`;
  return NumberIsInteger(ms) ? `${ms}ms` : `${NumberPrototypeToFixed(ms, 3)}ms`;
}

// A namespace object (section 1.1): its methods need no receiver, and its prototype is an empty object.
export const console = {
  __proto__: {},

  debug(...data) { print(DEBUG, formatLog(data), data); },
  error(...data) { print(ERROR, formatLog(data), data); },
  info(...data) { print(INFO, formatLog(data), data); },
  log(...data) { print(LOG, formatLog(data), data); },
  warn(...data) { print(WARN, formatLog(data), data); },

  assert(condition = false, ...data) {
    if (condition) return;
    if (typeof data[0] === "string") data[0] = `Assertion failed: ${data[0]}`;
    else ArrayPrototypeUnshift(data, "Assertion failed");
    print(ERROR, formatLog(data));
  },
  clear() {
    indent = "";
  },
  dir(item = undefined, options = undefined) { print(LOG, inspect(item, { __proto__: null, customInspect: false, ...options })); },
  dirxml(...data) { print(LOG, formatLog(data)); },
  table(tabularData = undefined, properties = undefined) { print(LOG, tableText(tabularData, properties) ?? formatLog([tabularData])); },
  trace(...data) {
    const holder = { __proto__: null, stack: "" };
    ErrorCaptureStackTrace(holder, console.trace);
    const text = formatLog(data);
    // The stack begins with the line of an error without name and message.
    print(LOG, `Trace${text === "" ? "" : `: ${text}`}${afterFirstLine(withoutRuntimeFrames(holder.stack))}`);
  },

  count(name = "default") {
    const key = label(name);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    print(LOG, `${key}: ${count}`);
  },
  countReset(name = "default") {
    const key = label(name);
    if (counts.has(key)) counts.set(key, 0);
    else print(WARN, `Count for '${key}' does not exist`);
  },

  group(...data) {
    if (data.length > 0) print(LOG, formatLog(data));
    indent += "  ";
  },
  groupCollapsed(...data) {
    if (data.length > 0) print(LOG, formatLog(data));
    indent += "  ";
  },
  groupEnd() {
    indent = StringPrototypeSlice(indent, 2);
  },

  time(name = "default") {
    const key = label(name);
    if (timers.has(key)) print(WARN, `Timer '${key}' already exists`);
    else timers.set(key, op_now());
  },
  timeLog(name = "default", ...data) {
    const key = label(name);
    const time = elapsed(key);
    if (time === undefined) return;
    ArrayPrototypeUnshift(data, `${key}: ${time}`);
    print(LOG, formatLog(data));
    if (inspected) ReflectApply(tellInspector, theirs, data);
  },
  timeEnd(name = "default") {
    const key = label(name);
    const time = elapsed(key);
    if (time === undefined) return;
    timers.delete(key);
    print(LOG, `${key}: ${time}`);
    if (inspected) ReflectApply(tellInspector, theirs, [`${key}: ${time}`]);
  },

  // For the tools of whoever inspects: nothing here listens.
  profile() {},
  profileEnd() {},
  timeStamp() {},

  /** A console of its own by name, as V8 has it: the same methods, but for this one. */
  context(name = undefined) {
    return { ...methods };
  },
};
/** They stay when a Worker puts its own in their place. */
const methods = { __proto__: null, ...console };
delete methods.context;
ObjectDefineProperty(console.context, "length", { __proto__: null, configurable: true, value: 1 });
ObjectDefineProperty(console, SymbolToStringTag, { __proto__: null, configurable: true, value: "console" });

let inspected = false;

/** What V8's console has the same notion of. It has no clock of ours: timers are told as the lines that they print. */
const SHOWN = [
  "assert", "clear", "count", "countReset", "debug", "dir", "dirxml", "error", "group", "groupCollapsed", "groupEnd", "info", "log", "table", "trace", "warn",
];

/** Hook: the isolate is under inspection. From here on its inspector hears what the console is told, as live values. */
export function inspectConsole() {
  inspected = true;
  for (let i = 0; i < SHOWN.length; i++) {
    const name = SHOWN[i];
    const ours = console[name];
    const shown = theirs[name];
    const both = {
      [name](...data) {
        ReflectApply(shown, theirs, data);
        ReflectApply(ours, this, data);
      },
    };
    console[name] = both[name];
  }
}

function afterFirstLine(stack) {
  const newline = StringPrototypeIndexOf(stack, "\n");
  return newline === -1 ? "" : StringPrototypeSlice(stack, newline);
}
