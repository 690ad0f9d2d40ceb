// The URL standard (https://url.spec.whatwg.org): URL and URLSearchParams.
//
// Parsing is native (src/url.rs). A URL holds its serialisation and where the parts begin in it; getters slice.
// For other files: parseHref(input, base) -> the serialised URL or undefined; hrefOf(url) for a URL object; isURL(value);
// searchParamsList(params) -> the flat list [name, value, ...]; isURLSearchParams(value); parseQuery(string), serializeQuery(list).

import { primordials } from "./primordials.js";
import { flags } from "./compatibility.js";
import {
  converters, createRecord, createSequence, defineInterface, illegalInvocation, isObject, mixinPairIterable, requiredArguments,
  sequenceFrom,
} from "./webidl.js";
import { op_percent_decode, op_url_parse, op_url_set } from "skerry:ops";
const {
  ArrayPrototypePush, ArrayPrototypeSort, ArrayPrototypeSplice, decodeURIComponent, encodeURIComponent, Error, StringPrototypeCharCodeAt,
  StringPrototypeIndexOf, StringPrototypeReplaceAll, StringPrototypeSlice, SymbolIterator, TypeError, Uint32Array,
} = primordials;

// === URL ===

// Where native code writes the offsets: scheme end, username end, host start, host end, path start, query start, fragment start.
// Made at the first use: the snapshot holds no buffers.
let offsets;

// Components that `op_url_set` sets, by number.
const PROTOCOL = 0;
const USERNAME = 1;
const PASSWORD = 2;
const HOST = 3;
const HOSTNAME = 4;
const PORT = 5;
const PATHNAME = 6;
const SEARCH = 7;
const HASH = 8;

const CHAR_COLON = 58;

/** Whether queries and fragments take `string` as it is: printable ASCII but what either percent-encodes. */
function isVerbatim(string) {
  for (let i = 0; i < string.length; i++) {
    const code = StringPrototypeCharCodeAt(string, i);
    if (code <= 32 || code >= 127) return false;
    switch (code) {
      case 34: case 35: case 39: case 60: case 62: case 96: return false;
    }
  }
  return true;
}

/** The serialisation of `input` against `base` (or undefined), or undefined when it is no URL. Leaves `offsets` set. */
export function parseHref(input, base) {
  offsets ??= new Uint32Array(7);
  const href = op_url_parse(input, base, offsets);
  // True: the input was in its serialised form already.
  return href === true ? input : href;
}

export class URL {
  #href;
  #schemeEnd;
  #usernameEnd;
  #hostStart;
  #hostEnd;
  #pathStart;
  /** Index of "?", or 0 when there is no query. */
  #queryStart;
  /** Index of "#", or 0 when there is no fragment. */
  #fragmentStart;
  #searchParams = undefined;

  constructor(url, base = undefined) {
    const prefix = "Failed to construct 'URL'";
    requiredArguments(arguments.length, 1, prefix);
    url = converters.USVString(url, prefix, "parameter 1");
    if (base !== undefined) base = converters.USVString(base, prefix, "parameter 2");
    const href = parseHref(url, base);
    if (href === undefined) throw new TypeError("Invalid URL string.");
    this.#adopt(href);
  }

  static parse(url, base = undefined) {
    const prefix = "Failed to execute 'parse' on 'URL'";
    requiredArguments(arguments.length, 1, prefix);
    url = converters.USVString(url, prefix, "parameter 1");
    if (base !== undefined) base = converters.USVString(base, prefix, "parameter 2");
    return parseHref(url, base) === undefined ? null : new URL(url, base);
  }

  static canParse(url, base = undefined) {
    const prefix = "Failed to execute 'canParse' on 'URL'";
    requiredArguments(arguments.length, 1, prefix);
    url = converters.USVString(url, prefix, "parameter 1");
    if (base !== undefined) base = converters.USVString(base, prefix, "parameter 2");
    return parseHref(url, base) !== undefined;
  }

  // As on the platform: they are there, and say that nothing serves blob: URLs.
  static createObjectURL() {
    throw new Error("URL.createObjectURL() is not implemented");
  }

