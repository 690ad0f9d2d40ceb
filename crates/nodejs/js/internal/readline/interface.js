// FileHandle's `readLines()` would make one; the platform has none either.

'use strict';

const { missing } = require('internal/not_implemented');

module.exports = {
  Interface: class Interface {
    constructor() { throw missing('filehandle.readLines'); }
  },
};
