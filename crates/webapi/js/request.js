// Request (Fetch section 5.4) as the platform has it: `cf`, no browser-only members, nothing forbidden among headers, and an init that may be a Request.
//
// An incoming request costs one record: its headers, `cf`, signal and stream are fetched from its context when they are first asked for.

import { primordials } from "./primordials.js";
import { converters, defineInterface, illegalInvocation, isObject } from "./webidl.js";
import { createAbortSignal, isAbortSignal, signalAbort } from "./abort.js";
import { bodyFromNative, cloneBody, extractBody, inheritRequestBody, takeBody, transferBody } from "./body.js";
import { DOMException } from "./domexception.js";
import { flags } from "./compatibility.js";
import { copyList, listFromInit, listHas, newHeaders } from "./headers.js";
import { hrefOf, isURL, parseHref } from "./url.js";
import { op_request_cf, op_request_headers, op_request_signal } from "skerry:ops";
const {
  ArrayPrototypePush, Error, JSONParse, JSONStringify, PromisePrototypeThen, SafeSet, StringPrototypeSplit, StringPrototypeToUpperCase, Symbol,
  TypeError,
} = primordials;

// === Members ===

const METHODS = new SafeSet(StringPrototypeSplit(
  "GET HEAD POST PUT DELETE PATCH PURGE OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK ACL REPORT MKACTIVITY CHECKOUT MERGE " +
    "MSEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE QUERY BAN",
  " ",
));

/** Those that the Fetch standard writes in upper case. */
const USUAL = new SafeSet(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);

function normalizeMethod(method) {
  const upper = StringPrototypeToUpperCase(method);
  if (!flags.upper_case_all_http_methods && upper !== method && !USUAL.has(upper)) throw new TypeError(`Invalid HTTP method string: ${method}`);
  if (!METHODS.has(upper)) throw new TypeError(`Invalid HTTP method string: ${method}`);
  return upper;
}

const CONSTRUCTOR = "Failed to construct 'Request'";

function wrongInit(member, type) {
  return new TypeError(`Incorrect type for the '${member}' field on 'RequestInitializerDict': the provided value is not of type '${type}'.`);
}

function wrongHeaders() {
  return wrongInit("headers", "Headers or Sequence or object");
}

// === The record behind a Request ===

/**
 * `context` >= 0: an incoming request whose `list` and `signal` may not have been fetched yet (null).
 * `cfContext` >= 0: `cf` is that of an incoming request, and may not have been fetched yet (null).
 * `headers`: the Headers on `list`, once asked for.
 */
function makeInner(method, url) {
  return {
    method, url, list: null, headers: null, immutable: false, body: null, redirect: "follow", signal: null, cf: undefined,
    cfContext: -1, cache: undefined, context: -1,
  };
}

function listOf(inner) {
  if (inner.list === null) inner.list = inner.context === -1 ? [] : op_request_headers(inner.context);
  return inner.list;
}

function cfOf(inner) {
  if (inner.cf === null) {
    const json = op_request_cf(inner.cfContext);
    inner.cf = json === undefined ? undefined : JSONParse(json);
    if (!flags.no_cf_botmanagement_default && inner.cf !== undefined) inner.cf.botManagement ??= unknownBot();
  }
  return inner.cf;
}

/** What requests told of bots where the zone has no product that knows. */
function unknownBot() {
  return { corporateProxy: false, verifiedBot: false, jsDetection: { passed: false }, staticResource: false, detectionIds: {}, score: 99 };
}

function signalOf(inner) {
  if (inner.signal === null) {
    const signal = createAbortSignal();
    inner.signal = signal;
    if (inner.context !== -1 && flags.enable_request_signal) {
      const abort = () => signalAbort(signal, new DOMException("The client has disconnected", "AbortError"));
      PromisePrototypeThen(op_request_signal(inner.context), abort);
    }
  }
  return inner.signal;
}

/** A record with everything of `from` but its body. The signal of an incoming request stays with it: it isn't that of a subrequest. */
function copyInner(from) {
  const inner = makeInner(from.method, from.url);
  inner.list = copyList(listOf(from));
  inner.redirect = from.redirect;
  inner.signal = from.context === -1 ? from.signal : null;
  inner.cf = from.cf;
  inner.cfContext = from.cfContext;
  inner.cache = from.cache;
  return inner;
}

