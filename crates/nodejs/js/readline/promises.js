// node:readline/promises: there is nobody to ask.

'use strict';

const EventEmitter = require('events');
const { notImplemented } = require('internal/not_implemented');

class Interface extends EventEmitter {
  terminal = false;
  line = '';
  cursor = 0;
  close() { this.emit('close'); }
  getCursorPos() { return { rows: 0, cols: 0 }; }
  getPrompt() { return ''; }
  pause() { return this; }
  prompt() {}
  resume() { return this; }
  setPrompt() {}
  write() {}
}
Interface.prototype.question = notImplemented('readline.question', 'question');

class Readline {
  clearLine() { return this; }
  clearScreenDown() { return this; }
  async commit() {}
  cursorTo() { return this; }
  moveCursor() { return this; }
  rollback() { return this; }
}

module.exports = { Interface, Readline, createInterface: () => new Interface() };
