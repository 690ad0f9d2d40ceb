// node:timers: the runtime's own, which are also globals.

'use strict';

const { host: { timers } } = require('internal/host');
const { validateFunction } = require('internal/validators');

timers.setValidateCallback((callback) => validateFunction(callback, 'callback'));
const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = timers;

module.exports = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate };
