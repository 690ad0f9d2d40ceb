// ReadableStream (Streams section 4.2).

import { isAbortSignal } from "../abort.js";
import { primordials } from "../primordials.js";
import { flags } from "../compatibility.js";
import { converters, defineInterface, describe, illegalInvocation, isObject, requiredArguments } from "../webidl.js";
import { readableFrom } from "./from.js";
import { makeIterator } from "./iterator.js";
import { pipe } from "./pipe.js";
import { kResolved, markAsHandled } from "./promises.js";
import { ByteController } from "./readable_byte.js";
import { DefaultController } from "./readable_default.js";
import { acquireReader, kInternal, Readable, readableCancel, UserSource } from "./readable_state.js";
import { ReadableStreamBYOBReader, ReadableStreamDefaultReader } from "./readers.js";
import { callbackMember, constructorIsOff, highWaterMarkOf, sizeAlgorithmOf, toStrategy } from "./strategy.js";
import { tee } from "./tee.js";
import { writableOf } from "./writable.js";
const {
  FunctionPrototypeCall, ObjectDefineProperty, PromiseReject, PromiseResolve, RangeError, SymbolAsyncIterator, TypeError,
} = primordials;

const ENFORCE_RANGE = { enforceRange: true };

let recordOf;

export class ReadableStream {
  #stream;

