// What a ReadableStream is behind its face (Streams section 4.9): records of streams and readers and the operations on them.
// Public objects are made when somebody looks; piping, teeing and iteration work on the records alone.

import { primordials } from "../primordials.js";
import { callForPromise1, Deferred, enqueueMicrotask, kResolved, LazyPromise, noop } from "./promises.js";
import { Queue } from "./queue.js";
const { PromisePrototypeThen, PromiseReject, PromiseResolve, Symbol, TypeError } = primordials;

export const READABLE = 0;
export const CLOSED = 1;
export const ERRORED = 2;

/** Passed to constructors that a Worker may not call, or not with these arguments. */
export const kInternal = Symbol("internal");
/** What a source's `pull` returns that calls `controller.pulledLater()`, and a sink's `write` that calls `controller.wait()`, when it is done. */
export const kLater = Symbol("later");
/** What `controller.takeNow()` returns when no chunk is at hand. */
export const kNothing = Symbol("nothing");

export class Readable {
  state = READABLE;
  reader = undefined;
  storedError = undefined;
  disturbed = false;
  controller = undefined;
  // The public ReadableStream.
  object = undefined;
  // How many bytes will come, where that is known: Content-Length.
  expectedLength = undefined;
}

/** A reader of either kind; `requests` are the outstanding reads. */
export class Reader {
  stream;
  byob;
  closed;
  requests = new Queue();

  constructor(stream, byob) {
    this.stream = stream;
    this.byob = byob;
    stream.reader = this;
    if (stream.state === READABLE) this.closed = new LazyPromise();
    else if (stream.state === CLOSED) this.closed = LazyPromise.resolved();
    else this.closed = LazyPromise.rejected(stream.storedError);
  }
}

/** A read whose outcome is a promise. */
export class PromiseReadRequest extends Deferred {
  next = undefined;

  // An implicit constructor spreads its arguments, which in some engines goes through Array.prototype.
  constructor() {
    super();
  }

  chunk(value) {
    this.resolve({ value, done: false });
  }

  close(value) {
    this.resolve({ value, done: true });
  }

  error(reason) {
    this.reject(reason);
  }
}

export function acquireReader(stream, byob = false) {
  if (stream.reader !== undefined) throw new TypeError("This ReadableStream is currently locked to a reader.");
  if (byob && !stream.controller.isByteController) {
    throw new TypeError("This ReadableStream does not support BYOB reads.");
  }
  return new Reader(stream, byob);
}

/** ReadableStreamDefaultReaderRelease and ReadableStreamBYOBReaderRelease. */
export function releaseReader(reader) {
  const { stream } = reader;
  const released = new TypeError("This ReadableStream reader has been released.");
  reader.closed.reject(released);
  stream.controller.releaseSteps();
  stream.reader = undefined;
  reader.stream = undefined;
  failRequests(reader, new TypeError("This ReadableStream reader has been released."));
}

function failRequests(reader, reason) {
  let request = reader.requests.takeAll();
  while (request !== undefined) {
    const { next } = request;
    request.error(reason);
    request = next;
  }
}

export function readableClose(stream) {
  stream.state = CLOSED;
  const { reader } = stream;
  if (reader === undefined) return;
  reader.closed.resolve();
  if (reader.byob) return;
  let request = reader.requests.takeAll();
  while (request !== undefined) {
    const { next } = request;
    request.close(undefined);
    request = next;
  }
}

export function readableError(stream, reason) {
  stream.state = ERRORED;
  stream.storedError = reason;
  const { reader } = stream;
  if (reader === undefined) return;
  reader.closed.reject(reason);
  failRequests(reader, reason);
}

/** ReadableStreamCancel. */
export function readableCancel(stream, reason) {
  stream.disturbed = true;
  if (stream.state === CLOSED) return PromiseResolve(undefined);
  if (stream.state === ERRORED) return PromiseReject(stream.storedError);
  readableClose(stream);
  const { reader } = stream;
  if (reader !== undefined && reader.byob) {
    let request = reader.requests.takeAll();
    while (request !== undefined) {
      const { next } = request;
      request.close(undefined);
      request = next;
    }
  }
  return PromisePrototypeThen(stream.controller.cancelSteps(reason), noop);
}

