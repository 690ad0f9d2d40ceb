// node:fs is Node's own over the platform's file system. Beside it stands what the platform has more, and what it refuses.

'use strict';

const { ObjectAssign, ObjectDefineProperty } = primordials;
const fs = require('node/fs');
const { FSReqCallback, lchmod } = internalBinding('fs');
const { glob, globSync } = require('internal/fs/glob');
const { getValidatedPath } = require('internal/fs/utils');
const { unsupported } = require('internal/not_implemented');
const { parseFileMode, validateFunction } = require('internal/validators');
const { readingWhole } = require('internal/vfs/descriptors');

const { readFile, readFileSync } = fs;

ObjectAssign(fs, {
  glob,
  globSync,
  lchmod(path, mode, callback) {
    validateFunction(callback, 'callback');
    const request = new FSReqCallback();
    request.oncomplete = callback;
    lchmod(getValidatedPath(path), parseFileMode(mode, 'mode'), request);
  },
  lchmodSync(path, mode) {
    lchmod(getValidatedPath(path), parseFileMode(mode, 'mode'));
  },
  readFile(path, options, callback) {
    return readingWhole(() => readFile(path, options, callback));
  },
  readFileSync(path, options) {
    return readingWhole(() => readFileSync(path, options));
  },
  unwatchFile() { throw unsupported(); },
  watch() { throw unsupported(); },
  watchFile() { throw unsupported(); },
});

ObjectDefineProperty(fs, 'promises', { __proto__: null, get: () => require('fs/promises'), enumerable: true, configurable: true });

module.exports = fs;