/** Reads a RequestInit into `inner`; `body` is what the init gives, undefined for nothing. */
function readInit(inner, init) {
  const { method, headers, body, redirect, cf, cache, integrity, signal } = init;
  if (method !== undefined) inner.method = normalizeMethod(converters.DOMString(method));
  if (headers !== undefined) inner.list = listFromInit(headers, wrongHeaders);
  if (redirect !== undefined) {
    inner.redirect = converters.DOMString(redirect);
    if (inner.redirect !== "follow" && inner.redirect !== "manual" && inner.redirect !== "error") {
      throw new TypeError('Invalid redirect value, must be one of "follow", "manual" or "error".');
    }
  }
  if (cf !== undefined && cf !== null) {
    if (!isObject(cf)) throw wrongInit("cf", "Object");
    inner.cf = JSONParse(JSONStringify(cf));
    inner.cfContext = -1;
  }
  if (cache !== undefined) {
    if (!flags.cache_option_enabled) throw new Error("The 'cache' field on 'RequestInitializerDict' is not implemented.");
    inner.cache = converters.DOMString(cache);
    if (inner.cache !== "no-store" && (inner.cache !== "no-cache" || !flags.cache_no_cache_enabled) && (inner.cache !== "reload" || !flags.cache_reload_enabled)) {
      throw new TypeError(`Unsupported cache mode: ${inner.cache}`);
    }
  }
  if (integrity !== undefined && converters.DOMString(integrity) !== "") {
    throw new TypeError("Subrequest integrity checking is not implemented. The integrity option must be either undefined or an empty string.");
  }
  if (signal === null) inner.signal = null;
  else if (signal !== undefined) {
    if (isAbortSignal(signal)) inner.signal = signal;
    else if (flags.dont_substitute_null_on_type_error) throw wrongInit("signal", "AbortSignal");
    else inner.signal = null;
  }
  return body;
}

const USED_INPUT = "Cannot reconstruct a Request with a used body.";
const USED_INIT = "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.";

/** The record that `new Request(input, init)` gets, which `fetch(input, init)` uses without making a Request. */
function innerFrom(input, init) {
  const from = isRequest(input) ? innerOf(input) : null;
  let inner;
  if (from !== null) {
    inner = copyInner(from);
  } else {
    const text = isURL(input) ? hrefOf(input) : converters.USVString(input);
    const href = flags.fetch_standard_url ? parseHref(text) : text;
    if (href === undefined) throw new TypeError(`Invalid URL: ${text}`);
    inner = makeInner("GET", href);
  }
  let given;
  if (init !== undefined && init !== null) {
    if (!isObject(init)) throw new TypeError(`${CONSTRUCTOR}: constructor parameter 2 is not of type 'RequestInitializerDict or Request'.`);
    if (isRequest(init)) {
      const other = innerOf(init);
      const { url } = inner;
      inner = copyInner(other);
      inner.url = url;
      inner.body = transferBody(other.body, USED_INIT);
      return inner;
    }
    given = readInit(inner, init);
  }
  if (given !== undefined) {
    if (given !== null) setBody(inner, given);
  } else if (from !== null) {
    if (from.body !== null && isBodiless(inner)) throw new TypeError(NO_BODY);
    inner.body = transferBody(from.body, USED_INPUT);
  }
  return inner;
}

const NO_BODY = "Request with a GET or HEAD method cannot have a body.";

function isBodiless({ method }) {
  return method === "GET" || method === "HEAD";
}

function setBody(inner, value) {
  if (isBodiless(inner)) throw new TypeError(NO_BODY);
  const body = extractBody(value);
  inner.body = body;
  if (body.type !== null && !listHas(listOf(inner), "content-type")) ArrayPrototypePush(inner.list, "content-type", body.type);
}

// === Request ===

const INTERNAL = Symbol("Request");

let innerOf, findInner;
export var isRequest;

export class Request {
  #inner;

