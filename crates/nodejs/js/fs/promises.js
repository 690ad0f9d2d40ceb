// node:fs/promises is Node's own over the platform's file system, as fs.js is.

'use strict';

const { ObjectAssign, ObjectDefineProperty } = primordials;
const { FileHandle, exports: promises } = require('internal/fs/promises');
const { kUsePromises, lchmod } = internalBinding('fs');
const { globPromises } = require('internal/fs/glob');
const { getValidatedPath } = require('internal/fs/utils');
const { readableWebStream } = require('internal/fs/web_stream');
const { unsupported } = require('internal/not_implemented');
const { parseFileMode } = require('internal/validators');
const { readingWhole } = require('internal/vfs/descriptors');

const { readFile } = promises;

ObjectDefineProperty(FileHandle.prototype, 'readableWebStream', {
  __proto__: null, value: readableWebStream, writable: true, enumerable: false, configurable: true,
});

module.exports = ObjectAssign(promises, {
  FileHandle,
  glob: globPromises,
  async lchmod(path, mode) {
    return await lchmod(getValidatedPath(path), parseFileMode(mode, 'mode'), kUsePromises);
  },
  async readFile(path, options) {
    return await readingWhole(() => readFile(path, options));
  },
  watch() { throw unsupported(); },
});
