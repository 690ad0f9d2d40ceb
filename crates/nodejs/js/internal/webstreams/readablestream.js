// ReadableStream is the platform's.

'use strict';

const { FunctionPrototypeSymbolHasInstance } = primordials;
const { host: { streams: { ReadableStream } } } = require('internal/host');

module.exports = { ReadableStream, isReadableStream: (value) => FunctionPrototypeSymbolHasInstance(ReadableStream, value) };