  constructor(input, init = undefined) {
    if (input === INTERNAL) {
      this.#inner = init;
      return;
    }
    if (arguments.length < 1) throw new TypeError(`${CONSTRUCTOR}: constructor parameter 1 is not of type 'Request or string'.`);
    this.#inner = innerFrom(input, init);
  }

  get method() { return innerOf(this).method; }
  get url() { return innerOf(this).url; }
  get headers() {
    const inner = innerOf(this);
    return inner.headers ??= newHeaders(listOf(inner), inner.immutable);
  }
  get redirect() { return innerOf(this).redirect; }
  get signal() { return signalOf(innerOf(this)); }
  get cf() { return cfOf(innerOf(this)); }
  get integrity() {
    innerOf(this);
    return "";
  }
  get keepalive() {
    innerOf(this);
    return false;
  }
  get cache() { return innerOf(this).cache; }

  clone() {
    const inner = innerOf(this);
    const body = cloneBody(inner.body);
    const copy = copyInner(inner);
    copy.immutable = inner.immutable;
    copy.body = body;
    if (inner.context !== -1) copy.signal = signalOf(inner);
    return new Request(INTERNAL, copy);
  }

  static {
    isRequest = (value) => isObject(value) && #inner in value;
    findInner = (value) => (isObject(value) && #inner in value ? value.#inner : undefined);
    innerOf = (value) => (isObject(value) && #inner in value ? value.#inner : illegalInvocation());
  }
}
inheritRequestBody(Request, findInner, listOf);
defineInterface(Request);

// === For the rest of the runtime ===

/** The incoming request of a context; `rid` -1: no body. */
export function requestFromNative(method, url, rid, context) {
  return new Request(INTERNAL, {
    method, url, list: null, headers: null, immutable: true, body: bodyFromNative(rid), redirect: "manual", signal: null, cf: null,
    cfContext: context, cache: undefined, context,
  });
}

/** What the Cache API looks at of a request; its body stays unused. */
export function requestKey(input) {
  const inner = isRequest(input) ? innerOf(input) : innerFrom(input, undefined);
  return { method: inner.method, url: inner.url, headers: listOf(inner), cf: inner.cfContext === -1 ? inner.cf : undefined };
}

/**
 * What `fetch(input, init)` and the stubs of bindings send, the body thereby used: `{ method, url, headers (flat list), body (see takeBody),
 * redirect, signal (null: none that could abort), cf (undefined for that of an incoming request: it asks nothing of a subrequest), cfContext (the event
 * of that request, else -1), cache }`. `base`: what a relative URL is of, where there may be one.
 */
export function requestParts(input, init, base = undefined) {
  let inner;
  let body;
  if (isRequest(input) && (init === undefined || init === null)) {
    inner = innerOf(input);
    if (inner.body !== null && (inner.body.used || inner.body.stream !== null)) body = takeBody(transferBody(inner.body, USED_INPUT));
    else body = takeBody(inner.body);
  } else {
    inner = innerFrom(input, init);
    body = takeBody(inner.body);
  }
  return {
    method: inner.method, url: flags.fetch_standard_url ? inner.url : sentUrl(inner.url, base),
    headers: inner.cache === undefined ? listOf(inner) : uncached(listOf(inner)), body, redirect: inner.redirect, signal: inner.context === -1 ? inner.signal : null,
    cf: inner.cfContext === -1 ? inner.cf : undefined, cfContext: inner.cfContext, cache: inner.cache,
  };
}

/** A request that has its URL as it was given (fetch_legacy_url) is sent to what that means. */
function sentUrl(url, base) {
  const href = parseHref(url, base);
  if (href === undefined) throw new TypeError(`Fetch API cannot load: ${url}`);
  return href;
}

/** The headers of a request whose `cache` says that no cache shall answer it, for those on the way that know headers alone. */
function uncached(headers) {
  const list = copyList(headers);
  if (!listHas(list, "cache-control")) ArrayPrototypePush(list, "cache-control", "no-cache");
  if (!listHas(list, "pragma")) ArrayPrototypePush(list, "pragma", "no-cache");
  return list;
}
