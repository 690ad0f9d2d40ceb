// The bytes of a secret: handed in as they are, or as the handle of a key.

'use strict';

const { viewOf } = require('internal/crypto/binding/bytes');

/** The bytes of the handle of a secret key, undefined for anything else; from the module that has the class. */
let ofHandle = () => undefined;

module.exports = {
  secretBytes: (key) => ofHandle(key) ?? viewOf(key),
  setSecretOfHandle(get) { ofHandle = get; },
};
