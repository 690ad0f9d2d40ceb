// Bodies of requests and responses (Fetch section 2.2.4, section 5.2, section 5.3).
//
// A body is `{ source, stream, used, type, signal }`. Its source is a string, a Uint8Array (never changed: a copy of what the Worker gave), the
// id of a native reader, or null once a stream has taken its place. The stream is made when somebody asks for `.body`; most bodies never have
// one. `signal` is the AbortSignal of the fetch that the body came from.

import { primordials } from "./primordials.js";
import { defineInterface, illegalConstructor, illegalInvocation, isArrayBuffer, isObject } from "./webidl.js";
import { abortedReason } from "./abort.js";
import { blobBytes, blobType, isBlob, newBlob } from "./blob.js";
import { flags } from "./compatibility.js";
import { copyBytes, streamOfChunks } from "./bytes.js";
import { utf8Decode, utf8DecodeWithoutBOM, utf8Encode } from "./encoding.js";
import { isFormData, parseFormData, serializeMultipart } from "./formdata.js";
import { parse } from "./json.js";
import { listGet } from "./headers.js";
import { extractMimeType, serializeMimeType } from "./mime.js";
import {
  detachNative, expectedLength, isDisturbed, isLocked, isReadableStream, markAsHandled, nativeRid, pumpToNative, readableStreamError,
  readableStreamFromNative, readableStreamTee, readAllBytes,
} from "./streams.js";
import { readableFrom } from "./streams/from.js";
import { faceOf, readableOf } from "./streams/readable.js";
import { acquireReader, readableCancel } from "./streams/readable_state.js";
import { pipe } from "./streams/pipe.js";
import { createTransformStream } from "./streams/transform.js";
import { writableOf } from "./streams/writable.js";
import { isURLSearchParams, searchParamsList, serializeQuery } from "./url.js";
import { op_body_read_all, op_body_tee, op_body_writer } from "skerry:ops";
const {
  ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, ArrayPrototype, ObjectDefineProperties, ObjectGetOwnPropertyDescriptors, ObjectHasOwn,
  ObjectPrototype, ObjectSetPrototypeOf, PromisePrototypeThen, PromiseReject, PromiseResolve, ReflectGetPrototypeOf, StringPrototypeCharCodeAt, StringPrototypeSlice,
  StringPrototypeToWellFormed, StringPrototypeValueOf, SymbolAsyncIterator, SymbolIterator, SymbolToPrimitive, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypeError,
} = primordials;

/** The Content-Type of a string. */
export const TEXT = "text/plain;charset=UTF-8";
const FORM = "application/x-www-form-urlencoded;charset=UTF-8";

const USED = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";
const DISTURBED = "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.";
const LOCKED = "This ReadableStream is currently locked to a reader.";

// === Making one ===

function makeBody(source, stream, type) {
  return { source, stream, used: false, type, signal: null };
}

/** The body of a native reader, or null for -1. */
export function bodyFromNative(rid) {
  return rid === -1 ? null : makeBody(rid, null, null);
}

/** The body of bytes that nobody else will change. */
export function bodyFromBytes(bytes) {
  return makeBody(bytes, null, null);
}

function isStringObject(value) {
  try {
    StringPrototypeValueOf(value);
    return true;
  } catch {
    return false;
  }
}

/** Whether a body is made of what `value` iterates over. An object that has a text form of its own is that text. */
function isIterable(value) {
  if (typeof (value[SymbolAsyncIterator] ?? value[SymbolIterator]) !== "function" || isStringObject(value)) return false;
  if (!flags.fetch_iterable_type_support_override_adjustment) return true;
  for (let object = value; object !== null && object !== ObjectPrototype && object !== ArrayPrototype; object = ReflectGetPrototypeOf(object)) {
    if (ObjectHasOwn(object, "toString") || ObjectHasOwn(object, SymbolToPrimitive)) return false;
  }
  return true;
}

/** "Extract a body" (Fetch section 5.2); null for none. `type` is the Content-Type that the value brings, or null. */
export function extractBody(value) {
  if (typeof value === "string") return makeBody(value, null, TEXT);
  if (value === null || value === undefined) return null;
  if (!isObject(value)) return makeBody(`${value}`, null, TEXT);
  if (isReadableStream(value)) {
    if (isDisturbed(value)) throw new TypeError(DISTURBED);
    if (isLocked(value)) throw new TypeError("The ReadableStream has been locked to a reader.");
    return makeBody(null, value, null);
  }
  if (ArrayBufferIsView(value) || isArrayBuffer(value)) return makeBody(copyBytes(value), null, null);
  if (isBlob(value)) return makeBody(blobBytes(value), null, blobType(value) === "" ? null : blobType(value));
  if (isURLSearchParams(value)) return makeBody(serializeQuery(searchParamsList(value)), null, FORM);
  if (isFormData(value)) {
    const { bytes, type } = serializeMultipart(value);
    return makeBody(bytes, null, type);
  }
  if (flags.fetch_iterable_type_support && isIterable(value)) return makeBody(null, faceOf(readableFrom(value)), null);
  return makeBody(`${value}`, null, TEXT);
}

