// Views of bytes, whatever the Worker has made of the prototypes.

'use strict';

const {
  DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, Uint8Array,
} = primordials;
const { isDataView } = require('internal/util/types');

/** The bytes of a view from `offset` on, `length` of them, or all that follow. */
function bytesOf(view, offset = 0, length = undefined) {
  const isData = isDataView(view);
  const buffer = isData ? DataViewPrototypeGetBuffer(view) : TypedArrayPrototypeGetBuffer(view);
  const start = isData ? DataViewPrototypeGetByteOffset(view) : TypedArrayPrototypeGetByteOffset(view);
  const all = isData ? DataViewPrototypeGetByteLength(view) : TypedArrayPrototypeGetByteLength(view);
  return new Uint8Array(buffer, start + offset, length ?? all - offset);
}

module.exports = { bytesOf };
