// What assert.ok() says. Node reads the source of the call from its file; a Worker has none.

'use strict';

const AssertionError = require('internal/assert/assertion_error');
const { isError } = require('internal/util');

function innerOk(stackStartFn, argumentCount, value, message) {
  if (value) return;
  const generatedMessage = argumentCount === 0 || message == null;
  if (argumentCount === 0) message = 'No value argument passed to `assert.ok()`';
  else if (message == null) message = 'The expression evaluated to a falsy value';
  else if (isError(message)) throw message;
  const error = new AssertionError({ actual: value, expected: true, message, operator: '==', stackStartFn });
  error.generatedMessage = generatedMessage;
  throw error;
}

module.exports = { innerOk };
