// What R2's methods take, in the flat arrays that its ops read. Members are read and refused as the platform does it.

import { primordials } from "../webapi/primordials.js";
import { flags } from "../webapi/compatibility.js";
import { asBytes, copyBytes } from "../webapi/bytes.js";
import { headersList, isHeaders, listGet } from "../webapi/headers.js";
import { converters, isBufferSource, isObject } from "../webapi/webidl.js";

const {
  ArrayIsArray, ArrayPrototypePush, DateParse, DatePrototypeGetTime, Error, MathFloor, NumberIsNaN, Number, ObjectKeys, RangeError, RegExpPrototypeExec,
  StringPrototypeCharCodeAt, StringPrototypeEndsWith, StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeStartsWith, TypedArrayPrototypeGetByteLength,
  TypeError, Uint8Array,
} = primordials;

export function wrongField(field, dictionary, type) {
  return new TypeError(`Incorrect type for the '${field}' field on '${dictionary}': the provided value is not of type '${type}'.`);
}

export function wrongParameter(method, Class, index, type) {
  return new TypeError(`Failed to execute '${method}' on '${Class}': parameter ${index} is not of type '${type}'.`);
}

/** Argument `index` (from 1) of a method, which has to be there. */
export function stringArgument(args, index, method, Class) {
  if (args.length < index) throw wrongParameter(method, Class, index, "string");
  return converters.DOMString(args[index - 1]);
}

/** An options argument: undefined where there is none. */
export function optionsArgument(value, index, method, Class, type) {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw wrongParameter(method, Class, index, type);
  return value;
}

/** A member that is a string and nothing that could be made one. */
function strictString(value, field, dictionary) {
  if (value !== undefined && typeof value !== "string") throw wrongField(field, dictionary, "string");
  return value;
}

/** Milliseconds since the epoch of a Date or a number. */
function toMillis(value, field, dictionary) {
  if (typeof value === "number") return value;
  try {
    return DatePrototypeGetTime(value);
  } catch {
    throw wrongField(field, dictionary, "date");
  }
}

/** A date in a header; what is none is the epoch. */
function parseDate(text) {
  const millis = DateParse(text);
  return NumberIsNaN(millis) ? 0 : millis;
}

// === Conditions ===

const STRONG = 0;
const WEAK = 1;
const WILDCARD = 2;

/** `[etagMatches, etagDoesNotMatch, uploadedBefore, uploadedAfter, secondsGranularity]`; ETags are `[kind, value, kind, value, ...]`. */
export function toConditional(value, dictionary) {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw wrongField("onlyIf", dictionary, "Conditional or Headers");
  if (isHeaders(value)) {
    const list = headersList(value);
    const matches = listGet(list, "if-match");
    const differs = listGet(list, "if-none-match");
    const modified = listGet(list, "if-modified-since");
    const unmodified = listGet(list, "if-unmodified-since");
    return [
      matches === null ? undefined : parseEtags(matches, "if-match"),
      differs === null ? undefined : parseEtags(differs, "if-none-match"),
      unmodified === null ? undefined : parseDate(unmodified),
      modified === null ? undefined : parseDate(modified),
      true,
    ];
  }
  const { etagMatches, etagDoesNotMatch, uploadedBefore, uploadedAfter, secondsGranularity } = value;
  return [
    singleEtag(etagMatches, "etagMatches"),
    singleEtag(etagDoesNotMatch, "etagDoesNotMatch"),
    uploadedBefore === undefined ? undefined : toMillis(uploadedBefore, "uploadedBefore", "Conditional"),
    uploadedAfter === undefined ? undefined : toMillis(uploadedAfter, "uploadedAfter", "Conditional"),
    !!secondsGranularity,
  ];
}

function singleEtag(value, field) {
  if (strictString(value, field, "Conditional") === undefined) return undefined;
  if (StringPrototypeStartsWith(value, '"') && StringPrototypeEndsWith(value, '"')) {
    throw new TypeError(`Conditional ETag should not be wrapped in quotes (${value}).`);
  }
  return value === "*" ? [WILDCARD, ""] : [STRONG, value];
}

