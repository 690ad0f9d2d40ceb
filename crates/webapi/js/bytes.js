// Plain byte arrays: views and copies that no change of the builtins can divert, and a stream of bytes that are at hand.

import { primordials } from "./primordials.js";
import { kResolved } from "./streams/promises.js";
import { faceOf } from "./streams/readable.js";
import { createReadableBytes } from "./streams/readable_byte.js";
import { isDetached, viewBuffer, viewByteLength, viewByteOffset } from "./streams/strategy.js";
const {
  ArrayBufferIsView, MathMin, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, Uint8Array,
} = primordials;

const STREAM_CHUNK = 64 * 1024;

/** A Uint8Array on the memory of an ArrayBuffer or of any view; an empty one where that memory is gone. */
export function asBytes(source) {
  if (!ArrayBufferIsView(source)) return isGone(source) ? new Uint8Array(0) : new Uint8Array(source);
  if (isGone(viewBuffer(source))) return new Uint8Array(0);
  if (TypedArrayPrototypeGetSymbolToStringTag(source) === "Uint8Array") return source;
  return new Uint8Array(viewBuffer(source), viewByteOffset(source), viewByteLength(source));
}

/** Whether a buffer is detached, which shared ones never are. */
function isGone(buffer) {
  try {
    return isDetached(buffer);
  } catch {
    return false;
  }
}

/** A copy of a BufferSource's bytes. */
export function copyBytes(source) {
  const bytes = asBytes(source);
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
}

/** A view of `bytes` from `start` to `end`, without the species lookup of `subarray`. */
export function viewBytes(bytes, start, end) {
  return new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + start, end - start);
}

/** One array of all chunks; `length` is their sum. */
export function concatBytes(chunks, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < chunks.length; i++) {
    TypedArrayPrototypeSet(whole, chunks[i], at);
    at += TypedArrayPrototypeGetByteLength(chunks[i]);
  }
  return whole;
}

class ChunkSource {
  #chunks;
  #index = 0;
  #offset = 0;

  constructor(chunks) {
    this.#chunks = chunks;
  }

  get pulls() {
    return true;
  }

  pull(controller) {
    if (this.#index < this.#chunks.length) {
      const chunk = this.#chunks[this.#index];
      const length = TypedArrayPrototypeGetByteLength(chunk);
      const end = MathMin(this.#offset + STREAM_CHUNK, length);
      controller.enqueue(copyBytes(viewBytes(chunk, this.#offset, end)));
      this.#offset = end;
      if (end === length) {
        this.#index++;
        this.#offset = 0;
      }
    }
    if (this.#index === this.#chunks.length) {
      controller.close();
      // A read into a buffer that waits still is answered by hand.
      if (!controller.pullIntos.empty) controller.respond(0);
    }
    return kResolved;
  }

  cancel() {
    return kResolved;
  }
}

/** A ReadableStream of copies of the chunks, none of them empty; `length` is their sum. */
export function streamOfChunks(chunks, length) {
  const stream = createReadableBytes(new ChunkSource(chunks));
  stream.expectedLength = length;
  return faceOf(stream);
}
