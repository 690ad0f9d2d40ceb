// Promise plumbing of the streams: no lookups that a Worker could intercept, no promise where nobody asked for one.

import { primordials } from "../primordials.js";
const { FunctionPrototypeCall, Promise, PromisePrototypeThen, PromiseReject, PromiseResolve } = primordials;

export function noop() {}

/** One fulfilled promise for every algorithm that has nothing to wait for. */
export const kResolved = PromiseResolve(undefined);

let takenResolve;
let takenReject;
function take(resolve, reject) {
  takenResolve = resolve;
  takenReject = reject;
}

/** A promise with its resolving functions. */
export class Deferred {
  promise = new Promise(take);
  resolve = takenResolve;
  reject = takenReject;
}

/** Sets [[PromiseIsHandled]]. */
export function markAsHandled(promise) {
  PromisePrototypeThen(promise, undefined, noop);
}

/** Runs `callback` as a microtask of its own. */
export function enqueueMicrotask(callback) {
  PromisePrototypeThen(kResolved, callback);
}

/** What a promise that is resolved with `promise` becomes, as many microtasks later, without the look at its `then`. */
export function follow(promise) {
  const deferred = new Deferred();
  enqueueMicrotask(() => {
    PromisePrototypeThen(promise, deferred.resolve, deferred.reject);
  });
  return deferred.promise;
}

function toPromise(result) {
  return result === undefined ? kResolved : PromiseResolve(result);
}

/** Calls a user's callback without, with one, with two arguments; what it returns or throws comes back as a promise. */
export function callForPromise(callback, self) {
  try {
    return toPromise(FunctionPrototypeCall(callback, self));
  } catch (error) {
    return PromiseReject(error);
  }
}

export function callForPromise1(callback, self, a) {
  try {
    return toPromise(FunctionPrototypeCall(callback, self, a));
  } catch (error) {
    return PromiseReject(error);
  }
}

export function callForPromise2(callback, self, a, b) {
  try {
    return toPromise(FunctionPrototypeCall(callback, self, a, b));
  } catch (error) {
    return PromiseReject(error);
  }
}

const PENDING = 0;
const RESOLVED = 1;
const REJECTED = 2;

/**
 * An attribute of type promise ([[closedPromise]], [[readyPromise]]) that exists only once somebody reads it. Its rejections always count as handled.
 */
export class LazyPromise {
  #state = PENDING;
  #value = undefined;
  #promise = undefined;
  #deferred = undefined;

  static resolved() {
    const lazy = new LazyPromise();
    lazy.#state = RESOLVED;
    return lazy;
  }

  static rejected(reason) {
    const lazy = new LazyPromise();
    lazy.#state = REJECTED;
    lazy.#value = reason;
    return lazy;
  }

  get pending() {
    return this.#state === PENDING;
  }

  get fulfilled() {
    return this.#state === RESOLVED;
  }

  get promise() {
    if (this.#promise === undefined) {
      if (this.#state === PENDING) {
        this.#deferred = new Deferred();
        this.#promise = this.#deferred.promise;
      } else if (this.#state === RESOLVED) {
        this.#promise = PromiseResolve(undefined);
      } else {
        this.#promise = PromiseReject(this.#value);
        markAsHandled(this.#promise);
      }
    }
    return this.#promise;
  }

  resolve() {
    if (this.#state !== PENDING) return;
    this.#state = RESOLVED;
    if (this.#deferred !== undefined) {
      this.#deferred.resolve(undefined);
      this.#deferred = undefined;
    }
  }

  /** Rejects the promise or, when it is settled already, puts a rejected one in its place. */
  reject(reason) {
    const deferred = this.#deferred;
    this.#deferred = undefined;
    this.#value = reason;
    if (this.#state !== PENDING) this.#promise = undefined;
    this.#state = REJECTED;
    if (deferred !== undefined) {
      markAsHandled(deferred.promise);
      deferred.reject(reason);
    }
  }

  /** Puts a pending promise in the place of a settled one. */
  renew() {
    if (this.#state === PENDING) return;
    this.#state = PENDING;
    this.#promise = undefined;
    this.#value = undefined;
  }
}
