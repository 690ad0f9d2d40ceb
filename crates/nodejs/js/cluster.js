// node:cluster: one process, the primary one.

'use strict';

const EventEmitter = require('events');
const { defineMissing } = require('internal/not_implemented');

class Worker extends EventEmitter {
  _connected = false;
  id = 0;
  isConnected() { return this._connected; }
  isDead() { return true; }
  get exitedAfterDisconnect() { return undefined; }
  get process() { return undefined; }
}
defineMissing(Worker, 'cluster.Worker', ['destroy', 'disconnect', 'kill', 'send']);

class Cluster extends EventEmitter {}
defineMissing(Cluster, 'cluster', ['disconnect', 'fork', 'setupMaster', 'setupPrimary']);

const cluster = new Cluster();
module.exports = cluster;
cluster.Worker = Worker;
cluster.isMaster = true;
cluster.isPrimary = true;
cluster.isWorker = false;
cluster.SCHED_NONE = 1;
cluster.SCHED_RR = 2;
cluster.schedulingPolicy = 2;
cluster.settings = {};
cluster.workers = {};
