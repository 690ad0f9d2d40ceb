// Cloudflare's IdentityTransformStream and FixedLengthStream: bytes through, each write waiting until its bytes have been read.

import { primordials } from "../primordials.js";
import { converters, defineInterface, isObject, requiredArguments } from "../webidl.js";
import { bytesOf, notBytesWritten } from "./native.js";
import { Deferred, kResolved } from "./promises.js";
import { faceOf } from "./readable.js";
import { cloneBytes, createReadableBytes } from "./readable_byte.js";
import { kInternal, READABLE } from "./readable_state.js";
import { setMakeIdentity, TransformStream } from "./transform.js";
import { createWritable } from "./writable_state.js";
import { writableFaceOf } from "./writable.js";
const {
  Number, PromiseReject, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypeError,
} = primordials;

/** The sink of the writable side and the source of the readable side. */
class Identity {
  readable;
  writable;
  // Bytes that a write has brought and nobody has asked for yet.
  #waiting = undefined;
  // Settles the write under way once its bytes have been read.
  #taken = undefined;
  // How many bytes may still come; undefined without a limit.
  #remaining;
  // The chunks that are written belong to nobody else, so that they needn't be copied.
  #owned = false;

  constructor(highWaterMark, expectedLength) {
    this.#remaining = expectedLength;
    this.readable = createReadableBytes(this);
    this.readable.expectedLength = expectedLength;
    this.readable.controller.onDrain = () => this.#drained();
    this.writable = highWaterMark === undefined
      ? createWritable(this, 1, undefined, kResolved)
      : createWritable(this, highWaterMark, sizeOfBytes, kResolved);
  }

  // === The sink ===

  write(chunk) {
    const bytes = bytesOf(chunk);
    if (bytes === undefined) {
      return this.#fail(notBytesWritten(chunk));
    }
    const length = TypedArrayPrototypeGetByteLength(bytes);
    if (length === 0) return kResolved;
    if (this.#remaining !== undefined) {
      if (length > this.#remaining) return this.#fail(new TypeError("Attempt to write too many bytes through a FixedLengthStream."));
      this.#remaining -= length;
    }
    this.#waiting = bytes;
    const { reader } = this.readable;
    if (reader !== undefined && !reader.requests.empty) this.pull();
    if (this.#waiting === undefined && this.readable.controller.queueTotalSize === 0) return kResolved;
    this.#taken = new Deferred();
    return this.#taken.promise;
  }

  close() {
    if (this.#remaining !== undefined && this.#remaining > 0) {
      return this.#fail(new TypeError("FixedLengthStream did not see all expected bytes before close()."));
    }
    this.readable.controller.end();
    return kResolved;
  }

  refuse(chunk) {
    return bytesOf(chunk) === undefined ? notBytesWritten(chunk) : undefined;
  }

  receiveOwned(owned) {
    this.#owned = owned;
  }

  abortStarted(reason) {
    this.#drop(reason);
    this.readable.controller.error(reason);
  }

  abort() {
    return kResolved;
  }

  /** Nobody will read what the write under way brought. */
  #drop(reason) {
    this.#waiting = undefined;
    const taken = this.#taken;
    this.#taken = undefined;
    if (taken !== undefined) taken.reject(reason);
  }

  #fail(error) {
    this.readable.controller.error(error);
    return PromiseReject(error);
  }

  // === The source ===

  get pulls() {
    return true;
  }

  pull() {
    const bytes = this.#waiting;
    if (bytes !== undefined) {
      this.#waiting = undefined;
      // A writer keeps its buffer, the reader gets one of its own.
      const chunk = this.#owned
        ? bytes
        : cloneBytes(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes), TypedArrayPrototypeGetByteLength(bytes));
      const { controller } = this.readable;
      controller.enqueueOwned(
        chunk, TypedArrayPrototypeGetBuffer(chunk), TypedArrayPrototypeGetByteOffset(chunk), TypedArrayPrototypeGetByteLength(chunk),
      );
      if (controller.queueTotalSize === 0) this.#drained();
    }
    return kResolved;
  }

  cancel(reason) {
    this.writable.controller.errorIfNeeded(reason);
    this.#drop(reason);
    return kResolved;
  }

  #drained() {
    const taken = this.#taken;
    if (taken === undefined || this.#waiting !== undefined) return;
    this.#taken = undefined;
    taken.resolve(undefined);
  }
}

function sizeOfBytes(chunk) {
  const bytes = bytesOf(chunk);
  return bytes === undefined ? 0 : TypedArrayPrototypeGetByteLength(bytes);
}

function toHighWaterMark(strategy, prefix) {
  if (strategy === undefined || strategy === null) return undefined;
  if (!isObject(strategy)) throw new TypeError(`${prefix}: The strategy is not of type 'IdentityTransformStreamQueuingStrategy'.`);
  const { highWaterMark } = strategy;
  return highWaterMark === undefined ? undefined : converters["unsigned long long"](highWaterMark, prefix, "member highWaterMark", { enforceRange: true });
}

setMakeIdentity(() => new Identity(undefined, undefined));

export class IdentityTransformStream extends TransformStream {
  constructor(strategy = undefined, expectedLength = undefined) {
    const isFixed = strategy === kInternal;
    const identity = isFixed ? expectedLength : new Identity(toHighWaterMark(strategy, "Failed to construct 'IdentityTransformStream'"), undefined);
    super(kInternal, faceOf(identity.readable), writableFaceOf(identity.writable));
  }
}
defineInterface(IdentityTransformStream);

export class FixedLengthStream extends IdentityTransformStream {
  constructor(expectedLength, strategy = undefined) {
    const prefix = "Failed to construct 'FixedLengthStream'";
    requiredArguments(arguments.length, 1, prefix);
    const length = typeof expectedLength === "bigint" ? Number(expectedLength) : expectedLength;
    const expected = converters["unsigned long long"](length, prefix, "parameter 1", { enforceRange: true });
    super(kInternal, new Identity(toHighWaterMark(strategy, prefix), expected));
  }
}
defineInterface(FixedLengthStream);

/** How many bytes a stream will yield, where it knows: undefined otherwise, and once it has been read from. */
export function expectedLengthOf(stream) {
  return stream.disturbed || stream.state !== READABLE ? undefined : stream.expectedLength;
}
