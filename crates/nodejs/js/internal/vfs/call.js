// A call of `internalBinding('fs')`: how it takes its arguments, and how it tells its outcome.

'use strict';

const { PromiseReject, PromiseResolve, ReflectApply, Symbol } = primordials;
const { Buffer } = require('buffer');
const { host } = require('internal/host');
const { getValidatedFd } = require('internal/fs/utils');
const { isFailure, systemError } = require('internal/vfs/failure');

const kUsePromises = Symbol('fs_use_promises_symbol');

class FSReqCallback {
  constructor(bigint) { this.bigint = bigint; }
}

/** As native code takes paths. */
const text = (path) => (typeof path === 'string' ? path : Buffer.from(path).utf8Slice());

/** What a call is about: `kind` says how many paths stand in front, or that it is a descriptor. */
const PATH = 1;
const TWO_PATHS = 2;
const DESCRIPTOR = 0;

/**
 * A function of the binding. `place`: which argument is the request. All work at once; the outcome is told in a microtask where there is a request, and by a
 * promise where it is `kUsePromises`.
 */
function call(syscall, kind, place, run) {
  return function(...args) {
    if (kind === DESCRIPTOR) args[0] = getValidatedFd(args[0]);
    for (let i = 0; i < kind; i++) args[i] = text(args[i]);
    // Past its end an array answers with what the Worker has put on Array.prototype.
    const request = place < args.length ? args[place] : undefined;
    const told = (error) => {
      if (!isFailure(error)) return error;
      return systemError(error.code, syscall, kind === DESCRIPTOR ? undefined : error.path ?? args[0], kind === TWO_PATHS ? args[1] : undefined);
    };
    if (request === undefined) {
      try {
        return ReflectApply(run, undefined, args);
      } catch (error) {
        throw told(error);
      }
    }
    let result;
    let error = null;
    try {
      result = ReflectApply(run, undefined, args);
    } catch (failure) {
      error = told(failure);
    }
    if (request === kUsePromises) return error === null ? PromiseResolve(result) : PromiseReject(error);
    host.queueMicrotask(() => {
      if (error !== null) request.oncomplete(error);
      else if (result === undefined) request.oncomplete(null);
      else request.oncomplete(null, result);
    });
  };
}

module.exports = { DESCRIPTOR, FSReqCallback, PATH, TWO_PATHS, call, kUsePromises, text };
