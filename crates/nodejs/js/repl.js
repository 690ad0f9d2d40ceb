// node:repl: code from strings is not run.

'use strict';

const { ArrayPrototypeSlice, SyntaxError, Symbol } = primordials;
const { publicNames } = require('internal/host');
const { defineMissing, missing, notImplemented } = require('internal/not_implemented');

class REPLServer {
  constructor() { throw missing('REPLServer'); }
}

defineMissing(REPLServer, 'REPLServer', ['clearBufferedCommand', 'defineCommand', 'displayPrompt', 'setupHistory']);

class Recoverable extends SyntaxError {
  constructor(err) {
    super();
    this.err = err;
  }
}

module.exports = {
  writer: notImplemented('writer'),
  start: notImplemented('start'),
  Recoverable,
  REPLServer,
  builtinModules: ArrayPrototypeSlice(publicNames),
  _builtinLibs: ArrayPrototypeSlice(publicNames),
  REPL_MODE_SLOPPY: Symbol('repl-sloppy'),
  REPL_MODE_STRICT: Symbol('repl-strict'),
};
