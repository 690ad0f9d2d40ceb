// ReadableStreamDefaultReader and ReadableStreamBYOBReader as a Worker sees them (Streams section 4.3-4.5), with Cloudflare's readAtLeast.

import { primordials } from "../primordials.js";
import { flags } from "../compatibility.js";
import { converters, defineInterface, illegalInvocation, isObject, requiredArguments } from "../webidl.js";
import { readableOf } from "./readable.js";
import { constructorOf, readInto } from "./readable_byte.js";
import { acquireReader, PromiseReadRequest, readableCancel, readPromise, releaseReader } from "./readable_state.js";
import { isDetached, requireView, viewBuffer, viewByteLength, viewByteOffset } from "./strategy.js";
const {
  ArrayBuffer, ArrayBufferPrototypeGetByteLength, DataView, PromisePrototypeThen, PromiseReject, RangeError, TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, TypeError, Uint8Array,
} = primordials;

const ENFORCE_RANGE = { enforceRange: true };

function wrongReceiver() {
  return PromiseReject(new TypeError("Illegal invocation"));
}

function released() {
  return PromiseReject(new TypeError("This ReadableStream reader has been released."));
}

/** The record behind the stream passed to a reader's constructor. */
function streamArgument(value, name, argumentCount) {
  const prefix = `Failed to construct '${name}'`;
  requiredArguments(argumentCount, 1, prefix);
  const stream = readableOf(value);
  if (stream === undefined) throw new TypeError(`${prefix}: parameter 1 is not of type 'ReadableStream'.`);
  return stream;
}

export class ReadableStreamDefaultReader {
  #reader;

  constructor(stream) {
    this.#reader = acquireReader(streamArgument(stream, "ReadableStreamDefaultReader", arguments.length));
  }

  get closed() {
    return isObject(this) && #reader in this ? this.#reader.closed.promise : wrongReceiver();
  }

  cancel(reason = undefined) {
    if (!isObject(this) || !(#reader in this)) return wrongReceiver();
    const { stream } = this.#reader;
    return stream === undefined ? released() : readableCancel(stream, reason);
  }

  read() {
    if (!isObject(this) || !(#reader in this)) return wrongReceiver();
    const reader = this.#reader;
    return reader.stream === undefined ? released() : readPromise(reader);
  }

  releaseLock() {
    if (!isObject(this) || !(#reader in this)) illegalInvocation();
    if (this.#reader.stream !== undefined) releaseReader(this.#reader);
  }
}
defineInterface(ReadableStreamDefaultReader);

export class ReadableStreamBYOBReader {
  #reader;

  constructor(stream) {
    this.#reader = acquireReader(streamArgument(stream, "ReadableStreamBYOBReader", arguments.length), true);
  }

  get closed() {
    return isObject(this) && #reader in this ? this.#reader.closed.promise : wrongReceiver();
  }

  cancel(reason = undefined) {
    if (!isObject(this) || !(#reader in this)) return wrongReceiver();
    const { stream } = this.#reader;
    return stream === undefined ? released() : readableCancel(stream, reason);
  }

  read(view, options = undefined) {
    if (!isObject(this) || !(#reader in this)) return wrongReceiver();
    try {
      const prefix = "Failed to execute 'read' on 'ReadableStreamBYOBReader'";
      requiredArguments(arguments.length, 1, prefix);
      requireView(view, prefix);
      if (options !== undefined && options !== null && !isObject(options)) {
        throw new TypeError(`${prefix}: parameter 2 is not of type 'ReadableStreamBYOBReaderReadOptions'.`);
      }
      const given = options?.min;
      const min = given === undefined ? 1 : converters["unsigned long long"](given, prefix, "member min", ENFORCE_RANGE);
      return readAtLeast(this.#reader, min, view, prefix);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  /** Cloudflare's: resolves once `minBytes` elements are there, or the stream ends. */
  readAtLeast(minBytes, view) {
    if (!isObject(this) || !(#reader in this)) return wrongReceiver();
    try {
      const prefix = "Failed to execute 'readAtLeast' on 'ReadableStreamBYOBReader'";
      requiredArguments(arguments.length, 2, prefix);
      const min = converters["unsigned long long"](minBytes, prefix, "parameter 1", ENFORCE_RANGE);
      requireView(view, prefix);
      return readAtLeast(this.#reader, min, view, prefix);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  releaseLock() {
    if (!isObject(this) || !(#reader in this)) illegalInvocation();
    if (this.#reader.stream !== undefined) releaseReader(this.#reader);
  }
}
defineInterface(ReadableStreamBYOBReader);

function readAtLeast(reader, min, view, prefix) {
  const buffer = viewBuffer(view);
  if (isDetached(buffer)) throw new TypeError(`${prefix}: the view's buffer is detached.`);
  if (viewByteLength(view) === 0) throw new TypeError(`${prefix}: the view is empty.`);
  if (ArrayBufferPrototypeGetByteLength(buffer) === 0) throw new TypeError(`${prefix}: the view's buffer is empty.`);
  if (min === 0) throw new TypeError(`${prefix}: the minimum must be greater than 0.`);
  const length = TypedArrayPrototypeGetSymbolToStringTag(view) === undefined ? viewByteLength(view) : TypedArrayPrototypeGetLength(view);
  if (min > length) throw new RangeError(`${prefix}: the minimum is larger than the view.`);
  if (reader.stream === undefined) return released();
  const request = new PromiseReadRequest();
  if (isOld(reader.stream)) return readOldWay(reader, view, min, request);
  readInto(reader, view, min, request);
  return request.promise;
}

/** Streams of the runtime's own once read otherwise (streams_byob_reader_detaches_buffer, internal_stream_byob_return_view). */
function isOld(stream) {
  return !(flags.streams_byob_reader_detaches_buffer && flags.internal_stream_byob_return_view) && !stream.controller.isWorkers;
}

function readOldWay(reader, view, min, request) {
  const buffer = viewBuffer(view);
  const offset = viewByteOffset(view);
  const keeps = !flags.streams_byob_reader_detaches_buffer;
  readInto(reader, keeps ? sameKind(view, new ArrayBuffer(viewByteLength(view)), 0, viewByteLength(view)) : view, min, request);
  return PromisePrototypeThen(request.promise, (result) => {
    const { done, value } = result;
    if (done && !flags.internal_stream_byob_return_view) return { done, value: undefined };
    if (!keeps || value === undefined) return result;
    const bytes = new Uint8Array(viewBuffer(value), viewByteOffset(value), viewByteLength(value));
    TypedArrayPrototypeSet(new Uint8Array(buffer, offset, viewByteLength(value)), bytes);
    return { done, value: sameKind(view, buffer, offset, viewByteLength(value)) };
  });
}

/** A view of the kind of another one. */
function sameKind(view, buffer, offset, byteLength) {
  const View = constructorOf(view);
  return new View(buffer, offset, View === DataView ? byteLength : byteLength / View.BYTES_PER_ELEMENT);
}

