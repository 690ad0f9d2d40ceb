// Diffie-Hellman.

'use strict';

const { Error, TypedArrayPrototypeSubarray } = primordials;
const { host } = require('internal/host');
const { bufferOver, bytesOf, copyOf, lengthOf, viewOf } = require('internal/crypto/binding/bytes');
const { error, rangeError, typeError } = require('internal/crypto/binding/errors');
const { anyKey, privateKey } = require('internal/crypto/binding/keys');
const { dhCheck, dhCompute, dhFind, dhGenerate, dhGroup } = host.binding('crypto/dh');
const { agree, ecdhCheck, ecdhCompute, ecdhGenerate, ecdhPoint, ecdhPublic } = host.binding('crypto/ecdh');

const INVALID_PUBLIC_KEY = 'ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY';
const UNCOMPRESSED = 4;

const fresh = (bytes) => bufferOver(copyOf(bytes));
const missing = (which) => error('ERR_CRYPTO_INVALID_STATE', `No ${which} key - did you forget to generate one?`);

function isBelowTwo(bytes) {
  const last = lengthOf(bytes) - 1;
  for (let i = 0; i < last; i++) {
    if (bytes[i] !== 0) return false;
  }
  return last < 0 || bytes[last] < 2;
}

/** An error that OpenSSL has a number for, which nothing there is asked to say. */
function openSslError(number, library, reason, code) {
  const failure = new Error(`error:${number}:${library}::${reason}`);
  failure.library = library;
  failure.reason = reason;
  failure.code = code;
  return failure;
}

class DiffieHellman {
  #prime;
  #generator;
  #private;
  #public;

  constructor(sizeOrPrime, generator) {
    const isNumber = typeof generator === 'number';
    if (typeof sizeOrPrime === 'number') {
      this.#prime = dhFind(sizeOrPrime, isNumber ? generator : 0);
      this.#generator = bytesOf(generator);
    } else {
      if (lengthOf(sizeOrPrime) === 0) {
        throw openSslError('01800076', 'bignum routines', 'bits too small', 'ERR_OSSL_BN_BITS_TOO_SMALL');
      }
      const bytes = isNumber ? bytesOf(generator) : copyOf(generator);
      if ((isNumber && generator < 0) || isBelowTwo(bytes)) {
        throw openSslError('02800065', 'Diffie-Hellman routines', 'bad generator', 'ERR_OSSL_DH_BAD_GENERATOR');
      }
      this.#prime = copyOf(sizeOrPrime);
      this.#generator = bytes;
    }
    this.verifyError = dhCheck(this.#prime, this.#generator);
  }

  generateKeys() {
    const { 0: number, 1: point } = dhGenerate(this.#prime, this.#generator, this.#private);
    this.#private = number;
    this.#public = point;
    return fresh(point);
  }

  computeSecret(other) {
    if (this.#private === undefined) throw missing('private');
    return bufferOver(dhCompute(this.#prime, this.#private, viewOf(other)));
  }

  getPrime() { return fresh(this.#prime); }

  /** Without the zeros before it. */
  getGenerator() {
    let start = 0;
    while (start < lengthOf(this.#generator) - 1 && this.#generator[start] === 0) start++;
    return fresh(TypedArrayPrototypeSubarray(this.#generator, start));
  }

  getPublicKey() {
    if (this.#public === undefined) throw missing('public');
    return fresh(this.#public);
  }

  getPrivateKey() {
    if (this.#private === undefined) throw missing('private');
    return fresh(this.#private);
  }

  setPublicKey(key) { this.#public = copyOf(key); }
  setPrivateKey(key) { this.#private = copyOf(key); }
}

class DiffieHellmanGroup extends DiffieHellman {
  constructor(name) {
    if (typeof name !== 'string') throw typeError('ERR_INVALID_ARG_TYPE', 'Group name must be a string');
    super(dhGroup(name), 2);
  }
}

class ECDH {
  #curve;
  #private;
  #public;

  constructor(curve) {
    ecdhCheck(curve);
    this.#curve = curve;
  }

  generateKeys() {
    const { 0: number, 1: point } = ecdhGenerate(this.#curve);
    this.#private = number;
    this.#public = point;
  }

  computeSecret(other) {
    if (this.#private === undefined || this.#public === undefined) throw rangeError('ERR_CRYPTO_INVALID_KEYPAIR', 'Invalid key pair');
    const secret = ecdhCompute(this.#curve, this.#private, this.#public, viewOf(other));
    return secret === undefined ? INVALID_PUBLIC_KEY : bufferOver(secret);
  }

  getPublicKey(form) {
    if (this.#public === undefined) throw error('ERR_CRYPTO_OPERATION_FAILED', 'Failed to get ECDH public key');
    return bufferOver(ecdhPoint(this.#curve, this.#public, form));
  }

  getPrivateKey() {
    if (this.#private === undefined) throw error('ERR_CRYPTO_OPERATION_FAILED', 'Failed to get ECDH private key');
    return fresh(this.#private);
  }

  setPrivateKey(key) {
    this.#public = ecdhPublic(this.#curve, viewOf(key));
    this.#private = copyOf(key);
  }

  setPublicKey(key) {
    this.#public = ecdhPoint(this.#curve, viewOf(key), UNCOMPRESSED);
  }
}

function ECDHConvertKey(key, curve, form) {
  if (lengthOf(key) === 0) return '';
  return bufferOver(ecdhPoint(curve, viewOf(key), form));
}

function statelessDH(own, other) {
  const { bytes, isPrivate } = anyKey(other);
  return bufferOver(agree(privateKey(own).bytes, bytes, isPrivate));
}

module.exports = { DiffieHellman, DiffieHellmanGroup, ECDH, ECDHConvertKey, statelessDH };
