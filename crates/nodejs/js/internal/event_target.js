// EventTarget is the platform's.

'use strict';

const { FunctionPrototypeSymbolHasInstance, Symbol } = primordials;
const { host: { Event, EventTarget } } = require('internal/host');

module.exports = {
  Event,
  EventTarget,
  isEventTarget: (value) => FunctionPrototypeSymbolHasInstance(EventTarget, value),
  kEvents: Symbol('kEvents'),
  kResistStopPropagation: Symbol('kResistStopPropagation'),
};
