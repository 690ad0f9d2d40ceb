// The Cache API (Service Workers section 5.4 and section 5.5) as the platform has it: one default cache, which `fetch` shares, and named ones; HTTP's rules
// apply to what is stored. https://developers.cloudflare.com/workers/runtime-apis/cache/

import { primordials } from "../webapi/primordials.js";
import { bodyToNative } from "../webapi/body.js";
import { listGet } from "../webapi/headers.js";
import { requestKey } from "../webapi/request.js";
import { isResponse, responseFacts, responseFromNative, responseParts } from "../webapi/response.js";
import { converters, createDictionary, defineInterface, illegalInvocation, isObject, requiredArguments } from "../webapi/webidl.js";
import { op_cache_delete, op_cache_match, op_cache_put } from "skerry:ops";
const {
  Error, PromisePrototypeThen, PromiseReject, PromiseResolve, StringPrototypeIndexOf, StringPrototypeStartsWith, Symbol, TypeError,
} = primordials;

const INTERNAL = Symbol("Cache");
const MAX_NAME_LENGTH = 1024;

const queryOptions = createDictionary("CacheQueryOptions", [{ key: "ignoreMethod", converter: converters.boolean }]);

function keyOf(input) {
  const key = requestKey(input);
  if (!StringPrototypeStartsWith(key.url, "http:") && !StringPrototypeStartsWith(key.url, "https:")) {
    throw new TypeError("Invalid URL. Cache API keys must be fully-qualified, valid URLs.");
  }
  return key;
}

function cacheKey({ cf }) {
  return cf === undefined || typeof cf.cacheKey !== "string" ? undefined : cf.cacheKey;
}

function toResponse(parts) {
  return parts === undefined ? undefined : responseFromNative(parts[0], parts[1], parts[2], parts[3], parts[4], false);
}

function notImplemented(method, name) {
  return PromiseReject(new Error(`Failed to execute '${method}' on '${name}': the method is not implemented.`));
}

export class Cache {
  /** undefined: the default cache. */
  #name;

  constructor(key, name) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#name = name;
  }

  static #nameOf(cache) {
    return isObject(cache) && #name in cache ? cache.#name : illegalInvocation();
  }

  add(request) {
    return notImplemented("add", "Cache");
  }

  addAll(requests) {
    return notImplemented("addAll", "Cache");
  }

  match(request, options = undefined) {
    try {
      const name = Cache.#nameOf(this);
      const prefix = "Failed to execute 'match' on 'Cache'";
      requiredArguments(arguments.length, 1, prefix);
      const { ignoreMethod } = queryOptions(options, prefix, "parameter 2");
      const key = keyOf(request);
      if (!ignoreMethod && key.method !== "GET") return PromiseResolve(undefined);
      return PromisePrototypeThen(op_cache_match(name, key.url, key.headers, cacheKey(key)), toResponse);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  put(request, response) {
    try {
      const name = Cache.#nameOf(this);
      const prefix = "Failed to execute 'put' on 'Cache'";
      requiredArguments(arguments.length, 2, prefix);
      if (!isResponse(response)) throw new TypeError(`${prefix}: parameter 2 is not of type 'Response'.`);
      const facts = responseFacts(response);
      if (facts.type === "error") throw new TypeError("Cache is unable to store an error response");
      const key = requestKey(request);
      if (key.method !== "GET") throw new TypeError("Cannot cache response to non-GET request.");
      if (facts.status === 206) throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
      const vary = listGet(facts.headers, "vary");
      if (vary !== null && StringPrototypeIndexOf(vary, "*") !== -1) throw new TypeError("Cannot cache response with 'Vary: *' header.");
      // Accepted and dropped, as on the platform: a 304 answers nobody else.
      if (facts.status === 304) return PromiseResolve(undefined);
      if (facts.webSocket !== null) throw new TypeError("Cannot cache WebSocket upgrade response.");
      const parts = responseParts(response);
      keyOf(request);
      return op_cache_put(
        parts.status, parts.statusText, parts.headers, bodyToNative(parts.body), parts.encodeBody === "manual", name, key.url, key.headers,
        cacheKey(key),
      );
    } catch (error) {
      return PromiseReject(error);
    }
  }

  delete(request, options = undefined) {
    try {
      const name = Cache.#nameOf(this);
      const prefix = "Failed to execute 'delete' on 'Cache'";
      requiredArguments(arguments.length, 1, prefix);
      const { ignoreMethod } = queryOptions(options, prefix, "parameter 2");
      const key = keyOf(request);
      if (!ignoreMethod && key.method !== "GET") return PromiseResolve(false);
      return op_cache_delete(name, key.url, cacheKey(key));
    } catch (error) {
      return PromiseReject(error);
    }
  }
}
defineInterface(Cache);

export class CacheStorage {
  #default;

  constructor(key) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#default = new Cache(INTERNAL, undefined);
  }

  get default() {
    return isObject(this) && #default in this ? this.#default : illegalInvocation();
  }

  delete(cacheName) {
    return notImplemented("delete", "CacheStorage");
  }

  has(cacheName) {
    return notImplemented("has", "CacheStorage");
  }

  keys() {
    return notImplemented("keys", "CacheStorage");
  }

  match(request) {
    return notImplemented("match", "CacheStorage");
  }

  open(cacheName) {
    try {
      if (!isObject(this) || !(#default in this)) illegalInvocation();
      const prefix = "Failed to execute 'open' on 'CacheStorage'";
      requiredArguments(arguments.length, 1, prefix);
      const name = converters.DOMString(cacheName, prefix, "parameter 1");
      if (name.length >= MAX_NAME_LENGTH) throw new TypeError("Cache name is too long.");
      return PromiseResolve(new Cache(INTERNAL, name));
    } catch (error) {
      return PromiseReject(error);
    }
  }
}
defineInterface(CacheStorage);

export const caches = new CacheStorage(INTERNAL);
