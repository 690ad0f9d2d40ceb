// What a WritableStream is behind its face (Streams section 5.4, section 5.5): records of streams, writers and the controller, and the operations on them.

import { createAbortSignal, signalAbort } from "../abort.js";
import { primordials } from "../primordials.js";
import { flags } from "../compatibility.js";
import { callForPromise, callForPromise1, callForPromise2, Deferred, kResolved, LazyPromise } from "./promises.js";
import { Queue } from "./queue.js";
import { kLater } from "./readable_state.js";
import { checkChunkSize } from "./strategy.js";
import { makeWritableController } from "./writable.js";
const { PromisePrototypeThen, PromiseReject, PromiseResolve, TypeError } = primordials;

export const WRITABLE = 0;
export const CLOSED = 1;
export const ERRORED = 2;
export const ERRORING = 3;

export class Writable {
  state = WRITABLE;
  storedError = undefined;
  writer = undefined;
  controller = undefined;
  inFlightWrite = undefined;
  closeRequest = undefined;
  inFlightClose = undefined;
  // { deferred, reason, wasAlreadyErroring }
  pendingAbort = undefined;
  backpressure = false;
  // The public WritableStream.
  object = undefined;

  get closeQueuedOrInFlight() {
    return this.closeRequest !== undefined || this.inFlightClose !== undefined;
  }

  get operationInFlight() {
    return this.inFlightWrite !== undefined || this.inFlightClose !== undefined;
  }
}

/** A queued chunk together with the promise of its write. The close sentinel is one, too. */
class WriteRequest extends Deferred {
  next = undefined;
  chunk;
  size = 0;

  constructor(chunk) {
    super();
    this.chunk = chunk;
  }
}

/** A write whose outcome is told to `owner.written()` instead of to a promise. */
class QuietWriteRequest {
  next = undefined;
  chunk;
  size = 0;
  owner;

  constructor(chunk, owner) {
    this.chunk = chunk;
    this.owner = owner;
  }

  resolve() {
    this.owner.written();
  }

  reject() {
    this.owner.written();
  }
}

/** Stands in the queue for the close that was asked for. */
const kClose = {};

// === Streams ===

/** WritableStreamAbort. */
export function writableAbort(stream, reason) {
  if (stream.state === CLOSED || stream.state === ERRORED) return PromiseResolve(undefined);
  stream.controller.signalAbort(reason);
  // The signal's listeners may have changed everything.
  const { state } = stream;
  if (state === CLOSED || state === ERRORED) return PromiseResolve(undefined);
  if (stream.pendingAbort !== undefined) return stream.pendingAbort.deferred.promise;
  const wasAlreadyErroring = state === ERRORING;
  const deferred = new Deferred();
  stream.pendingAbort = { deferred, reason: wasAlreadyErroring ? undefined : reason, wasAlreadyErroring };
  if (!wasAlreadyErroring) startErroring(stream, reason);
  return deferred.promise;
}

/** WritableStreamClose. */
export function writableClose(stream) {
  if (stream.state === CLOSED || stream.state === ERRORED) {
    return PromiseReject(new TypeError(stream.state === CLOSED ? "This WritableStream has been closed." : "This WritableStream has been errored."));
  }
  const request = new Deferred();
  stream.closeRequest = request;
  const { writer } = stream;
  if (writer !== undefined && stream.backpressure && stream.state === WRITABLE) writer.resolveReady();
  const { controller } = stream;
  controller.queue.push(new QuietWriteRequest(kClose, undefined));
  controller.advanceQueue();
  return request.promise;
}

function startErroring(stream, reason) {
  stream.state = ERRORING;
  stream.storedError = reason;
  const { writer } = stream;
  if (writer !== undefined) writer.ready.reject(reason);
  if (!stream.operationInFlight && stream.controller.started) finishErroring(stream);
}

