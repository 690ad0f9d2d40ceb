// ReadableStreamDefaultController (Streams section 4.6).

import { primordials } from "../primordials.js";
import { defineInterface, illegalConstructor, illegalInvocation, isObject } from "../webidl.js";
import { QueuedChunk } from "./queue.js";
import { hasReadRequests, kInternal, kNothing, Readable, READABLE, readableClose, SourceController } from "./readable_state.js";
import { checkChunkSize } from "./strategy.js";
const { TypeError } = primordials;

export class DefaultController extends SourceController {
  sizeAlgorithm;
  #face = undefined;

  constructor(stream, source, highWaterMark, sizeAlgorithm) {
    super(stream, source, highWaterMark);
    this.sizeAlgorithm = sizeAlgorithm;
  }

  get isByteController() {
    return false;
  }

  /** The ReadableStreamDefaultController that a Worker sees. */
  get face() {
    return this.#face ??= new ReadableStreamDefaultController(kInternal, this);
  }

  shouldCallPull() {
    if (this.closeRequested || !this.started) return false;
    const { stream } = this;
    if (stream.state !== READABLE) return false;
    return hasReadRequests(stream) || this.highWaterMark - this.queueTotalSize > 0;
  }

  close() {
    if (!this.canCloseOrEnqueue) return;
    this.closeRequested = true;
    if (this.queue.empty) {
      this.clearAlgorithms();
      readableClose(this.stream);
    }
  }

  enqueue(chunk) {
    if (!this.canCloseOrEnqueue) return;
    const { stream } = this;
    if (hasReadRequests(stream)) {
      stream.reader.requests.shift().chunk(chunk);
    } else {
      let size = 1;
      if (this.sizeAlgorithm !== undefined) {
        try {
          size = this.sizeAlgorithm(chunk);
          checkChunkSize(size);
        } catch (error) {
          this.error(error);
          throw error;
        }
      }
      this.queue.push(new QueuedChunk(chunk, size));
      this.queueTotalSize += size;
    }
    this.callPullIfNeeded();
  }

  takeNow() {
    if (this.queue.empty) return kNothing;
    const { chunk, size } = this.queue.shift();
    // Rounding errors must not leave a negative size.
    const rest = this.queueTotalSize - size;
    this.queueTotalSize = rest < 0 ? 0 : rest;
    if (this.closeRequested && this.queue.empty) {
      this.clearAlgorithms();
      readableClose(this.stream);
    } else {
      this.callPullIfNeeded();
    }
    return chunk;
  }

  pullSteps(request) {
    const chunk = this.takeNow();
    if (chunk !== kNothing) {
      request.chunk(chunk);
      return;
    }
    this.stream.reader.requests.push(request);
    this.callPullIfNeeded();
  }

  releaseSteps() {}

  clearAlgorithms() {
    this.source = undefined;
    this.sizeAlgorithm = undefined;
  }
}

export class ReadableStreamDefaultController {
  #controller;

  constructor(token = undefined, controller) {
    if (token !== kInternal) illegalConstructor();
    this.#controller = controller;
  }

  get desiredSize() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    return this.#controller.desiredSize;
  }

  close() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    if (!this.#controller.canCloseOrEnqueue) throw new TypeError("Unable to close: the ReadableStream is closed or errored already.");
    this.#controller.close();
  }

  enqueue(chunk = undefined) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    if (!this.#controller.canCloseOrEnqueue) throw new TypeError("Unable to enqueue: the ReadableStream is closed or errored already.");
    this.#controller.enqueue(chunk);
  }

  error(reason = undefined) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    this.#controller.error(reason);
  }
}
defineInterface(ReadableStreamDefaultController);

/** CreateReadableStream, as a record. A source without anything to start is started a microtask later, as the standard has it. */
export function createReadable(source, highWaterMark, sizeAlgorithm, startPromise) {
  const stream = new Readable();
  const controller = new DefaultController(stream, source, highWaterMark, sizeAlgorithm);
  controller.startAfter(startPromise);
  return stream;
}