export function bodyUsed(body) {
  return body !== null && (body.used || (body.stream !== null && isDisturbed(body.stream)));
}

function isBodyLocked(body) {
  return body.stream !== null && isLocked(body.stream);
}

/** What `.body` returns. */
export function bodyStream(body) {
  if (body === null) return null;
  if (body.stream === null) {
    const { source } = body;
    if (body.used) {
      // Read to the end by somebody else.
      body.stream = streamOfChunks([], 0);
      const record = readableOf(body.stream);
      record.disturbed = true;
      acquireReader(record);
    } else if (typeof source === "number") {
      body.stream = readableStreamFromNative(source);
    } else {
      const bytes = typeof source === "string" ? utf8Encode(source) : source;
      const length = TypedArrayPrototypeGetByteLength(bytes);
      body.stream = streamOfChunks(length === 0 ? [] : [bytes], length);
    }
    body.source = null;
  }
  return body.stream;
}

// === Handing it on ===

/** Marks the body used and returns it as natives take it: null, a string, a Uint8Array, a reader's id, or a ReadableStream of JavaScript's. */
export function takeBody(body) {
  if (body === null) return null;
  if (bodyUsed(body)) throw new TypeError(USED);
  if (isBodyLocked(body)) throw new TypeError(LOCKED);
  body.used = true;
  const { source, stream } = body;
  if (stream === null) {
    body.source = null;
    return source;
  }
  const rid = nativeRid(stream);
  if (rid !== -1) detachNative(stream);
  return rid === -1 ? stream : rid;
}

/** What `stream` has yet to yield, as another stream; it is locked from here on. */
function proxyOf(stream) {
  const { readable, writable } = createTransformStream({ transform: (chunk, record) => record.enqueue(chunk), flush: () => undefined, cancel: () => undefined });
  readableOf(readable).expectedLength = readableOf(stream).expectedLength;
  markAsHandled(pipe(readableOf(stream), writableOf(writable), false, false, false, undefined));
  return readable;
}

/** The same body for another owner: the first one's is used from here on (`new Request(request)`). */
export function transferBody(body, message) {
  if (body === null) return null;
  if (bodyUsed(body)) throw new TypeError(message);
  if (isBodyLocked(body)) throw new TypeError("The ReadableStream has been locked to a reader.");
  const { source, stream, type } = body;
  body.used = true;
  body.source = null;
  if (stream === null) return makeBody(source, null, type);
  const rid = nativeRid(stream);
  if (rid !== -1) {
    detachNative(stream);
    return makeBody(rid, null, type);
  }
  return makeBody(null, proxyOf(stream), type);
}

/** The second half of a body that goes two ways from here (`clone`). */
export function cloneBody(body) {
  const clone = secondHalf(body);
  if (clone !== null) clone.signal = body.signal;
  return clone;
}

function secondHalf(body) {
  if (body === null) return null;
  if (bodyUsed(body) || isBodyLocked(body)) throw new TypeError(LOCKED);
  const { stream, type } = body;
  if (stream !== null) {
    const rid = nativeRid(stream);
    if (rid === -1) {
      const branches = readableStreamTee(stream, true);
      body.stream = branches[0];
      return makeBody(null, branches[1], type);
    }
    detachNative(stream);
    body.source = rid;
    body.stream = null;
  }
  if (typeof body.source === "number") {
    const branches = op_body_tee(body.source);
    body.source = branches[0];
    return makeBody(branches[1], null, type);
  }
  return makeBody(body.source, null, type);
}

/**
 * A reader's id for anything that `takeBody` returns except null: strings and bytes as they are, streams of JavaScript's pumped. `signal`: one
 * whose reason a stream is cancelled with, when that is why nobody reads on.
 */
export function bodyToNative(source, signal = null) {
  if (!isReadableStream(source)) return source;
  const ends = op_body_writer(expectedLength(source) ?? -1);
  // How it ended reaches the reader natively.
  markAsHandled(pumpToNative(source, ends[0], undefined, signal));
  return ends[1];
}

/** The body (what `takeBody` returns) is not sent after all. */
export function cancelBody(source, reason) {
  if (isReadableStream(source)) markAsHandled(readableCancel(readableOf(source), reason));
}

/** Lets `signal` govern a native body: its reads fail with the signal's reason from `abortBody` on. */
export function governBody(body, signal) {
  body.signal = signal;
}

