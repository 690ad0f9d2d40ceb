// The readable byte stream's controller behind its face (Streams section 4.7): the queue of bytes and the views waiting to be filled.

import { primordials } from "../primordials.js";
import { kResolved } from "./promises.js";
import { invalidateByobRequest, ReadableByteStreamController, ReadableStreamBYOBRequest } from "./readable_byte_faces.js";
import { Queue } from "./queue.js";
import {
  CLOSED, ERRORED, kInternal, kNothing, Readable, READABLE, readableClose, readableError, SourceController,
} from "./readable_state.js";
import { isDetached, viewBuffer, viewByteLength, viewByteOffset } from "./strategy.js";
const {
  ArrayBuffer, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeTransfer, BigInt64Array, BigUint64Array, DataView, Float16Array,
  Float32Array, Float64Array, Int16Array, Int32Array, Int8Array, MathMin, RangeError, TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet, TypeError, Uint16Array, Uint32Array, Uint8Array, Uint8ClampedArray,
} = primordials;

/** Bytes in the queue. `view` is the chunk itself as long as it is whole and nobody else holds it. */
class QueuedBytes {
  next = undefined;
  buffer;
  byteOffset;
  byteLength;
  view;

  constructor(buffer, byteOffset, byteLength, view) {
    this.buffer = buffer;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.view = view;
  }
}

// Who waits for a pull-into descriptor.
const NOBODY = 0;
const DEFAULT_READER = 1;
const BYOB_READER = 2;

/** A pull-into descriptor: a view that is being filled. */
class PullInto {
  next = undefined;
  buffer;
  bufferByteLength;
  byteOffset;
  byteLength;
  bytesFilled = 0;
  minimumFill;
  elementSize;
  View;
  waiting;

  constructor(buffer, byteOffset, byteLength, minimumFill, View, waiting) {
    this.buffer = buffer;
    this.bufferByteLength = ArrayBufferPrototypeGetByteLength(buffer);
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.minimumFill = minimumFill;
    this.elementSize = View === DataView ? 1 : View.BYTES_PER_ELEMENT;
    this.View = View;
    this.waiting = waiting;
  }

  /**
   * ReadableByteStreamControllerConvertPullIntoDescriptor. The standard transfers the buffer once more, which nobody can see: a buffer that
   * a BYOB request has shown is transferred when the request ends.
   */
  toView() {
    const { View } = this;
    return new View(this.buffer, this.byteOffset, this.bytesFilled / this.elementSize);
  }
}

const constructors = {
  __proto__: null,
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float16Array, Float32Array,
  Float64Array, BigInt64Array, BigUint64Array,
};

/** The constructor of a view's type. */
export function constructorOf(view) {
  const name = TypedArrayPrototypeGetSymbolToStringTag(view);
  return name === undefined ? DataView : constructors[name];
}

function copyBytes(target, targetOffset, source, sourceOffset, length) {
  TypedArrayPrototypeSet(new Uint8Array(target, targetOffset, length), new Uint8Array(source, sourceOffset, length));
}

/** CloneAsUint8Array. */
export function cloneBytes(buffer, byteOffset, byteLength) {
  const clone = new Uint8Array(byteLength);
  TypedArrayPrototypeSet(clone, new Uint8Array(buffer, byteOffset, byteLength));
  return clone;
}

export class ByteController extends SourceController {
  autoAllocateChunkSize;
  pullIntos = new Queue();
  byobRequest = null;
  // Called when the last queued byte has been taken.
  onDrain = undefined;
  #face = undefined;

  constructor(stream, source, highWaterMark, autoAllocateChunkSize) {
    super(stream, source, highWaterMark);
    this.autoAllocateChunkSize = autoAllocateChunkSize;
  }

  get isByteController() {
    return true;
  }

  /** The ReadableByteStreamController that a Worker sees. */
  get face() {
    return this.#face ??= new ReadableByteStreamController(kInternal, this);
  }

  shouldCallPull() {
    if (this.closeRequested || !this.started) return false;
    const { stream } = this;
    if (stream.state !== READABLE) return false;
    const { reader } = stream;
    return (reader !== undefined && !reader.requests.empty) || this.highWaterMark - this.queueTotalSize > 0;
  }

  // === The controller's internal methods ===

  cancelSteps(reason) {
    this.clearPullIntos();
    return super.cancelSteps(reason);
  }

  takeNow() {
    if (this.queueTotalSize === 0) return kNothing;
    const entry = this.queue.shift();
    this.queueTotalSize -= entry.byteLength;
    this.handleDrain();
    return entry.view ?? new Uint8Array(entry.buffer, entry.byteOffset, entry.byteLength);
  }

