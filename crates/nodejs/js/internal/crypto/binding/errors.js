// The errors that Node's native code throws.

'use strict';

const { Error, RangeError, TypeError } = primordials;

function coded(Class) {
  return (code, message) => {
    const error = new Class(message);
    error.code = code;
    return error;
  };
}

module.exports = { error: coded(Error), rangeError: coded(RangeError), typeError: coded(TypeError) };
