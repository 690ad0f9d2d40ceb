// node:module, as far as a Worker has any: its modules are what was deployed, and Node's.

'use strict';

const {
  ArrayPrototypeFilter, ArrayPrototypeIncludes, Error, FunctionPrototypeSymbolHasInstance, ObjectAssign, StringPrototypeSlice, StringPrototypeStartsWith,
} = primordials;
const { host: { URL }, load, publicNames } = require('internal/host');
const { codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { missing, notImplemented } = require('internal/not_implemented');

/** Those that Node lists nowhere. */
const UNLISTED = ['sqlite', 'test'];

function createRequire(path) {
  const isFile = FunctionPrototypeSymbolHasInstance(URL, path) ? path.protocol === 'file:' :
    typeof path === 'string' && (StringPrototypeStartsWith(path, '/') || StringPrototypeStartsWith(path, 'file:'));
  if (!isFile) {
    throw new ERR_INVALID_ARG_VALUE('path', path, 'The argument must be a file URL object, a file URL string, or an absolute path string.');
  }
  return (specifier) => {
    const exported = load(specifier);
    if (exported === undefined) throw new Error(`No such module "${specifier}".`);
    return exported;
  };
}

function isBuiltin(name) {
  if (typeof name !== 'string') return false;
  if (name === 'test') return false;
  return ArrayPrototypeIncludes(publicNames, StringPrototypeStartsWith(name, 'node:') ? StringPrototypeSlice(name, 5) : name);
}

/** Nobody makes one: what was deployed is all that there is. */
function Module() { throw missing('module.Module'); }

ObjectAssign(Module.prototype, { load() {}, require() {}, _compile() {}, isPreloading: false });

const REFUSED = [
  'register', 'registerHooks', 'findPackageJSON', 'findSourceMap', 'SourceMap', 'setSourceMapsSupport', 'stripTypeScriptTypes', 'runMain',
  'syncBuiltinESMExports', 'wrap', '_debug', '_findPath', '_initPaths', '_load', '_nodeModulePaths', '_preloadModules', '_resolveFilename',
  '_resolveLookupPaths',
];
for (let i = 0; i < REFUSED.length; i++) Module[REFUSED[i]] = notImplemented(`module.${REFUSED[i]}`, REFUSED[i]);

module.exports = ObjectAssign(Module, {
  Module, createRequire, isBuiltin,
  builtinModules: ArrayPrototypeFilter(publicNames, (name) => !ArrayPrototypeIncludes(UNLISTED, name)),
  constants: { __proto__: null, compileCacheStatus: { __proto__: null, FAILED: 0, ENABLED: 1, ALREADY_ENABLED: 2, DISABLED: 3 } },
  enableCompileCache() {},
  flushCompileCache() {},
  getCompileCacheDir() {},
  getSourceMapsSupport: () => ({ __proto__: null, enabled: false, nodeModules: false, generatedCode: false }),
  globalPaths: [],
  _cache: { __proto__: null },
  _pathCache: { __proto__: null },
  _extensions: {
    '__proto__': null,
    '.js': notImplemented('module._extensions.js', '.js'),
    '.json': notImplemented('module._extensions.json', '.json'),
    '.node': notImplemented('module._extensions.node', '.node'),
  },
});
