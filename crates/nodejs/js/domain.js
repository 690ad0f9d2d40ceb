// node:domain: domains that catch nothing.

'use strict';

const { ReflectApply } = primordials;
const EventEmitter = require('events');

class Domain extends EventEmitter {
  members = undefined;
  _errorHandler() {}
  add() {}
  remove() {}
  enter() {}
  exit() {}
  run(fn, ...args) { return ReflectApply(fn, this, args); }
  bind(callback) { return callback; }
  intercept(callback) { return callback; }
}

const createDomain = () => new Domain();

module.exports = { Domain, active: null, createDomain, create: createDomain };