function finishErroring(stream) {
  stream.state = ERRORED;
  const { controller, storedError } = stream;
  let request = controller.resetQueue();
  while (request !== undefined) {
    const { next } = request;
    if (request.chunk !== kClose) request.reject(storedError);
    request = next;
  }
  const abort = stream.pendingAbort;
  if (abort === undefined) {
    rejectCloseAndClosed(stream);
    return;
  }
  stream.pendingAbort = undefined;
  if (abort.wasAlreadyErroring) {
    abort.deferred.reject(storedError);
    rejectCloseAndClosed(stream);
    return;
  }
  PromisePrototypeThen(controller.abortSteps(abort.reason), () => {
    abort.deferred.resolve(undefined);
    rejectCloseAndClosed(stream);
  }, (reason) => {
    abort.deferred.reject(reason);
    rejectCloseAndClosed(stream);
  });
}

/** WritableStreamRejectCloseAndClosedPromiseIfNeeded. */
function rejectCloseAndClosed(stream) {
  const { storedError, writer } = stream;
  if (stream.closeRequest !== undefined) {
    stream.closeRequest.reject(storedError);
    stream.closeRequest = undefined;
  }
  if (writer !== undefined) writer.closed.reject(storedError);
}

/** WritableStreamDealWithRejection. */
function dealWithRejection(stream, reason) {
  if (stream.state === WRITABLE) startErroring(stream, reason);
  else finishErroring(stream);
}

function finishClose(stream) {
  stream.inFlightClose.resolve(undefined);
  stream.inFlightClose = undefined;
  if (stream.state === ERRORING) {
    // The close went through before the error could: it is too late for that.
    stream.storedError = undefined;
    if (stream.pendingAbort !== undefined) {
      stream.pendingAbort.deferred.resolve(undefined);
      stream.pendingAbort = undefined;
    }
  }
  stream.state = CLOSED;
  if (stream.writer !== undefined) stream.writer.closed.resolve();
}

function failClose(stream, reason) {
  stream.inFlightClose.reject(reason);
  stream.inFlightClose = undefined;
  if (stream.pendingAbort !== undefined) {
    stream.pendingAbort.deferred.reject(reason);
    stream.pendingAbort = undefined;
  }
  dealWithRejection(stream, reason);
}

function updateBackpressure(stream, backpressure) {
  const { writer } = stream;
  if (writer !== undefined && backpressure !== stream.backpressure) {
    if (backpressure) writer.ready.renew();
    else writer.resolveReady();
  }
  stream.backpressure = backpressure;
}

// === Writers ===

export class Writer {
  stream;
  ready;
  closed;
  // Told, beside the promise, when the stream takes chunks again: for pipes.
  onReady = undefined;

  constructor(stream) {
    if (stream.writer !== undefined) throw new TypeError("This WritableStream is currently locked to a writer.");
    this.stream = stream;
    stream.writer = this;
    const { state } = stream;
    if (state === WRITABLE) {
      this.ready = !stream.closeQueuedOrInFlight && stream.backpressure ? new LazyPromise() : LazyPromise.resolved();
      this.closed = new LazyPromise();
    } else if (state === ERRORING) {
      this.ready = LazyPromise.rejected(stream.storedError);
      this.closed = new LazyPromise();
    } else if (state === CLOSED) {
      this.ready = LazyPromise.resolved();
      this.closed = LazyPromise.resolved();
    } else {
      this.ready = LazyPromise.rejected(stream.storedError);
      this.closed = LazyPromise.rejected(stream.storedError);
    }
  }

  resolveReady() {
    this.ready.resolve();
    if (this.onReady !== undefined) this.onReady();
  }

  get desiredSize() {
    const { stream } = this;
    if (stream.state === ERRORED || stream.state === ERRORING) return null;
    return stream.state === CLOSED ? 0 : stream.controller.desiredSize;
  }

  release() {
    const { stream } = this;
    const released = new TypeError("This WritableStream writer has been released.");
    // A promise that was fulfilled stays so with no_writable_stream_spec_compliant_writer.
    if (flags.writable_stream_spec_compliant_writer || !this.ready.fulfilled) this.ready.reject(released);
    this.closed.reject(released);
    stream.writer = undefined;
    this.stream = undefined;
  }