  pullSteps(request) {
    const chunk = this.takeNow();
    if (chunk !== kNothing) {
      request.chunk(chunk);
      return;
    }
    // Looking for a chunk may have found the end, or an error.
    if (this.stream.state === CLOSED) {
      request.close(undefined);
      return;
    }
    if (this.stream.state === ERRORED) {
      request.error(this.stream.storedError);
      return;
    }
    const size = this.autoAllocateChunkSize;
    if (size !== undefined) {
      let buffer;
      try {
        buffer = new ArrayBuffer(size);
      } catch (error) {
        request.error(error);
        return;
      }
      this.pullIntos.push(new PullInto(buffer, 0, size, 1, Uint8Array, DEFAULT_READER));
    }
    this.stream.reader.requests.push(request);
    this.callPullIfNeeded();
  }

  releaseSteps() {
    const first = this.pullIntos.head;
    if (first === undefined) return;
    first.waiting = NOBODY;
    this.pullIntos.takeAll();
    first.next = undefined;
    this.pullIntos.push(first);
  }

  // === Closing and failing ===

  close() {
    if (!this.canCloseOrEnqueue) return;
    if (this.queueTotalSize > 0) {
      this.closeRequested = true;
      return;
    }
    const first = this.pullIntos.head;
    if (first !== undefined && first.bytesFilled % first.elementSize !== 0) {
      const error = new TypeError("Unable to close: the view of a pending read is filled up to the middle of an element.");
      this.error(error);
      throw error;
    }
    this.clearAlgorithms();
    readableClose(this.stream);
  }

  /**
   * The end as the runtime's own streams have it: a read of at least so many bytes gets the fewer that there are as a chunk,
   * and the one after it learns that it was the last.
   */
  end() {
    const first = this.pullIntos.head;
    if (this.canCloseOrEnqueue && first !== undefined && first.bytesFilled > 0 && first.bytesFilled % first.elementSize === 0) {
      this.invalidateByobRequest();
      this.pullIntos.shift();
      if (first.waiting !== NOBODY) this.commit(first);
      else this.append(first.buffer, first.byteOffset, first.bytesFilled, undefined);
    }
    try {
      this.close();
    } catch {
      // It ended in the middle of an element, and is errored with that now.
      return;
    }
    if (this.stream.state === CLOSED && !this.pullIntos.empty) this.respond(0);
  }

  error(reason) {
    if (this.stream.state !== READABLE) return;
    this.clearPullIntos();
    this.resetQueue();
    this.clearAlgorithms();
    readableError(this.stream, reason);
  }

  clearPullIntos() {
    this.invalidateByobRequest();
    this.pullIntos.takeAll();
  }

  handleDrain() {
    if (this.queueTotalSize > 0) {
      this.callPullIfNeeded();
      return;
    }
    if (this.onDrain !== undefined) this.onDrain();
    if (this.closeRequested) {
      this.clearAlgorithms();
      readableClose(this.stream);
    } else {
      this.callPullIfNeeded();
    }
  }

  // === Bytes in ===

  /** ReadableByteStreamControllerEnqueue: takes the view's buffer away from its owner. */
  enqueue(view) {
    if (!this.canCloseOrEnqueue) return;
    const buffer = viewBuffer(view);
    const byteOffset = viewByteOffset(view);
    const byteLength = viewByteLength(view);
    if (isDetached(buffer)) throw new TypeError("Unable to enqueue: the chunk's buffer is detached.");
    const transferred = ArrayBufferPrototypeTransfer(buffer);
    const first = this.pullIntos.head;
    if (first !== undefined) {
      if (this.byobRequest !== null) {
        if (isDetached(first.buffer)) throw new TypeError("Unable to enqueue: the buffer of the BYOB request is detached.");
        this.invalidateByobRequest();
        first.buffer = ArrayBufferPrototypeTransfer(first.buffer);
      }
      if (first.waiting === NOBODY) this.enqueueDetachedPullInto(first);
    }
    this.deliver(transferred, byteOffset, byteLength, undefined);
    this.callPullIfNeeded();
  }

  /** Enqueues a Uint8Array that nobody else holds: nothing is transferred. */
  enqueueOwned(view, buffer, byteOffset, byteLength) {
    if (!this.canCloseOrEnqueue) return;
    const first = this.pullIntos.head;
    if (first !== undefined) {
      this.invalidateByobRequest();
      if (first.waiting === NOBODY) this.enqueueDetachedPullInto(first);
    }
    this.deliver(buffer, byteOffset, byteLength, view);
    this.callPullIfNeeded();
  }

