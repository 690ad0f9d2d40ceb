// What is done with a file as a whole.

'use strict';

const { RangeError, Uint8Array } = primordials;
const { openNode } = require('internal/vfs/descriptors');
const { unlink } = require('internal/vfs/entries');
const { fail } = require('internal/vfs/failure');
const { S_IFLNK, S_IFREG } = require('internal/vfs/nodes');
const { find, isDirectory, walkToName } = require('internal/vfs/walk');
const { fs: { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY, W_OK, X_OK } } = internalBinding('constants');

/** `mode` of `access` and `copyFile`. */
function checkMode(mode) {
  if (mode === undefined || mode === null || (mode >= 0 && mode <= 7)) return;
  const error = new RangeError('mode is out of range: >= 0 && <= 7');
  error.code = 'ERR_OUT_OF_RANGE';
  throw error;
}

/** Whether the Worker may do as `mode` says: nothing can be executed. */
function access(path, mode) {
  const { node } = find(path);
  if ((mode & X_OK) !== 0 || ((mode & W_OK) !== 0 && node.isReadOnly)) fail('EACCES');
}

function copyFile(from, to, mode) {
  const source = openNode(from, O_RDONLY);
  const isNew = walkToName(to).node === undefined;
  const target = openNode(to, O_WRONLY | O_CREAT | ((mode & COPYFILE_EXCL) !== 0 ? O_EXCL : 0));
  if (isDirectory(source.node) || (mode & COPYFILE_FICLONE_FORCE) !== 0) {
    if (isNew) unlink(to);
    fail(isDirectory(source.node) ? 'EISDIR' : 'ENOTSUP');
  }
  if (source.node === target.node) return;
  if (target.node.type === S_IFREG) target.node.truncate(0);
  // A device tells no size: nothing of it is copied.
  const bytes = new Uint8Array(source.node.size);
  source.read(bytes, 0);
  target.write(bytes, 0);
}

/** Both in seconds. What is read-only keeps its times. */
function setTimes(node, accessed, modified) {
  if (node.isReadOnly && node.type !== S_IFLNK) return;
  node.accessed = accessed * 1000;
  node.modified = modified * 1000;
}

module.exports = { access, checkMode, copyFile, setTimes };
