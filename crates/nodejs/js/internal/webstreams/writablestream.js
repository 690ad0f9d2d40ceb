// WritableStream is the platform's.

'use strict';

const { FunctionPrototypeSymbolHasInstance } = primordials;
const { host: { streams: { WritableStream } } } = require('internal/host');

module.exports = { WritableStream, isWritableStream: (value) => FunctionPrototypeSymbolHasInstance(WritableStream, value) };
