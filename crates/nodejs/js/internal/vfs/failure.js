// What an operation on the file system fails with: a code, until the binding knows the call and makes Node's error of it.

'use strict';

const { Error, FunctionPrototypeSymbolHasInstance } = primordials;
const uv = internalBinding('uv');

class Failure {
  constructor(code) { this.code = code; }
}

/** Throws. */
function fail(code) {
  throw new Failure(code);
}

const isFailure = (value) => FunctionPrototypeSymbolHasInstance(Failure, value);

/** Node's error for `code`, such as `ENOENT: no such file or directory, open '/x'`. */
function systemError(code, syscall, path = undefined, dest = undefined) {
  const errno = uv[`UV_${code}`];
  let text = `${code}: ${uv.getErrorMap().get(errno)[1]}, ${syscall}`;
  if (path !== undefined) text += ` '${path}'`;
  if (dest !== undefined) text += ` -> '${dest}'`;
  const error = new Error(text);
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}

module.exports = { fail, isFailure, systemError };
