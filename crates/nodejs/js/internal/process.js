// What Node's modules and a Worker see as `process`.

'use strict';

const { ArrayIsArray, Error, JSONStringify, ObjectDefineProperty, ObjectGetPrototypeOf, ObjectKeys, ObjectPrototype, ReflectApply } = primordials;
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
  // Node's own modules ask whether there is cryptography.
  versions: ObjectDefineProperty({ node: '22.19.0' }, 'openssl', { __proto__: null, value: '3.0' }),
  release: { name: 'node' },
  features: {
    cached_builtins: true, debug: false, inspector: false, ipv6: true, openssl_is_boringssl: false, require_module: false, tls: true, tls_alpn: true,
    tls_ocsp: true, tls_sni: true, typescript: false, uv: true,
  },
  pid: 1,
  ppid: 0,
  env,
  cwd: () => '/bundle',
  nextTick(callback, ...args) {
    if (typeof callback !== 'function') throw new (require('internal/errors').codes.ERR_INVALID_ARG_TYPE)('callback', 'Function', callback);
    host.queueMicrotask(() => ReflectApply(callback, undefined, args));
  },
  emitWarning(warning, type = undefined, code = undefined) {
    if (typeof type === 'object' && type !== null) ({ type, code } = type);
    if (typeof warning === 'string') {
      const name = typeof type === 'string' ? type : 'Warning';
      const text = warning;
      warning = new Error(text);
      warning.name = name;
      if (typeof code === 'string') warning.code = code;
    }
    if (module.exports.emit?.('warning', warning) === true) return;
    host.console.warn(`${warning.code === undefined ? '' : `[${warning.code}] `}${warning.name}: ${warning.message}`);
  },
  exit(code = undefined) {
    // The platform ends the request; what is thrown does so unless it is caught.
    throw new Error(`The Node.js process.exit(${code ?? 0}) API was called. Canceling the request.`);
  },
  getBuiltinModule: (name) => load(name),
};
