// Headers (Fetch section 2.2.2 and section 5.1) with the platform's differences: values are Unicode (sent as UTF-8), no name is forbidden,
// `getAll("Set-Cookie")` exists, and the only guard is "immutable".
//
// Everywhere inside the runtime a header list is one flat array, `[name, value, name, value, ...]`, names in lower case. A Request or a Response
// holds just that array until somebody asks for its `headers`.

import { primordials } from "./primordials.js";
import { flags } from "./compatibility.js";
import { converters, createSequence, defineInterface, illegalInvocation, isObject, mixinPairIterable, sequenceFrom } from "./webidl.js";
const {
  ArrayPrototypePush, ArrayPrototypeSort, ObjectKeys, RegExpPrototypeExec, String, StringPrototypeCharCodeAt, StringPrototypeSlice,
  StringPrototypeToLowerCase, StringPrototypeToWellFormed, SymbolIterator, TypeError,
} = primordials;

// === Names and values ===

/** Names that are known to be good, as they are usually written. */
const KNOWN = { __proto__: null };
for (const name of [
  "Accept", "Accept-Encoding", "Accept-Language", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods",
  "Access-Control-Allow-Origin", "Authorization", "Cache-Control", "CF-Connecting-IP", "Connection", "Content-Encoding", "Content-Length",
  "Content-Security-Policy", "Content-Type", "Cookie", "Date", "ETag", "Expires", "Host", "If-Modified-Since", "If-None-Match",
  "Last-Modified", "Location", "Origin", "Range", "Referer", "Server", "Set-Cookie", "Upgrade", "User-Agent", "Vary", "X-Cache",
  "X-Forwarded-For", "X-Powered-By",
]) {
  const lower = StringPrototypeToLowerCase(name);
  KNOWN[name] = lower;
  KNOWN[lower] = lower;
}

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FORBIDDEN_IN_VALUE = /[\0\n\r]/;

/** A header name as lists hold it. */
export function headerName(name) {
  const known = KNOWN[name];
  if (known !== undefined) return known;
  if (RegExpPrototypeExec(TOKEN, name) === null) throw new TypeError("Invalid header name.");
  return StringPrototypeToLowerCase(name);
}

/** Whether a value is ASCII without blanks at its ends: nothing to trim, nothing to refuse. A loop beats a RegExp at the usual lengths. */
function isClean(value) {
  const last = value.length - 1;
  if (last < 0 || StringPrototypeCharCodeAt(value, 0) === 0x20 || StringPrototypeCharCodeAt(value, last) === 0x20) return false;
  for (let i = 0; i <= last; i++) {
    const code = StringPrototypeCharCodeAt(value, i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

function isBlank(code) {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

/** A header value without blanks around it. */
export function headerValue(value) {
  if (typeof value !== "string") value = converters.DOMString(value);
  if (isClean(value)) return value;
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(StringPrototypeCharCodeAt(value, start))) start++;
  while (end > start && isBlank(StringPrototypeCharCodeAt(value, end - 1))) end--;
  value = StringPrototypeToWellFormed(StringPrototypeSlice(value, start, end));
  if (RegExpPrototypeExec(FORBIDDEN_IN_VALUE, value) !== null) throw new TypeError("Invalid header value.");
  return value;
}

// === Lists ===

/** The combined value of a (lower case) name, or null. */
export function listGet(list, name) {
  let found = null;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) found = found === null ? list[i + 1] : `${found}, ${list[i + 1]}`;
  }
  return found;
}

/** A copy, without the species lookup of `slice`. */
export function copyList(list) {
  const copy = [];
  for (let i = 0; i < list.length; i++) ArrayPrototypePush(copy, list[i]);
  return copy;
}

function setCookies(list) {
  const cookies = [];
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === "set-cookie") ArrayPrototypePush(cookies, list[i + 1]);
  }
  return cookies;
}

export function listHas(list, name) {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) return true;
  }
  return false;
}

export function listSet(list, name, value) {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) {
      list[i + 1] = value;
      listRemove(list, name, i + 2);
      return;
    }
  }
  ArrayPrototypePush(list, name, value);
}

function listRemove(list, name, from) {
  let kept = from;
  for (let i = from; i < list.length; i += 2) {
    if (list[i] === name) continue;
    list[kept] = list[i];
    list[kept + 1] = list[i + 1];
    kept += 2;
  }
  list.length = kept;
}

/**
 * A new list from a HeadersInit. `wrongType()` makes the error for a value that is none.
 * A sequence of pairs, a record, or a Headers (whose list is taken as it is, unlike in browsers, which iterate over it).
 */