  static {
    recordOf = (value) => (#stream in value ? value.#stream : undefined);
  }

  constructor(underlyingSource = undefined, strategy = undefined) {
    if (underlyingSource === kInternal) {
      this.#stream = strategy;
      strategy.object = this;
      return;
    }
    if (!flags.streams_enable_constructors) throw constructorIsOff("ReadableStream");
    const stream = new Readable();
    this.#stream = stream;
    stream.object = this;
    setUpFromSource(stream, underlyingSource, strategy);
  }

  static from(asyncIterable) {
    requiredArguments(arguments.length, 1, "Failed to execute 'from' on 'ReadableStream'");
    return faceOf(readableFrom(asyncIterable));
  }

  get locked() {
    if (!isObject(this) || !(#stream in this)) illegalInvocation();
    return this.#stream.reader !== undefined;
  }

  cancel(reason = undefined) {
    if (!isObject(this) || !(#stream in this)) return PromiseReject(new TypeError("Illegal invocation"));
    if (this.#stream.reader !== undefined) {
      return PromiseReject(new TypeError("This ReadableStream is currently locked to a reader."));
    }
    return readableCancel(this.#stream, reason);
  }

  getReader(options = undefined) {
    if (!isObject(this) || !(#stream in this)) illegalInvocation();
    const prefix = "Failed to execute 'getReader' on 'ReadableStream'";
    const mode = dictionary(options, prefix, "ReadableStreamGetReaderOptions")?.mode;
    if (mode === undefined) return new ReadableStreamDefaultReader(this);
    const name = converters.DOMString(mode, prefix, "member mode");
    if (name !== "byob") throw new TypeError(`${prefix}: '${name}' is not a valid enum value of type ReadableStreamReaderMode.`);
    return new ReadableStreamBYOBReader(this);
  }

  pipeThrough(transform, options = undefined) {
    if (!isObject(this) || !(#stream in this)) illegalInvocation();
    const prefix = "Failed to execute 'pipeThrough' on 'ReadableStream'";
    requiredArguments(arguments.length, 1, prefix);
    const pair = dictionary(transform, prefix, "ReadableWritablePair");
    const readable = pair?.readable;
    if (!isReadableStream(readable)) throw new TypeError(describe(prefix, "member readable", "is not of type 'ReadableStream'."));
    const writable = writableOf(pair.writable);
    if (writable === undefined) throw new TypeError(describe(prefix, "member writable", "is not of type 'WritableStream'."));
    const { preventAbort, preventCancel, preventClose, signal } = toPipeOptions(options, prefix);
    if (this.#stream.reader !== undefined) throw new TypeError("This ReadableStream is currently locked to a reader.");
    if (writable.writer !== undefined) throw new TypeError("This WritableStream is currently locked to a writer.");
    markAsHandled(pipe(this.#stream, writable, preventClose, preventAbort, preventCancel, signal));
    return readable;
  }

  pipeTo(destination, options = undefined) {
    if (!isObject(this) || !(#stream in this)) return PromiseReject(new TypeError("Illegal invocation"));
    try {
      const prefix = "Failed to execute 'pipeTo' on 'ReadableStream'";
      requiredArguments(arguments.length, 1, prefix);
      const writable = writableOf(destination);
      if (writable === undefined) throw new TypeError(describe(prefix, "parameter 1", "is not of type 'WritableStream'."));
      const { preventAbort, preventCancel, preventClose, signal } = toPipeOptions(options, prefix);
      if (this.#stream.reader !== undefined) throw new TypeError("This ReadableStream is currently locked to a reader.");
      if (writable.writer !== undefined) throw new TypeError("This WritableStream is currently locked to a writer.");
      return pipe(this.#stream, writable, preventClose, preventAbort, preventCancel, signal);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  tee() {
    if (!isObject(this) || !(#stream in this)) illegalInvocation();
    const { first, second } = tee(this.#stream, false);
    return [faceOf(first), faceOf(second)];
  }

  values(options = undefined) {
    if (!isObject(this) || !(#stream in this)) illegalInvocation();
    const preventCancel = !!dictionary(options, "Failed to execute 'values' on 'ReadableStream'", "ReadableStreamIteratorOptions")?.preventCancel;
    return makeIterator(acquireReader(this.#stream), preventCancel);
  }
}
defineInterface(ReadableStream);
ObjectDefineProperty(ReadableStream.prototype, SymbolAsyncIterator, {
  __proto__: null, configurable: true, writable: true, value: ReadableStream.prototype.values,
});

/** The record of a ReadableStream, undefined for anything else. */
export function readableOf(value) {
  return isObject(value) ? recordOf(value) : undefined;
}

export function isReadableStream(value) {
  return readableOf(value) !== undefined;
}

/** The ReadableStream of a record. */
export function faceOf(stream) {
  return stream.object ?? new ReadableStream(kInternal, stream);
}

function dictionary(value, prefix, name) {
  if (value !== undefined && value !== null && !isObject(value)) throw new TypeError(`${prefix}: The value is not of type '${name}'.`);
  return value;
}

function setUpFromSource(stream, underlyingSource, strategyArgument) {
  const prefix = "Failed to construct 'ReadableStream'";
  if (underlyingSource !== undefined && !isObject(underlyingSource)) throw new TypeError(`${prefix}: parameter 1 is not of type 'object'.`);
  const strategy = toStrategy(strategyArgument, prefix);
  let autoAllocateChunkSize;
  let cancel;
  let pull;
  let start;
  let type;
  if (underlyingSource !== undefined) {
    autoAllocateChunkSize = underlyingSource.autoAllocateChunkSize;
    if (autoAllocateChunkSize !== undefined) {
      autoAllocateChunkSize = converters["unsigned long long"](autoAllocateChunkSize, prefix, "member autoAllocateChunkSize", ENFORCE_RANGE);
    }
    cancel = callbackMember(underlyingSource, "cancel", prefix);
    pull = callbackMember(underlyingSource, "pull", prefix);
    start = callbackMember(underlyingSource, "start", prefix);
    type = underlyingSource.type;
    if (type !== undefined) {
      type = converters.DOMString(type, prefix, "member type");
      if (type !== "bytes") throw new TypeError(`${prefix}: '${type}' is not a valid enum value of type ReadableStreamType.`);
    }
  }
  const source = new UserSource(underlyingSource, pull, cancel);
  let controller;
  if (type === undefined) {
    const sizeAlgorithm = sizeAlgorithmOf(strategy);
    controller = new DefaultController(stream, source, highWaterMarkOf(strategy, 1), sizeAlgorithm);
  } else {
    if (strategy.size !== undefined) throw new RangeError(`${prefix}: the strategy of a byte stream cannot have a size.`);
    const highWaterMark = highWaterMarkOf(strategy, 0);
    if (autoAllocateChunkSize === 0) throw new TypeError(`${prefix}: autoAllocateChunkSize must be greater than 0.`);
    controller = new ByteController(stream, source, highWaterMark, autoAllocateChunkSize);
    controller.isWorkers = true;
  }
  const started = start === undefined ? undefined : FunctionPrototypeCall(start, underlyingSource, controller.face);
  controller.startAfter(started === undefined ? kResolved : PromiseResolve(started));
}

/** Converts StreamPipeOptions. */
function toPipeOptions(value, prefix) {
  if (value === undefined || value === null) return kNoPipeOptions;
  dictionary(value, prefix, "StreamPipeOptions");
  const preventAbort = !!value.preventAbort;
  const preventCancel = !!value.preventCancel;
  const preventClose = !!value.preventClose;
  const { signal } = value;
  if (signal !== undefined && !isAbortSignal(signal)) throw new TypeError(describe(prefix, "member signal", "is not of type 'AbortSignal'."));
  return { preventAbort, preventCancel, preventClose, signal };
}

const kNoPipeOptions = { preventAbort: false, preventCancel: false, preventClose: false, signal: undefined };

