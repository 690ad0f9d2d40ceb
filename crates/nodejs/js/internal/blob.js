// Blob is the platform's.

'use strict';

const { FunctionPrototypeSymbolHasInstance } = primordials;
const { host: { Blob, File } } = require('internal/host');

module.exports = {
  Blob,
  createBlobFromFilePath: (path, options) => new Blob([require('fs').readFileSync(path)], options),
  File,
  isBlob: (value) => FunctionPrototypeSymbolHasInstance(Blob, value),
};
