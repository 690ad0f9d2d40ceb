// ReadableStreamPipeTo (Streams section 4.9.1). One object is the loop, the read request and the owner of the writes, so that a chunk costs no promise of its own.

import { abortedReason, addAbortAlgorithm, removeAbortAlgorithm } from "../abort.js";
import { primordials } from "../primordials.js";
import { Deferred, enqueueMicrotask, kResolved } from "./promises.js";
import {
  acquireReader, CLOSED, ERRORED, kNothing, READABLE, readableCancel, readWith, releaseReader,
} from "./readable_state.js";
import {
  CLOSED as WRITABLE_CLOSED, ERRORED as WRITABLE_ERRORED, WRITABLE, writableAbort, Writer,
} from "./writable_state.js";
const { PromisePrototypeThen, SafePromiseAllReturnVoid, TypeError } = primordials;

/** Pipes one record into another; both are unlocked. */
export function pipe(source, destination, preventClose, preventAbort, preventCancel, signal) {
  const run = new Pipe(source, destination, preventClose, preventAbort, preventCancel, signal);
  run.start();
  return run.done.promise;
}

class Pipe {
  next = undefined;
  done = new Deferred();
  #source;
  #destination;
  #reader;
  #writer;
  #preventClose;
  #preventAbort;
  #preventCancel;
  #signal;
  #onAbort = undefined;
  #shuttingDown = false;
  // A read is outstanding.
  #reading = false;
  // A chunk that has been read and waits for its microtask.
  #chunk = kNothing;
  #writesPending = 0;
  #afterWrites = undefined;
  #step = () => this.#run();
  #stepQueued = false;

  constructor(source, destination, preventClose, preventAbort, preventCancel, signal) {
    this.#source = source;
    this.#destination = destination;
    this.#preventClose = preventClose;
    this.#preventAbort = preventAbort;
    this.#preventCancel = preventCancel;
    this.#signal = signal;
    this.#reader = acquireReader(source);
    this.#writer = new Writer(destination);
    source.disturbed = true;
  }

  start() {
    const source = this.#source;
    const destination = this.#destination;
    if (this.#signal !== undefined) {
      const reason = abortedReason(this.#signal);
      if (reason !== undefined) {
        this.#abort(reason);
        return;
      }
      this.#onAbort = (abortReason) => this.#abort(abortReason);
      addAbortAlgorithm(this.#signal, this.#onAbort);
    }
    // Both ends are watched through their promises, as the order of reactions is observable. The first condition that holds wins.
    if (source.state === ERRORED) this.#sourceErrored(source.storedError);
    else PromisePrototypeThen(this.#reader.closed.promise, undefined, (reason) => this.#sourceErrored(reason));
    if (destination.state === WRITABLE_ERRORED) this.#destinationErrored(destination.storedError);
    else PromisePrototypeThen(this.#writer.closed.promise, undefined, (reason) => this.#destinationErrored(reason));
    if (source.state === CLOSED) this.#sourceClosed();
    else PromisePrototypeThen(this.#reader.closed.promise, () => this.#sourceClosed(), () => {});
    if (destination.closeQueuedOrInFlight || destination.state === WRITABLE_CLOSED) this.#destinationClosed();
    if (this.#shuttingDown) return;
    this.#ownership(true);
    this.#writer.onReady = () => this.#queueStep();
    this.#queueStep();
  }

  // === The loop ===

  #queueStep() {
    if (this.#stepQueued) return;
    this.#stepQueued = true;
    enqueueMicrotask(this.#step);
  }

  #run() {
    this.#stepQueued = false;
    this.#writeChunk();
    const source = this.#source;
    while (!this.#shuttingDown && !this.#reading && this.#writer.ready.fulfilled && source.state === READABLE) {
      const chunk = source.controller.takeNow();
      if (chunk !== kNothing) {
        this.#write(chunk);
        continue;
      }
      if (source.state !== READABLE) return;
      this.#reading = true;
      readWith(this.#reader, this);
      return;
    }
  }

  #write(chunk) {
    this.#writesPending++;
    this.#writer.writeQuietly(chunk, this);
  }

  #writeChunk() {
    if (this.#chunk === kNothing) return;
    const chunk = this.#chunk;
    this.#chunk = kNothing;
    this.#reading = false;
    this.#write(chunk);
  }

  /** One write has ended, well or not. */
  written() {
    this.#writesPending--;
    this.#checkWrites();
  }

  #checkWrites() {
    if (this.#afterWrites === undefined || this.#writesPending > 0 || this.#chunk !== kNothing) return;
    const after = this.#afterWrites;
    this.#afterWrites = undefined;
    enqueueMicrotask(after);
  }

  // === The read request ===

  /** Enqueueing must not call the sink: the write waits for a microtask. */
  chunk(chunk) {
    this.#chunk = chunk;
    this.#queueStep();
  }

  close() {
    this.#reading = false;
  }

  error() {
    this.#reading = false;
  }

  // === Shutting down ===

  #abort(reason) {
    const source = this.#source;
    const destination = this.#destination;
    this.#shutDownWith(() => {
      const actions = [
        !this.#preventAbort && destination.state === WRITABLE ? writableAbort(destination, reason) : kResolved,
        !this.#preventCancel && source.state === READABLE ? readableCancel(source, reason) : kResolved,
      ];
      return SafePromiseAllReturnVoid(actions);
    }, true, reason);
  }

  #sourceErrored(reason) {
    this.#shutDownWith(this.#preventAbort ? undefined : () => writableAbort(this.#destination, reason), true, reason);
  }

  #destinationErrored(reason) {
    this.#shutDownWith(this.#preventCancel ? undefined : () => readableCancel(this.#source, reason), true, reason);
  }

  #sourceClosed() {
    this.#shutDownWith(this.#preventClose ? undefined : () => this.#writer.closeWithErrorPropagation(), false, undefined);
  }

  #destinationClosed() {
    const reason = new TypeError("The destination of the pipe is closed.");
    this.#shutDownWith(this.#preventCancel ? undefined : () => readableCancel(this.#source, reason), true, reason);
  }

  #shutDownWith(action, isError, error) {
    if (this.#shuttingDown) return;
    this.#shuttingDown = true;
    const finish = () => {
      if (action === undefined) {
        this.#finalize(isError, error);
        return;
      }
      PromisePrototypeThen(action(), () => this.#finalize(isError, error), (reason) => this.#finalize(true, reason));
    };
    const destination = this.#destination;
    if (destination.state === WRITABLE && !destination.closeQueuedOrInFlight) {
      this.#writeChunk();
      this.#afterWrites = finish;
      this.#checkWrites();
      return;
    }
    finish();
  }

  /** What a byte stream's reader gets belongs to it alone, and this pipe passes it to the sink alone. */
  #ownership(owned) {
    const { queue, sink } = this.#destination.controller;
    if (sink === undefined) return;
    if (!owned) sink.receiveOwned(false);
    else if (this.#source.controller.isByteController && queue.empty) sink.receiveOwned(true);
  }

  #finalize(isError, error) {
    this.#ownership(false);
    this.#writer.onReady = undefined;
    this.#writer.release();
    releaseReader(this.#reader);
    if (this.#onAbort !== undefined) removeAbortAlgorithm(this.#signal, this.#onAbort);
    if (isError) this.done.reject(error);
    else this.done.resolve(undefined);
  }
}
