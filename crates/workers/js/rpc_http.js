// Request, Response and Headers over RPC. Their bodies travel as streams do.

import { primordials } from "../webapi/primordials.js";
import { bodyToNative } from "../webapi/body.js";
import { DOMException } from "../webapi/domexception.js";
import { copyList, headersList, isHeaders, newHeaders } from "../webapi/headers.js";
import { isRequest, Request, requestParts } from "../webapi/request.js";
import { isResponse, Response, responseParts } from "../webapi/response.js";
import { readableStreamFromNative } from "../webapi/streams.js";

const { ObjectGetOwnPropertyDescriptor, uncurryThis } = primordials;

const HEADERS = 0;
const REQUEST = 1;
const RESPONSE = 2;

const getter = (Class, name) => uncurryThis(ObjectGetOwnPropertyDescriptor(Class.prototype, name).get);
const cfOfRequest = getter(Request, "cf");
const cfOfResponse = getter(Response, "cf");

/** How one of them is written, undefined for anything else. */
export function writeHttp(value) {
  if (isHeaders(value)) return () => ({ kind: HEADERS, headers: copyList(headersList(value)) });
  if (isRequest(value)) return (packing) => writeRequest(value, packing);
  if (isResponse(value)) return (packing) => writeResponse(value, packing);
  return undefined;
}

/** A body as data has it: null, text, bytes, or `{ slot }`. */
function writeBody(body, packing) {
  if (body === null) return null;
  const native = bodyToNative(body);
  return typeof native === "number" ? { slot: packing.add([2, native]) } : native;
}

function writeRequest(request, packing) {
  const cf = cfOfRequest(request);
  const { method, url, headers, body, redirect, cache } = requestParts(request, undefined);
  return { kind: REQUEST, method, url, headers: copyList(headers), redirect, cf, cache, body: writeBody(body, packing) };
}

function writeResponse(response, packing) {
  const cf = cfOfResponse(response);
  const { status, statusText, headers, body, webSocket, encodeBody } = responseParts(response);
  if (webSocket !== null) throw new DOMException("A response with a WebSocket can't be sent over RPC: return it from fetch().", "DataCloneError");
  return { kind: RESPONSE, status, statusText: statusText ?? undefined, headers: copyList(headers), cf, encodeBody, body: writeBody(body, packing) };
}

/** The object on the other side. */
export function readHttp(written, slots) {
  const headers = newHeaders(written.headers, false);
  if (written.kind === HEADERS) return headers;
  const body = readBody(written.body, slots);
  if (written.kind === REQUEST) {
    const { method, url, redirect, cf, cache } = written;
    return new Request(url, { __proto__: null, method, headers, redirect, cf, cache, body: body ?? undefined });
  }
  const { status, statusText, cf, encodeBody } = written;
  return new Response(body, { __proto__: null, status, statusText, headers, cf, encodeBody });
}

function readBody(body, slots) {
  return body !== null && typeof body === "object" && body.slot !== undefined ? readableStreamFromNative(slots[body.slot][1]) : body;
}
