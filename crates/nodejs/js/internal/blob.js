// Blob is the platform's.

'use strict';

const { FunctionPrototypeSymbolHasInstance } = primordials;
const { host: { Blob, File } } = require('internal/host');

module.exports = {
  Blob,
  File,
  isBlob: (value) => FunctionPrototypeSymbolHasInstance(Blob, value),
};