/** ReadableStreamDefaultReaderRead: `request` gets chunk, close or error. */
export function readWith(reader, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === CLOSED) request.close(undefined);
  else if (stream.state === ERRORED) request.error(stream.storedError);
  else stream.controller.pullSteps(request);
}

/** The same for a reader that wants a promise: none is made to wait when a chunk is at hand. */
export function readPromise(reader) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === READABLE) {
    const { controller } = stream;
    const chunk = controller.takeNow();
    if (chunk !== kNothing) return PromiseResolve({ value: chunk, done: false });
    if (stream.state === READABLE) {
      const request = new PromiseReadRequest();
      controller.pullSteps(request);
      return request.promise;
    }
  }
  if (stream.state === CLOSED) return PromiseResolve({ value: undefined, done: true });
  return PromiseReject(stream.storedError);
}

/** Whether a default reader waits for a chunk. */
export function hasReadRequests(stream) {
  const { reader } = stream;
  return reader !== undefined && !reader.byob && !reader.requests.empty;
}

/** The underlying source given to `new ReadableStream(source)`. */
export class UserSource {
  #object;
  #cancel;
  #pull;

  constructor(object, pull, cancel) {
    this.#object = object;
    this.#pull = pull;
    this.#cancel = cancel;
  }

  get pulls() {
    return this.#pull !== undefined;
  }

  pull(controller) {
    return callForPromise1(this.#pull, this.#object, controller.face);
  }

  cancel(reason) {
    return this.#cancel === undefined ? kResolved : callForPromise1(this.#cancel, this.#object, reason);
  }
}

/**
 * What the two controllers have in common: they start, and they pull while somebody wants a chunk.
 * A source is `{ pulls, pull(controller) -> promise | kLater, cancel(reason) -> promise }`.
 */
export class SourceController {
  stream;
  source;
  highWaterMark;
  // The native resource that the bytes come from.
  rid = -1;
  // A Worker has made the stream, with a source of its own.
  isWorkers = false;
  queue = new Queue();
  queueTotalSize = 0;
  started = false;
  closeRequested = false;
  pulling = false;
  pullAgain = false;
  #onPulled = undefined;
  #onFailed = undefined;

  constructor(stream, source, highWaterMark) {
    this.stream = stream;
    this.source = source;
    this.highWaterMark = highWaterMark;
    stream.controller = this;
  }

  /** Goes on once the promise of the start algorithm fulfils. */
  startAfter(promise) {
    PromisePrototypeThen(promise, () => this.startNow(), (reason) => this.error(reason));
  }

  startNow() {
    this.started = true;
    this.callPullIfNeeded();
  }

  callPullIfNeeded() {
    if (!this.shouldCallPull()) return;
    if (this.pulling) {
      this.pullAgain = true;
      return;
    }
    const { source } = this;
    if (!source.pulls) return;
    this.pulling = true;
    if (this.#onPulled === undefined) {
      this.#onPulled = () => this.#pulled();
      this.#onFailed = (reason) => this.error(reason);
    }
    const promise = source.pull(this);
    if (promise !== kLater) PromisePrototypeThen(promise, this.#onPulled, this.#onFailed);
  }

  /** The pull that answered `kLater` has ended, as though its promise had been fulfilled now. */
  pulledLater() {
    enqueueMicrotask(this.#onPulled);
  }

  #pulled() {
    this.pulling = false;
    if (this.pullAgain) {
      this.pullAgain = false;
      this.callPullIfNeeded();
    }
  }

  get canCloseOrEnqueue() {
    return !this.closeRequested && this.stream.state === READABLE;
  }

  get desiredSize() {
    const { state } = this.stream;
    if (state === READABLE) return this.highWaterMark - this.queueTotalSize;
    return state === CLOSED ? 0 : null;
  }

  cancelSteps(reason) {
    this.resetQueue();
    const promise = this.source.cancel(reason);
    this.clearAlgorithms();
    return promise;
  }

  resetQueue() {
    this.queue.takeAll();
    this.queueTotalSize = 0;
  }

  clearAlgorithms() {
    this.source = undefined;
  }

  error(reason) {
    if (this.stream.state !== READABLE) return;
    this.resetQueue();
    this.clearAlgorithms();
    readableError(this.stream, reason);
  }
}

