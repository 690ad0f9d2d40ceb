// node:readline: there is nobody to ask.

'use strict';

const { SymbolAsyncIterator } = primordials;
const EventEmitter = require('events');
const { notImplemented } = require('internal/not_implemented');

class Interface extends EventEmitter {
  terminal = false;
  line = '';
  cursor = 0;
  getPrompt() { return ''; }
  setPrompt() {}
  prompt() {}
  pause() { return this; }
  resume() { return this; }
  write() {}
  close() { this.emit('close'); }
  getCursorPos() { return { rows: 0, cols: 0 }; }
  [SymbolAsyncIterator]() { return { __proto__: null, next: async () => ({ done: true, value: undefined }) }; }
}
Interface.prototype.question = notImplemented('readline.question', 'question');

function done(callback) {
  if (typeof callback === 'function') callback();
  return false;
}

module.exports = {
  clearLine: (_stream, _direction, callback) => done(callback),
  clearScreenDown: (_stream, callback) => done(callback),
  createInterface: () => new Interface(),
  cursorTo: (_stream, _x, y, callback) => done(typeof y === 'function' ? y : callback),
  emitKeypressEvents() {},
  moveCursor: (_stream, _dx, _dy, callback) => done(callback),
  Interface,
  promises: undefined,
};
module.exports.promises = require('readline/promises');
