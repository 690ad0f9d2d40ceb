// Bytes in and out: what callers hand in as views, results as Node's buffers.

'use strict';

const {
  ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeSet, Uint8Array,
} = primordials;
const { Buffer } = require('buffer');
const { FastBuffer } = require('internal/buffer');
const { isUint8Array } = require('internal/util/types');

/** A buffer over the bytes of a `Uint8Array`, which nobody else has. */
function bufferOver(bytes) {
  return new FastBuffer(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes), TypedArrayPrototypeGetByteLength(bytes));
}

/** A view of what a caller handed in: an ArrayBuffer or a view; undefined and null stay what they are. */
function viewOf(data) {
  if (data === undefined || data === null || ArrayBufferIsView(data)) return data;
  return new Uint8Array(data);
}

/** The bytes of a string in an encoding, UTF-8 where it is none; of anything else a view. */
function decode(data, encoding) {
  if (typeof data !== 'string') return viewOf(data);
  return Buffer.from(data, Buffer.isEncoding(encoding) ? encoding : 'utf8');
}

/** A buffer, or a string where an encoding is asked for. */
function encode(bytes, encoding) {
  const buffer = bufferOver(bytes);
  return encoding && Buffer.isEncoding(encoding) ? buffer.toString(encoding) : buffer;
}

/** A `Uint8Array` with bytes of its own. */
function copyOf(data) {
  const view = viewOf(data);
  if (view === undefined || view === null) return view;
  const bytes = isUint8Array(view) ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
}

function lengthOf(view) {
  return ArrayBufferIsView(view) ? view.byteLength : ArrayBufferPrototypeGetByteLength(view);
}

/** A number of 32 bits, the highest byte first. */
function bytesOf(number) {
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) bytes[i] = number >>> (24 - 8 * i);
  return bytes;
}

/** The ArrayBuffer of a result. */
const arrayBufferOf = (bytes) => TypedArrayPrototypeGetBuffer(bytes);

module.exports = { arrayBufferOf, bufferOver, bytesOf, copyOf, decode, encode, lengthOf, viewOf };
