// What the platform has the name of, and nothing else.

'use strict';

const { Error, ObjectDefineProperty } = primordials;
const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');

const missing = (name) => new ERR_METHOD_NOT_IMPLEMENTED(name);

/** An option that is not there. */
function missingOption(name) {
  const error = new Error(`The ${name} option is not implemented`);
  error.code = 'ERR_OPTION_NOT_IMPLEMENTED';
  return error;
}

/** What the platform refuses, whatever it is given. */
function unsupported() {
  const error = new Error('The requested operation is unsupported');
  error.code = 'ERR_UNSUPPORTED_OPERATION';
  return error;
}

/** A function called `name` (without what stands before its dot) that throws. */
function notImplemented(name, shown = name) {
  const thrower = function() { throw missing(name); };
  ObjectDefineProperty(thrower, 'name', { __proto__: null, value: shown, configurable: true });
  return thrower;
}

/** Gives `Class` methods that throw. */
function defineMissing(Class, prefix, names) {
  for (let i = 0; i < names.length; i++) {
    const value = notImplemented(`${prefix}.${names[i]}`, names[i]);
    ObjectDefineProperty(Class.prototype, names[i], { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  }
}

module.exports = { defineMissing, missing, missingOption, notImplemented, unsupported };
