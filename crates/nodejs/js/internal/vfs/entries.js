// What makes, moves and removes things in directories.

'use strict';

const {
  ArrayPrototypePush, ArrayPrototypeSort, MapPrototypeDelete, MapPrototypeForEach, MapPrototypeGet, MapPrototypeGetSize,
  MapPrototypeSet, MathTrunc, StringPrototypeIndexOf, StringPrototypeSlice,
} = primordials;
const { fail, isFailure } = require('internal/vfs/failure');
const { Directory, File, Link } = require('internal/vfs/nodes');
const { find, isDirectory, isLink, walkToName } = require('internal/vfs/walk');

/** What a /tmp has room for: files, directories and links. */
const MOST_FILES = 16384;
const LONGEST_TARGET = 4095;
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** What `rmdir` says of a path that tells no name: the root's, or one that ends so. */
const NO_NAME = { '__proto__': null, '': 'EPERM', '.': 'EINVAL', '..': 'ENOTEMPTY' };

let temporaries = 0;

/** Where something new can stand; a slash at the end says that it is to be a directory. */
function vacancy(path, isForDirectory = false) {
  const found = walkToName(path);
  if (found.node !== undefined) fail('EEXIST');
  if (found.isFolder && !isForDirectory) fail('ENOENT');
  if (found.parent.isReadOnly) fail('EPERM');
  return found;
}

function put({ files, parent, name }, node) {
  if (files.count >= MOST_FILES) fail('ENOSPC');
  files.count++;
  MapPrototypeSet(parent.entries, name, node);
  return node;
}

function take({ files, parent, name, node }) {
  files.count--;
  node.links--;
  MapPrototypeDelete(parent.entries, name);
}

/** A new file where `walk` has found none. */
function createFile(found) {
  if (found.isFolder) fail('EISDIR');
  if (found.parent.isReadOnly) fail('EPERM');
  return put(found, new File());
}

function mkdir(path) {
  const found = vacancy(path, true);
  put(found, new Directory(found.parent, false));
}

function isSlashes(path, from) {
  for (let i = from; i < path.length; i++) {
    if (path[i] !== '/') return false;
  }
  return true;
}

/** Makes what is missing on the way; the path of the first that was made, or undefined. */
function mkdirAll(path) {
  let first;
  for (let end = 0; end < path.length;) {
    const slash = StringPrototypeIndexOf(path, '/', end + 1);
    end = slash === -1 || isSlashes(path, slash) ? path.length : slash;
    const part = StringPrototypeSlice(path, 0, end);
    try {
      mkdir(part);
      first ??= part;
    } catch (error) {
      if (!isFailure(error) || error.code !== 'EEXIST') throw error;
      if (!isDirectory(find(part).node)) fail(end === path.length ? 'EEXIST' : 'ENOTDIR');
    }
  }
  if (path === '') fail('ENOENT');
  return first;
}

/** Makes a directory whose name is `prefix` and six letters. They are no secret: nobody else sees it. */
function mkdtemp(prefix) {
  for (;;) {
    let path = prefix;
    let number = temporaries++;
    for (let i = 0; i < 6; i++) {
      path += LETTERS[number % LETTERS.length];
      number = MathTrunc(number / LETTERS.length);
    }
    try {
      mkdir(path);
      return path;
    } catch (error) {
      if (!isFailure(error) || error.code !== 'EEXIST') throw error;
    }
  }
}

function rmdir(path) {
  const found = walkToName(path);
  if (found.parent === undefined) fail(NO_NAME[found.name]);
  if (found.node === undefined) fail('ENOENT');
  if (!isDirectory(found.node)) fail('ENOTDIR');
  if (found.parent.isReadOnly) fail('EPERM');
  if (MapPrototypeGetSize(found.node.entries) > 0) fail('ENOTEMPTY');
  take(found);
}

function unlink(path) {
  const found = walkToName(path);
  if (found.node === undefined) fail('ENOENT');
  if (isDirectory(found.node)) fail('EISDIR');
  if (found.isFolder) fail('ENOTDIR');
  if (found.parent.isReadOnly) fail('EPERM');
  take(found);
}

function rename(from, to) {
  const old = walkToName(from);
  const target = walkToName(to);
  if (old.parent === undefined || target.parent === undefined) fail('EBUSY');
  const { node } = old;
  if (node === undefined) fail('ENOENT');
  if (old.parent.isReadOnly || target.parent.isReadOnly) fail('EPERM');
  const moves = isDirectory(node);
  if (!moves && (old.isFolder || target.isFolder)) fail('ENOTDIR');
  for (let above = target.parent; moves && above !== undefined; above = above.parent) {
    if (above === node) fail('EINVAL');
  }
  if (target.node !== undefined) {
    if (target.node === node) return;
    if (moves && !isDirectory(target.node)) fail('ENOTDIR');
    if (!moves && isDirectory(target.node)) fail('EISDIR');
    if (moves && MapPrototypeGetSize(target.node.entries) > 0) fail('ENOTEMPTY');
    take(target);
  }
  MapPrototypeDelete(old.parent.entries, old.name);
  MapPrototypeSet(target.parent.entries, target.name, node);
  if (moves) node.parent = target.parent;
}

function link(existing, path) {
  const { node } = find(existing, false);
  const place = vacancy(path);
  if (isDirectory(node)) fail('EPERM');
  put(place, node);
  node.links++;
}

function symlink(target, path) {
  if (target === '') fail('ENOENT');
  if (target.length > LONGEST_TARGET) fail('ENAMETOOLONG');
  put(vacancy(path), new Link(target));
}

function readlink(path) {
  const { node } = find(path, false);
  if (!isLink(node)) fail('EINVAL');
  return node.target;
}

/** The names in a directory, in order. */
function names(node) {
  if (!isDirectory(node)) fail('ENOTDIR');
  const all = [];
  MapPrototypeForEach(node.entries, (_node, name) => ArrayPrototypePush(all, name));
  return ArrayPrototypeSort(all);
}

const entry = (directory, name) => MapPrototypeGet(directory.entries, name);

module.exports = { createFile, entry, link, mkdir, mkdirAll, mkdtemp, names, readlink, rename, rmdir, symlink, unlink };
