// What Node's modules and a Worker see as `process`.

'use strict';

const { ArrayIsArray, JSONStringify, ObjectGetPrototypeOf, ObjectKeys, ObjectPrototype, ReflectApply } = primordials;
const { host, load, textBindings } = require('internal/host');

const env = {};
if (textBindings !== undefined) {
  const names = ObjectKeys(textBindings);
  for (let i = 0; i < names.length; i++) {
    const value = textBindings[names[i]];
    if (typeof value === 'string') env[names[i]] = value;
    else if (isJson(value)) env[names[i]] = JSONStringify(value);
  }
}

/** Whether a binding is a variable's value, and no service. */
function isJson(value) {
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || ArrayIsArray(value)) return true;
  return typeof value === 'object' && ObjectGetPrototypeOf(value) === ObjectPrototype;
}

module.exports = {
  title: 'workerd',
  argv: ['workerd'],
  arch: 'x64',
  platform: 'linux',
  version: 'v22.19.0',
  versions: { node: '22.19.0' },
  release: { name: 'node' },
  features: {},
  pid: 1,
  ppid: 0,
  env,
  cwd: () => '/bundle',
  nextTick(callback, ...args) {
    if (typeof callback !== 'function') throw new (require('internal/errors').codes.ERR_INVALID_ARG_TYPE)('callback', 'Function', callback);
    host.queueMicrotask(() => ReflectApply(callback, undefined, args));
  },
  emitWarning(warning) {
    host.console.warn(typeof warning === 'string' ? `Warning: ${warning}` : warning);
  },
  getBuiltinModule: (name) => load(name),
};
