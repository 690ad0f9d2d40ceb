// The asynchronous iterator of a ReadableStream (Streams section 4.2.5, Web IDL section 3.7.10).

import { primordials } from "../primordials.js";
import { isObject } from "../webidl.js";
import { enqueueMicrotask } from "./promises.js";
import { kNothing, PromiseReadRequest, READABLE, readableCancel, readWith, releaseReader } from "./readable_state.js";
const {
  AsyncIteratorPrototype, ObjectCreate, PromisePrototypeThen, PromiseReject, PromiseResolve, SymbolToStringTag, TypeError,
} = primordials;

const iteratorPrototype = ObjectCreate(AsyncIteratorPrototype, {
  next: {
    __proto__: null, configurable: true, enumerable: true, writable: true,
    value: { next() { return stepsOf(this)?.next() ?? wrongReceiver(); } }.next,
  },
  return: {
    __proto__: null, configurable: true, enumerable: true, writable: true,
    value: { return(value) { return stepsOf(this)?.return(value) ?? wrongReceiver(); } }.return,
  },
  [SymbolToStringTag]: { __proto__: null, configurable: true, value: "ReadableStream AsyncIterator" },
});

function wrongReceiver() {
  return PromiseReject(new TypeError("Illegal invocation"));
}

class ReturnArgument {
  constructor(object) {
    return object;
  }
}

let stepsIn;

/** Private state on an object whose prototype is not a class's. */
class Iterator extends ReturnArgument {
  #steps;

  static {
    stepsIn = (value) => (#steps in value ? value.#steps : undefined);
  }

  constructor(steps) {
    super(ObjectCreate(iteratorPrototype));
    this.#steps = steps;
  }
}

function stepsOf(value) {
  return isObject(value) ? stepsIn(value) : undefined;
}

export function makeIterator(reader, preventCancel) {
  return new Iterator(new Steps(reader, preventCancel));
}

/** The steps of one iterator are taken one after the other: `ongoing` is the promise of the last one, while it is pending. */
class Steps {
  reader;
  preventCancel;
  ongoing = undefined;
  finished = false;

  constructor(reader, preventCancel) {
    this.reader = reader;
    this.preventCancel = preventCancel;
  }

  next() {
    if (this.ongoing !== undefined) return this.queue(() => this.read());
    return this.read();
  }

  return(value) {
    const promise = this.queue(() => this.end(value));
    return PromisePrototypeThen(promise, () => ({ value, done: true }));
  }

  queue(step) {
    const promise = this.ongoing === undefined ? step() : PromisePrototypeThen(this.ongoing, step, step);
    this.ongoing = promise;
    const settled = () => this.settled(promise);
    PromisePrototypeThen(promise, settled, settled);
    return promise;
  }

  settled(promise) {
    if (this.ongoing === promise) this.ongoing = undefined;
  }

  read() {
    if (this.finished) return PromiseResolve({ value: undefined, done: true });
    const { stream } = this.reader;
    stream.disturbed = true;
    if (stream.state === READABLE) {
      const chunk = stream.controller.takeNow();
      if (chunk !== kNothing) return PromiseResolve({ value: chunk, done: false });
    }
    const request = new IteratorReadRequest(this);
    this.ongoing ??= request.promise;
    readWith(this.reader, request);
    return request.promise;
  }

  end(value) {
    if (this.finished) return PromiseResolve(undefined);
    this.finished = true;
    if (this.preventCancel) {
      releaseReader(this.reader);
      return PromiseResolve(undefined);
    }
    const promise = readableCancel(this.reader.stream, value);
    releaseReader(this.reader);
    return promise;
  }
}

/** Its promise settles a microtask late: in the standard, it is a reaction to the promise of the read. */
class IteratorReadRequest extends PromiseReadRequest {
  steps;

  constructor(steps) {
    super();
    this.steps = steps;
  }

  chunk(value) {
    enqueueMicrotask(() => {
      this.steps.settled(this.promise);
      this.resolve({ value, done: false });
    });
  }

  close() {
    releaseReader(this.steps.reader);
    enqueueMicrotask(() => {
      this.steps.finished = true;
      this.steps.settled(this.promise);
      this.resolve({ value: undefined, done: true });
    });
  }

  error(reason) {
    releaseReader(this.steps.reader);
    enqueueMicrotask(() => {
      this.steps.finished = true;
      this.steps.settled(this.promise);
      this.reject(reason);
    });
  }
}
