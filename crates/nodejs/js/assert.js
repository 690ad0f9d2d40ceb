// node:assert: Node's own, and what later versions of it have.

'use strict';

const { Error, FunctionPrototypeSymbolHasInstance, ObjectAssign, ObjectDefineProperty } = primordials;
const assert = require('node/assert');
const contains = require('internal/assert/partial_deep_equal');
const { validateObject, validateOneOf } = require('internal/validators');
const { codes: { ERR_MISSING_ARGS } } = require('internal/errors');

const { AssertionError } = assert;

function partialDeepStrictEqual(actual, expected, message) {
  if (arguments.length < 2) throw new ERR_MISSING_ARGS('actual', 'expected');
  if (contains(actual, expected)) return;
  if (FunctionPrototypeSymbolHasInstance(Error, message)) throw message;
  throw new AssertionError({
    actual, expected, message: message ?? 'Expected actual to be partially deeply strictly equal to expected', operator: 'partialDeepStrictEqual',
    stackStartFn: partialDeepStrictEqual,
  });
}

const METHODS = [
  'fail', 'deepStrictEqual', 'notDeepStrictEqual', 'strictEqual', 'notStrictEqual', 'partialDeepStrictEqual', 'match', 'doesNotMatch', 'throws', 'rejects',
  'doesNotThrow', 'doesNotReject', 'ifError', 'ok', 'equal', 'notEqual', 'deepEqual', 'notDeepEqual',
];

/** Assertions with options of their own; strict ones, unless told otherwise. */
class Assert {
  constructor(options = {}) {
    validateObject(options, 'options');
    const { diff = 'simple', strict = true } = options;
    validateOneOf(diff, 'options.diff', ['simple', 'full']);
    this.AssertionError = AssertionError;
    if (!strict) return;
    this.equal = this.strictEqual;
    this.deepEqual = this.deepStrictEqual;
    this.notEqual = this.notStrictEqual;
    this.notDeepEqual = this.notDeepStrictEqual;
  }
}

const more = { Assert, partialDeepStrictEqual };
ObjectAssign(assert, more);
ObjectAssign(assert.strict, more);
for (let i = 0; i < METHODS.length; i++) {
  ObjectDefineProperty(Assert.prototype, METHODS[i], { __proto__: null, value: assert[METHODS[i]], writable: true, enumerable: false, configurable: true });
}

module.exports = assert;
