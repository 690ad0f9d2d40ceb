// node:module, as far as a Worker has any: its files are no file system.

'use strict';

const { ArrayPrototypeIncludes, ArrayPrototypeSlice, Error, FunctionPrototypeSymbolHasInstance, StringPrototypeSlice, StringPrototypeStartsWith } = primordials;
const { host: { URL }, load, publicNames } = require('internal/host');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');

function createRequire(path) {
  if (typeof path !== 'string' && !FunctionPrototypeSymbolHasInstance(URL, path)) throw new ERR_INVALID_ARG_TYPE('path', ['string', 'URL'], path);
  return (specifier) => {
    const exported = load(specifier);
    if (exported === undefined) throw new Error(`No such module "${specifier}".`);
    return exported;
  };
}

function isBuiltin(name) {
  if (typeof name !== 'string') return false;
  return ArrayPrototypeIncludes(publicNames, StringPrototypeStartsWith(name, 'node:') ? StringPrototypeSlice(name, 5) : name);
}

module.exports = { createRequire, isBuiltin, builtinModules: ArrayPrototypeSlice(publicNames) };
