// The Streams standard (https://streams.spec.whatwg.org) with Cloudflare's additions, and what the runtime's other files need of it.
// Classes are re-exported; the functions below take and return public streams. Inside ./streams everything works on their records.

import { expectedLengthOf } from "./streams/identity.js";
import { detachRid, nativeReadable, nativeRidOf, pump, readAll } from "./streams/native.js";
import { callForPromise1, kResolved } from "./streams/promises.js";
import { faceOf, readableOf } from "./streams/readable.js";
import { createReadable } from "./streams/readable_default.js";
import { ByteController } from "./streams/readable_byte.js";
import { Readable, readableCancel } from "./streams/readable_state.js";
import { tee } from "./streams/tee.js";
import { viewBuffer, viewByteLength, viewByteOffset } from "./streams/strategy.js";

export { FixedLengthStream, IdentityTransformStream } from "./streams/identity.js";
export { isReadableStream, ReadableStream } from "./streams/readable.js";
export { ReadableByteStreamController, ReadableStreamBYOBRequest } from "./streams/readable_byte_faces.js";
export { ReadableStreamDefaultController } from "./streams/readable_default.js";
export { ReadableStreamBYOBReader, ReadableStreamDefaultReader } from "./streams/readers.js";
export { ByteLengthQueuingStrategy, CountQueuingStrategy } from "./streams/strategy.js";
export { createTransformStream, TransformStream, TransformStreamDefaultController } from "./streams/transform.js";
export { WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter } from "./streams/writable.js";
export { markAsHandled } from "./streams/promises.js";

/** A byte stream over the native body `rid`, read lazily. `onCancel(reason)` is called when it is cancelled. */
export function readableStreamFromNative(rid, options = undefined) {
  return faceOf(nativeReadable(rid, options));
}

/** The native body behind an unread, unlocked stream, so that it can be passed on without JavaScript; else -1. */
export function nativeRid(stream) {
  return nativeRidOf(readableOf(stream));
}

/** Takes the native body away from a stream for which `nativeRid` gave one. The stream is closed and disturbed from here on. */
export function detachNative(stream) {
  return detachRid(readableOf(stream));
}

export function isDisturbed(stream) {
  return readableOf(stream).disturbed;
}

export function isLocked(stream) {
  return readableOf(stream).reader !== undefined;
}

/** How many bytes the stream will yield (a FixedLengthStream's readable side that is unread): Content-Length. Else undefined. */
export function expectedLength(stream) {
  return expectedLengthOf(readableOf(stream));
}

/** A byte stream of one chunk, which is taken over. */
export function readableStreamFromBytes(bytes) {
  const stream = new Readable();
  const controller = new ByteController(stream, { __proto__: null, pulls: false, cancel: () => kResolved }, 0, undefined);
  const byteLength = viewByteLength(bytes);
  controller.started = true;
  if (byteLength > 0) controller.enqueueOwned(bytes, viewBuffer(bytes), viewByteOffset(bytes), byteLength);
  controller.close();
  stream.expectedLength = byteLength;
  return faceOf(stream);
}

/** Reads an unlocked stream to its end: a promise of one Uint8Array. A chunk that isn't bytes is a TypeError. */
export function readAllBytes(stream) {
  return readAll(readableOf(stream));
}

/**
 * Reads an unlocked stream into a native writer, no faster than that takes it. Resolves when all is written or nobody reads any more (the stream is
 * cancelled then), rejects with what ended the stream early, of which the body's reader is told `broken`, or else the reason.
 */
export function pumpToNative(stream, writerRid, broken = undefined, signal = null) {
  return pump(readableOf(stream), writerRid, broken, signal);
}

/**
 * A default stream made by the runtime. `pull(controller)` and `cancel(reason)` may return promises; `start(controller)` is called at once.
 * The controller offers `enqueue(chunk)`, `close()`, `error(reason)`, `desiredSize`, `canCloseOrEnqueue`.
 */
export function createReadableStream(start, pull, cancel, highWaterMark = 1) {
  const source = {
    __proto__: null,
    pulls: pull !== undefined,
    pull: (controller) => callForPromise1(pull, undefined, controller),
    cancel: (reason) => (cancel === undefined ? kResolved : callForPromise1(cancel, undefined, reason)),
  };
  const stream = createReadable(source, highWaterMark, undefined, kResolved);
  if (start !== undefined) start(stream.controller);
  return faceOf(stream);
}

/** Two streams in the place of one; `cloneForSecond` gives the second chunks of its own. */
export function readableStreamTee(stream, cloneForSecond = false) {
  const { first, second } = tee(readableOf(stream), cloneForSecond);
  return [faceOf(first), faceOf(second)];
}

/** Cancels whether or not somebody holds a reader. */
export function readableStreamCancel(stream, reason) {
  return readableCancel(readableOf(stream), reason);
}

/** Closes a stream from the side of its source. */
export function readableStreamClose(stream) {
  readableOf(stream).controller.close();
}

/** Errors a stream from the side of its source. */
export function readableStreamError(stream, reason) {
  readableOf(stream).controller.error(reason);
}
