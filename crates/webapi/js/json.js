// JSON.parse with a guard: a long text is weighed first, since V8 can't be stopped while it parses.

import { op_json_guard } from "skerry:ops";
import { primordials } from "./primordials.js";

const { JSONParse, ObjectDefineProperty, globalThis } = primordials;

/** Texts up to this long take little whatever they say. */
const SHORT = 1 << 20;

export const { parse } = {
  /** ECMA-262 section 25.5.1 */
  parse(text, reviver) {
    const string = `${text}`;
    // Once the script is being ended it must still notice: it does in a loop.
    while (string.length > SHORT && !op_json_guard(string));
    return JSONParse(string, reviver);
  },
};

ObjectDefineProperty(globalThis.JSON, "parse", { __proto__: null, value: parse, writable: true, enumerable: false, configurable: true });
