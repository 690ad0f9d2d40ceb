// What Node's own modules take of lib/internal/timers.js.

'use strict';

const { NumberIsFinite, Symbol } = primordials;
const { setTimeout } = require('timers');
const { codes: { ERR_OUT_OF_RANGE } } = require('internal/errors');
const { validateNumber } = require('internal/validators');

const TIMEOUT_MAX = 2 ** 31 - 1;

function getTimerDuration(msecs, name) {
  validateNumber(msecs, name);
  if (msecs < 0 || !NumberIsFinite(msecs)) throw new ERR_OUT_OF_RANGE(name, 'a non-negative finite number', msecs);
  if (msecs <= TIMEOUT_MAX) return msecs;
  process.emitWarning(
    `${msecs} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${TIMEOUT_MAX}.`, 'TimeoutOverflowWarning',
  );
  return TIMEOUT_MAX;
}

module.exports = { kTimeout: Symbol('timeout'), getTimerDuration, setUnrefTimeout: setTimeout };
