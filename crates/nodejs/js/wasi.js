// node:wasi: not there.

'use strict';

const { defineMissing, missing } = require('internal/not_implemented');

class WASI {
  constructor(_options = {}) { throw missing('WASI'); }
}

defineMissing(WASI, 'WASI', ['finalizeBindings', 'getImportObject', 'initialize', 'start']);

module.exports = { WASI };
