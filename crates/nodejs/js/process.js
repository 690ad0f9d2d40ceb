// node:process. It is an emitter only where a Worker sees it, so that Node's own modules need no events.

'use strict';

const { ArrayPrototypeIncludes, FunctionPrototypeCall, ObjectSetPrototypeOf, StringPrototypeSplit } = primordials;
const { host } = require('internal/host');
const EventEmitter = require('events');

ObjectSetPrototypeOf(process, { __proto__: EventEmitter.prototype, constructor: function process() {} });
FunctionPrototypeCall(EventEmitter, process);
if (ArrayPrototypeIncludes(StringPrototypeSplit(host.modules, ','), 'process_v2')) require('internal/process_v2')(process);
module.exports = process;
