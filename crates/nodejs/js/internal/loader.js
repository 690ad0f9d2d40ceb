// Loads Node's modules for one Worker, each when it is first asked for.

'use strict';

/** What a Worker may import. */
const PUBLIC = [
  '_stream_duplex', '_stream_passthrough', '_stream_readable', '_stream_transform', '_stream_writable', '_tls_common', '_tls_wrap',
  'assert', 'assert/strict', 'async_hooks', 'buffer', 'constants', 'crypto', 'diagnostics_channel', 'dns', 'dns/promises', 'events', 'module', 'net', 'path',
  'path/posix', 'path/win32', 'process', 'querystring', 'stream', 'stream/consumers', 'stream/promises', 'stream/web', 'string_decoder', 'sys',
  'test', 'timers', 'timers/promises', 'tls', 'url', 'util', 'util/types',
];

/** What it may import where the compatibility date, or a flag, says so. */
const LATER = [
  '_http_agent', '_http_client', '_http_common', '_http_incoming', '_http_outgoing', '_http_server', 'http', 'https',
  '_stream_wrap', 'child_process', 'cluster', 'console', 'dgram', 'domain', 'fs', 'fs/promises', 'http2', 'inspector', 'inspector/promises', 'os',
  'perf_hooks', 'punycode', 'readline', 'readline/promises', 'repl', 'sqlite', 'trace_events', 'tty', 'v8', 'vm', 'wasi', 'worker_threads', 'zlib',
];

module.exports = (host, node, globals, textBindings) => {
  // A Worker's static imports are looked for before any of its code runs: the builtins are what they were.
  const primordials = {};
  const names = { __proto__: null };
  const bindings = { __proto__: null };
  const loaded = { __proto__: null };
  const loader = { __proto__: null, host, load, publicNames: PUBLIC, textBindings };

  host.compile('internal/per_context/primordials')(undefined, undefined, undefined, undefined, undefined, primordials);
  const {
    ArrayPrototypeIncludes, ArrayPrototypePush, Error, FunctionPrototypeCall, ObjectAssign,
    ObjectKeys, StringPrototypeSlice, StringPrototypeSplit, StringPrototypeStartsWith,
  } = primordials;
  let process;

  const on = StringPrototypeSplit(host.modules, ',');
  for (let i = 0; i < LATER.length; i++) {
    if (ArrayPrototypeIncludes(on, LATER[i])) ArrayPrototypePush(PUBLIC, LATER[i]);
  }
  for (let i = 0; i < PUBLIC.length; i++) names[PUBLIC[i]] = true;

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
    // Node does these when it starts: no section of the log is on.
    if (id === 'internal/util/debuglog') module.exports.initializeDebugEnv(undefined);
    if (id === 'internal/dns/utils') module.exports.initializeDns();
    return module.exports;
  }

  /** The id that a specifier means to a Worker; undefined for none. */
  function publicId(specifier) {
    if (specifier === 'cloudflare:node') return names._http_server === true ? 'internal/cloudflare_node' : undefined;
    const prefixed = StringPrototypeStartsWith(specifier, 'node:');
    const id = prefixed ? StringPrototypeSlice(specifier, 5) : specifier;
    // `test` alone may be a package.
    if (names[id] !== true || !(prefixed || (globals && id !== 'test'))) return undefined;
    return node || id === 'async_hooks' ? id : undefined;
  }

  /** `module.exports` of what a Worker asks for; undefined for none. */
  function load(specifier) {
    const id = publicId(specifier);
    return id === undefined ? undefined : require(id);
  }

  process = require('internal/process');

  return (specifier) => {
    const exported = load(specifier);
    if (exported === undefined) return undefined;
    // As an ES module: what stands on `module.exports`, and all of it as the default.
    const namespace = { __proto__: null };
    const keys = ObjectKeys(exported);
    for (let i = 0; i < keys.length; i++) namespace[keys[i]] = exported[keys[i]];
    const more = require('internal/more_exports')[publicId(specifier)];
    if (more !== undefined) ObjectAssign(namespace, more(exported));
    namespace.default = exported;
    return namespace;
  };
};
