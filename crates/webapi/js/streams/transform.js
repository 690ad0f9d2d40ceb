// TransformStream (Streams section 6).

import { primordials } from "../primordials.js";
import { flags } from "../compatibility.js";
import { defineInterface, illegalConstructor, illegalInvocation, isObject } from "../webidl.js";
import { callForPromise1, callForPromise2, Deferred, enqueueMicrotask, follow, kResolved } from "./promises.js";
import { faceOf } from "./readable.js";
import { createReadable } from "./readable_default.js";
import { ERRORED, kInternal, kLater } from "./readable_state.js";
import { callbackMember, highWaterMarkOf, sizeAlgorithmOf, toStrategy } from "./strategy.js";
import { createWritable, ERRORED as WRITABLE_ERRORED, ERRORING } from "./writable_state.js";
import { writableFaceOf } from "./writable.js";
const { FunctionPrototypeCall, PromisePrototypeThen, PromiseReject, RangeError, TypeError } = primordials;

/** The transformer given to `new TransformStream(transformer)`. */
class UserTransformer {
  #object;
  #transform;
  #flush;
  #cancel;

  constructor(object, transform, flush, cancel) {
    this.#object = object;
    this.#transform = transform;
    this.#flush = flush;
    this.#cancel = cancel;
  }

  transform(chunk, transform) {
    if (this.#transform === undefined) {
      transform.enqueue(chunk);
      return kResolved;
    }
    return callForPromise2(this.#transform, this.#object, chunk, transform.face);
  }

  flush(transform) {
    return this.#flush === undefined ? kResolved : callForPromise1(this.#flush, this.#object, transform.face);
  }

  /** A promise resolved with the result, not the result itself: a cancellation races with the start, and the microtasks in between show. */
  cancel(reason) {
    if (this.#cancel === undefined) return kResolved;
    const promise = callForPromise1(this.#cancel, this.#object, reason);
    return follow(promise);
  }
}

/**
 * The stream and its controller in one record, which also is the sink of its writable side and the source of its readable side.
 * A transformer is `{ transform(chunk, record) -> promise | undefined, flush(record) -> promise | undefined, cancel(reason) -> promise | undefined }`;
 * what it throws counts as a rejection.
 */
export class Transform {
  readable;
  writable;
  transformer;
  backpressure = true;
  // A pull waits for the chunks that it asked for.
  #pulling = false;
  // A chunk waits for its being asked for.
  #blocked = false;
  #chunk = undefined;
  #resume = () => this.#transformBlocked();
  // Somebody else waits for either.
  #change = undefined;
  #finish = undefined;
  #face = undefined;

  constructor(transformer, startPromise, writableHighWaterMark, writableSize, readableHighWaterMark, readableSize) {
    this.transformer = transformer;
    this.writable = createWritable(this, writableHighWaterMark, writableSize, startPromise);
    this.readable = createReadable(new TransformSource(this), readableHighWaterMark, readableSize, startPromise);
  }

  /** The TransformStreamDefaultController that a Worker sees. */
  get face() {
    return this.#face ??= new TransformStreamDefaultController(kInternal, this);
  }

  /** TransformStreamSetBackpressure: what waits for the change goes on in a microtask of its own. */
  #setBackpressure(backpressure) {
    this.backpressure = backpressure;
    if (this.#pulling) {
      this.#pulling = false;
      this.readable.controller.pulledLater();
    }
    if (this.#blocked) {
      this.#blocked = false;
      enqueueMicrotask(this.#resume);
    }
    const change = this.#change;
    if (change !== undefined) {
      this.#change = undefined;
      change.resolve(undefined);
    }
  }

  // === The controller ===

  get desiredSize() {
    return this.readable.controller.desiredSize;
  }

  enqueue(chunk) {
    const { controller } = this.readable;
    if (!controller.canCloseOrEnqueue) throw new TypeError("Unable to enqueue: the readable side is closed or errored.");
    try {
      controller.enqueue(chunk);
    } catch (error) {
      this.errorWritable(error);
      throw this.readable.storedError;
    }
    if (!this.backpressure && !controller.shouldCallPull()) this.#setBackpressure(true);
  }

  error(reason) {
    this.readable.controller.error(reason);
    this.errorWritable(reason);
  }

  terminate() {
    this.readable.controller.close();
    this.errorWritable(new TypeError("The transform stream has been terminated."));
  }

  /** TransformStreamErrorWritableAndUnblockWrite. */
  errorWritable(reason) {
    this.transformer = undefined;
    this.writable.controller.errorIfNeeded(reason);
    this.#unblockWrite();
  }

  #unblockWrite() {
    if (this.backpressure) this.#setBackpressure(false);
  }

  /** A promise of the readable side wanting more chunks, or having come to its end; undefined while it wants them. */
  whenWanted() {
    if (!this.backpressure) return undefined;
    this.#change ??= new Deferred();
    return this.#change.promise;
  }

  // === The sink ===

  write(chunk) {
    if (!this.backpressure) return this.#transform(chunk);
    this.#blocked = true;
    this.#chunk = chunk;
    return kLater;
  }

  #transformBlocked() {
    const chunk = this.#chunk;
    this.#chunk = undefined;
    const { controller, state, storedError } = this.writable;
    controller.wait(state === ERRORING ? PromiseReject(storedError) : this.#transform(chunk));
  }

  #transform(chunk) {
    let promise;
    try {
      promise = this.transformer.transform(chunk, this);
    } catch (error) {
      promise = PromiseReject(error);
    }
    if (promise === kResolved || promise === undefined) return kResolved;
    return PromisePrototypeThen(promise, undefined, (reason) => {
      this.error(reason);
      throw reason;
    });
  }

  close() {
    if (this.#finish !== undefined) return this.#finish.promise;
    return this.#finishWith((transformer) => transformer.flush(this), () => {
      if (this.readable.state === ERRORED) {
        this.#finish.reject(this.readable.storedError);
        return;
      }
      this.readable.controller.close();
      this.#finish.resolve(undefined);
    }, (reason) => {
      this.readable.controller.error(reason);
      this.#finish.reject(reason);
    });
  }

