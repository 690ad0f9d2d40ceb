// WritableStream, its writer and its controller as a Worker sees them (Streams section 5).

import { primordials } from "../primordials.js";
import { flags } from "../compatibility.js";
import { defineInterface, illegalConstructor, illegalInvocation, isObject, requiredArguments } from "../webidl.js";
import { kResolved } from "./promises.js";
import { kInternal } from "./readable_state.js";
import { callbackMember, constructorIsOff, highWaterMarkOf, sizeAlgorithmOf, toStrategy } from "./strategy.js";
import { UserSink, Writable, writableAbort, writableClose, WritableController, WRITABLE, Writer } from "./writable_state.js";
const { FunctionPrototypeCall, PromiseReject, PromiseResolve, RangeError, TypeError } = primordials;

let recordOf;

export class WritableStream {
  #stream;

  static {
    recordOf = (value) => (#stream in value ? value.#stream : undefined);
  }

  constructor(underlyingSink = undefined, strategy = undefined) {
    if (underlyingSink === kInternal) {
      this.#stream = strategy;
      strategy.object = this;
      return;
    }
    if (!flags.streams_enable_constructors) throw constructorIsOff("WritableStream");
    const stream = new Writable();
    this.#stream = stream;
    stream.object = this;
    setUpFromSink(stream, underlyingSink, strategy);
  }

  get locked() {
    if (!isObject(this) || !(#stream in this)) illegalInvocation();
    return this.#stream.writer !== undefined;
  }

  abort(reason = undefined) {
    if (!isObject(this) || !(#stream in this)) return PromiseReject(new TypeError("Illegal invocation"));
    const stream = this.#stream;
    if (stream.writer !== undefined) return PromiseReject(new TypeError("This WritableStream is currently locked to a writer."));
    return writableAbort(stream, reason);
  }

  close() {
    if (!isObject(this) || !(#stream in this)) return PromiseReject(new TypeError("Illegal invocation"));
    const stream = this.#stream;
    if (stream.writer !== undefined) return PromiseReject(new TypeError("This WritableStream is currently locked to a writer."));
    if (stream.closeQueuedOrInFlight) return PromiseReject(new TypeError("This WritableStream has been closed."));
    return writableClose(stream);
  }

  getWriter() {
    if (!isObject(this) || !(#stream in this)) illegalInvocation();
    return new WritableStreamDefaultWriter(this);
  }
}
defineInterface(WritableStream);

/** The record of a WritableStream, undefined for anything else. */
export function writableOf(value) {
  return isObject(value) ? recordOf(value) : undefined;
}

/** The WritableStream of a record. */
export function writableFaceOf(stream) {
  return stream.object ?? new WritableStream(kInternal, stream);
}

function setUpFromSink(stream, underlyingSink, strategyArgument) {
  const prefix = "Failed to construct 'WritableStream'";
  if (underlyingSink !== undefined && !isObject(underlyingSink)) throw new TypeError(`${prefix}: parameter 1 is not of type 'object'.`);
  const strategy = toStrategy(strategyArgument, prefix);
  let abort;
  let close;
  let start;
  let write;
  if (underlyingSink !== undefined) {
    abort = callbackMember(underlyingSink, "abort", prefix);
    close = callbackMember(underlyingSink, "close", prefix);
    start = callbackMember(underlyingSink, "start", prefix);
    const { type } = underlyingSink;
    if (type !== undefined) throw new RangeError(`${prefix}: the type of an underlying sink is reserved.`);
    write = callbackMember(underlyingSink, "write", prefix);
  }
  const sizeAlgorithm = sizeAlgorithmOf(strategy);
  const highWaterMark = highWaterMarkOf(strategy, 1);
  const sink = new UserSink(underlyingSink, write, close, abort);
  const controller = new WritableController(stream, sink, highWaterMark, sizeAlgorithm);
  const started = start === undefined ? undefined : FunctionPrototypeCall(start, underlyingSink, controller.face);
  controller.startAfter(started === undefined ? kResolved : PromiseResolve(started));
}

export class WritableStreamDefaultWriter {
  #writer;

  constructor(stream) {
    const prefix = "Failed to construct 'WritableStreamDefaultWriter'";
    requiredArguments(arguments.length, 1, prefix);
    const record = writableOf(stream);
    if (record === undefined) throw new TypeError(`${prefix}: parameter 1 is not of type 'WritableStream'.`);
    this.#writer = new Writer(record);
  }

  get closed() {
    if (!isObject(this) || !(#writer in this)) return PromiseReject(new TypeError("Illegal invocation"));
    return this.#writer.closed.promise;
  }

  get desiredSize() {
    if (!isObject(this) || !(#writer in this)) illegalInvocation();
    if (this.#writer.stream === undefined) throw new TypeError("This WritableStream writer has been released.");
    return this.#writer.desiredSize;
  }

  get ready() {
    if (!isObject(this) || !(#writer in this)) return PromiseReject(new TypeError("Illegal invocation"));
    return this.#writer.ready.promise;
  }

  abort(reason = undefined) {
    if (!isObject(this) || !(#writer in this)) return PromiseReject(new TypeError("Illegal invocation"));
    const { stream } = this.#writer;
    return stream === undefined ? released() : writableAbort(stream, reason);
  }

  close() {
    if (!isObject(this) || !(#writer in this)) return PromiseReject(new TypeError("Illegal invocation"));
    const { stream } = this.#writer;
    if (stream === undefined) return released();
    if (stream.closeQueuedOrInFlight) return PromiseReject(new TypeError("This WritableStream has been closed."));
    return writableClose(stream);
  }

  releaseLock() {
    if (!isObject(this) || !(#writer in this)) illegalInvocation();
    if (this.#writer.stream !== undefined) this.#writer.release();
  }

  write(chunk = undefined) {
    if (!isObject(this) || !(#writer in this)) return PromiseReject(new TypeError("Illegal invocation"));
    const writer = this.#writer;
    return writer.stream === undefined ? released() : writer.write(chunk);
  }
}
defineInterface(WritableStreamDefaultWriter);

function released() {
  return PromiseReject(new TypeError("This WritableStream writer has been released."));
}

export class WritableStreamDefaultController {
  #controller;

  constructor(token = undefined, controller) {
    if (token !== kInternal) illegalConstructor();
    this.#controller = controller;
  }

  get signal() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    return this.#controller.signal;
  }

  error(reason = undefined) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    if (this.#controller.stream.state === WRITABLE) this.#controller.error(reason);
  }
}
defineInterface(WritableStreamDefaultController);

export function makeWritableController(controller) {
  return new WritableStreamDefaultController(kInternal, controller);
}
