// Response (Fetch section 5.5) as the platform has it: `cf`, `webSocket`, `encodeBody`, and an init that may be a Response.
//
// The way out is `responseParts(response)`. `new Response("text")` stays one small record until somebody asks for its headers or its stream.

import { primordials } from "./primordials.js";
import { converters, defineInterface, illegalInvocation, isObject } from "./webidl.js";
import { abortBody, bodyFromBytes, bodyFromNative, cloneBody, extractBody, governBody, inheritResponseBody, takeBody, TEXT, transferBody } from "./body.js";
import { flags } from "./compatibility.js";
import { copyList, listFromInit, listHas, newHeaders } from "./headers.js";
import { parseHref } from "./url.js";
const { ArrayPrototypePush, JSONParse, JSONStringify, RangeError, RegExpPrototypeExec, Symbol, TypeError } = primordials;

// === Status ===

/** The reason phrase of RFC 9112 section 4, beyond ASCII as the platform lets it. */
const REASON = /^[\t\x20-\x7e\x80-\uffff]*$/;

function isNullBodyStatus(status) {
  return status === 204 || status === 304 || status === 205 || status === 101;
}

// === The record behind a Response ===

/**
 * `statusText` null: none; on its way out the response gets the usual one. `list` null: no headers but the Content-Type that the body brings.
 * `headers`: the Headers on `list`, once asked for.
 */
function makeInner(status, body) {
  return {
    status, statusText: null, list: null, headers: null, immutable: false, body, type: "default", url: "", redirected: false, cf: undefined,
    webSocket: null, encodeBody: "automatic",
  };
}

// The lists of most Responses that are given none; nobody changes these two.
const NO_HEADERS = [];
const TEXT_HEADERS = ["content-type", TEXT];

/** The header list, made when there was none yet. */
function listOf(inner) {
  if (inner.list === null) inner.list = inner.body === null || inner.body.type === null ? [] : ["content-type", inner.body.type];
  return inner.list;
}

const CONSTRUCTOR = "Failed to construct 'Response'";

function wrongInit(member, type) {
  return new TypeError(`Incorrect type for the '${member}' field on 'InitializerDict': the provided value is not of type '${type}'.`);
}

/** Reads a ResponseInit, which may be another Response, into `inner`. */
function readInit(inner, init, prefix, parameter) {
  if (init === null) return;
  if (!isObject(init)) throw new TypeError(`${prefix}: ${parameter} is not of type 'InitializerDict or Response'.`);
  let status;
  if (isResponse(init)) {
    const from = innerOf(init);
    status = from.status;
    inner.statusText = from.statusText;
    inner.list = copyList(listOf(from));
    inner.cf = from.cf;
    inner.webSocket = from.webSocket;
    inner.encodeBody = from.encodeBody;
  } else {
    status = readDictionary(inner, init);
  }
  if (status !== undefined) inner.status = status;
  if (inner.webSocket !== null) {
    if (inner.status !== 101) throw new RangeError("Responses with a WebSocket must have status code 101.");
  } else if (inner.status < 200 || inner.status > 599) {
    throw new RangeError("Responses may only be constructed with status codes in the range 200 to 599, inclusive.");
  }
}

/** Returns the status: its range depends on the other members. */
function readDictionary(inner, init) {
  let { status, statusText } = init;
  if (status !== undefined) status = converters["unsigned short"](status, CONSTRUCTOR, "member status");
  if (statusText !== undefined) {
    statusText = converters.USVString(statusText);
    if (RegExpPrototypeExec(REASON, statusText) === null) throw new TypeError("Invalid statusText");
    inner.statusText = statusText;
  }
  const { headers, cf, webSocket, encodeBody } = init;
  if (headers !== undefined) inner.list = listFromInit(headers, wrongHeaders);
  if (cf !== undefined && cf !== null) {
    if (!isObject(cf)) throw wrongInit("cf", "Object");
    inner.cf = JSONParse(JSONStringify(cf));
  }
  if (webSocket !== undefined && webSocket !== null) {
    if (isWebSocket(webSocket)) inner.webSocket = webSocket;
    else if (flags.dont_substitute_null_on_type_error) throw wrongInit("webSocket", "WebSocket");
  }
  if (encodeBody !== undefined) {
    inner.encodeBody = converters.DOMString(encodeBody);
    if (inner.encodeBody !== "automatic" && inner.encodeBody !== "manual") throw new TypeError(`encodeBody: unexpected value: ${inner.encodeBody}`);
  }
  return status;
}

function wrongHeaders() {
  return wrongInit("headers", "Headers or Sequence or object");
}

let isWebSocket = () => false;
let newWebSocket;

/** websocket.js brings its brand check here, and the way to make one of a native end. */
export function setWebSocketClass(check, make) {
  isWebSocket = check;
  newWebSocket = make;
}

/** Gives `inner` its body, and the list its Content-Type. */
function setBody(inner, body) {
  if (body !== null && isNullBodyStatus(inner.status)) {
    if (body.source !== "") throw new TypeError("Response with null body status (101, 204, 205, or 304) cannot have a body.");
    return;
  }
  inner.body = body;
  const { list } = inner;
  if (list !== null && body !== null && body.type !== null && !listHas(list, "content-type")) ArrayPrototypePush(list, "content-type", body.type);
}

// === Response ===

const INTERNAL = Symbol("Response");

/** `innerOf(response)` throws for anything else. */
let innerOf, findInner;
export var isResponse;

export class Response {
  #inner;

  constructor(body = undefined, init = undefined) {
    if (body === INTERNAL) {
      this.#inner = init;
      return;
    }
    if (init === undefined) {
      this.#inner = makeInner(200, extractBody(body));
      return;
    }
    const inner = makeInner(200, null);
    readInit(inner, init, CONSTRUCTOR, "constructor parameter 2");
    setBody(inner, extractBody(body));
    this.#inner = inner;
  }

