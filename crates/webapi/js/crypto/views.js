// The bytes of what Workers hand to Web Cryptography.

import { primordials } from "../primordials.js";
import { converters, viewOf } from "../webidl.js";
const {
  ArrayBufferPrototypeSlice, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag, Uint8Array,
} = primordials;

/** A BufferSource as a view. */
export function toView(value, prefix, context) {
  return viewOf(converters.BufferSource(value, prefix, context));
}

export function viewByteLength(view) {
  return TypedArrayPrototypeGetSymbolToStringTag(view) === undefined
    ? DataViewPrototypeGetByteLength(view)
    : TypedArrayPrototypeGetByteLength(view);
}

/** A copy of the bytes of `view`, as a Uint8Array that nobody else has. */
export function copyBytes(view) {
  const isTyped = TypedArrayPrototypeGetSymbolToStringTag(view) !== undefined;
  const buffer = isTyped ? TypedArrayPrototypeGetBuffer(view) : DataViewPrototypeGetBuffer(view);
  const offset = isTyped ? TypedArrayPrototypeGetByteOffset(view) : DataViewPrototypeGetByteOffset(view);
  return new Uint8Array(ArrayBufferPrototypeSlice(buffer, offset, offset + viewByteLength(view)));
}

/** The buffer of bytes that an op made. */
export const bufferOf = TypedArrayPrototypeGetBuffer;

/** The first `length` bits of `bytes`, the rest of the last byte zeroed. */
export function truncateBits(bytes, length) {
  const spare = bytes.length * 8 - length;
  if (spare > 0) bytes[bytes.length - 1] &= 0xff << spare;
  return bytes;
}
