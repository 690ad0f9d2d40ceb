// `env.KV`: https://developers.cloudflare.com/kv/api/

import { op_body_writer, op_kv_delete, op_kv_get, op_kv_get_many, op_kv_list, op_kv_put } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { parse } from "../webapi/json.js";
import { detachNative, expectedLength, isLocked, isReadableStream, nativeRid, pumpToNative, readableStreamFromNative } from "../webapi/streams.js";
import { converters, createDictionary, defineInterface, illegalInvocation, isBufferSource, isObject, notOfType } from "../webapi/webidl.js";

const {
  ArrayIsArray, ArrayPrototypePush, Error, JSONStringify, Map, MapPrototypeHas, MapPrototypeSet, PromisePrototypeThen, PromiseReject,
  PromiseResolve, SafePromiseAllReturnVoid, Symbol, TypeError, TypedArrayPrototypeGetBuffer,
} = primordials;

// How `op_kv_get` gives a value.
const TEXT = 0;
const BYTES = 1;
const STREAM = 2;

// `null` is a value of its own for these: "null", or 0.
const toGetOptions = createDictionary("GetOptions", [
  { key: "type", converter: converters.DOMString },
  { key: "cacheTtl", converter: converters["long long"] },
]);

const toPutOptions = createDictionary("PutOptions", [
  { key: "expiration", converter: converters["long long"] },
  { key: "expirationTtl", converter: converters["long long"] },
  { key: "metadata", converter: converters.any },
]);

const orNull = (value, prefix, context) => (value === null ? null : converters.DOMString(value, prefix, context));

const toListOptions = createDictionary("ListOptions", [
  { key: "limit", converter: converters["long long"] },
  { key: "prefix", converter: orNull },
  { key: "cursor", converter: orNull },
]);

const INTERNAL = Symbol("KvNamespace");

export class KvNamespace {
  #number;

  constructor(key, number) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#number = number;
  }

  // Unlike the others, these two throw at once for arguments that they can't take.

  get(key, options = undefined) {
    const number = #number in this ? this.#number : illegalInvocation();
    const { keys, type, cacheTtl } = convertGet(arguments.length, key, options, "get");
    if (ArrayIsArray(keys)) return promised(() => getMany(number, keys, type, cacheTtl, false));
    return promised(() => read(number, keys, type, cacheTtl, first));
  }

  getWithMetadata(key, options = undefined) {
    const number = #number in this ? this.#number : illegalInvocation();
    const { keys, type, cacheTtl } = convertGet(arguments.length, key, options, "getWithMetadata");
    if (ArrayIsArray(keys)) return promised(() => getMany(number, keys, type, cacheTtl, true));
    return promised(() => read(number, keys, type, cacheTtl, withMetadata));
  }

  put(key, value, options = undefined) {
    return promised(() => {
      const number = #number in this ? this.#number : illegalInvocation();
      const prefix = "Failed to execute 'put' on 'KvNamespace'";
      if (arguments.length < 1) throw notOfType(prefix, "parameter 1", "string");
      if (arguments.length < 2) throw notOfType(prefix, "parameter 2", "string or JsObject");
      const name = converters.DOMString(key, prefix, "parameter 1");
      const body = toValue(value);
      const { expiration, expirationTtl, metadata } = toPutOptions(options, prefix, "parameter 3");
      const json = metadata === undefined || metadata === null ? undefined : JSONStringify(metadata);
      return put(number, name, body, expiration, expirationTtl, json);
    });
  }

  delete(key) {
    return promised(() => {
      const number = #number in this ? this.#number : illegalInvocation();
      const prefix = "Failed to execute 'delete' on 'KvNamespace'";
      if (arguments.length < 1) throw notOfType(prefix, "parameter 1", "string");
      return op_kv_delete(number, converters.DOMString(key, prefix, "parameter 1"));
    });
  }

  list(options = undefined) {
    return promised(() => {
      const number = #number in this ? this.#number : illegalInvocation();
      const { limit, prefix, cursor } = toListOptions(options, "Failed to execute 'list' on 'KvNamespace'", "parameter 1");
      // The platform leaves limits that are none to the default.
      const page = op_kv_list(number, prefix ?? undefined, limit > 0 ? limit : undefined, cursor ?? undefined);
      return PromisePrototypeThen(page, parse);
    });
  }
}
defineInterface(KvNamespace);

