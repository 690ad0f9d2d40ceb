// Streams over native bodies, and JavaScript streams into native ones. Chunks of a native body belong to nobody else, so none is copied or
// transferred on its way to the reader, and while nothing is queued a read is one op.

import { abortedReason } from "../abort.js";
import { primordials } from "../primordials.js";
import {
  op_body_abort, op_body_cancel, op_body_close, op_body_gone, op_body_read, op_body_read_all, op_body_tee, op_body_write,
} from "skerry:ops";
import { Deferred, kResolved, markAsHandled, noop } from "./promises.js";
import { Queue } from "./queue.js";
import { ByteController, cloneBytes } from "./readable_byte.js";
import {
  acquireReader, kNothing, Readable, READABLE, readableCancel, readableClose, readWith,
} from "./readable_state.js";
import { isDetached, isShared, viewBuffer, viewByteLength, viewByteOffset } from "./strategy.js";
const {
  ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, Error, PromisePrototypeThen, PromiseReject, String,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet, TypeError, Uint8Array,
} = primordials;

const NO_OPTIONS = { onCancel: undefined };

// === Out of native bodies ===

/** A controller whose source is `op_body_read`. */
class NativeController extends ByteController {
  #onCancel;
  // The promise of a read that was begun before anybody could wait for it.
  #read = undefined;
  #onChunk = (chunk) => this.#arrived(chunk);

  constructor(stream, rid, onCancel) {
    super(stream, undefined, 0, undefined);
    this.rid = rid;
    this.#onCancel = onCancel;
    // The controller is its own source.
    this.source = this;
    this.started = true;
  }

  takeNow() {
    if (this.queueTotalSize > 0) return super.takeNow();
    if (this.pulling || this.#read !== undefined || this.stream.state !== READABLE || this.rid === -1) return kNothing;
    for (;;) {
      let result;
      try {
        result = op_body_read(this.rid);
      } catch (error) {
        this.error(error);
        return kNothing;
      }
      if (result === null) {
        this.#ended();
        return kNothing;
      }
      if (TypedArrayPrototypeGetSymbolToStringTag(result) === undefined) {
        this.#read = result;
        return kNothing;
      }
      // An empty chunk is no chunk.
      if (TypedArrayPrototypeGetByteLength(result) > 0) return result;
    }
  }

  // === The underlying source ===

  get pulls() {
    return this.rid !== -1;
  }

  pull() {
    let result = this.#read;
    this.#read = undefined;
    if (result === undefined) {
      try {
        result = op_body_read(this.rid);
      } catch (error) {
        return PromiseReject(error);
      }
      if (result === null || TypedArrayPrototypeGetSymbolToStringTag(result) !== undefined) {
        this.#arrived(result);
        return kResolved;
      }
    }
    return PromisePrototypeThen(result, this.#onChunk);
  }

  #arrived(chunk) {
    if (this.stream.state !== READABLE) return;
    if (chunk === null) {
      this.#ended();
      return;
    }
    const length = TypedArrayPrototypeGetByteLength(chunk);
    if (length === 0) this.pullAgain = true;
    else this.enqueueOwned(chunk, TypedArrayPrototypeGetBuffer(chunk), TypedArrayPrototypeGetByteOffset(chunk), length);
  }

  #ended() {
    this.rid = -1;
    this.end();
  }

