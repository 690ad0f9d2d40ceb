// Digests and HMAC. What is short waits in JavaScript and is one native call in the end, in whatever event that is; from 64 KiB on a hash
// under way takes it, which is a resource of its event.

'use strict';

const {
  ArrayBufferIsView, Error, MathMax, SafeMap, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, TypedArrayPrototypeSubarray, Uint8Array,
} = primordials;
const { host } = require('internal/host');
const { decode, encode, lengthOf, viewOf } = require('internal/crypto/binding/bytes');
const { secretBytes } = require('internal/crypto/binding/secret');
const { rangeError, typeError } = require('internal/crypto/binding/errors');
const { isAnyArrayBuffer } = require('internal/util/types');
const {
  hashBlock, hashCopy, hashDescribe, hashFinish, hashIsExtendable, hashOnce, hashStart, hashUpdate, timingSafeEqual,
} = host.binding('crypto/hash');

const WAITING = 65536;
const EMPTY = new Uint8Array(0);

/** A digest that takes data. */
class Digest {
  #name;
  #outputLength;
  #waiting = EMPTY;
  #used = 0;
  #number = -1;

  constructor(name, outputLength) {
    this.#name = name;
    this.#outputLength = outputLength;
  }

  update(view) {
    const length = lengthOf(view);
    if (this.#number === -1 && this.#used + length <= WAITING) return this.#wait(view, length);
    if (this.#number === -1) {
      this.#number = hashStart(this.#name, TypedArrayPrototypeSubarray(this.#waiting, 0, this.#used));
      this.#waiting = EMPTY;
    }
    hashUpdate(this.#number, view);
  }

  #wait(view, length) {
    if (length === 0) return;
    const bytes = new Uint8Array(view.buffer, view.byteOffset, length);
    const needed = this.#used + length;
    if (needed > TypedArrayPrototypeGetByteLength(this.#waiting)) {
      const room = new Uint8Array(this.#used === 0 ? needed : MathMax(needed, this.#used * 2));
      TypedArrayPrototypeSet(room, this.#waiting);
      this.#waiting = room;
    }
    TypedArrayPrototypeSet(this.#waiting, bytes, this.#used);
    this.#used = needed;
  }

  copy(outputLength) {
    const copy = new Digest(this.#name, outputLength);
    if (this.#number !== -1) {
      copy.#number = hashCopy(this.#number);
    } else {
      copy.update(TypedArrayPrototypeSubarray(this.#waiting, 0, this.#used));
    }
    return copy;
  }

  /** The digest; nothing else may be asked for then. */
  finish() {
    if (this.#number !== -1) return hashFinish(this.#number, this.#outputLength);
    return hashOnce(this.#name, this.#outputLength, TypedArrayPrototypeSubarray(this.#waiting, 0, this.#used));
  }
}

const described = new SafeMap();

/** Throws unless there is such a digest with such an output. */
function check(name, outputLength, message) {
  if (outputLength === undefined && described.has(name)) return;
  hashDescribe(name, outputLength, message);
  if (outputLength === undefined) described.set(name, true);
}

class Hash {
  #name;
  #digest;

  constructor(algorithm, outputLength) {
    this.#name = typeof algorithm === 'string' ? algorithm : algorithm.#name;
    check(this.#name, outputLength, 'Digest method not supported');
    this.#digest = typeof algorithm === 'string' ? new Digest(algorithm, outputLength) : algorithm.#digest.copy(outputLength);
  }

  update(data, encoding) {
    this.#digest.update(decode(data, encoding));
    return true;
  }

  digest(encoding) {
    return encode(this.#digest.finish(), encoding);
  }
}

/** RFC 2104. */
class Hmac {
  #name;
  #inner;
  #outerKey;

  init(name, key) {
    const block = hashBlock(name);
    // An extendable digest has no HMAC, for which OpenSSL gives no reason.
    if (hashIsExtendable(name)) throw new Error('error:00000000:lib(0)::reason(0)');
    let bytes = secretBytes(key);
    if (lengthOf(bytes) > block) bytes = hashOnce(name, undefined, bytes);
    const length = lengthOf(bytes);
    const innerKey = new Uint8Array(block);
    const outerKey = new Uint8Array(block);
    TypedArrayPrototypeSet(innerKey, new Uint8Array(bytes.buffer, bytes.byteOffset, length));
    for (let i = 0; i < block; i++) {
      outerKey[i] = innerKey[i] ^ 0x5c;
      innerKey[i] ^= 0x36;
    }
    this.#name = name;
    this.#outerKey = outerKey;
    this.#inner = new Digest(name, undefined);
    this.#inner.update(innerKey);
  }

  update(data, encoding) {
    this.#inner.update(decode(data, encoding));
    return true;
  }

  digest(encoding) {
    const outer = new Digest(this.#name, undefined);
    outer.update(this.#outerKey);
    outer.update(this.#inner.finish());
    return encode(outer.finish(), encoding);
  }
}

function oneShotDigest(algorithm, id, cache, input, encoding) {
  check(algorithm, undefined, `Digest method ${algorithm} is not supported`);
  return encode(hashOnce(algorithm, undefined, decode(input, 'utf8')), encoding);
}

const isSource = (value) => ArrayBufferIsView(value) || isAnyArrayBuffer(value);

function equal(a, b) {
  for (let i = 1; i <= 2; i++) {
    if (isSource(i === 1 ? a : b)) continue;
    throw typeError('ERR_INVALID_ARG_TYPE', `The "buf${i}" argument must be an instance of ArrayBuffer, Buffer, TypedArray, or DataView.`);
  }
  if (lengthOf(a) !== lengthOf(b)) {
    throw rangeError('ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
  }
  return timingSafeEqual(viewOf(a), viewOf(b));
}

/** Whether there is a digest of this name. */
function isDigest(name) {
  try {
    check(name, undefined, '');
    return true;
  } catch {
    return false;
  }
}

module.exports = { binding: { __proto__: null, Hash, Hmac, oneShotDigest, timingSafeEqual: equal }, Digest, isDigest };
