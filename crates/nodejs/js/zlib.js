// node:zlib: Node's own. On the platform all its constants stand on the module too; Node puts those of Brotli among `constants` alone.

'use strict';

const { ObjectDefineProperty, ObjectKeys, ObjectPrototypeHasOwnProperty } = primordials;
const zlib = require('node/zlib');

const names = ObjectKeys(zlib.constants);
for (let i = 0; i < names.length; i++) {
  if (!ObjectPrototypeHasOwnProperty(zlib, names[i])) ObjectDefineProperty(zlib, names[i], { __proto__: null, value: zlib.constants[names[i]] });
}

module.exports = zlib;
