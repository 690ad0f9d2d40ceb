// node:timers: the runtime's own, which are also globals.

'use strict';

const { Error, ObjectDefineProperty } = primordials;
const { host: { timers } } = require('internal/host');
const { validateFunction } = require('internal/validators');

timers.setValidateCallback((callback) => validateFunction(callback, 'callback'));
const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = timers;

module.exports = {
  setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate,
  active(timer) { return timer?.refresh?.() && undefined; },
  unenroll: (timer) => clearTimeout(timer),
  enroll() { throw new Error('Not implemented. Please use setTimeout() instead.'); },
};

ObjectDefineProperty(module.exports, 'promises', { __proto__: null, get: () => require('timers/promises'), enumerable: true, configurable: true });
// By name alone.
ObjectDefineProperty(module.exports, 'Timeout', { __proto__: null, value: timers.Timeout, writable: true, enumerable: false, configurable: true });