  static revokeObjectURL() {
    throw new Error("URL.revokeObjectURL() is not implemented");
  }

  #adopt(href) {
    this.#href = href;
    this.#schemeEnd = offsets[0];
    this.#usernameEnd = offsets[1];
    this.#hostStart = offsets[2];
    this.#hostEnd = offsets[3];
    this.#pathStart = offsets[4];
    this.#queryStart = offsets[5];
    this.#fragmentStart = offsets[6];
  }

  #set(component, value) {
    offsets ??= new Uint32Array(7);
    const href = op_url_set(this.#href, component, value, offsets);
    if (typeof href === "string") this.#adopt(href);
  }

  /** What can go into the URL as it is goes without a parse. */
  #setSearch(value) {
    if (!isVerbatim(value)) return this.#set(SEARCH, value);
    const end = this.#fragmentStart || this.#href.length;
    const start = this.#queryStart || end;
    const query = value === "" ? "" : value[0] === "?" ? value : `?${value}`;
    this.#href = StringPrototypeSlice(this.#href, 0, start) + query + StringPrototypeSlice(this.#href, end);
    this.#queryStart = value === "" ? 0 : start;
    if (this.#fragmentStart !== 0) this.#fragmentStart = start + query.length;
    return undefined;
  }

  get href() { return #href in this ? this.#href : illegalInvocation(); }
  set href(value) {
    if (!(#href in this)) illegalInvocation();
    const href = parseHref(converters.USVString(value, "Failed to set the 'href' property on 'URL'"), undefined);
    if (href === undefined) throw new TypeError("Invalid URL string.");
    this.#adopt(href);
    this.#refreshSearchParams();
  }

  get origin() {
    if (!(#href in this)) illegalInvocation();
    switch (StringPrototypeSlice(this.#href, 0, this.#schemeEnd)) {
      case "http": case "https": case "ws": case "wss": case "ftp":
        return `${StringPrototypeSlice(this.#href, 0, this.#schemeEnd)}://${this.#slice(this.#hostStart, this.#pathStart)}`;
      case "blob": {
        const inner = URL.parse(this.#slice(this.#pathStart, this.#pathEnd()));
        if (inner === null) return "null";
        const scheme = StringPrototypeSlice(inner.#href, 0, inner.#schemeEnd);
        return scheme === "http" || scheme === "https" ? originOf(inner) : "null";
      }
      default:
        return "null";
    }
  }

  get protocol() { return #href in this ? StringPrototypeSlice(this.#href, 0, this.#schemeEnd + 1) : illegalInvocation(); }
  set protocol(value) {
    if (!(#href in this)) illegalInvocation();
    this.#set(PROTOCOL, converters.USVString(value, "Failed to set the 'protocol' property on 'URL'"));
  }

  get username() {
    if (!(#href in this)) illegalInvocation();
    return this.#hostStart > this.#schemeEnd + 3 ? this.#slice(this.#schemeEnd + 3, this.#usernameEnd) : "";
  }
  set username(value) {
    if (!(#href in this)) illegalInvocation();
    this.#set(USERNAME, converters.USVString(value, "Failed to set the 'username' property on 'URL'"));
  }

  get password() {
    if (!(#href in this)) illegalInvocation();
    return this.#hostStart > this.#usernameEnd + 1 ? this.#slice(this.#usernameEnd + 1, this.#hostStart - 1) : "";
  }
  set password(value) {
    if (!(#href in this)) illegalInvocation();
    this.#set(PASSWORD, converters.USVString(value, "Failed to set the 'password' property on 'URL'"));
  }

  get host() {
    if (!(#href in this)) illegalInvocation();
    return this.#slice(this.#hostStart, this.#hasPort() ? this.#pathStart : this.#hostEnd);
  }
  set host(value) {
    if (!(#href in this)) illegalInvocation();
    this.#set(HOST, converters.USVString(value, "Failed to set the 'host' property on 'URL'"));
  }

  get hostname() { return #href in this ? this.#slice(this.#hostStart, this.#hostEnd) : illegalInvocation(); }
  set hostname(value) {
    if (!(#href in this)) illegalInvocation();
    this.#set(HOSTNAME, converters.USVString(value, "Failed to set the 'hostname' property on 'URL'"));
  }

  get port() {
    if (!(#href in this)) illegalInvocation();
    return this.#hasPort() ? this.#slice(this.#hostEnd + 1, this.#pathStart) : "";
  }
  set port(value) {
    if (!(#href in this)) illegalInvocation();
    this.#set(PORT, converters.USVString(value, "Failed to set the 'port' property on 'URL'"));
  }

  get pathname() { return #href in this ? this.#slice(this.#pathStart, this.#pathEnd()) : illegalInvocation(); }
  set pathname(value) {
    if (!(#href in this)) illegalInvocation();
    this.#set(PATHNAME, converters.USVString(value, "Failed to set the 'pathname' property on 'URL'"));
  }

  get search() {
    if (!(#href in this)) illegalInvocation();
    const query = this.#query();
    return query === "" ? "" : `?${query}`;
  }
  set search(value) {
    if (!(#href in this)) illegalInvocation();
    this.#setSearch(converters.USVString(value, "Failed to set the 'search' property on 'URL'"));
    this.#refreshSearchParams();
  }

  get searchParams() {
    if (!(#href in this)) illegalInvocation();
    this.#searchParams ??= attachedParams(this, parseQuery(this.#query()));
    return this.#searchParams;
  }

  get hash() {
    if (!(#href in this)) illegalInvocation();
    const start = this.#fragmentStart;
    return start === 0 || start + 1 === this.#href.length ? "" : StringPrototypeSlice(this.#href, start);
  }
  set hash(value) {
    if (!(#href in this)) illegalInvocation();
    value = converters.USVString(value, "Failed to set the 'hash' property on 'URL'");
    if (!isVerbatim(value)) return this.#set(HASH, value);
    const end = this.#fragmentStart || this.#href.length;
    const fragment = value === "" ? "" : value[0] === "#" ? value : `#${value}`;
    this.#href = StringPrototypeSlice(this.#href, 0, end) + fragment;
    this.#fragmentStart = value === "" ? 0 : end;
  }

  toString() { return #href in this ? this.#href : illegalInvocation(); }
  toJSON() { return #href in this ? this.#href : illegalInvocation(); }

  #slice(start, end) {
    return StringPrototypeSlice(this.#href, start, end);
  }

  #hasPort() {
    return this.#hostEnd < this.#pathStart && StringPrototypeCharCodeAt(this.#href, this.#hostEnd) === CHAR_COLON && this.#hostStart > this.#schemeEnd + 1;
  }

  #pathEnd() {
    return this.#queryStart || this.#fragmentStart || this.#href.length;
  }

  #query() {
    return this.#queryStart === 0 ? "" : this.#slice(this.#queryStart + 1, this.#fragmentStart || this.#href.length);
  }

  #refreshSearchParams() {
    if (this.#searchParams !== undefined) replaceList(this.#searchParams, parseQuery(this.#query()));
  }

  static {
    isURL = (value) => isObject(value) && #href in value;
    hrefOf = (url) => url.#href;
    originOf = (url) => url.origin;
    updateSearch = (url, query) => url.#setSearch(query === "" ? "" : `?${query}`);
  }
}
var originOf, updateSearch;
export var isURL, hrefOf;
defineInterface(URL);

// === application/x-www-form-urlencoded (section 5) ===

const CHAR_AMPERSAND = 38;
const CHAR_EQUALS = 61;
const CHAR_PERCENT = 37;
const CHAR_PLUS = 43;

/** section 5.1: the flat list of names and values of a string without "?". */
export function parseQuery(query) {
  const list = [];
  const { length } = query;
  let start = 0;
  let equals = -1;
  let encoded = false;
  for (let i = 0; i <= length; i++) {
    const code = i === length ? CHAR_AMPERSAND : StringPrototypeCharCodeAt(query, i);
    if (code === CHAR_AMPERSAND) {
      if (i > start) {
        const name = StringPrototypeSlice(query, start, equals === -1 ? i : equals);
        const value = equals === -1 ? "" : StringPrototypeSlice(query, equals + 1, i);
        if (encoded) ArrayPrototypePush(list, formDecode(name), formDecode(value));
        else ArrayPrototypePush(list, name, value);
      }
      start = i + 1;
      equals = -1;
      encoded = false;
    } else if (code === CHAR_EQUALS) {
      if (equals === -1) equals = i;
    } else if (code === CHAR_PLUS || code === CHAR_PERCENT) {
      encoded = true;
    }
  }
  return list;
}

function formDecode(string) {
  if (StringPrototypeIndexOf(string, "+") !== -1) string = StringPrototypeReplaceAll(string, "+", " ");
  if (StringPrototypeIndexOf(string, "%") === -1) return string;
  try {
    return decodeURIComponent(string);
  } catch {
    // Malformed escapes stay as they are, malformed UTF-8 becomes U+FFFD.
    return op_percent_decode(string);
  }
}

/** section 5.2 */
export function serializeQuery(list) {
  let result = "";
  for (let i = 0; i < list.length; i += 2) {
    result += `${i === 0 ? "" : "&"}${formEncode(list[i])}=${formEncode(list[i + 1])}`;
  }
  return result;
}

/** Whether the code unit stands for itself: ASCII alphanumerics and * - . _ */
function isPlain(code) {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) ||
    code === 42 || code === 45 || code === 46 || code === 95;
}

function formEncode(string) {
  let i = 0;
  while (i < string.length && isPlain(StringPrototypeCharCodeAt(string, i))) i++;
  if (i === string.length) return string;
  const encoded = encodeURIComponent(string);
  // encodeURIComponent leaves ! ' ( ) ~ alone and makes spaces %20.
  let result = "";
  let start = 0;
  for (i = 0; i < encoded.length; i++) {
    let replacement;
    switch (StringPrototypeCharCodeAt(encoded, i)) {
      case 33: replacement = "%21"; break;
      case 39: replacement = "%27"; break;
      case 40: replacement = "%28"; break;
      case 41: replacement = "%29"; break;
      case 126: replacement = "%7E"; break;
      case CHAR_PERCENT:
        if (StringPrototypeCharCodeAt(encoded, i + 1) === 50 && StringPrototypeCharCodeAt(encoded, i + 2) === 48) {
          result += `${StringPrototypeSlice(encoded, start, i)}+`;
          start = i + 3;
        }
        i += 2;
        continue;
      default: continue;
    }
    result += StringPrototypeSlice(encoded, start, i) + replacement;
    start = i + 1;
  }
  return start === 0 ? encoded : result + StringPrototypeSlice(encoded, start);
}

// === URLSearchParams ===

const toPair = createSequence(converters.USVString);
const toRecord = createRecord(converters.USVString, converters.USVString);

/** The value that `delete` and `has` compare with, undefined for none. */
function secondArgument(value, prefix) {
  return value === undefined || !flags.urlsearchparams_delete_has_value_arg ? undefined : converters.USVString(value, prefix, "parameter 2");
}

export class URLSearchParams {
  /** [name, value, name, value, ...] */
  #list;
  #url = null;

  constructor(init = "") {
    const prefix = "Failed to construct 'URLSearchParams'";
    if (isObject(init)) {
      this.#list = listFromObject(init, prefix);
    } else {
      const string = converters.USVString(init, prefix, "parameter 1");
      this.#list = parseQuery(string[0] === "?" ? StringPrototypeSlice(string, 1) : string);
    }
  }

  get size() { return #list in this ? this.#list.length / 2 : illegalInvocation(); }

  append(name, value) {
    if (!(#list in this)) illegalInvocation();
    const prefix = "Failed to execute 'append' on 'URLSearchParams'";
    requiredArguments(arguments.length, 2, prefix);
    name = converters.USVString(name, prefix, "parameter 1");
    value = converters.USVString(value, prefix, "parameter 2");
    ArrayPrototypePush(this.#list, name, value);
    this.#update();
  }

  delete(name, value = undefined) {
    if (!(#list in this)) illegalInvocation();
    const prefix = "Failed to execute 'delete' on 'URLSearchParams'";
    requiredArguments(arguments.length, 1, prefix);
    name = converters.USVString(name, prefix, "parameter 1");
    value = secondArgument(value, prefix);
    const list = this.#list;
    for (let i = 0; i < list.length;) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) ArrayPrototypeSplice(list, i, 2);
      else i += 2;
    }
    this.#update();
  }

  get(name) {
    if (!(#list in this)) illegalInvocation();
    const prefix = "Failed to execute 'get' on 'URLSearchParams'";
    requiredArguments(arguments.length, 1, prefix);
    name = converters.USVString(name, prefix, "parameter 1");
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) return list[i + 1];
    }
    return null;
  }

  getAll(name) {
    if (!(#list in this)) illegalInvocation();
    const prefix = "Failed to execute 'getAll' on 'URLSearchParams'";
    requiredArguments(arguments.length, 1, prefix);
    name = converters.USVString(name, prefix, "parameter 1");
    const list = this.#list;
    const values = [];
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) ArrayPrototypePush(values, list[i + 1]);
    }
    return values;
  }

  has(name, value = undefined) {
    if (!(#list in this)) illegalInvocation();
    const prefix = "Failed to execute 'has' on 'URLSearchParams'";
    requiredArguments(arguments.length, 1, prefix);
    name = converters.USVString(name, prefix, "parameter 1");
    value = secondArgument(value, prefix);
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) return true;
    }
    return false;
  }

  set(name, value) {
    if (!(#list in this)) illegalInvocation();
    const prefix = "Failed to execute 'set' on 'URLSearchParams'";
    requiredArguments(arguments.length, 2, prefix);
    name = converters.USVString(name, prefix, "parameter 1");
    value = converters.USVString(value, prefix, "parameter 2");
    const list = this.#list;
    let found = false;
    for (let i = 0; i < list.length;) {
      if (list[i] !== name) {
        i += 2;
      } else if (!found) {
        found = true;
        list[i + 1] = value;
        i += 2;
      } else {
        ArrayPrototypeSplice(list, i, 2);
      }
    }
    if (!found) ArrayPrototypePush(list, name, value);
    this.#update();
  }

  sort() {
    if (!(#list in this)) illegalInvocation();
    const list = this.#list;
    const pairs = [];
    for (let i = 0; i < list.length; i += 2) ArrayPrototypePush(pairs, { name: list[i], value: list[i + 1] });
    // Stable, by code units: what comparing strings does.
    ArrayPrototypeSort(pairs, (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    for (let i = 0; i < pairs.length; i++) {
      list[2 * i] = pairs[i].name;
      list[2 * i + 1] = pairs[i].value;
    }
    this.#update();
  }

  toString() {
    return #list in this ? serializeQuery(this.#list) : illegalInvocation();
  }

  /** section 6.2 "update steps" */
  #update() {
    if (this.#url !== null) updateSearch(this.#url, serializeQuery(this.#list));
  }

  static {
    isURLSearchParams = (value) => isObject(value) && #list in value;
    searchParamsList = (params) => (#list in params ? params.#list : illegalInvocation());
    attachedParams = (url, list) => {
      const params = new URLSearchParams();
      params.#list = list;
      params.#url = url;
      return params;
    };
    replaceList = (params, list) => {
      params.#list = list;
    };
  }
}
var attachedParams, replaceList;
export var isURLSearchParams, searchParamsList;

function listFromObject(init, prefix) {
  const list = [];
  const method = init[SymbolIterator];
  if (method === undefined || method === null) {
    const record = toRecord(init, prefix, "parameter 1");
    for (const name in record) ArrayPrototypePush(list, name, record[name]);
    return list;
  }
  if (typeof method !== "function") throw new TypeError(`${prefix}: parameter 1 is not iterable.`);
  const pairs = sequenceFrom(init, method, toPair, prefix, "parameter 1");
  for (let i = 0; i < pairs.length; i++) {
    if (pairs[i].length !== 2) throw new TypeError("Invalid URL search params sequence.");
    ArrayPrototypePush(list, pairs[i][0], pairs[i][1]);
  }
  return list;
}

mixinPairIterable(URLSearchParams, "URLSearchParams", (params) => (isObject(params) ? searchParamsList(params) : illegalInvocation()));
defineInterface(URLSearchParams);
