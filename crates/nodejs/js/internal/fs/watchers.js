// Nothing is watched: nobody but the Worker itself changes its files.

'use strict';

const { Error, Symbol } = primordials;
const { missing } = require('internal/not_implemented');

class FSWatcher {
  constructor() { throw missing('fs.watch'); }
}

class StatWatcher {
  constructor() { throw missing('fs.watchFile'); }
}

module.exports = { FSWatcher, StatWatcher, kFSWatchStart: Symbol('kFSWatchStart') };
