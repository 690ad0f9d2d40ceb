// ReadableStreamTee (Streams section 4.9.1): native streams are split natively, byte streams and default streams by the standard's algorithms.

import { primordials } from "../primordials.js";
import { Deferred, enqueueMicrotask, kResolved } from "./promises.js";
import { teeNative } from "./native.js";
import { cloneBytes, createReadableBytes, readInto } from "./readable_byte.js";
import { createReadable } from "./readable_default.js";
import { acquireReader, readableCancel, readWith, releaseReader } from "./readable_state.js";
import { viewBuffer, viewByteLength, viewByteOffset } from "./strategy.js";
const { ArrayBufferIsView, PromisePrototypeThen, TypeError } = primordials;

/**
 * `{ first, second }`, both records. `cloneForSecond` gives the second branch chunks of its own: that is for bodies, whose chunks are bytes
 * (of any other kind they fail when the body is read), so copying views is all that the standard's structured clone would do.
 */
export function tee(stream, cloneForSecond) {
  if (stream.reader !== undefined) throw new TypeError("This ReadableStream is currently locked to a reader.");
  const native = teeNative(stream);
  if (native !== undefined) return native;
  const split = stream.controller.isByteController ? new ByteTee(stream) : new DefaultTee(stream, cloneForSecond);
  return { first: split.first.stream, second: split.second.stream };
}

/** One of the two streams that come out. */
class Branch {
  split;
  stream = undefined;
  cancelled = false;
  reason = undefined;
  readAgain = false;

  constructor(split) {
    this.split = split;
  }

  get controller() {
    return this.stream.controller;
  }

  // === The branch as an underlying source ===

  get pulls() {
    return true;
  }

  pull() {
    return this.split.pull(this);
  }

  cancel(reason) {
    this.cancelled = true;
    this.reason = reason;
    return this.split.branchCancelled();
  }
}

class Tee {
  source;
  reader;
  reading = false;
  first = new Branch(this);
  second = new Branch(this);
  #cancelled = new Deferred();

  constructor(source) {
    this.source = source;
    this.reader = acquireReader(source);
  }

  branchCancelled() {
    if (this.first.cancelled && this.second.cancelled) {
      this.#cancelled.resolve(readableCancel(this.source, [this.first.reason, this.second.reason]));
    }
    return this.#cancelled.promise;
  }

  /** Nothing more comes: whoever waits for a cancellation is told that there is none. */
  ended() {
    if (!this.first.cancelled || !this.second.cancelled) this.#cancelled.resolve(undefined);
  }

  fail(reason) {
    this.first.controller.error(reason);
    this.second.controller.error(reason);
  }

  /** A chunk could not be cloned. */
  failCloning(error) {
    this.fail(error);
    this.#cancelled.resolve(readableCancel(this.source, error));
  }

  forwardErrorsOf(reader) {
    PromisePrototypeThen(reader.closed.promise, undefined, (reason) => {
      if (reader !== this.reader) return;
      this.fail(reason);
      this.ended();
    });
  }
}

class DefaultTee extends Tee {
  next = undefined;
  #cloneForSecond;
  #readAgain = false;

  constructor(source, cloneForSecond) {
    super(source);
    this.#cloneForSecond = cloneForSecond;
    this.first.stream = createReadable(this.first, 1, undefined, kResolved);
    this.second.stream = createReadable(this.second, 1, undefined, kResolved);
    this.forwardErrorsOf(this.reader);
  }

  pull() {
    if (this.reading) {
      this.#readAgain = true;
    } else {
      this.reading = true;
      readWith(this.reader, this);
    }
    return kResolved;
  }

  /** Branches are filled in a microtask of their own, so that errors of the source arrive before the chunk does. */
  chunk(chunk) {
    enqueueMicrotask(() => {
      this.#readAgain = false;
      let copy = chunk;
      if (this.#cloneForSecond && !this.second.cancelled && ArrayBufferIsView(chunk)) {
        try {
          copy = cloneChunk(chunk);
        } catch (error) {
          this.failCloning(error);
          return;
        }
      }
      if (!this.first.cancelled) this.first.controller.enqueue(chunk);
      if (!this.second.cancelled) this.second.controller.enqueue(copy);
      this.reading = false;
      if (this.#readAgain) this.pull();
    });
  }

  close() {
    this.reading = false;
    if (!this.first.cancelled) this.first.controller.close();
    if (!this.second.cancelled) this.second.controller.close();
    this.ended();
  }

  error() {
    this.reading = false;
  }
}

class ByteTee extends Tee {
  constructor(source) {
    super(source);
    this.first.stream = createReadableBytes(this.first);
    this.second.stream = createReadableBytes(this.second);
    this.forwardErrorsOf(this.reader);
  }

