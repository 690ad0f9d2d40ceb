// Files that are open. A descriptor is good in the event that opened it, or in all when that was the start of the script.

'use strict';

const { TypedArrayPrototypeGetByteLength } = primordials;
const { fail } = require('internal/vfs/failure');
const { Node, S_IFCHR, S_IFREG } = require('internal/vfs/nodes');
const { Buffer } = require('buffer');
const { createFile } = require('internal/vfs/entries');
const { currentFiles, startFiles } = require('internal/vfs/roots');
const { isDirectory, isLink, walk, walkToName } = require('internal/vfs/walk');
const { fs: { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_TRUNC } } = internalBinding('constants');

/** How many an event may have open. */
const MOST_OPEN = 1024;
/** The standard streams have the first three. */
const FIRST = 3;
/** The largest position that a read or a write may name. */
const LAST_POSITION = 2 ** 53 - 1;

/** While set, what is opened is read as a whole: a device that never ends has nothing then. */
let readsWhole = false;

class Descriptor {
  position = 0;
  constructor(node, flags) {
    this.node = node;
    const access = flags & 3;
    this.reads = access !== 1;
    this.writes = access !== 0;
    this.appends = (flags & O_APPEND) !== 0;
    this.isEmpty = readsWhole && node.type === S_IFCHR;
  }

  /** How many bytes came to `target`. `position`: -1 for where the last read or write ended. */
  read(target, position) {
    if (!this.reads) fail('EBADF');
    if (isDirectory(this.node)) fail('EISDIR');
    if (this.isEmpty) return 0;
    if (TypedArrayPrototypeGetByteLength(target) === 0) return 0;
    const from = position >= 0 ? position : this.position;
    const count = this.node.read(target, from);
    if (position < 0) this.position = from + count;
    return count;
  }

  write(source, position) {
    if (!this.writes) fail('EBADF');
    if (position > LAST_POSITION) fail('EFBIG');
    const ends = this.appends ? this.node.size : this.position;
    const from = position >= 0 && !this.appends ? position : ends;
    const count = this.node.write(source, from);
    if (position < 0) this.position = from + count;
    return count;
  }

  truncate(length) {
    if (!this.writes) fail('EINVAL');
    this.node.truncate(length);
  }
}

/** A standard stream: nothing comes from it, and what is written is the log's. */
class Stream extends Node {
  #name;
  constructor(name) {
    super(S_IFREG, 0o666);
    this.#name = name;
  }
  read() { return 0; }
  write(source) {
    if (this.#name === 'stdin') fail('EBADF');
    require('internal/process_streams')[this.#name]().write(Buffer.from(source));
    return TypedArrayPrototypeGetByteLength(source);
  }
  truncate() { fail('EINVAL'); }
}

const standard = [new Descriptor(new Stream('stdin'), 2), new Descriptor(new Stream('stdout'), 2), new Descriptor(new Stream('stderr'), 2)];

/** What `path` leads to, opened: no number yet. */
function openNode(path, flags) {
  const creates = (flags & O_CREAT) !== 0;
  const isNew = creates && (flags & O_EXCL) !== 0;
  // Nothing is made that is told as a directory, whatever is there.
  if (creates && walkToName(path).isFolder) fail('EISDIR');
  const found = walk(path, !isNew && (flags & O_NOFOLLOW) === 0);
  let { node } = found;
  if (node === undefined) {
    if (!creates) fail('ENOENT');
    node = createFile(found);
  } else {
    if (isNew) fail('EEXIST');
    if (isLink(node)) fail('ELOOP');
    if ((flags & O_DIRECTORY) !== 0 && !isDirectory(node)) fail('ENOTDIR');
    const writes = (flags & 3) !== 0 || (flags & O_TRUNC) !== 0;
    if (isDirectory(node) && (writes || creates)) fail('EISDIR');
    if (node.isReadOnly && writes) fail('EPERM');
    if ((flags & O_TRUNC) !== 0 && node.type !== S_IFCHR) node.truncate(0);
  }
  return new Descriptor(node, flags);
}

/** The number of what is opened. */
function open(path, flags) {
  const { descriptors } = currentFiles();
  const ofStart = startFiles()?.descriptors;
  for (let number = FIRST; number < FIRST + MOST_OPEN; number++) {
    if (descriptors[number] !== undefined || ofStart?.[number] !== undefined) continue;
    descriptors[number] = openNode(path, flags);
    return number;
  }
  return fail('EMFILE');
}

/** Where a number is listed; undefined for nowhere. */
function listOf(number) {
  const { descriptors } = currentFiles();
  if (descriptors[number] !== undefined) return descriptors;
  const ofStart = startFiles()?.descriptors;
  return ofStart?.[number] === undefined ? undefined : ofStart;
}

const descriptor = (number) => (number < FIRST ? standard[number] : listOf(number)?.[number] ?? fail('EBADF'));

function close(number) {
  if (number < FIRST) return;
  const list = listOf(number) ?? fail('EBADF');
  list[number] = undefined;
}

/** Runs `read`, which opens at once what it reads to its end. */
function readingWhole(read) {
  readsWhole = true;
  try {
    return read();
  } finally {
    readsWhole = false;
  }
}

module.exports = { close, descriptor, open, openNode, readingWhole };
