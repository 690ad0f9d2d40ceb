// Loads Node's modules for one Worker, each when it is first asked for.

'use strict';

/** What a Worker may import. */
const PUBLIC = [
  'assert', 'assert/strict', 'async_hooks', 'buffer', 'console', 'diagnostics_channel', 'events', 'module', 'path', 'path/posix', 'path/win32',
  'process', 'punycode', 'querystring', 'stream', 'stream/consumers', 'stream/promises', 'stream/web', 'string_decoder', 'timers',
  'timers/promises', 'util', 'util/types',
];

module.exports = (host, node, globals, textBindings) => {
  // Before any code of the Worker's: the builtins are what they were.
  const primordials = {};
  const names = { __proto__: null };
  for (let i = 0; i < PUBLIC.length; i++) names[PUBLIC[i]] = true;
  const bindings = { __proto__: null };
  const loaded = { __proto__: null };
  const loader = { __proto__: null, host, load, publicNames: PUBLIC, textBindings };

  host.compile('internal/per_context/primordials')(undefined, undefined, undefined, undefined, undefined, primordials);
  const { Error, FunctionPrototypeCall, ObjectAssign, ObjectDefineProperty, ObjectKeys, StringPrototypeSlice, StringPrototypeStartsWith } = primordials;
  let process;

  function internalBinding(name) {
    if (bindings[name] === undefined) {
      bindings[name] = { __proto__: null };
      ObjectAssign(bindings[name], host.binding(name));
      const ours = require('internal/bindings')[name];
      if (ours !== undefined) ours(bindings[name]);
    }
    return bindings[name];
  }

  function require(id) {
    if (id === 'internal/host') return loader;
    if (loaded[id] !== undefined) return loaded[id].exports;
    const compiled = host.compile(id);
    if (compiled === undefined) throw new Error(`No such module "node:${id}".`);
    const module = loaded[id] = { __proto__: null, exports: {} };
    try {
      FunctionPrototypeCall(compiled, undefined, module.exports, require, module, process, internalBinding, primordials);
    } catch (error) {
      loaded[id] = undefined;
      throw error;
    }
    // Node does this when it starts: no section of the log is on.
    if (id === 'internal/util/debuglog') module.exports.initializeDebugEnv(undefined);
    return module.exports;
  }

  /** The id that a specifier means to a Worker; undefined for none. */
  function publicId(specifier) {
    const prefixed = StringPrototypeStartsWith(specifier, 'node:');
    const id = prefixed ? StringPrototypeSlice(specifier, 5) : specifier;
    if (names[id] !== true || !(prefixed || globals)) return undefined;
    return node || id === 'async_hooks' ? id : undefined;
  }

  /** `module.exports` of what a Worker asks for; undefined for none. */
  function load(specifier) {
    const id = publicId(specifier);
    return id === undefined ? undefined : require(id);
  }

  function define(name, get) {
    const place = (value) => ObjectDefineProperty(globalThis, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
    ObjectDefineProperty(globalThis, name, {
      __proto__: null,
      get() {
        const value = get();
        place(value);
        return value;
      },
      set: place,
      enumerable: false,
      configurable: true,
    });
  }

  process = require('internal/process');
  if (globals) {
    define('Buffer', () => require('buffer').Buffer);
    define('process', () => require('process'));
    define('global', () => globalThis);
    define('setImmediate', () => require('timers').setImmediate);
    define('clearImmediate', () => require('timers').clearImmediate);
  }

  return (specifier) => {
    const exported = load(specifier);
    if (exported === undefined) return undefined;
    // As an ES module: what stands on `module.exports`, and all of it as the default.
    const namespace = { __proto__: null };
    const keys = ObjectKeys(exported);
    for (let i = 0; i < keys.length; i++) namespace[keys[i]] = exported[keys[i]];
    namespace.default = exported;
    return namespace;
  };
};
