// Queuing strategies (Streams section 7) and the conversions of Web IDL types that the streams' constructors share.

import { primordials } from "../primordials.js";
import { converters, defineInterface, describe, illegalInvocation, isObject, requiredArguments } from "../webidl.js";
const {
  ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached, DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset, Error, FunctionPrototypeCall, NumberIsNaN, RangeError, TypeError,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
} = primordials;

const toDouble = converters["unrestricted double"];

function initHighWaterMark(init, name, argumentCount) {
  const prefix = `Failed to construct '${name}'`;
  requiredArguments(argumentCount, 1, prefix);
  if (init !== undefined && init !== null && !isObject(init)) throw new TypeError(describe(prefix, "parameter 1", "is not of type 'QueuingStrategyInit'."));
  const highWaterMark = init?.highWaterMark;
  if (highWaterMark === undefined) throw new TypeError(`${prefix}: Missing required member 'highWaterMark' of QueuingStrategyInit.`);
  return toDouble(highWaterMark, prefix, "member highWaterMark");
}

// The `size` attributes return one function per realm, which is no method of anything: arrows have no prototype and no [[Construct]].
const countSize = { size: () => 1 }.size;
const byteLengthSize = { size: (chunk) => chunk.byteLength }.size;

export class CountQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    this.#highWaterMark = initHighWaterMark(init, "CountQueuingStrategy", arguments.length);
  }

  get highWaterMark() {
    if (!isObject(this) || !(#highWaterMark in this)) illegalInvocation();
    return this.#highWaterMark;
  }

  get size() {
    if (!isObject(this) || !(#highWaterMark in this)) illegalInvocation();
    return countSize;
  }
}
defineInterface(CountQueuingStrategy);

export class ByteLengthQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    this.#highWaterMark = initHighWaterMark(init, "ByteLengthQueuingStrategy", arguments.length);
  }

  get highWaterMark() {
    if (!isObject(this) || !(#highWaterMark in this)) illegalInvocation();
    return this.#highWaterMark;
  }

  get size() {
    if (!isObject(this) || !(#highWaterMark in this)) illegalInvocation();
    return byteLengthSize;
  }
}
defineInterface(ByteLengthQueuingStrategy);

/** A member of callback function type: undefined when absent, else callable. */
export function callbackMember(dictionary, key, name) {
  const value = dictionary[key];
  if (value === undefined) return undefined;
  if (typeof value !== "function") throw new TypeError(`${name}: member ${key} is not a function.`);
  return value;
}

/** Converts a QueuingStrategy: `{ highWaterMark, size }`, each undefined when absent. */
export function toStrategy(value, prefix) {
  if (value === undefined || value === null) return kNoStrategy;
  if (!isObject(value)) throw new TypeError(`${prefix}: The strategy is not of type 'QueuingStrategy'.`);
  let highWaterMark = value.highWaterMark;
  if (highWaterMark !== undefined) highWaterMark = toDouble(highWaterMark, prefix, "member highWaterMark");
  return { highWaterMark, size: callbackMember(value, "size", prefix) };
}

const kNoStrategy = { highWaterMark: undefined, size: undefined };

/** ExtractHighWaterMark. */
export function highWaterMarkOf(strategy, fallback) {
  const { highWaterMark } = strategy;
  if (highWaterMark === undefined) return fallback;
  if (NumberIsNaN(highWaterMark) || highWaterMark < 0) throw new RangeError(`The highWaterMark ${highWaterMark} is invalid: it must be a non-negative number.`);
  return highWaterMark;
}

/** ExtractSizeAlgorithm; undefined stands for "every chunk counts 1", which callers then needn't call. */
export function sizeAlgorithmOf(strategy) {
  const { size } = strategy;
  if (size === undefined) return undefined;
  return (chunk) => toDouble(FunctionPrototypeCall(size, undefined, chunk));
}

/** The check of EnqueueValueWithSize. */
export function checkChunkSize(size) {
  if (!(size >= 0) || size === Infinity) throw new RangeError(`The size of a chunk must be a finite, non-negative number, but is ${size}.`);
}

// === Views ===

export function viewBuffer(view) {
  return TypedArrayPrototypeGetSymbolToStringTag(view) === undefined ? DataViewPrototypeGetBuffer(view) : TypedArrayPrototypeGetBuffer(view);
}

export function viewByteLength(view) {
  return TypedArrayPrototypeGetSymbolToStringTag(view) === undefined ? DataViewPrototypeGetByteLength(view) : TypedArrayPrototypeGetByteLength(view);
}

export function viewByteOffset(view) {
  return TypedArrayPrototypeGetSymbolToStringTag(view) === undefined ? DataViewPrototypeGetByteOffset(view) : TypedArrayPrototypeGetByteOffset(view);
}

/** Throws unless `view` is an ArrayBufferView over unshared memory. */
export function requireView(view, prefix) {
  if (!ArrayBufferIsView(view)) throw new TypeError(`${prefix}: parameter 1 is not of type 'ArrayBufferView'.`);
  // A SharedArrayBuffer fails this getter's own brand check.
  ArrayBufferPrototypeGetByteLength(viewBuffer(view));
}

export function isDetached(buffer) {
  return ArrayBufferPrototypeGetDetached(buffer);
}

/** Whether a view is over shared memory. */
export function isShared(view) {
  try {
    ArrayBufferPrototypeGetByteLength(viewBuffer(view));
    return false;
  } catch {
    // A SharedArrayBuffer fails the getter's own brand check.
    return true;
  }
}

/** For `new ReadableStream()` and `new WritableStream()` of Workers without the flag. */
export function constructorIsOff(name) {
  return new Error(
    `To use the new ${name}() constructor, enable the streams_enable_constructors compatibility flag. Refer to the docs for more information: ` +
      "https://developers.cloudflare.com/workers/platform/compatibility-dates/#compatibility-flags",
  );
}