  cancel(reason) {
    if (this.rid !== -1) op_body_cancel(this.rid);
    this.rid = -1;
    if (this.#onCancel !== undefined) this.#onCancel(reason);
    return kResolved;
  }

  error(reason) {
    if (this.rid !== -1) op_body_cancel(this.rid);
    this.rid = -1;
    super.error(reason);
  }
}

/** A record over the native body `rid`. `onCancel(reason)` is called when a Worker cancels it. */
export function nativeReadable(rid, { onCancel } = NO_OPTIONS) {
  const stream = new Readable();
  new NativeController(stream, rid, onCancel);
  return stream;
}

/** The native body behind an unread, unlocked stream, or -1. */
export function nativeRidOf(stream) {
  return stream.disturbed || stream.reader !== undefined || stream.state !== READABLE ? -1 : stream.controller.rid;
}

/** Takes the native body away from its stream, which is closed and disturbed from here on. */
export function detachRid(stream) {
  const { controller } = stream;
  const { rid } = controller;
  controller.rid = -1;
  stream.disturbed = true;
  controller.clearAlgorithms();
  readableClose(stream);
  return rid;
}

/** Splits a native stream natively: `{ first, second }`, or undefined when it isn't one. */
export function teeNative(stream) {
  if (nativeRidOf(stream) === -1) return undefined;
  acquireReader(stream);
  const rids = op_body_tee(detachRid(stream));
  const { expectedLength } = stream;
  const first = nativeReadable(rids[0]);
  const second = nativeReadable(rids[1]);
  first.expectedLength = expectedLength;
  second.expectedLength = expectedLength;
  return { first, second };
}

// === Bytes of chunks ===

/** The chunk as a Uint8Array over the same memory; undefined when it isn't bytes. */
export function bytesOf(chunk) {
  if (ArrayBufferIsView(chunk)) {
    if (TypedArrayPrototypeGetSymbolToStringTag(chunk) === "Uint8Array") return chunk;
    if (!isShared(chunk) && isDetached(viewBuffer(chunk))) return new Uint8Array(0);
    return new Uint8Array(viewBuffer(chunk), viewByteOffset(chunk), viewByteLength(chunk));
  }
  try {
    ArrayBufferPrototypeGetByteLength(chunk);
  } catch {
    // The getter's brand check says that this is no ArrayBuffer.
    return undefined;
  }
  return isDetached(chunk) ? new Uint8Array(0) : new Uint8Array(chunk);
}

/** The error for a chunk that isn't bytes where they are read. */
export function notBytes() {
  return new TypeError("This ReadableStream did not return bytes.");
}

/** The error for a chunk that is written where bytes are wanted. */
export function notBytesWritten(chunk) {
  return new TypeError(typeof chunk === "string"
    ? "This TransformStream is being used as a byte stream, but received a string on its writable side. If you wish to write a string, you'll probably want to explicitly UTF-8-encode it with TextEncoder."
    : "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.");
}

// === A whole stream ===

/** Reads everything: a promise of one Uint8Array that nobody else holds. The stream stays locked. */
export function readAll(stream) {
  if (nativeRidOf(stream) !== -1) {
    acquireReader(stream);
    return op_body_read_all(detachRid(stream));
  }
  return new ReadAll(stream).done.promise;
}

class ReadAll {
  next = undefined;
  done = new Deferred();
  #reader;
  #owned;
  #chunks = new Queue();
  #length = 0;
  // Guards against recursion when chunks arrive while reading.
  #inLoop = false;
  #arrived = false;
  #finished = false;

  constructor(stream) {
    this.#reader = acquireReader(stream);
    // The chunks of byte streams belong to their reader alone; others may be written to after they have been enqueued.
    this.#owned = stream.controller.isByteController;
    this.#loop();
  }

