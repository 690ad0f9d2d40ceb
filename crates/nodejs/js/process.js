// node:process. It is an emitter only where a Worker sees it, so that Node's own modules need no events.

'use strict';

const { FunctionPrototypeCall, ObjectSetPrototypeOf } = primordials;
const EventEmitter = require('events');

ObjectSetPrototypeOf(process, { __proto__: EventEmitter.prototype, constructor: function process() {} });
FunctionPrototypeCall(EventEmitter, process);
module.exports = process;
