// node:os: a machine without properties, as the platform shows it.

'use strict';

const { validateInt32 } = require('internal/validators');
const constants = internalBinding('constants').os;

function getPriority(pid = 0) {
  validateInt32(pid, 'pid');
  return 0;
}

function setPriority(pid, priority) {
  if (priority === undefined && pid !== undefined) {
    priority = pid;
    pid = 0;
  }
  validateInt32(pid, 'pid');
  validateInt32(priority, 'priority', -20, 19);
}

module.exports = {
  EOL: '\n',
  arch: () => 'x64',
  availableParallelism: () => 1,
  constants,
  cpus: () => [],
  devNull: '/dev/null',
  endianness: () => 'LE',
  freemem: () => 0,
  getPriority,
  homedir: () => '/tmp/',
  hostname: () => 'localhost',
  loadavg: () => [0, 0, 0],
  machine: () => 'x86_64',
  networkInterfaces: () => ({}),
  platform: () => 'linux',
  release: () => '',
  setPriority,
  tmpdir: () => '/tmp/',
  totalmem: () => 0,
  type: () => 'Linux',
  uptime: () => 0,
  userInfo: () => ({}),
  version: () => '',
};