  #loop() {
    this.#inLoop = true;
    do {
      this.#arrived = false;
      readWith(this.#reader, this);
    } while (this.#arrived && !this.#finished);
    this.#inLoop = false;
  }

  chunk(chunk) {
    const bytes = bytesOf(chunk);
    if (bytes === undefined) {
      const error = notBytes();
      this.#finished = true;
      markAsHandled(readableCancel(this.#reader.stream, error));
      this.done.reject(error);
      return;
    }
    const length = TypedArrayPrototypeGetByteLength(bytes);
    if (length > 0) {
      const kept = this.#owned ? bytes : cloneBytes(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes), length);
      this.#chunks.push({ next: undefined, bytes: kept, length });
      this.#length += length;
    }
    if (this.#inLoop) this.#arrived = true;
    else this.#loop();
  }

  close() {
    this.#finished = true;
    this.done.resolve(this.#concatenate());
  }

  error(reason) {
    this.#finished = true;
    this.done.reject(reason);
  }

  #concatenate() {
    const { head } = this.#chunks;
    if (head === undefined) return new Uint8Array(0);
    if (head.next === undefined && ArrayBufferPrototypeGetByteLength(TypedArrayPrototypeGetBuffer(head.bytes)) === head.length) return head.bytes;
    const whole = new Uint8Array(this.#length);
    let offset = 0;
    for (let node = head; node !== undefined; node = node.next) {
      TypedArrayPrototypeSet(whole, node.bytes, offset);
      offset += node.length;
    }
    return whole;
  }
}

// === Into native bodies ===

/**
 * Reads a stream to its end into a native writer, no faster than that takes it. Rejects with the error that ended the stream early. When nobody
 * reads the native body any more the stream is cancelled, and that is no error. `broken`: what the reader is told of an early end. `signal`: whose
 * reason the stream is cancelled with, if that is why.
 */
export function pump(stream, writerRid, broken = undefined, signal = null) {
  return new Pump(stream, writerRid, broken, signal).done.promise;
}

class Pump {
  next = undefined;
  done = new Deferred();
  #reader;
  #rid;
  #inLoop = false;
  #again = false;
  #goOn = () => this.#loop();
  #finished = false;
  // What the body's reader is told when the stream ends early, if not the reason.
  #broken;
  #signal;
  #readerGone = () => {
    if (this.#finished) return;
    const finish = () => this.done.resolve(undefined);
    const reason = this.#signal === null ? undefined : abortedReason(this.#signal);
    PromisePrototypeThen(this.#cancel(reason ?? new Error("The body's reader is gone.")), finish, finish);
  };

  constructor(stream, rid, broken, signal) {
    this.#signal = signal;
    this.#reader = acquireReader(stream);
    this.#rid = rid;
    this.#broken = broken;
    PromisePrototypeThen(op_body_gone(rid), this.#readerGone, noop);
    this.#loop();
  }

  #loop() {
    this.#inLoop = true;
    do {
      this.#again = false;
      readWith(this.#reader, this);
    } while (this.#again);
    this.#inLoop = false;
  }

  chunk(chunk) {
    const bytes = bytesOf(chunk);
    if (bytes === undefined) {
      const error = notBytes();
      const finish = () => this.done.reject(error);
      PromisePrototypeThen(this.#cancel(error), finish, finish);
      return;
    }
    let room;
    try {
      room = op_body_write(this.#rid, bytes);
    } catch {
      // The only reason for which a write fails: a stream of known length has counted its bytes itself.
      this.#readerGone();
      return;
    }
    if (room !== undefined) PromisePrototypeThen(room, this.#goOn, this.#readerGone);
    else if (this.#inLoop) this.#again = true;
    else this.#loop();
  }

  close() {
    if (this.#finished) return;
    this.#finished = true;
    try {
      const closed = op_body_close(this.#rid);
      if (closed !== undefined) {
        PromisePrototypeThen(closed, this.done.resolve, this.done.reject);
        return;
      }
    } catch (error) {
      this.done.reject(error);
      return;
    }
    this.done.resolve(undefined);
  }

  error(reason) {
    if (this.#finished) return;
    this.#finished = true;
    op_body_abort(this.#rid, this.#broken ?? describeError(reason));
    this.done.reject(reason);
  }

  #cancel(reason) {
    this.#finished = true;
    op_body_abort(this.#rid, this.#broken ?? describeError(reason));
    return readableCancel(this.#reader.stream, reason);
  }
}

function describeError(reason) {
  try {
    return String(reason);
  } catch {
    // Whatever the Worker failed with cannot even be turned into a string.
    return "The stream failed.";
  }
}
