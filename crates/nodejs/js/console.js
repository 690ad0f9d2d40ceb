// node:console: the platform's console, with Node's class for consoles over streams.

'use strict';

const { ObjectAssign } = primordials;
const { host } = require('internal/host');
const { Console } = require('internal/console/constructor');

const nothing = () => {};

module.exports = ObjectAssign({}, host.console, {
  Console,
  context: () => module.exports,
  createTask: (_name) => ({ run: (task) => task() }),
  profile: nothing, profileEnd: nothing, timeStamp: nothing,
});
