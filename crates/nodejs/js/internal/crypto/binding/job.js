// The jobs of Node's binding. A thread of its own would be free for a Worker, and anybody's queue: the work is done on the isolate's,
// where it is charged; what is asynchronous begins when the running code has ended.

'use strict';

const { ReflectApply } = primordials;
const { host } = require('internal/host');

const kCryptoJobAsync = 0;

/**
 * A class of jobs. `prepare(isAsync, ...args)` checks the arguments, copies those that may change before the work is done, and returns
 * the work. What OpenSSL says is an error's message alone, but where the job is done at once and `tellsCodes`.
 */
function job(prepare, tellsCodes = false) {
  return class Job {
    #isAsync;
    #work;

    constructor(mode, ...args) {
      this.#isAsync = mode === kCryptoJobAsync;
      const all = [this.#isAsync];
      for (let i = 0; i < args.length; i++) all[i + 1] = args[i];
      this.#work = ReflectApply(prepare, undefined, all);
    }

    /** `[error, result]`; undefined where `ondone(error, result)` is called later. */
    run() {
      if (!this.#isAsync) return attempt(this.#work, tellsCodes);
      host.queueMicrotask(() => {
        const { 0: error, 1: result } = attempt(this.#work, false);
        this.ondone(error, result);
      });
      return undefined;
    }
  };
}

function attempt(work, tellsCodes) {
  try {
    return [undefined, work()];
  } catch (error) {
    if (!tellsCodes && error.library !== undefined) {
      delete error.library;
      delete error.reason;
      delete error.code;
    }
    return [error, undefined];
  }
}

module.exports = { job };
