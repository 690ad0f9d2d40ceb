// `internalBinding('fs_dir')`: directories that are open. What stands in one is told as it was when it was opened.

'use strict';

const { ArrayPrototypePush, FunctionPrototypeCall } = primordials;
const { host } = require('internal/host');
const fs = internalBinding('fs');

class DirHandle {
  #names;
  #types;
  #at = 0;

  constructor(listing) {
    this.#names = listing[0];
    this.#types = listing[1];
  }

  /** `[name, type, ...]`, no more than `size` of them, or null at the end. */
  #next(size) {
    if (this.#at >= this.#names.length) return null;
    const some = [];
    for (let count = 0; count < size && this.#at < this.#names.length; count++, this.#at++) {
      ArrayPrototypePush(some, this.#names[this.#at], this.#types[this.#at]);
    }
    return some;
  }

  read(encoding, size, request) {
    return settle(request, this.#next(size));
  }

  close(request) {
    return settle(request, undefined);
  }
}

/** The result, or nothing where a request is to be told. */
function settle(request, result) {
  if (request === undefined) return result;
  host.queueMicrotask(() => (result === undefined ? request.oncomplete(null) : request.oncomplete(null, result)));
}

module.exports = (binding) => {
  binding.opendir = (path, encoding, request) => {
    if (request === undefined) return new DirHandle(fs.opendir(path, encoding, true));
    const listed = new fs.FSReqCallback();
    listed.oncomplete = (error, listing) => {
      if (error !== null) FunctionPrototypeCall(request.oncomplete, request, error);
      else FunctionPrototypeCall(request.oncomplete, request, null, new DirHandle(listing));
    };
    fs.opendir(path, encoding, true, listed);
  };
  binding.opendirSync = (path) => new DirHandle(fs.opendir(path, 'utf8', true));
};
