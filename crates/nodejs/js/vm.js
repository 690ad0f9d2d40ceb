// node:vm: code from strings is not run. What only says so, or only keeps what it is given, is there as on the platform.

'use strict';

const { Symbol } = primordials;
const { missing, notImplemented } = require('internal/not_implemented');
const { validateArray, validateObject, validateString } = require('internal/validators');

const runInThisContext = notImplemented('runInThisContext');

class Script {
  cachedDataRejected = undefined;
  cachedDataProduced = undefined;
  cachedData = undefined;
  sourceMapURL = undefined;

  constructor(code, options = {}) {
    if (typeof options !== 'string') validateObject(options, 'options');
  }
}
Script.prototype.createCachedData = notImplemented('Script.createCachedData', 'createCachedData');
Script.prototype.runInThisContext = runInThisContext;
Script.prototype.runInContext = notImplemented('runInContext');
Script.prototype.runInNewContext = notImplemented('runInNewContext');

function runInContext(code, contextObject) {
  validateObject(contextObject, 'object');
  throw missing('runInContext');
}

module.exports = {
  Script,
  createContext: (contextObject = {}) => contextObject,
  createScript: (code, options) => new Script(code, options),
  runInContext,
  runInNewContext: runInThisContext,
  runInThisContext,
  isContext(object) {
    validateObject(object, 'object');
    // No object is one.
    return false;
  },
  compileFunction(code, params = undefined) {
    validateString(code, 'code');
    if (params !== undefined) validateArray(params, 'params');
    throw missing('compileFunction');
  },
  measureMemory: notImplemented('measureMemory'),
  constants: {
    __proto__: null,
    USE_MAIN_CONTEXT_DEFAULT_LOADER: Symbol('vm_dynamic_import_main_context_default'),
    DONT_CONTEXTIFY: Symbol('vm_context_no_contextify'),
  },
};
