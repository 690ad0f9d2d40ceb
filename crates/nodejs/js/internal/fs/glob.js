// `fs.glob`, which Node.js 20 does not have: the paths under a directory that patterns match. Links are not followed.

'use strict';

const {
  ArrayIsArray, ArrayPrototypePush, ArrayPrototypeSlice, MapPrototypeForEach, MapPrototypeGet, MapPrototypeHas, MapPrototypeSet, SafeMap, SafeSet,
  SetPrototypeAdd, SetPrototypeHas, StringPrototypeEndsWith, StringPrototypeSlice, StringPrototypeSplit, TypeError,
} = primordials;
const { host } = require('internal/host');
const { getValidatedPath } = require('internal/fs/utils');
const { validateFunction, validateObject, validateString } = require('internal/validators');
const { matches, partsOf } = require('internal/fs/glob_pattern');
const { kEmptyObject } = require('internal/util');

/** How deep a pattern may lead. */
const DEEPEST = 256;

function entriesOf(directory) {
  try {
    return require('fs').readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Walks from one directory; `found` maps paths to what stands there. */
class Search {
  #parts;
  #found;
  #listings = new SafeMap();
  #seen = new SafeSet();

  constructor(parts, found) {
    this.#parts = parts;
    this.#found = found;
  }

  #list(directory) {
    if (!MapPrototypeHas(this.#listings, directory)) MapPrototypeSet(this.#listings, directory, entriesOf(directory));
    return MapPrototypeGet(this.#listings, directory);
  }

  /** `names`: those from the start to here, where `entry` stands; none for the start. */
  walk(root, names, entry, part) {
    if (names.length > DEEPEST) return;
    let path = '';
    for (let i = 0; i < names.length; i++) path += (i === 0 ? '' : '/') + names[i];
    const key = `${part} ${path}`;
    if (SetPrototypeHas(this.#seen, key)) return;
    SetPrototypeAdd(this.#seen, key);
    if (part === this.#parts.length) {
      if (path !== '' && !MapPrototypeHas(this.#found, path)) MapPrototypeSet(this.#found, path, entry);
      return;
    }
    const wanted = this.#parts[part];
    if (wanted === '..') {
      if (names.length > 0) this.walk(root, ArrayPrototypeSlice(names, 0, -1), undefined, part + 1);
      return;
    }
    if (wanted === '**') this.walk(root, names, entry, part + 1);
    if (entry !== undefined && !entry.isDirectory()) return;
    const entries = this.#list(path === '' && root !== '' ? root : `${root}/${path}`);
    for (let i = 0; i < entries.length; i++) {
      const { name } = entries[i];
      const inside = ArrayPrototypeSlice(names);
      ArrayPrototypePush(inside, name);
      if (wanted === '**') {
        if (entries[i].isDirectory()) this.walk(root, inside, entries[i], part);
        else this.walk(root, inside, entries[i], part + 1);
      } else if (wanted(name)) this.walk(root, inside, entries[i], part + 1);
    }
  }
}

/** `(path, entry) => boolean` of `options.exclude`. */
function exclusion(exclude, withTypes) {
  if (typeof exclude === 'function') return (path, entry) => exclude(withTypes ? entry : path);
  if (!ArrayIsArray(exclude)) return () => false;
  const patterns = [];
  for (let i = 0; i < exclude.length; i++) {
    validateString(exclude[i], 'options.exclude');
    const all = partsOf(exclude[i]);
    for (let j = 0; j < all.length; j++) ArrayPrototypePush(patterns, all[j]);
  }
  return (path) => {
    const names = StringPrototypeSplit(path, '/');
    for (let i = 0; i < patterns.length; i++) {
      if (matches(patterns[i], names)) return true;
    }
    return false;
  };
}

function globSync(pattern, options = kEmptyObject) {
  validateObject(options, 'options');
  const patterns = typeof pattern === 'string' ? [pattern] : pattern;
  if (!ArrayIsArray(patterns)) throw new TypeError('pattern is not iterable');
  const withTypes = options.withFileTypes === true;
  const cwd = getValidatedPath(options.cwd ?? process.cwd(), 'options.cwd');
  const root = StringPrototypeEndsWith(cwd, '/') ? StringPrototypeSlice(cwd, 0, -1) : cwd;
  const found = new SafeMap();
  for (let i = 0; i < patterns.length; i++) {
    validateString(patterns[i], 'pattern');
    const all = partsOf(patterns[i]);
    for (let j = 0; j < all.length; j++) {
      if (all[j].length > 0) new Search(all[j], found).walk(root, [], undefined, 0);
    }
  }
  const excludes = exclusion(options.exclude, withTypes);
  const results = [];
  MapPrototypeForEach(found, (entry, path) => {
    if (!excludes(path, entry)) ArrayPrototypePush(results, withTypes ? entry : path);
  });
  return results;
}

function glob(pattern, options, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  }
  validateFunction(callback, 'callback');
  let results;
  let error = null;
  try {
    results = globSync(pattern, options);
  } catch (thrown) {
    error = thrown;
  }
  host.queueMicrotask(() => (error === null ? callback(null, results) : callback(error)));
}

async function* globPromises(pattern, options) {
  const results = globSync(pattern, options);
  for (let i = 0; i < results.length; i++) yield results[i];
}

module.exports = { glob, globPromises, globSync };