  pull(branch) {
    if (this.reading) {
      branch.readAgain = true;
      return kResolved;
    }
    this.reading = true;
    const request = branch.controller.getByobRequest();
    if (request === null) this.#readChunk();
    else this.#readIntoView(request.view, branch);
    return kResolved;
  }

  #useReader(byob) {
    if (this.reader.byob === byob) return;
    releaseReader(this.reader);
    this.reader = acquireReader(this.source, byob);
    this.forwardErrorsOf(this.reader);
  }

  #readChunk() {
    this.#useReader(false);
    readWith(this.reader, new ByteTeeRead(this));
  }

  #readIntoView(view, branch) {
    this.#useReader(true);
    readInto(this.reader, view, 1, new ByteTeeReadInto(this, branch));
  }

  begin() {
    this.first.readAgain = false;
    this.second.readAgain = false;
  }

  readAgain() {
    this.reading = false;
    if (this.first.readAgain) this.pull(this.first);
    else if (this.second.readAgain) this.pull(this.second);
  }
}

function cloneChunk(chunk) {
  return cloneBytes(viewBuffer(chunk), viewByteOffset(chunk), viewByteLength(chunk));
}

class ByteTeeRead {
  next = undefined;
  #split;

  constructor(split) {
    this.#split = split;
  }

  chunk(chunk) {
    enqueueMicrotask(() => {
      const split = this.#split;
      const { first, second } = split;
      split.begin();
      let copy = chunk;
      if (!first.cancelled && !second.cancelled) {
        try {
          copy = cloneChunk(chunk);
        } catch (error) {
          split.failCloning(error);
          return;
        }
      }
      if (!first.cancelled) first.controller.enqueue(chunk);
      if (!second.cancelled) second.controller.enqueue(copy);
      split.readAgain();
    });
  }

  close() {
    const split = this.#split;
    const { first, second } = split;
    split.reading = false;
    if (!first.cancelled) first.controller.close();
    if (!second.cancelled) second.controller.close();
    if (!first.controller.pullIntos.empty) first.controller.respond(0);
    if (!second.controller.pullIntos.empty) second.controller.respond(0);
    split.ended();
  }

  error() {
    this.#split.reading = false;
  }
}

/** A read into the view that one branch's BYOB reader waits for; the other branch gets a copy. */
class ByteTeeReadInto {
  next = undefined;
  #split;
  #branch;
  #other;

  constructor(split, branch) {
    this.#split = split;
    this.#branch = branch;
    this.#other = branch === split.first ? split.second : split.first;
  }

  chunk(chunk) {
    enqueueMicrotask(() => {
      const split = this.#split;
      const branch = this.#branch;
      const other = this.#other;
      split.begin();
      if (!other.cancelled) {
        let copy;
        try {
          copy = cloneChunk(chunk);
        } catch (error) {
          split.failCloning(error);
          return;
        }
        if (!branch.cancelled) branch.controller.respondWithNewView(chunk);
        other.controller.enqueue(copy);
      } else if (!branch.cancelled) {
        branch.controller.respondWithNewView(chunk);
      }
      split.readAgain();
    });
  }

  close(chunk) {
    const split = this.#split;
    const branch = this.#branch;
    const other = this.#other;
    split.reading = false;
    if (!branch.cancelled) branch.controller.close();
    if (!other.cancelled) other.controller.close();
    if (chunk !== undefined) {
      if (!branch.cancelled) branch.controller.respondWithNewView(chunk);
      if (!other.cancelled && !other.controller.pullIntos.empty) other.controller.respond(0);
    }
    split.ended();
  }

  error() {
    this.#split.reading = false;
  }
}