const BETWEEN = {
  __proto__: null,
  "*": "Encountered a wildcard character '*' instead.",
  '"': "Encountered a double quote character '\"' instead. This would otherwise indicate the start of a new strong etag.",
  W: "Encountered a weak quotation character 'W' instead. This would otherwise indicate the start of a new weak etag.",
};

/** RFC 9110 section 8.8.3 and section 13.1: a list of ETags, or `*`. */
function parseEtags(text, header) {
  const etags = [];
  let separated = true;
  for (let at = 0; at < text.length; at++) {
    const first = text[at];
    if (first === " " || first === "\t") continue;
    if (first === ",") {
      separated = true;
      continue;
    }
    if (BETWEEN[first] === undefined) throw new Error(`Invalid ETag in ${header} header`);
    if (!separated) throw new Error(`Comma was expected to separate etags. ${BETWEEN[first]}`);
    // It outweighs all others.
    if (first === "*") return [WILDCARD, ""];
    if (first === "W") {
      if (text[at + 1] !== "/" || text[at + 2] !== '"') throw new Error("Weak etags must start with W/ and their value must be quoted");
      at += 2;
    }
    const end = StringPrototypeIndexOf(text, '"', at + 1);
    if (end === -1) throw new Error("Unclosed double quote for Etag");
    ArrayPrototypePush(etags, first === "W" ? WEAK : STRONG, StringPrototypeSlice(text, at + 1, end));
    at = end;
    separated = false;
  }
  if (etags.length === 0) throw new Error(`Invalid ETag in ${header} header`);
  return etags;
}

// === Ranges ===

function wholeNumber(value, sign, name) {
  if (value === undefined) return undefined;
  value = Number(value);
  const shown = NumberIsNaN(value) ? "nan" : value;
  if (!(value >= 0)) throw new RangeError(`Invalid ${sign}. ${name} (${shown}) must be greater than or equal to 0.`);
  if (MathFloor(value) !== value) throw new RangeError(`Invalid range. ${name} (${shown}) must be an integer, not floating point.`);
  return value;
}

/** `[offset, length, suffix, header]` */
export function toRange(value) {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw wrongField("range", "GetOptions", "Range or Headers");
  if (isHeaders(value)) {
    const header = listGet(headersList(value), "range");
    return header === null ? undefined : [undefined, undefined, undefined, header];
  }
  const { offset, length, suffix } = value;
  const range = [wholeNumber(offset, "range", "Starting offset"), wholeNumber(length, "range", "Length"), undefined, undefined];
  if (suffix !== undefined) {
    if (offset !== undefined) throw new TypeError("Suffix is incompatible with offset.");
    if (length !== undefined) throw new TypeError("Suffix is incompatible with length.");
    range[2] = wholeNumber(suffix, "suffix", "Suffix");
  }
  return offset === undefined && length === undefined && suffix === undefined ? undefined : range;
}

// === Metadata ===

const HTTP_FIELDS = [
  "contentType", "content-type", "contentLanguage", "content-language", "contentDisposition", "content-disposition", "contentEncoding",
  "content-encoding", "cacheControl", "cache-control",
];

/** `[contentType, contentLanguage, contentDisposition, contentEncoding, cacheControl, cacheExpiry]` */
export function toHttpMetadata(value, dictionary) {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw wrongField("httpMetadata", dictionary, "HttpMetadata or Headers");
  const metadata = [];
  if (isHeaders(value)) {
    const list = headersList(value);
    for (let i = 0; i < HTTP_FIELDS.length; i += 2) ArrayPrototypePush(metadata, listGet(list, HTTP_FIELDS[i + 1]) ?? undefined);
    const expires = listGet(list, "expires");
    ArrayPrototypePush(metadata, expires === null ? undefined : parseDate(expires));
    return metadata;
  }
  for (let i = 0; i < HTTP_FIELDS.length; i += 2) {
    const field = value[HTTP_FIELDS[i]];
    ArrayPrototypePush(metadata, field === undefined ? undefined : converters.DOMString(field));
  }
  const { cacheExpiry } = value;
  ArrayPrototypePush(metadata, cacheExpiry === undefined ? undefined : toMillis(cacheExpiry, "cacheExpiry", "HttpMetadata"));
  return metadata;
}

