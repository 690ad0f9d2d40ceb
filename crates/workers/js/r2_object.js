// What R2 tells of an object: https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2object-definition
//
// The classes have the platform's names, `HeadResult` for an R2Object and `GetResult` for an R2ObjectBody. Their attributes are properties of each
// instance, so that `JSON.stringify(object)` tells of them.

import { primordials } from "../webapi/primordials.js";
import { bodyFromNative, mixinBody } from "../webapi/body.js";
import { Headers, isHeaders } from "../webapi/headers.js";
import { defineInterface, illegalConstructor, illegalInvocation, isObject } from "../webapi/webidl.js";
import { wrongParameter } from "./r2_options.js";

const {
  Date, DatePrototypeToUTCString, NumberPrototypeToString, ObjectDefineProperty, ReflectDeleteProperty, StringPrototypePadStart, Symbol,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypeError, uncurryThis,
} = primordials;

const INTERNAL = Symbol("R2Object");
const setHeader = uncurryThis(Headers.prototype.set);

/** A property that nobody changes by accident. */
export function define(object, name, value) {
  ObjectDefineProperty(object, name, { __proto__: null, value, writable: false, enumerable: true, configurable: true });
}

// === Checksums ===

const HASHES = ["md5", "sha1", "sha256", "sha384", "sha512"];

class Checksums {
  #bytes;

  constructor(key, bytes) {
    if (key !== INTERNAL) illegalConstructor();
    this.#bytes = bytes;
    for (let i = HASHES.length - 1; i >= 0; i--) {
      define(this, HASHES[i], bytes[i] === undefined ? undefined : TypedArrayPrototypeGetBuffer(bytes[i]));
    }
  }

  toJSON() {
    if (!isObject(this) || !(#bytes in this)) illegalInvocation();
    const checksums = {};
    for (let i = 0; i < HASHES.length; i++) {
      if (this.#bytes[i] !== undefined) checksums[HASHES[i]] = hex(this.#bytes[i]);
    }
    return checksums;
  }
}
defineInterface(Checksums);

function hex(bytes) {
  let text = "";
  const length = TypedArrayPrototypeGetByteLength(bytes);
  for (let i = 0; i < length; i++) text += StringPrototypePadStart(NumberPrototypeToString(bytes[i], 16), 2, "0");
  return text;
}

// === Objects ===

const HTTP_FIELDS = ["contentType", "contentLanguage", "contentDisposition", "contentEncoding", "cacheControl"];
const HTTP_HEADERS = ["content-type", "content-language", "content-disposition", "content-encoding", "cache-control"];

function httpMetadata(fields) {
  const metadata = {};
  for (let i = 0; i < HTTP_FIELDS.length; i++) {
    if (fields[i] !== undefined) metadata[HTTP_FIELDS[i]] = fields[i];
  }
  if (fields[5] !== undefined) metadata.cacheExpiry = new Date(fields[5]);
  return metadata;
}

function customMetadata(pairs) {
  const metadata = {};
  for (let i = 0; i < pairs.length; i += 2) {
    ObjectDefineProperty(metadata, pairs[i], { __proto__: null, value: pairs[i + 1], writable: true, enumerable: true, configurable: true });
  }
  return metadata;
}

export class HeadResult {
  // Its key, and `[contentType, ..., cacheExpiry]`, or undefined where a list has left them out.
  #key;
  #http;

  /** `parts`: what native code tells of an object; `range`: `{ offset, length }` or undefined. */
  constructor(key, parts, range) {
    if (key !== INTERNAL) illegalConstructor();
    this.#key = parts[0];
    this.#http = parts[6];
    define(this, "ssecKeyMd5", parts[9]);
    define(this, "storageClass", parts[5]);
    define(this, "range", range);
    define(this, "customMetadata", parts[7] === undefined ? undefined : customMetadata(parts[7]));
    define(this, "httpMetadata", parts[6] === undefined ? undefined : httpMetadata(parts[6]));
    define(this, "uploaded", new Date(parts[4]));
    define(this, "checksums", new Checksums(INTERNAL, parts[8]));
    define(this, "httpEtag", `"${parts[3]}"`);
    define(this, "etag", parts[3]);
    define(this, "size", parts[2]);
    define(this, "version", parts[1]);
    define(this, "key", parts[0]);
  }

  writeHttpMetadata(headers) {
    if (!isObject(this) || !(#http in this)) illegalInvocation();
    if (!isHeaders(headers)) throw wrongParameter("writeHttpMetadata", "HeadResult", 1, "Headers");
    const http = this.#http;
    if (http === undefined) {
      throw new TypeError(
        `HTTP metadata unknown for key \`${this.#key}\`. Did you forget to add 'httpMetadata' to \`include\` when listing?`,
      );
    }
    for (let i = 0; i < HTTP_HEADERS.length; i++) {
      if (http[i] !== undefined) setHeader(headers, HTTP_HEADERS[i], http[i]);
    }
    if (http[5] !== undefined) setHeader(headers, "expires", DatePrototypeToUTCString(new Date(http[5])));
  }
}
defineInterface(HeadResult);

let innerOf;

export class GetResult extends HeadResult {
  #inner;

  constructor(key, parts, range, rid) {
    super(key, parts, range);
    const type = parts[6][0];
    this.#inner = { body: bodyFromNative(rid), list: type === undefined ? [] : ["content-type", type] };
  }

  static {
    innerOf = (value) => (isObject(value) && #inner in value ? value.#inner : illegalInvocation());
  }
}
mixinBody(GetResult, innerOf, (inner) => inner.list);
// An object has no form data, unlike a response.
ReflectDeleteProperty(GetResult.prototype, "formData");
defineInterface(GetResult);

export function newHeadResult(parts, range = undefined) {
  return new HeadResult(INTERNAL, parts, range);
}

export function newGetResult(parts, range, rid) {
  return new GetResult(INTERNAL, parts, range, rid);
}