  deliver(buffer, byteOffset, byteLength, view) {
    const { stream } = this;
    const { reader } = stream;
    if (reader === undefined) {
      this.append(buffer, byteOffset, byteLength, view);
    } else if (reader.byob) {
      this.append(buffer, byteOffset, byteLength, view);
      this.commitAll(this.fillPullIntosFromQueue());
    } else {
      while (!reader.requests.empty && this.queueTotalSize > 0) {
        const request = reader.requests.shift();
        request.chunk(this.takeNow());
      }
      if (reader.requests.empty) {
        this.append(buffer, byteOffset, byteLength, view);
      } else {
        if (!this.pullIntos.empty) this.pullIntos.shift();
        reader.requests.shift().chunk(view ?? new Uint8Array(buffer, byteOffset, byteLength));
      }
    }
  }

  append(buffer, byteOffset, byteLength, view) {
    this.queue.push(new QueuedBytes(buffer, byteOffset, byteLength, view));
    this.queueTotalSize += byteLength;
  }

  appendClone(buffer, byteOffset, byteLength) {
    let clone;
    try {
      clone = cloneBytes(buffer, byteOffset, byteLength);
    } catch (error) {
      this.error(error);
      throw error;
    }
    this.append(viewBuffer(clone), 0, byteLength, undefined);
  }

  enqueueDetachedPullInto(pullInto) {
    if (pullInto.bytesFilled > 0) this.appendClone(pullInto.buffer, pullInto.byteOffset, pullInto.bytesFilled);
    this.pullIntos.shift();
  }

  // === Views filled ===

  /** FillPullIntoDescriptorFromQueue: whether the view is filled enough to be handed over. */
  fillFromQueue(pullInto) {
    const available = MathMin(this.queueTotalSize, pullInto.byteLength - pullInto.bytesFilled);
    const filled = pullInto.bytesFilled + available;
    const aligned = filled - (filled % pullInto.elementSize);
    const ready = aligned >= pullInto.minimumFill;
    let remaining = ready ? aligned - pullInto.bytesFilled : available;
    while (remaining > 0) {
      const head = this.queue.head;
      const length = MathMin(remaining, head.byteLength);
      copyBytes(pullInto.buffer, pullInto.byteOffset + pullInto.bytesFilled, head.buffer, head.byteOffset, length);
      if (length === head.byteLength) {
        this.queue.shift();
      } else {
        head.byteOffset += length;
        head.byteLength -= length;
        head.view = undefined;
      }
      this.queueTotalSize -= length;
      pullInto.bytesFilled += length;
      remaining -= length;
    }
    if (this.queueTotalSize === 0 && this.onDrain !== undefined) this.onDrain();
    return ready;
  }

  /** ProcessPullIntoDescriptorsUsingQueue: the first of the chain of views to commit. */
  fillPullIntosFromQueue() {
    const filled = new Queue();
    while (!this.pullIntos.empty && this.queueTotalSize > 0) {
      if (this.fillFromQueue(this.pullIntos.head)) filled.push(this.pullIntos.shift());
    }
    return filled.head;
  }

  commitAll(pullInto) {
    while (pullInto !== undefined) {
      const { next } = pullInto;
      this.commit(pullInto);
      pullInto = next;
    }
  }

  /** CommitPullIntoDescriptor. */
  commit(pullInto) {
    const done = this.stream.state === CLOSED;
    const view = pullInto.toView();
    const request = this.stream.reader.requests.shift();
    if (done) request.close(view);
    else request.chunk(view);
  }

  /** ReadableByteStreamControllerPullInto: a BYOB read of at least `min` elements. */
  pullInto(view, min, request) {
    const { stream } = this;
    const View = constructorOf(view);
    const byteOffset = viewByteOffset(view);
    const byteLength = viewByteLength(view);
    let buffer;
    try {
      buffer = ArrayBufferPrototypeTransfer(viewBuffer(view));
    } catch (error) {
      request.error(error);
      return;
    }
    const elementSize = View === DataView ? 1 : View.BYTES_PER_ELEMENT;
    const pullInto = new PullInto(buffer, byteOffset, byteLength, min * elementSize, View, BYOB_READER);
    if (!this.pullIntos.empty) {
      this.pullIntos.push(pullInto);
      stream.reader.requests.push(request);
      return;
    }
    if (stream.state === CLOSED) {
      request.close(new View(buffer, byteOffset, 0));
      return;
    }
    if (this.queueTotalSize > 0) {
      if (this.fillFromQueue(pullInto)) {
        const filled = pullInto.toView();
        this.handleDrain();
        request.chunk(filled);
        return;
      }
      if (this.closeRequested) {
        const error = new TypeError("The stream ended in the middle of an element.");
        this.error(error);
        request.error(error);
        return;
      }
    }
    this.pullIntos.push(pullInto);
    stream.reader.requests.push(request);
    this.callPullIfNeeded();
  }