  refuse() {}

  receiveOwned() {}

  abortStarted() {}

  abort(reason) {
    if (this.#finish !== undefined) return this.#finish.promise;
    return this.#finishWith((transformer) => transformer.cancel(reason), () => {
      if (this.readable.state === ERRORED) {
        this.#finish.reject(this.readable.storedError);
        return;
      }
      this.readable.controller.error(reason);
      this.#finish.resolve(undefined);
    }, (failure) => {
      this.readable.controller.error(failure);
      this.#finish.reject(failure);
    });
  }

  // === The source ===

  pull() {
    this.#setBackpressure(false);
    this.#pulling = true;
    return kLater;
  }

  cancelReadable(reason) {
    if (this.#finish !== undefined) return this.#finish.promise;
    return this.#finishWith((transformer) => transformer.cancel(reason), () => {
      if (this.writable.state === WRITABLE_ERRORED) {
        this.#finish.reject(this.writable.storedError);
        return;
      }
      this.writable.controller.errorIfNeeded(reason);
      this.#unblockWrite();
      this.#finish.resolve(undefined);
    }, (failure) => {
      this.writable.controller.errorIfNeeded(failure);
      this.#unblockWrite();
      this.#finish.reject(failure);
    });
  }

  /** Flush or cancel: whichever comes first is the last call of the transformer, and all who come later get its promise. */
  #finishWith(call, onFulfilled, onRejected) {
    const finish = new Deferred();
    this.#finish = finish;
    const { transformer } = this;
    let promise;
    try {
      promise = (transformer === undefined ? undefined : call(transformer)) ?? kResolved;
    } catch (error) {
      promise = PromiseReject(error);
    }
    this.transformer = undefined;
    PromisePrototypeThen(promise, onFulfilled, onRejected);
    return finish.promise;
  }
}

/** The source of the readable side, whose `cancel` is another than the sink's `abort`. */
class TransformSource {
  #transform;

  constructor(transform) {
    this.#transform = transform;
  }

