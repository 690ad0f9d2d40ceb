// EventTarget is the platform's.

'use strict';

const { FunctionPrototypeSymbolHasInstance, Symbol } = primordials;
const { host: { Event, EventTarget } } = require('internal/host');

module.exports = {
  Event,
  // What it is mixed into here has nothing of its own.
  EventEmitterMixin: () => require('events'),
  EventTarget,
  isEventTarget: (value) => FunctionPrototypeSymbolHasInstance(EventTarget, value),
  kEvents: Symbol('kEvents'),
  kResistStopPropagation: Symbol('kResistStopPropagation'),
};