  static error() {
    const inner = makeInner(0, null);
    inner.type = "error";
    inner.immutable = true;
    return new Response(INTERNAL, inner);
  }

  static json(data, init = undefined) {
    const prefix = "Failed to execute 'json' on 'Response'";
    if (arguments.length < 1) throw new TypeError(`${prefix}: parameter 1 is not of type 'JsValue'.`);
    const text = JSONStringify(data);
    if (text === undefined) throw new TypeError(`${prefix}: The value is not JSON serializable.`);
    const body = extractBody(text);
    body.type = "application/json";
    const inner = makeInner(200, null);
    if (init !== undefined) readInit(inner, init, prefix, "parameter 2");
    setBody(inner, body);
    return new Response(INTERNAL, inner);
  }

  static redirect(url, status = 302) {
    if (arguments.length < 1) throw new TypeError("Failed to execute 'redirect' on 'Response': parameter 1 is not of type 'string'.");
    url = converters.USVString(url);
    const href = parseHref(url);
    if (href === undefined) throw new TypeError(`Unable to parse URL: ${url}`);
    status = converters["unsigned short"](status);
    if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) {
      throw new RangeError(`${status} is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.`);
    }
    const inner = makeInner(status, null);
    inner.list = ["location", flags.response_redirect_url_standard ? href : url];
    inner.immutable = true;
    return new Response(INTERNAL, inner);
  }

  get status() { return innerOf(this).status; }
  get statusText() {
    return innerOf(this).statusText ?? "";
  }
  get headers() {
    const inner = innerOf(this);
    return inner.headers ??= newHeaders(listOf(inner), inner.immutable);
  }
  get ok() {
    const { status } = innerOf(this);
    return status >= 200 && status <= 299;
  }
  get redirected() { return innerOf(this).redirected; }
  get url() { return innerOf(this).url; }
  get webSocket() { return innerOf(this).webSocket; }
  get cf() { return innerOf(this).cf; }
  get type() { return innerOf(this).type; }

  clone() {
    const inner = innerOf(this);
    if (inner.webSocket !== null) throw new TypeError("Cannot clone a response to a WebSocket handshake.");
    const copy = makeInner(inner.status, cloneBody(inner.body));
    copy.statusText = inner.statusText;
    copy.list = copyList(listOf(inner));
    copy.immutable = inner.immutable;
    copy.type = inner.type;
    copy.url = inner.url;
    copy.redirected = inner.redirected;
    copy.cf = inner.cf;
    copy.encodeBody = inner.encodeBody;
    return new Response(INTERNAL, copy);
  }

  static {
    isResponse = (value) => isObject(value) && #inner in value;
    findInner = (value) => (isObject(value) && #inner in value ? value.#inner : undefined);
    innerOf = (value) => (isObject(value) && #inner in value ? value.#inner : illegalInvocation());
  }
}
inheritResponseBody(Response, findInner, listOf);
defineInterface(Response);

// === For the rest of the runtime ===

/**
 * What goes out, the body thereby used: `{ status, statusText (null for the default), headers (flat list), body: null | string | Uint8Array | native
 * reader's id | ReadableStream (see bodyToNative), webSocket, encodeBody }`.
 */
export function responseParts(response) {
  const inner = innerOf(response);
  const { body } = inner;
  let headers = inner.list;
  if (headers === null) headers = body === null || body.type === null ? NO_HEADERS : body.type === TEXT ? TEXT_HEADERS : listOf(inner);
  return {
    status: inner.status, statusText: inner.statusText, headers, body: body === null ? null : takeBody(body), webSocket: inner.webSocket,
    encodeBody: inner.encodeBody,
  };
}

/** What a response is, but its body. */
export function responseFacts(response) {
  const inner = innerOf(response);
  return { status: inner.status, type: inner.type, headers: listOf(inner), webSocket: inner.webSocket };
}

/** Where it came from. */
export function responsePlace(response) {
  const { url, redirected } = innerOf(response);
  return { url, redirected };
}

/** The record of its body (body.js), or null. */
export function responseBody(response) {
  return innerOf(response).body;
}

/** The same body for another owner, the response's used from here on; `message` is what a TypeError says where it was used before. */
export function takeResponseBody(response, message) {
  return transferBody(innerOf(response).body, message);
}

/** A Response with immutable headers, as `fetch` resolves with; takes the list over. `rid` -1: no body; `socket` -1: no WebSocket. */
export function responseFromNative(status, statusText, list, rid, url, redirected, socket = -1) {
  const inner = makeInner(status, bodyFromNative(rid));
  inner.statusText = statusText;
  inner.list = list;
  inner.immutable = true;
  inner.url = url;
  inner.redirected = redirected;
  if (socket !== -1) inner.webSocket = newWebSocket(socket);
  return new Response(INTERNAL, inner);
}

/** A 200 with immutable headers and bytes (or null) that nobody else will change. */
export function responseFromBytes(bytes, type) {
  const inner = makeInner(200, bytes === null ? null : bodyFromBytes(bytes));
  inner.statusText = "OK";
  inner.list = ["content-type", type];
  inner.immutable = true;
  return new Response(INTERNAL, inner);
}

/** Lets the signal of a `fetch` govern what is left of its response; false when nothing is. */
export function governResponseBody(response, signal) {
  const { body } = innerOf(response);
  if (body === null) return false;
  governBody(body, signal);
  return true;
}

/** The governing signal has been aborted. */
export function abortResponseBody(response) {
  abortBody(innerOf(response).body);
}