export function listFromInit(init, wrongType) {
  if (!isObject(init)) throw wrongType();
  if (isHeaders(init)) return copyList(headersList(init));
  const list = [];
  const iterate = init[SymbolIterator];
  if (iterate !== undefined && iterate !== null) {
    if (typeof iterate !== "function") throw wrongType();
    const pairs = sequenceFrom(init, iterate, pair);
    for (let i = 0; i < pairs.length; i++) {
      if (pairs[i].length !== 2) {
        throw new TypeError("To initialize a Headers object from a sequence, each inner sequence must have exactly two elements.");
      }
      const name = converters.DOMString(pairs[i][0]);
      const value = converters.DOMString(pairs[i][1]);
      ArrayPrototypePush(list, headerName(name), headerValue(value));
    }
    return list;
  }
  // The enumerable string keys; unlike in the standard a symbol is no error, and Object.keys has V8's cache of keys.
  const keys = ObjectKeys(init);
  for (let i = 0; i < keys.length; i++) {
    const name = headerName(keys[i]);
    const value = headerValue(init[keys[i]]);
    ArrayPrototypePush(list, name, value);
  }
  return list;
}

const anySequence = createSequence(converters.any);

function pair(value) {
  if (!isObject(value)) throw new TypeError("Incorrect type: the provided value is not of type 'Sequence'.");
  return anySequence(value);
}

/** Sorted by name, values of one name combined, except those of Set-Cookie (Fetch section 2.2.2 "sort and combine"). */
function sortAndCombine(list) {
  const entries = [];
  for (let i = 0; i < list.length; i += 2) ArrayPrototypePush(entries, { name: list[i], value: list[i + 1] });
  ArrayPrototypeSort(entries, (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const pairs = [];
  for (let i = 0; i < entries.length; i++) {
    const { name, value } = entries[i];
    const last = pairs.length - 2;
    if (last >= 0 && pairs[last] === name && (name !== "set-cookie" || !flags.http_headers_getsetcookie)) pairs[last + 1] = `${pairs[last + 1]}, ${value}`;
    else ArrayPrototypePush(pairs, name, value);
  }
  return pairs;
}

// === Headers ===

function wrongArgument(method, index) {
  throw new TypeError(`Failed to execute '${method}' on 'Headers': parameter ${index} is not of type 'string'.`);
}

function nameArgument(value) {
  return headerName(typeof value === "string" ? value : converters.DOMString(value));
}

/** Accessors of a Headers for the rest of the runtime; `newHeaders(list, immutable)` takes the list itself, not a copy. */
export var headersList, headersPairs, isHeaders, isImmutable, newHeaders;

export class Headers {
  #list;
  #immutable = false;
  // The sorted and combined pairs, until a change.
  #pairs = null;

  constructor(init = undefined) {
    this.#list = init === undefined ? [] : listFromInit(init, () => new TypeError(
      "Failed to construct 'Headers': constructor parameter 1 is not of type 'Headers or Sequence or object'.",
    ));
  }

  #change() {
    if (this.#immutable) throw new TypeError("Can't modify immutable headers.");
    this.#pairs = null;
    return this.#list;
  }

  append(name, value) {
    if (!isHeaders(this)) illegalInvocation();
    if (arguments.length < 2) wrongArgument("append", arguments.length + 1);
    name = nameArgument(name);
    value = headerValue(value);
    ArrayPrototypePush(this.#change(), name, value);
  }

  delete(name) {
    if (!isHeaders(this)) illegalInvocation();
    if (arguments.length < 1) wrongArgument("delete", 1);
    name = nameArgument(name);
    listRemove(this.#change(), name, 0);
  }

  get(name) {
    if (!isHeaders(this)) illegalInvocation();
    if (arguments.length < 1) wrongArgument("get", 1);
    return listGet(this.#list, nameArgument(name));
  }

  getAll(name) {
    if (!isHeaders(this)) illegalInvocation();
    if (arguments.length < 1) wrongArgument("getAll", 1);
    if (StringPrototypeToLowerCase(String(name)) !== "set-cookie") {
      throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
    }
    return setCookies(this.#list);
  }

  getSetCookie() {
    if (!isHeaders(this)) illegalInvocation();
    return setCookies(this.#list);
  }

  has(name) {
    if (!isHeaders(this)) illegalInvocation();
    if (arguments.length < 1) wrongArgument("has", 1);
    return listHas(this.#list, nameArgument(name));
  }

  set(name, value) {
    if (!isHeaders(this)) illegalInvocation();
    if (arguments.length < 2) wrongArgument("set", arguments.length + 1);
    name = nameArgument(name);
    value = headerValue(value);
    listSet(this.#change(), name, value);
  }

  static {
    isHeaders = (value) => isObject(value) && #list in value;
    headersList = (headers) => headers.#list;
    headersPairs = (headers) => (headers.#pairs ??= sortAndCombine(headers.#list));
    isImmutable = (headers) => headers.#immutable;
    newHeaders = (list, immutable) => {
      const headers = new Headers();
      headers.#list = list;
      headers.#immutable = immutable;
      return headers;
    };
  }
}
defineInterface(Headers);
mixinPairIterable(Headers, "Headers", (headers) => (isHeaders(headers) ? headersPairs(headers) : illegalInvocation()));
