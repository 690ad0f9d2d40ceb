// From a path to what is there, as POSIX has it.

'use strict';

const {
  ArrayPrototypeJoin, ArrayPrototypePop, ArrayPrototypePush, FunctionPrototypeSymbolHasInstance, MapPrototypeGet, StringPrototypeSlice,
  StringPrototypeSplit, StringPrototypeStartsWith,
} = primordials;
const { fail } = require('internal/vfs/failure');
const { Directory, Link } = require('internal/vfs/nodes');
const { currentFiles } = require('internal/vfs/roots');

const LONGEST_PATH = 4095;
const LONGEST_NAME = 255;
/** How many links are followed on one way. */
const MOST_LINKS = 40;

const isDirectory = (node) => FunctionPrototypeSymbolHasInstance(Directory, node);
const isLink = (node) => FunctionPrototypeSymbolHasInstance(Link, node);

/** Puts the parts of a path in front of those that are still to come, which are in reverse. */
function comeFirst(pending, path) {
  const parts = StringPrototypeSplit(path, '/');
  for (let i = parts.length - 1; i >= 0; i--) ArrayPrototypePush(pending, parts[i]);
}

/**
 * `{ files, parent, name, node, isFolder, trail }`: the directory and the name under which the path's last part stands or could stand (no parent: it is the
 * root, or was told as the `.` or `..` that `name` is then), and what is there, undefined for nothing. `isFolder`: the path ends with a slash. `trail`: names
 * from the root to it. `follows`: where the last is a symbolic link, what it leads to is meant; a slash at its end says so as well.
 */
function walk(path, follows) {
  if (path === '') fail('ENOENT');
  if (path.length > LONGEST_PATH) fail('ENAMETOOLONG');
  const files = currentFiles();
  const { root } = files;
  const isAbsolute = StringPrototypeStartsWith(path, '/');
  let trail = isAbsolute ? [] : ['bundle'];
  let node = isAbsolute ? root : files.working;
  let parent;
  let name = '';
  let isFolder = false;
  let links = 0;
  const pending = [];
  comeFirst(pending, path);
  while (pending.length > 0) {
    const part = ArrayPrototypePop(pending);
    isFolder = part === '';
    if (isFolder) {
      if (node !== undefined && !isDirectory(node)) fail('ENOTDIR');
      continue;
    }
    if (node === undefined) fail('ENOENT');
    if (!isDirectory(node)) fail('ENOTDIR');
    if (part === '.' || part === '..') {
      if (part === '..') {
        node = node.parent ?? root;
        ArrayPrototypePop(trail);
      }
      parent = undefined;
      name = part;
      continue;
    }
    if (part.length > LONGEST_NAME) fail('ENAMETOOLONG');
    parent = node;
    name = part;
    node = MapPrototypeGet(parent.entries, name);
    ArrayPrototypePush(trail, name);
    if (isLink(node) && (follows || pending.length > 0)) {
      if (++links > MOST_LINKS) fail('ELOOP');
      ArrayPrototypePop(trail);
      comeFirst(pending, node.target);
      const fromRoot = StringPrototypeStartsWith(node.target, '/');
      if (fromRoot) trail = [];
      node = fromRoot ? root : parent;
      parent = undefined;
      name = '';
    }
  }
  return { __proto__: null, files, parent, name, node, trail, isFolder };
}

/** As `walk`, to what a name itself stands for, though a slash follows: that only goes into `isFolder`. */
function walkToName(path) {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  const found = walk(StringPrototypeSlice(path, 0, end), false);
  found.isFolder = end < path.length;
  return found;
}

/** As `walk`, of what is there. */
function find(path, follows = true) {
  const found = walk(path, follows);
  if (found.node === undefined) fail('ENOENT');
  return found;
}

const pathOf = ({ trail }) => `/${ArrayPrototypeJoin(trail, '/')}`;

module.exports = { find, isDirectory, isLink, pathOf, walk, walkToName };
