// Signatures.

'use strict';

const { host } = require('internal/host');
const { arrayBufferOf, bufferOver, copyOf, decode, viewOf } = require('internal/crypto/binding/bytes');
const { error, typeError } = require('internal/crypto/binding/errors');
const { Digest, isDigest } = require('internal/crypto/binding/hash');
const { job } = require('internal/crypto/binding/job');
const { anyKey, privateKey } = require('internal/crypto/binding/keys');
const { signData, signDigest, verifyData, verifyDigest } = host.binding('crypto/sign');
const { hashBlock } = host.binding('crypto/hash');

const P1363 = 1;
const SIGN = 0;

/** A digest that takes data until it is signed or verified. */
class SignBase {
  #name;
  #digest;

  init(name) {
    // DSA with SHA-1, as it was called long ago.
    if (name === 'dss1' || name === 'DSS1') name = 'SHA1';
    if (!isDigest(name)) throw typeError('ERR_CRYPTO_INVALID_DIGEST', 'Invalid digest');
    this.#name = name;
    this.#digest = new Digest(name, undefined);
  }

  update(data, encoding) {
    if (this.#digest === undefined) throw error('ERR_CRYPTO_INVALID_STATE', 'Not initialised');
    this.#digest.update(decode(data, encoding));
  }

  /** [name, digest] */
  _end() {
    if (this.#digest === undefined) throw error('ERR_CRYPTO_INVALID_STATE', 'Not initialised');
    const digest = this.#digest.finish();
    this.#digest = undefined;
    return [this.#name, digest];
  }
}

class Sign extends SignBase {
  sign(data, format, type, passphrase, padding, saltLength, encoding) {
    const key = privateKey(data, format, type, passphrase);
    const { 0: name, 1: digest } = this._end();
    return bufferOver(signDigest(key.bytes, name, digest, padding, saltLength, encoding === P1363));
  }
}

class Verify extends SignBase {
  verify(data, format, type, passphrase, signature, padding, saltLength, encoding) {
    const { bytes, isPrivate } = anyKey(data, format, type, passphrase);
    const { 0: name, 1: digest } = this._end();
    return verifyDigest(bytes, isPrivate, name, digest, viewOf(signature), padding, saltLength, encoding === P1363);
  }
}

const SignJob = job((isAsync, mode, key, format, type, passphrase, data, name, saltLength, padding, encoding, signature) => {
  const { bytes, isPrivate } = (mode === SIGN ? privateKey : anyKey)(key, format, type, passphrase);
  if (typeof name === 'string') hashBlock(name);
  else name = undefined;
  data = isAsync ? copyOf(data) : viewOf(data);
  if (mode === SIGN) return () => arrayBufferOf(signData(bytes, name, data, padding, saltLength, encoding === P1363));
  signature = isAsync ? copyOf(signature) : viewOf(signature);
  return () => verifyData(bytes, isPrivate, name, data, signature, padding, saltLength, encoding === P1363);
}, true);

module.exports = { Sign, SignJob, Verify };