/** `[name, value, name, value, ...]` */
export function toCustomMetadata(value, dictionary) {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw wrongField("customMetadata", dictionary, "object");
  const metadata = [];
  const names = ObjectKeys(value);
  for (let i = 0; i < names.length; i++) ArrayPrototypePush(metadata, names[i], converters.DOMString(value[names[i]]));
  return metadata;
}

// === Checksums and keys ===

const HEX = /^[0-9a-fA-F]*$/;

function bytesOfHex(text) {
  const nibble = (at) => {
    const code = StringPrototypeCharCodeAt(text, at);
    return code <= 0x39 ? code - 0x30 : (code & 0xdf) - 0x37;
  };
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < text.length / 2; i++) bytes[i] = nibble(2 * i) * 16 + nibble(2 * i + 1);
  return bytes;
}

const HASHES = ["md5", "MD5", 16, "sha1", "SHA-1", 20, "sha256", "SHA-256", 32, "sha384", "SHA-384", 48, "sha512", "SHA-512", 64];

/** `[md5, sha1, sha256, sha384, sha512]` as bytes, one of them at most. */
export function toChecksums(options) {
  const checksums = [];
  let given = false;
  for (let i = 0; i < HASHES.length; i += 3) {
    const field = HASHES[i];
    const name = HASHES[i + 1];
    const size = HASHES[i + 2];
    let value = options[field];
    if (value !== undefined) {
      if (typeof value !== "string" && !isBufferSource(value)) throw wrongField(field, "PutOptions", "JsBufferSource or string");
      if (given) throw new TypeError("You cannot specify multiple hashing algorithms.");
      given = true;
      if (typeof value === "string") {
        if (value.length !== size * 2) throw new TypeError(`${name} is ${size * 2} hex characters, not ${value.length}`);
        if (RegExpPrototypeExec(HEX, value) === null) throw new TypeError(`Provided ${name} wasn't a valid hex string`);
        value = bytesOfHex(value);
      } else {
        const length = TypedArrayPrototypeGetByteLength(asBytes(value));
        if (length !== size) throw new TypeError(`${name} is ${size} bytes, not ${length}`);
        value = copyBytes(value);
      }
    }
    ArrayPrototypePush(checksums, value);
  }
  return given ? checksums : undefined;
}

const LOWER_HEX = /^[0-9a-f]+$/;

/** The 32 bytes of a customer's key. */
export function toCustomerKey(value) {
  if (value === undefined || value === null) return undefined;
  const wrongLength = "SSE-C Key must be 32 bytes in length";
  if (isBufferSource(value)) {
    const bytes = copyBytes(value);
    if (TypedArrayPrototypeGetByteLength(bytes) !== 32) throw new Error(wrongLength);
    return bytes;
  }
  value = converters.DOMString(value);
  if (RegExpPrototypeExec(LOWER_HEX, value) === null) throw new Error("SSE-C Key has invalid format");
  if (value.length !== 64) throw new Error(wrongLength);
  return bytesOfHex(value);
}

export function toStorageClass(value) {
  return value === undefined ? undefined : converters.DOMString(value);
}

// === Lists ===

/** `[limit, prefix, cursor, delimiter, startAfter, http, custom]` */
export function toListOptions(options) {
  if (options === undefined) options = { __proto__: null };
  let { limit } = options;
  if (limit !== undefined) limit = converters.long(limit);
  const prefix = strictString(options.prefix, "prefix", "ListOptions");
  const cursor = strictString(options.cursor, "cursor", "ListOptions");
  const delimiter = strictString(options.delimiter, "delimiter", "ListOptions");
  const startAfter = strictString(options.startAfter, "startAfter", "ListOptions");
  const { include } = options;
  // Before r2_list_honor_include a list always has both.
  let http = !flags.r2_list_honor_include;
  let custom = http;
  if (include !== undefined) {
    if (!ArrayIsArray(include)) throw wrongField("include", "ListOptions", "Array");
    for (let i = 0; i < include.length; i++) {
      const field = include[i];
      if (typeof field !== "string") throw new TypeError(`Incorrect type for array element ${i}: the provided value is not of type 'string'.`);
      if (field === "httpMetadata") http = true;
      else if (field === "customMetadata") custom = true;
      else throw new RangeError(`Unsupported include value ${field}`);
    }
  }
  return [limit, prefix, cursor, delimiter, startAfter, http, custom];
}