  // === BYOB requests ===

  getByobRequest() {
    const first = this.pullIntos.head;
    if (this.byobRequest === null && first !== undefined) {
      const view = new Uint8Array(first.buffer, first.byteOffset + first.bytesFilled, first.byteLength - first.bytesFilled);
      this.byobRequest = new ReadableStreamBYOBRequest(kInternal, this, view);
    }
    return this.byobRequest;
  }

  invalidateByobRequest() {
    if (this.byobRequest === null) return;
    invalidateByobRequest(this.byobRequest);
    this.byobRequest = null;
  }

  respond(bytesWritten) {
    const first = this.pullIntos.head;
    if (this.stream.state === CLOSED) {
      if (bytesWritten !== 0) throw new TypeError("bytesWritten must be 0 when the stream is closed.");
    } else {
      if (bytesWritten === 0) throw new TypeError("bytesWritten must be greater than 0 while the stream is readable.");
      if (first.bytesFilled + bytesWritten > first.byteLength) throw new RangeError("bytesWritten is out of the view's range.");
    }
    first.buffer = ArrayBufferPrototypeTransfer(first.buffer);
    this.#respond(bytesWritten);
  }

  respondWithNewView(view) {
    const first = this.pullIntos.head;
    const byteLength = viewByteLength(view);
    if (this.stream.state === CLOSED) {
      if (byteLength !== 0) throw new TypeError("The view's length must be 0 when the stream is closed.");
    } else if (byteLength === 0) {
      throw new TypeError("The view's length must be greater than 0 while the stream is readable.");
    }
    if (first.byteOffset + first.bytesFilled !== viewByteOffset(view)) throw new RangeError("The view's offset doesn't match the request's.");
    const buffer = viewBuffer(view);
    if (first.bufferByteLength !== ArrayBufferPrototypeGetByteLength(buffer)) throw new RangeError("The view's buffer differs in length from the request's.");
    if (first.bytesFilled + byteLength > first.byteLength) throw new RangeError("The view is longer than the request's.");
    first.buffer = ArrayBufferPrototypeTransfer(buffer);
    this.#respond(byteLength);
  }

  #respond(bytesWritten) {
    this.invalidateByobRequest();
    if (this.stream.state === CLOSED) this.#respondClosed();
    else this.#respondReadable(bytesWritten, this.pullIntos.head);
    this.callPullIfNeeded();
  }

  #respondClosed() {
    if (this.pullIntos.head.waiting === NOBODY) this.pullIntos.shift();
    const { reader } = this.stream;
    if (reader === undefined || !reader.byob) return;
    const filled = new Queue();
    for (let request = reader.requests.head; request !== undefined; request = request.next) filled.push(this.pullIntos.shift());
    this.commitAll(filled.head);
  }

  #respondReadable(bytesWritten, first) {
    first.bytesFilled += bytesWritten;
    if (first.waiting === NOBODY) {
      this.enqueueDetachedPullInto(first);
      this.commitAll(this.fillPullIntosFromQueue());
      return;
    }
    if (first.bytesFilled < first.minimumFill) return;
    this.pullIntos.shift();
    const remainder = first.bytesFilled % first.elementSize;
    if (remainder > 0) {
      this.appendClone(first.buffer, first.byteOffset + first.bytesFilled - remainder, remainder);
    }
    first.bytesFilled -= remainder;
    const filled = this.fillPullIntosFromQueue();
    this.commit(first);
    this.commitAll(filled);
  }
}

/** ReadableStreamBYOBReaderRead. */
export function readInto(reader, view, min, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === ERRORED) request.error(stream.storedError);
  else stream.controller.pullInto(view, min, request);
}

/** CreateReadableByteStream, as a record. */
export function createReadableBytes(source, highWaterMark = 0, startPromise = kResolved) {
  const stream = new Readable();
  new ByteController(stream, source, highWaterMark, undefined).startAfter(startPromise);
  return stream;
}