/** The signal that governs the body has been aborted. */
export function abortBody(body) {
  // Whoever has taken the native reader hears of it natively.
  if (body.stream !== null || !body.used) readableStreamError(bodyStream(body), abortedReason(body.signal));
}

// === Reading it whole ===

/** A promise of `convert(value)`, value being a string or a Uint8Array that nobody else has. */
function consume(body, convert) {
  if (body === null) return PromiseResolve(convert(""));
  if (bodyUsed(body)) throw new TypeError(USED);
  if (isBodyLocked(body)) throw new TypeError(LOCKED);
  const source = takeBody(body);
  if (typeof source === "string") return PromiseResolve(convert(source));
  if (typeof source === "number") {
    return PromisePrototypeThen(op_body_read_all(source), convert, body.signal === null ? undefined : failure(body.signal));
  }
  if (isReadableStream(source)) return PromisePrototypeThen(readAllBytes(source), convert);
  return PromiseResolve(convert(copyBytes(source)));
}

/** Rejects with the signal's reason where the body was aborted, else with what it failed with. */
function failure(signal) {
  return (error) => {
    throw abortedReason(signal) ?? error;
  };
}

function toText(value) {
  const strips = flags.strip_bom_in_read_all_text;
  if (typeof value !== "string") return strips ? utf8Decode(value) : utf8DecodeWithoutBOM(value);
  // As though it had been encoded and decoded.
  const text = strips && StringPrototypeCharCodeAt(value, 0) === 0xfeff ? StringPrototypeSlice(value, 1) : value;
  return StringPrototypeToWellFormed(text);
}

function toBytes(value) {
  return typeof value === "string" ? utf8Encode(value) : value;
}

function toArrayBuffer(value) {
  const bytes = toBytes(value);
  const buffer = TypedArrayPrototypeGetBuffer(bytes);
  if (TypedArrayPrototypeGetByteLength(bytes) === ArrayBufferPrototypeGetByteLength(buffer)) return buffer;
  return TypedArrayPrototypeGetBuffer(copyBytes(bytes));
}

/**
 * Gives an interface the members of the Body mixin. `innerOf(this)` is the record with the `body` (it throws for a wrong receiver),
 * `listOf(inner)` its header list.
 */
export function mixinBody(Class, innerOf, listOf) {
  const reader = (convert) => (self) => {
    try {
      const inner = innerOf(self);
      return consume(inner.body, (value) => convert(value, inner));
    } catch (error) {
      return PromiseReject(error);
    }
  };
  const contentType = (inner) => listGet(listOf(inner), "content-type");
  const readArrayBuffer = reader(toArrayBuffer);
  const readBlob = reader((value, inner) => {
    const header = contentType(inner);
    if (!flags.blob_standard_mime_type) return newBlob(toBytes(value), header ?? "");
    const type = header === null ? null : extractMimeType(header);
    return newBlob(toBytes(value), type === null ? "" : serializeMimeType(type));
  });
  const readBytes = reader(toBytes);
  const readFormData = reader((value, inner) => parseFormData(toBytes(value), contentType(inner)));
  const readJson = reader((value) => parse(toText(value)));
  const readText = reader(toText);
  const mixin = {
    get body() { return bodyStream(innerOf(this).body); },
    get bodyUsed() { return bodyUsed(innerOf(this).body); },
    arrayBuffer() { return readArrayBuffer(this); },
    blob() { return readBlob(this); },
    bytes() { return readBytes(this); },
    formData() { return readFormData(this); },
    json() { return readJson(this); },
    text() { return readText(this); },
  };
  ObjectDefineProperties(Class.prototype, ObjectGetOwnPropertyDescriptors(mixin));
}

/** What the prototypes of Request and Response inherit from; the classes themselves don't, so that making one costs no call more. */
export class Body {
  constructor() {
    illegalConstructor();
  }
}

const REQUEST = 0;
const RESPONSE = 1;
const findRecord = [undefined, undefined];
const listOfRecord = [undefined, undefined];

/** The records of both kinds are told apart by their status. */
const kindOf = (record) => (record.status === undefined ? REQUEST : RESPONSE);
mixinBody(
  Body,
  (value) => findRecord[RESPONSE](value) ?? findRecord[REQUEST](value) ?? illegalInvocation(),
  (record) => listOfRecord[kindOf(record)](record),
);
defineInterface(Body);

/** Lets the prototype of `Class` inherit from Body's. `find(value)`: its record, undefined for anything else; `listOf(record)`: the header list. */
function inheritBody(Class, kind, find, listOf) {
  findRecord[kind] = find;
  listOfRecord[kind] = listOf;
  ObjectSetPrototypeOf(Class.prototype, Body.prototype);
}

export const inheritRequestBody = (Class, find, listOf) => inheritBody(Class, REQUEST, find, listOf);
export const inheritResponseBody = (Class, find, listOf) => inheritBody(Class, RESPONSE, find, listOf);