  /** WritableStreamDefaultWriterCloseWithErrorPropagation. */
  closeWithErrorPropagation() {
    const { stream } = this;
    if (stream.closeQueuedOrInFlight || stream.state === CLOSED) return PromiseResolve(undefined);
    if (stream.state === ERRORED) return PromiseReject(stream.storedError);
    return writableClose(stream);
  }

  /** WritableStreamDefaultWriterWrite. */
  write(chunk) {
    const { stream } = this;
    const { controller } = stream;
    const size = controller.sizeOf(chunk);
    if (stream !== this.stream) return PromiseReject(new TypeError("This WritableStream writer has been released."));
    const { state } = stream;
    if (state === ERRORED) return PromiseReject(stream.storedError);
    if (stream.closeQueuedOrInFlight || state === CLOSED) {
      return PromiseReject(new TypeError("This WritableStream has been closed."));
    }
    if (state === ERRORING) return PromiseReject(stream.storedError);
    const refusal = controller.sink.refuse(chunk);
    if (refusal !== undefined) return PromiseReject(refusal);
    const request = new WriteRequest(chunk);
    controller.write(request, size);
    return request.promise;
  }

  /** The same for a pipe: `owner.written()` is told the end of the write, whatever it was. */
  writeQuietly(chunk, owner) {
    const { stream } = this;
    const { controller } = stream;
    const size = controller.sizeOf(chunk);
    if (stream !== this.stream || stream.state !== WRITABLE || stream.closeQueuedOrInFlight) {
      owner.written();
      return;
    }
    controller.write(new QuietWriteRequest(chunk, owner), size);
  }
}

// === The controller ===

/** The underlying sink given to `new WritableStream(sink)`. */
export class UserSink {
  #object;
  #write;
  #close;
  #abort;

  constructor(object, write, close, abort) {
    this.#object = object;
    this.#write = write;
    this.#close = close;
    this.#abort = abort;
  }

  write(chunk, controller) {
    return this.#write === undefined ? kResolved : callForPromise2(this.#write, this.#object, chunk, controller.face);
  }

  refuse() {}

  receiveOwned() {}

  abortStarted() {}

  close() {
    return this.#close === undefined ? kResolved : callForPromise(this.#close, this.#object);
  }

  abort(reason) {
    return this.#abort === undefined ? kResolved : callForPromise1(this.#abort, this.#object, reason);
  }
}

/**
 * A sink is `{ write(chunk, controller) -> promise | kLater, close() -> promise, abort(reason) -> promise, abortStarted(reason),
 * receiveOwned(owned), refuse(chunk) -> error | undefined }`.
 * `abort` comes after the write under way has ended, `abortStarted` before, so that it can be cut short. `receiveOwned(true)` says that the chunks
 * from here on are views which nobody else holds. A chunk that is refused fails its own write and leaves the stream as it is.
 */
export class WritableController {
  stream;
  sink;
  highWaterMark;
  sizeAlgorithm;
  queue = new Queue();
  queueTotalSize = 0;
  started = false;
  // `controller.signal`, made when somebody looks; `aborted` remembers an abort that came before.
  #signal = undefined;
  aborted = false;
  abortReason = undefined;
  #face = undefined;
  #onWritten;
  #onFailed;

  constructor(stream, sink, highWaterMark, sizeAlgorithm) {
    this.stream = stream;
    this.sink = sink;
    this.highWaterMark = highWaterMark;
    this.sizeAlgorithm = sizeAlgorithm;
    stream.controller = this;
    updateBackpressure(stream, this.backpressure);
  }

  /** The WritableStreamDefaultController that a Worker sees. */
  get face() {
    return this.#face ??= makeWritableController(this);
  }

  startAfter(promise) {
    PromisePrototypeThen(promise, () => this.startNow(), (reason) => {
      this.started = true;
      dealWithRejection(this.stream, reason);
    });
  }

  startNow() {
    this.started = true;
    this.advanceQueue();
  }

  get desiredSize() {
    return this.highWaterMark - this.queueTotalSize;
  }

