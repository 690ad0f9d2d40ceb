// node:child_process: a Worker starts no processes.

'use strict';

const EventEmitter = require('events');
const { defineMissing, missing, notImplemented } = require('internal/not_implemented');
const { validateString } = require('internal/validators');

class ChildProcess extends EventEmitter {
  constructor() {
    super();
    throw missing('child_process.ChildProcess');
  }
}

defineMissing(ChildProcess, 'child_process.ChildProcess', ['disconnect', 'kill', 'ref', 'send', 'unref']);

const method = (name) => notImplemented(`child_process.${name}`, name);

module.exports = {
  ChildProcess,
  _forkChild: method('_forkChild'),
  exec(command, _options, _callback) {
    validateString(command, 'command');
    throw missing('child_process.exec');
  },
  execFile: method('execFile'),
  execFileSync: method('execFileSync'),
  execSync: method('execSync'),
  fork: method('fork'),
  spawn: method('spawn'),
  spawnSync(command, _args, _options) {
    validateString(command, 'command');
    throw missing('child_process.spawnSync');
  },
};
