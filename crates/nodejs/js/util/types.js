// node:util/types: Node's own, and what came with Float16Array.

'use strict';

const { ObjectDefineProperty, TypedArrayPrototypeGetSymbolToStringTag } = primordials;
const types = require('internal/util/types');

ObjectDefineProperty(types, 'isFloat16Array', {
  __proto__: null, value: (value) => TypedArrayPrototypeGetSymbolToStringTag(value) === 'Float16Array', writable: true, enumerable: true, configurable: true,
});

module.exports = types;