  get pulls() {
    return true;
  }

  pull() {
    return this.#transform.pull();
  }

  cancel(reason) {
    return this.#transform.cancelReadable(reason);
  }
}

/** Makes the pair of an IdentityTransformStream, which is what `new TransformStream()` once made. */
let makeIdentity;

export function setMakeIdentity(maker) {
  makeIdentity = maker;
}

export class TransformStream {
  #readable;
  #writable;

  constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
    if (transformer === kInternal) {
      this.#readable = writableStrategy;
      this.#writable = readableStrategy;
      return;
    }
    if (!flags.transformstream_enable_standard_constructor) {
      const identity = makeIdentity();
      this.#readable = faceOf(identity.readable);
      this.#writable = writableFaceOf(identity.writable);
      return;
    }
    const transform = setUpFromTransformer(transformer, writableStrategy, readableStrategy);
    this.#readable = faceOf(transform.readable);
    this.#writable = writableFaceOf(transform.writable);
  }

  get readable() {
    if (!isObject(this) || !(#readable in this)) illegalInvocation();
    return this.#readable;
  }

  get writable() {
    if (!isObject(this) || !(#readable in this)) illegalInvocation();
    return this.#writable;
  }
}
defineInterface(TransformStream);

function setUpFromTransformer(transformer, writableStrategyArgument, readableStrategyArgument) {
  const prefix = "Failed to construct 'TransformStream'";
  if (transformer !== undefined && !isObject(transformer)) throw new TypeError(`${prefix}: parameter 1 is not of type 'object'.`);
  const writableStrategy = toStrategy(writableStrategyArgument, prefix);
  const readableStrategy = toStrategy(readableStrategyArgument, prefix);
  let cancel;
  let flush;
  let start;
  let transform;
  if (transformer !== undefined) {
    cancel = callbackMember(transformer, "cancel", prefix);
    flush = callbackMember(transformer, "flush", prefix);
    if (transformer.readableType !== undefined) throw new RangeError(`${prefix}: member readableType is reserved.`);
    start = callbackMember(transformer, "start", prefix);
    transform = callbackMember(transformer, "transform", prefix);
    if (transformer.writableType !== undefined) throw new RangeError(`${prefix}: member writableType is reserved.`);
  }
  const readableHighWaterMark = highWaterMarkOf(readableStrategy, 0);
  const readableSize = sizeAlgorithmOf(readableStrategy);
  const writableHighWaterMark = highWaterMarkOf(writableStrategy, 1);
  const writableSize = sizeAlgorithmOf(writableStrategy);
  const starting = new Deferred();
  const record = new Transform(
    new UserTransformer(transformer, transform, flush, cancel),
    // A promise resolved with a promise: how many microtasks go by before the two sides have started shows, when they are aborted before that.
    follow(starting.promise),
    writableHighWaterMark, writableSize, readableHighWaterMark, readableSize,
  );
  starting.resolve(start === undefined ? undefined : FunctionPrototypeCall(start, transformer, record.face));
  return record;
}

export class TransformStreamDefaultController {
  #transform;

  constructor(token = undefined, transform) {
    if (token !== kInternal) illegalConstructor();
    this.#transform = transform;
  }

  get desiredSize() {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    return this.#transform.desiredSize;
  }

  enqueue(chunk = undefined) {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    this.#transform.enqueue(chunk);
  }

  error(reason = undefined) {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    this.#transform.error(reason);
  }

  terminate() {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    this.#transform.terminate();
  }
}
defineInterface(TransformStreamDefaultController);

/**
 * A transform made by the runtime: `{ readable, writable }`, both public streams. `transformer` as for `Transform`; its record offers
 * `enqueue(chunk)`, `error(reason)`, `terminate()` and `whenWanted()`.
 */
export function createTransformStream(transformer, writableHighWaterMark = 1, readableHighWaterMark = 0) {
  const transform = new Transform(transformer, kResolved, writableHighWaterMark, undefined, readableHighWaterMark, undefined);
  return { readable: faceOf(transform.readable), writable: writableFaceOf(transform.writable) };
}
