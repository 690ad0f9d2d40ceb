// URL is the platform's.

'use strict';

const { FunctionPrototypeSymbolHasInstance } = primordials;
const { host: { URL, URLSearchParams } } = require('internal/host');

module.exports = { URL, URLSearchParams, isURL: (value) => FunctionPrototypeSymbolHasInstance(URL, value) };
