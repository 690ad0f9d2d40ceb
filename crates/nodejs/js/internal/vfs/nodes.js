// What a file system is made of. Files, and what stands in a directory, are the Worker's own memory: buffers and maps that V8 counts.

'use strict';

const {
  MathMax, MathMin, SafeMap, TypedArrayPrototypeFill, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, Uint8Array,
} = primordials;
const { host: { crypto } } = require('internal/host');
const { bytesOf } = require('internal/vfs/bytes');
const { fail } = require('internal/vfs/failure');

/** No file is larger: what an isolate may hold. */
const LARGEST = 128 * 1024 * 1024;
/** What `getRandomValues` gives at once. */
const RANDOM_PIECE = 65536;

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;

let numbers = 0;

class Node {
  ino = ++numbers;
  links = 1;
  /** Milliseconds since the epoch. Only `utimes` tells a time: the platform's files have none. */
  accessed = 0;
  modified = 0;
  size = 0;
  constructor(type, permissions) {
    this.type = type;
    this.mode = type | permissions;
  }
  get isReadOnly() { return (this.mode & 0o222) === 0; }
}

class Directory extends Node {
  entries = new SafeMap();
  /** The directory that it stands in; undefined for the root, and for what stands there. */
  parent;
  constructor(parent, isReadOnly) {
    super(S_IFDIR, isReadOnly ? 0o444 : 0o666);
    this.parent = parent;
  }
}

class Link extends Node {
  constructor(target) {
    super(S_IFLNK, 0o444);
    this.target = target;
  }
}

const NOTHING = new Uint8Array(0);

class File extends Node {
  /** Those past `size` are zero. */
  #bytes = NOTHING;

  constructor() { super(S_IFREG, 0o666); }

  /** How many bytes from `position` on came to `target`. */
  read(target, position) {
    const count = MathMin(TypedArrayPrototypeGetByteLength(target), this.size - position);
    if (count <= 0) return 0;
    TypedArrayPrototypeSet(target, bytesOf(this.#bytes, position, count));
    return count;
  }

  write(source, position) {
    const length = TypedArrayPrototypeGetByteLength(source);
    if (length === 0) return 0;
    this.#makeRoom(position + length);
    TypedArrayPrototypeSet(this.#bytes, source, position);
    this.size = MathMax(this.size, position + length);
    return length;
  }

  truncate(length) {
    if (length > this.size) this.#makeRoom(length);
    else if (length === 0) this.#bytes = NOTHING;
    else TypedArrayPrototypeFill(this.#bytes, 0, length, this.size);
    this.size = length;
  }

  #makeRoom(length) {
    if (length > LARGEST) fail('EFBIG');
    const before = TypedArrayPrototypeGetByteLength(this.#bytes);
    if (length <= before) return;
    // What grows is likely to grow on; what is written at once fits.
    const bytes = new Uint8Array(before === 0 ? length : MathMin(LARGEST, MathMax(length, before * 2)));
    TypedArrayPrototypeSet(bytes, bytesOf(this.#bytes, 0, this.size));
    this.#bytes = bytes;
  }
}

/** One of the Worker's own modules. */
class BundleFile extends Node {
  #read;
  constructor(size, read) {
    super(S_IFREG, 0o444);
    this.size = size;
    this.#read = read;
  }
  read(target, position) { return this.#read(target, position); }
  write() { fail('EPERM'); }
  truncate() { fail('EPERM'); }
}

class Device extends Node {
  #name;
  constructor(name) {
    super(S_IFCHR, 0o666);
    this.#name = name;
  }

  read(target) {
    if (this.#name === 'null') return 0;
    const length = TypedArrayPrototypeGetByteLength(target);
    if (this.#name !== 'random') TypedArrayPrototypeFill(target, 0);
    else for (let at = 0; at < length; at += RANDOM_PIECE) crypto.getRandomValues(bytesOf(target, at, MathMin(RANDOM_PIECE, length - at)));
    return length;
  }

  write(source) {
    if (this.#name === 'full') fail('ENOSPC');
    if (this.#name === 'random') fail('EPERM');
    return TypedArrayPrototypeGetByteLength(source);
  }

  truncate() { fail('EINVAL'); }
}

module.exports = { BundleFile, Device, Directory, File, Link, Node, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG };
