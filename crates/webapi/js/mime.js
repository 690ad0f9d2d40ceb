// MIME types (https://mimesniff.spec.whatwg.org section 4): parsing and serialising, for Blobs, form data and data: URLs.

import { primordials } from "./primordials.js";
const {
  ArrayPrototypePush, RegExpPrototypeExec, StringPrototypeCharCodeAt, StringPrototypeIndexOf, StringPrototypeReplaceAll,
  StringPrototypeSlice, StringPrototypeToLowerCase,
} = primordials;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PARAMETER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function isWhitespace(code) {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function trimEnd(text) {
  let end = text.length;
  while (end > 0 && isWhitespace(StringPrototypeCharCodeAt(text, end - 1))) end--;
  return StringPrototypeSlice(text, 0, end);
}

/** `text` without HTTP whitespace at its ends. */
export function trimWhitespace(text) {
  let start = 0;
  while (start < text.length && isWhitespace(StringPrototypeCharCodeAt(text, start))) start++;
  return trimEnd(StringPrototypeSlice(text, start));
}

/** Where `needle` (one character) is from `from` on, or the text's end. */
function find(text, needle, from) {
  const at = StringPrototypeIndexOf(text, needle, from);
  return at === -1 ? text.length : at;
}

/** Reads the quoted string that starts at `position`: its value and the position after it. */
function quotedString(text, position) {
  let value = "";
  position++;
  while (position < text.length) {
    const char = text[position++];
    if (char === '"') break;
    if (char === "\\") {
      value += position < text.length ? text[position++] : "\\";
    } else {
      value += char;
    }
  }
  return { value, position };
}

/**
 * The parameters of a header such as Content-Type or Content-Disposition from `position` (just after the value or a ";"), as the flat list
 * `[name, value, ...]`; the first of equal names wins, bad ones are passed over.
 */
export function parseParameters(text, position) {
  const parameters = [];
  while (position < text.length) {
    while (position < text.length && isWhitespace(StringPrototypeCharCodeAt(text, position))) position++;
    const semicolon = find(text, ";", position);
    const equals = find(text, "=", position);
    if (equals >= semicolon) {
      position = semicolon + 1;
      continue;
    }
    const name = StringPrototypeToLowerCase(StringPrototypeSlice(text, position, equals));
    position = equals + 1;
    let value;
    let given = true;
    if (text[position] === '"') {
      const quoted = quotedString(text, position);
      value = quoted.value;
      position = find(text, ";", quoted.position) + 1;
    } else {
      const end = find(text, ";", position);
      value = trimEnd(StringPrototypeSlice(text, position, end));
      given = value !== "";
      position = end + 1;
    }
    if (!given || RegExpPrototypeExec(TOKEN, name) === null || RegExpPrototypeExec(PARAMETER_VALUE, value) === null) continue;
    if (parameter(parameters, name) === undefined) ArrayPrototypePush(parameters, name, value);
  }
  return parameters;
}

/** A parameter's value, or undefined. */
export function parameter(parameters, name) {
  for (let i = 0; i < parameters.length; i += 2) {
    if (parameters[i] === name) return parameters[i + 1];
  }
  return undefined;
}

/** `{ essence: "type/subtype", parameters }`, or null for what is no MIME type. */
export function parseMimeType(input) {
  const text = trimWhitespace(input);
  const slash = StringPrototypeIndexOf(text, "/");
  if (slash === -1) return null;
  const semicolon = find(text, ";", slash);
  const type = StringPrototypeSlice(text, 0, slash);
  const subtype = trimWhitespace(StringPrototypeSlice(text, slash + 1, semicolon));
  if (RegExpPrototypeExec(TOKEN, type) === null || RegExpPrototypeExec(TOKEN, subtype) === null) return null;
  return { essence: StringPrototypeToLowerCase(`${type}/${subtype}`), parameters: parseParameters(text, semicolon + 1) };
}

/** The values of a combined header: commas within quotes are part of one. */
function splitValues(header) {
  const values = [];
  let from = 0;
  for (let at = 0; at <= header.length;) {
    if (header[at] === '"') {
      at = quotedString(header, at).position;
    } else if (at === header.length || header[at] === ",") {
      ArrayPrototypePush(values, StringPrototypeSlice(header, from, at));
      from = ++at;
    } else {
      at++;
    }
  }
  return values;
}

/** "Extract a MIME type" from a Content-Type header (Fetch section 2.2.2): the last that is one, or null. */
export function extractMimeType(header) {
  if (StringPrototypeIndexOf(header, ",") === -1) {
    const type = parseMimeType(header);
    return type === null || type.essence === "*/*" ? null : type;
  }
  let found = null;
  let charset;
  const values = splitValues(header);
  for (let i = 0; i < values.length; i++) {
    const type = parseMimeType(values[i]);
    if (type === null || type.essence === "*/*") continue;
    const own = parameter(type.parameters, "charset");
    if (found === null || found.essence !== type.essence) charset = own;
    else if (own === undefined && charset !== undefined) ArrayPrototypePush(type.parameters, "charset", charset);
    else if (own !== undefined) charset = own;
    found = type;
  }
  return found;
}

function escapeQuoted(value) {
  return StringPrototypeReplaceAll(StringPrototypeReplaceAll(value, "\\", "\\\\"), '"', '\\"');
}

export function serializeMimeType({ essence, parameters }) {
  let text = essence;
  for (let i = 0; i < parameters.length; i += 2) {
    const value = parameters[i + 1];
    text += `;${parameters[i]}=`;
    text += RegExpPrototypeExec(TOKEN, value) === null ? `"${escapeQuoted(value)}"` : value;
  }
  return text;
}
