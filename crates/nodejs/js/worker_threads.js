// node:worker_threads: the main thread, and no other.

'use strict';

const { SafeMap, SymbolFor, TypeError } = primordials;
const { host: { MessageChannel, MessagePort } } = require('internal/host');
const EventEmitter = require('events');
const { defineMissing, missing, notImplemented } = require('internal/not_implemented');

class BroadcastChannel {
  constructor(_name) { throw missing('BroadcastChannel'); }
}

class Worker extends EventEmitter {
  constructor(_filename, _options) {
    super();
    throw missing('Worker');
  }
}

defineMissing(Worker, 'Worker', [
  'cpuUsage', 'getHeapSnapshot', 'getHeapStatistics', 'postMessage', 'postMessageToThread', 'ref', 'startCpuProfile', 'startHeapProfile', 'terminate',
  'unref',
]);

const environment = new SafeMap();

module.exports = {
  BroadcastChannel, MessageChannel, MessagePort, Worker,
  SHARE_ENV: SymbolFor('nodejs.worker_threads.SHARE_ENV'),
  getEnvironmentData: (key) => environment.get(key),
  isMainThread: true,
  isMarkedAsUntransferable: () => false,
  markAsUntransferable() {},
  markAsUncloneable() {},
  // It would make a port.
  moveMessagePortToContext(_port, _context) { throw new TypeError('Illegal constructor'); },
  parentPort: null,
  receiveMessageOnPort: () => undefined,
  resourceLimits: {},
  setEnvironmentData(key, value) {
    if (value === undefined) environment.delete(key);
    else environment.set(key, value);
  },
  postMessageToThread: notImplemented('postMessageToThread'),
  threadId: 0,
  workerData: null,
  isInternalThread: false,
};
