// node:timers/promises over the platform's timers.

'use strict';

const { Promise, PromiseReject } = primordials;
const { host: { clearTimer, startTimer } } = require('internal/host');
const { AbortError } = require('internal/errors');
const { kEmptyObject } = require('internal/util');
const { validateAbortSignal, validateBoolean, validateNumber, validateObject } = require('internal/validators');

function check(delay, options) {
  if (delay !== undefined) validateNumber(delay, 'delay');
  validateObject(options, 'options');
  if (options.signal !== undefined) validateAbortSignal(options.signal, 'options.signal');
  if (options.ref !== undefined) validateBoolean(options.ref, 'options.ref');
}

function wait(delay, value, options) {
  const { signal } = options;
  if (signal?.aborted) return PromiseReject(new AbortError(undefined, { cause: signal.reason }));
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimer(timer);
      reject(new AbortError(undefined, { cause: signal.reason }));
    };
    const timer = startTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    }, delay, false);
    signal?.addEventListener('abort', onAbort);
  });
}

function setTimeout(delay, value, options = kEmptyObject) {
  try {
    check(delay, options);
    return wait(delay ?? 1, value, options);
  } catch (error) {
    return PromiseReject(error);
  }
}

function setImmediate(value, options = kEmptyObject) {
  try {
    check(undefined, options);
    return wait(0, value, options);
  } catch (error) {
    return PromiseReject(error);
  }
}

async function* setInterval(delay, value, options = kEmptyObject) {
  check(delay, options);
  while (true) yield await wait(delay ?? 1, value, options);
}

module.exports = {
  setTimeout,
  setImmediate,
  setInterval,
  scheduler: { wait: (delay, options = kEmptyObject) => setTimeout(delay, undefined, options), yield: () => setImmediate() },
};