  get backpressure() {
    return this.highWaterMark - this.queueTotalSize <= 0;
  }

  signalAbort(reason) {
    if (this.aborted) return;
    this.aborted = true;
    this.abortReason = reason;
    if (this.sink !== undefined) this.sink.abortStarted(reason);
    if (this.#signal !== undefined) signalAbort(this.#signal, reason);
  }

  get signal() {
    if (this.#signal === undefined) {
      this.#signal = createAbortSignal();
      if (this.aborted) signalAbort(this.#signal, this.abortReason);
    }
    return this.#signal;
  }

  abortSteps(reason) {
    const promise = this.sink.abort(reason);
    this.clearAlgorithms();
    return promise;
  }

  /** Empties the queue; returns the chain of writes that were in it. */
  resetQueue() {
    this.queueTotalSize = 0;
    return this.queue.takeAll();
  }

  clearAlgorithms() {
    this.sink = undefined;
    this.sizeAlgorithm = undefined;
  }

  error(reason) {
    this.clearAlgorithms();
    startErroring(this.stream, reason);
  }

  errorIfNeeded(reason) {
    if (this.stream.state === WRITABLE) this.error(reason);
  }

  sizeOf(chunk) {
    if (this.sizeAlgorithm === undefined) return 1;
    try {
      return this.sizeAlgorithm(chunk);
    } catch (error) {
      this.errorIfNeeded(error);
      return 1;
    }
  }

  write(request, size) {
    const { stream } = this;
    this.queue.push(request);
    try {
      checkChunkSize(size);
    } catch (error) {
      this.errorIfNeeded(error);
      return;
    }
    request.size = size;
    this.queueTotalSize += size;
    if (!stream.closeQueuedOrInFlight && stream.state === WRITABLE) updateBackpressure(stream, this.backpressure);
    this.advanceQueue();
  }

  advanceQueue() {
    if (!this.started) return;
    const { stream } = this;
    if (stream.inFlightWrite !== undefined) return;
    if (stream.state === ERRORING) {
      finishErroring(stream);
      return;
    }
    const request = this.queue.head;
    if (request === undefined) return;
    if (request.chunk === kClose) this.#close();
    else this.#write(request);
  }

  #close() {
    const { sink, stream } = this;
    stream.inFlightClose = stream.closeRequest;
    stream.closeRequest = undefined;
    this.queue.shift();
    const promise = sink.close();
    this.clearAlgorithms();
    PromisePrototypeThen(promise, () => finishClose(stream), (reason) => failClose(stream, reason));
  }

  /** The request stays at the head of the queue, counting, until its write has ended. */
  #write(request) {
    this.stream.inFlightWrite = request;
    if (this.#onWritten === undefined) {
      this.#onWritten = () => this.#written();
      this.#onFailed = (reason) => this.#failed(reason);
    }
    const promise = this.sink.write(request.chunk, this);
    if (promise !== kLater) this.wait(promise);
  }

  /** The write under way ends with `promise`. */
  wait(promise) {
    PromisePrototypeThen(promise, this.#onWritten, this.#onFailed);
  }

  #written() {
    const { stream } = this;
    const request = this.queue.shift();
    stream.inFlightWrite = undefined;
    request.resolve(undefined);
    const rest = this.queueTotalSize - request.size;
    this.queueTotalSize = rest < 0 ? 0 : rest;
    if (stream.state === WRITABLE && !stream.closeQueuedOrInFlight) updateBackpressure(stream, this.backpressure);
    this.advanceQueue();
  }

  #failed(reason) {
    const { stream } = this;
    if (stream.state === WRITABLE) this.clearAlgorithms();
    const request = this.queue.shift();
    stream.inFlightWrite = undefined;
    request.reject(reason);
    dealWithRejection(stream, reason);
  }
}

/** CreateWritableStream, as a record. */
export function createWritable(sink, highWaterMark, sizeAlgorithm, startPromise) {
  const stream = new Writable();
  new WritableController(stream, sink, highWaterMark, sizeAlgorithm).startAfter(startPromise);
  return stream;
}
