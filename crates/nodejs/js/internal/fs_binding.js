// `internalBinding('fs')`: the calls under Node's `fs`, on the file system of vfs/.

'use strict';

const {
  ArrayPrototypePush, Float64Array, FunctionPrototypeSymbolHasInstance, Number, ObjectAssign, TypedArrayPrototypeGetByteLength, Uint8Array,
} = primordials;
const { Buffer } = require('buffer');
const { bytesOf } = require('internal/vfs/bytes');
const { close, descriptor, open, openNode } = require('internal/vfs/descriptors');
const entries = require('internal/vfs/entries');
const { DESCRIPTOR, FSReqCallback, PATH, TWO_PATHS, call, kUsePromises, text } = require('internal/vfs/call');
const { isFailure } = require('internal/vfs/failure');
const { statOf, statfsOf } = require('internal/vfs/stat');
const { access, checkMode, copyFile, setTimes } = require('internal/vfs/files');
const { find, isDirectory, pathOf } = require('internal/vfs/walk');
const { Device, Link } = require('internal/vfs/nodes');

const DIRENT = { __proto__: null, FILE: 1, DIRECTORY: 2, LINK: 3, CHARACTER: 6 };

function encoded(name, encoding) {
  if (encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8') return name;
  const bytes = Buffer.from(name);
  return encoding === 'buffer' ? bytes : bytes.toString(encoding);
}

class FileHandle {
  #fd;
  constructor(fd) { this.#fd = fd; }
  get fd() { return this.#fd; }
  getAsyncId() { return 0; }
  close() {
    const closed = this.#fd;
    this.#fd = -1;
    return closeCall(closed, kUsePromises);
  }
  releaseFD() {
    const fd = this.#fd;
    this.#fd = -1;
    return fd;
  }
}

const closeCall = call('close', DESCRIPTOR, 1, (fd) => close(fd));

/** -1 for where the last read or write ended. */
const positionOf = (position) => (typeof position === 'number' || typeof position === 'bigint' ? Number(position) : -1);

function readAll(buffers, position, step) {
  let total = 0;
  for (let i = 0; i < buffers.length; i++) {
    const bytes = bytesOf(buffers[i]);
    const count = step(bytes, position < 0 ? position : position + total);
    total += count;
    if (count < TypedArrayPrototypeGetByteLength(bytes)) break;
  }
  return total;
}

/** The rest of what is open, as bytes. */
function readRest(opened) {
  const { node } = opened;
  const size = node.size - opened.position;
  if (size > 0) {
    const bytes = new Uint8Array(size);
    const count = opened.read(bytes, -1);
    return bytesOf(bytes, 0, count);
  }
  // It says nothing of its size: a device, or a directory, which fails here.
  const parts = [];
  for (;;) {
    const part = Buffer.alloc(8192);
    const count = opened.read(part, -1);
    if (count === 0) break;
    ArrayPrototypePush(parts, bytesOf(part, 0, count));
  }
  return Buffer.concat(parts);
}

const typeOf = (node) => {
  if (isDirectory(node)) return DIRENT.DIRECTORY;
  if (FunctionPrototypeSymbolHasInstance(Link, node)) return DIRENT.LINK;
  return FunctionPrototypeSymbolHasInstance(Device, node) ? DIRENT.CHARACTER : DIRENT.FILE;
};

function listing(path, encoding, withTypes) {
  const { node } = find(path);
  const names = entries.names(node);
  const types = [];
  for (let i = 0; i < names.length; i++) {
    if (withTypes) ArrayPrototypePush(types, typeOf(entries.entry(node, names[i])));
    names[i] = encoded(names[i], encoding);
  }
  return withTypes ? [names, types] : names;
}

function temporary(prefix) {
  try {
    return entries.mkdtemp(prefix);
  } catch (error) {
    if (isFailure(error)) error.path = `${prefix}XXXXXX`;
    throw error;
  }
}

/** Of a path that may not be there. */
function statUnless(path, bigint, follows, throws) {
  try {
    return statOf(find(path, follows).node, bigint);
  } catch (error) {
    if (throws === false && isFailure(error) && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

const accessCall = call('access', PATH, 2, access);
const copyCall = call('copyfile', TWO_PATHS, 3, copyFile);
const openCall = call('open', PATH, 3, (path, flags) => open(path, flags));
const readCall = call('read', DESCRIPTOR, 1, (fd) => readRest(descriptor(fd)));
const writeCall = call('write', DESCRIPTOR, 2, (fd, bytes) => descriptor(fd).write(bytes, -1));

/** Runs `run` with a descriptor, or with that of what a path opens. */
function onFile(target, flags, run) {
  if (typeof target === 'number') return run(target);
  const fd = openCall(target, flags, 0o666);
  try {
    return run(fd);
  } finally {
    closeCall(fd);
  }
}

function writeString(fd, string, position, encoding) {
  return descriptor(fd).write(bytesOf(Buffer.from(string, encoding ?? 'utf8')), positionOf(position));
}

module.exports = (binding) => {
  ObjectAssign(binding, {
    FSReqCallback, FileHandle, kUsePromises, kFsStatsFieldsNumber: 18, statValues: new Float64Array(36), bigintStatValues: new Float64Array(0),
    access(path, mode, request) {
      checkMode(mode);
      return accessCall(path, mode, request);
    },
    chmod: call('chmod', PATH, 2, (path) => { find(path); }),
    chown: call('chown', PATH, 3, (path) => { find(path); }),
    close: closeCall,
    copyFile(from, to, mode, request) {
      checkMode(mode);
      return copyCall(from, to, mode, request);
    },
    existsSync(path) {
      try {
        find(text(path));
        return true;
      } catch {
        return false;
      }
    },
    fchmod: call('fchmod', DESCRIPTOR, 2, (fd) => { descriptor(fd); }),
    fchown: call('fchown', DESCRIPTOR, 3, (fd) => { descriptor(fd); }),
    fdatasync: call('fdatasync', DESCRIPTOR, 1, (fd) => { descriptor(fd); }),
    fstat: call('fstat', DESCRIPTOR, 2, (fd, bigint) => statOf(descriptor(fd).node, bigint)),
    fsync: call('fsync', DESCRIPTOR, 1, (fd) => { descriptor(fd); }),
    ftruncate: call('ftruncate', DESCRIPTOR, 2, (fd, length) => descriptor(fd).truncate(length)),
    futimes: call('futime', DESCRIPTOR, 3, (fd, accessed, modified) => setTimes(descriptor(fd).node, accessed, modified)),
    internalModuleStat(path) {
      try {
        return isDirectory(find(text(path)).node) ? 1 : 0;
      } catch {
        return -2;
      }
    },
    lchmod: call('lchmod', PATH, 2, (path) => { find(path, false); }),
    lchown: call('lchown', PATH, 3, (path) => { find(path, false); }),
    link: call('link', TWO_PATHS, 2, entries.link),
    lstat: call('lstat', PATH, 2, (path, bigint, _request, throws) => statUnless(path, bigint, false, throws)),
    lutimes: call('lutime', PATH, 3, (path, accessed, modified) => setTimes(find(path, false).node, accessed, modified)),
    mkdir: call('mkdir', PATH, 3, (path, _mode, isRecursive) => (isRecursive ? entries.mkdirAll(path) : entries.mkdir(path))),
    mkdtemp: call('mkdtemp', PATH, 2, (prefix, encoding) => encoded(temporary(prefix), encoding)),
    open: openCall,
    opendir: call('opendir', PATH, 3, listing),
    openFileHandle: call('open', PATH, 3, (path, flags) => new FileHandle(open(path, flags))),
    read: call('read', DESCRIPTOR, 5, (fd, buffer, offset, length, position) => {
      return descriptor(fd).read(bytesOf(buffer, offset, length), positionOf(position));
    }),
    readBuffers: call('read', DESCRIPTOR, 3, (fd, buffers, position) => {
      const opened = descriptor(fd);
      return readAll(buffers, positionOf(position), (bytes, at) => opened.read(bytes, at));
    }),
    readFileUtf8: (target, flags) => onFile(target, flags, (fd) => Buffer.from(readCall(fd)).utf8Slice()),
    readdir: call('scandir', PATH, 3, listing),
    readlink: call('readlink', PATH, 2, (path, encoding) => encoded(entries.readlink(path), encoding)),
    realpath: call('realpath', PATH, 2, (path, encoding) => encoded(pathOf(find(path)), encoding)),
    rename: call('rename', TWO_PATHS, 2, entries.rename),
    rmdir: call('rmdir', PATH, 1, entries.rmdir),
    stat: call('stat', PATH, 2, (path, bigint, _request, throws) => statUnless(path, bigint, true, throws)),
    statfs: call('statfs', PATH, 2, (path, bigint) => {
      find(path);
      return statfsOf(bigint);
    }),
    symlink: call('symlink', TWO_PATHS, 3, entries.symlink),
    unlink: call('unlink', PATH, 1, entries.unlink),
    utimes: call('utime', PATH, 3, (path, accessed, modified) => setTimes(find(path).node, accessed, modified)),
    writeBuffer: call('write', DESCRIPTOR, 5, (fd, buffer, offset, length, position) => {
      return descriptor(fd).write(bytesOf(buffer, offset, length), positionOf(position));
    }),
    writeBuffers: call('write', DESCRIPTOR, 3, (fd, buffers, position) => {
      const opened = descriptor(fd);
      return readAll(buffers, positionOf(position), (bytes, at) => opened.write(bytes, at));
    }),
    writeFileUtf8: (target, data, flags) => onFile(target, flags, (fd) => { writeCall(fd, bytesOf(Buffer.from(data))); }),
    writeString: call('write', DESCRIPTOR, 4, writeString),
  });
};