export function makeKvNamespace(number) {
  return new KvNamespace(INTERNAL, number);
}

/** What `operation` returns or throws, as a promise. */
function promised(operation) {
  try {
    return PromiseResolve(operation());
  } catch (error) {
    return PromiseReject(error);
  }
}

// === get ===

function convertGet(given, key, options, method) {
  const prefix = `Failed to execute '${method}' on 'KvNamespace'`;
  if (given < 1) throw notOfType(prefix, "parameter 1", "string or Array");
  let keys;
  if (ArrayIsArray(key)) {
    keys = [];
    for (let i = 0; i < key.length; i++) ArrayPrototypePush(keys, converters.USVString(key[i], prefix, "parameter 1"));
  } else {
    keys = converters.DOMString(key, prefix, "parameter 1");
  }
  if (options === undefined || options === null) return { keys, type: undefined, cacheTtl: undefined };
  if (!isObject(options)) return { keys, type: converters.DOMString(options, prefix, "parameter 2"), cacheTtl: undefined };
  const { type, cacheTtl } = toGetOptions(options, prefix, "parameter 2");
  return { keys, type, cacheTtl };
}

/** Reads `key` and gives `finish` its value in the form of `type` and its metadata's JSON; both null where there is none. */
function read(number, key, type, cacheTtl, finish) {
  const form = type === "arrayBuffer" ? BYTES : type === "stream" ? STREAM : TEXT;
  const found = op_kv_get(number, key, form, cacheTtl);
  if (found === null) return finish(null, null);
  // At hand already, as small values are.
  if (ArrayIsArray(found)) return finish(convert(found[0], type), found[1]);
  return PromisePrototypeThen(found, (later) => (later === null ? finish(null, null) : finish(convert(later[0], type), later[1])));
}

function convert(value, type) {
  switch (type) {
    case undefined:
    case "text":
      return value;
    case "json":
      return parse(value);
    case "arrayBuffer":
      return TypedArrayPrototypeGetBuffer(value);
    case "stream":
      return readableStreamFromNative(value);
    default:
      throw new TypeError("Unknown response type. Possible types are \"text\", \"arrayBuffer\", \"json\", and \"stream\".");
  }
}

function first(value) {
  return value;
}

function withMetadata(value, metadata) {
  return { value, metadata: metadata === null ? null : parse(metadata), cacheStatus: null };
}

function getMany(number, keys, type, cacheTtl, wantsMetadata) {
  if (type !== undefined && type !== "text" && type !== "json") {
    throw new Error(`KV GET_BULK failed: 400 "${type}" is not a valid type. Use "json" or "text"`);
  }
  return PromisePrototypeThen(op_kv_get_many(number, keys, cacheTtl), (found) => {
    const map = new Map();
    for (let i = 0; i < keys.length; i++) {
      if (MapPrototypeHas(map, keys[i])) continue;
      const text = found[2 * i];
      let value = text;
      if (text !== null && type === "json") {
        try {
          value = parse(text);
        } catch {
          throw new Error("KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value");
        }
      }
      if (text !== null && wantsMetadata) {
        const metadata = found[2 * i + 1];
        value = { value, metadata: metadata === null ? null : parse(metadata) };
      }
      MapPrototypeSet(map, keys[i], value);
    }
    return map;
  });
}

// === put ===

/** What can be stored: a string, a buffer or a stream. */
function toValue(value) {
  if (!isObject(value)) return `${value}`;
  if (isBufferSource(value)) return value;
  if (!isReadableStream(value)) {
    throw new TypeError("KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.");
  }
  if (isLocked(value)) throw new TypeError("The ReadableStream has been locked to a reader.");
  return value;
}

function put(number, key, value, expiration, expirationTtl, metadata) {
  if (!isReadableStream(value)) return op_kv_put(number, key, value, expiration, expirationTtl, metadata);
  const rid = nativeRid(value);
  if (rid !== -1) {
    detachNative(value);
    return op_kv_put(number, key, rid, expiration, expirationTtl, metadata);
  }
  const ends = op_body_writer(expectedLength(value) ?? -1);
  const written = op_kv_put(number, key, ends[1], expiration, expirationTtl, metadata);
  // A stream that fails says why before the write that lacks its end does.
  return SafePromiseAllReturnVoid([pumpToNative(value, ends[0]), written]);
}
