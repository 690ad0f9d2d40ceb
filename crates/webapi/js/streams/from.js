// ReadableStream.from (Streams section 4.2.4, ReadableStreamFromIterable).

import { primordials } from "../primordials.js";
import { isObject } from "../webidl.js";
import { kResolved } from "./promises.js";
import { createReadable } from "./readable_default.js";
const {
  FunctionPrototypeCall, PromisePrototypeThen, PromiseReject, PromiseResolve, SymbolAsyncIterator, SymbolIterator, TypeError,
} = primordials;

export function readableFrom(iterable) {
  if (iterable === undefined || iterable === null) throw new TypeError(`${iterable} is not async iterable.`);
  const asyncMethod = method(iterable, SymbolAsyncIterator);
  if (asyncMethod !== undefined) {
    return createReadable(new AsyncIteratorSource(open(asyncMethod, iterable)), 0, undefined, kResolved);
  }
  const syncMethod = method(iterable, SymbolIterator);
  if (syncMethod === undefined) throw new TypeError("The value is not async iterable.");
  return createReadable(new SyncIteratorSource(open(syncMethod, iterable)), 0, undefined, kResolved);
}

/** GetMethod. */
function method(object, key) {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "function") throw new TypeError("An iterator method is not a function.");
  return value;
}

function open(iteratorMethod, iterable) {
  const iterator = FunctionPrototypeCall(iteratorMethod, iterable);
  if (!isObject(iterator)) throw new TypeError("The iterator is not an object.");
  return { iterator, next: iterator.next };
}

function requireResult(result) {
  if (!isObject(result)) throw new TypeError("The iterator's result is not an object.");
  return result;
}

class AsyncIteratorSource {
  #iterator;
  #next;

  constructor({ iterator, next }) {
    this.#iterator = iterator;
    this.#next = next;
  }

  get pulls() {
    return true;
  }

  pull(controller) {
    let promise;
    try {
      promise = PromiseResolve(FunctionPrototypeCall(this.#next, this.#iterator));
    } catch (error) {
      return PromiseReject(error);
    }
    return PromisePrototypeThen(promise, (result) => {
      if (requireResult(result).done) controller.close();
      else controller.enqueue(result.value);
    });
  }

  cancel(reason) {
    let promise;
    try {
      const end = method(this.#iterator, "return");
      if (end === undefined) return kResolved;
      promise = PromiseResolve(FunctionPrototypeCall(end, this.#iterator, reason));
    } catch (error) {
      return PromiseReject(error);
    }
    return PromisePrototypeThen(promise, (result) => void requireResult(result));
  }
}

/** A synchronous iterator seen through CreateAsyncFromSyncIterator: promises among its values are awaited. */
class SyncIteratorSource {
  #iterator;
  #next;

  constructor({ iterator, next }) {
    this.#iterator = iterator;
    this.#next = next;
  }

  get pulls() {
    return true;
  }

  pull(controller) {
    let done;
    let value;
    try {
      const result = requireResult(FunctionPrototypeCall(this.#next, this.#iterator));
      done = result.done;
      value = PromiseResolve(result.value);
    } catch (error) {
      return PromiseReject(error);
    }
    if (done) return PromisePrototypeThen(value, () => controller.close());
    return PromisePrototypeThen(
      value,
      (chunk) => controller.enqueue(chunk),
      (reason) => {
        this.#closeAfterRejection();
        throw reason;
      },
    );
  }

  /** A rejected value ends the iteration: the iterator is told, and what it says to that is dropped as AsyncFromSyncIteratorContinuation does. */
  #closeAfterRejection() {
    try {
      const end = method(this.#iterator, "return");
      if (end !== undefined) FunctionPrototypeCall(end, this.#iterator);
    } catch {
      // The rejection is what the stream errors with.
    }
  }

  cancel(reason) {
    let promise;
    try {
      const end = method(this.#iterator, "return");
      if (end === undefined) return kResolved;
      promise = PromiseResolve(requireResult(FunctionPrototypeCall(end, this.#iterator, reason)).value);
    } catch (error) {
      return PromiseReject(error);
    }
    return PromisePrototypeThen(promise, () => undefined);
  }
}
