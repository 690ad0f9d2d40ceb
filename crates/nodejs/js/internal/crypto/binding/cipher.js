// Ciphers. The states and lengths that Node checks are checked here; the cipher itself is under way in native code.

'use strict';

const { Error, ObjectAssign, TypedArrayPrototypeSlice, Uint8Array } = primordials;
const { host } = require('internal/host');
const { bufferOver, copyOf, decode, lengthOf, viewOf } = require('internal/crypto/binding/bytes');
const { error, rangeError, typeError } = require('internal/crypto/binding/errors');
const { secretBytes } = require('internal/crypto/binding/secret');
const {
  bytesToKey, cipherAutoPadding, cipherEnd, cipherFinal, cipherInfo, cipherSetAad, cipherSetTag, cipherStart, cipherUpdate,
} = host.binding('crypto/cipher');

const CHACHA20_POLY1305 = 1018;
const UNKNOWN = -1;

const invalidIv = () => typeError('ERR_CRYPTO_INVALID_IV', 'Invalid initialization vector');
const invalidTag = (length) => typeError('ERR_CRYPTO_INVALID_AUTH_TAG', `Invalid authentication tag length: ${length}`);
const isGcmTagLength = (length) => length === 4 || length === 8 || (length >= 12 && length <= 16);

class CipherBase {
  #encrypts;
  /** Of the cipher under way; undefined before and after. */
  #number;
  #mode;
  #isAuthenticated;
  #tagLength = UNKNOWN;
  /** The tag that was computed, or, until it is handed on, the one that is expected. */
  #tag;
  #hasExpected = false;
  #mayLast = 2 ** 31 - 1;
  #hasFailed = false;

  constructor(encrypts) {
    this.#encrypts = encrypts;
  }

  /** With a key made of a password. */
  init(name, password, tagLength) {
    const { 0: key, 1: iv } = bytesToKey(name, viewOf(password));
    this.initiv(name, key, iv, tagLength);
  }

  initiv(name, secret, iv, tagLength) {
    const info = cipherInfo(name);
    if (info === undefined) throw error('ERR_CRYPTO_UNKNOWN_CIPHER', 'Unknown cipher');
    const { mode, nid, ivLength = 0 } = info;
    const length = iv === null ? 0 : lengthOf(iv);
    this.#mode = mode;
    this.#isAuthenticated = mode === 'gcm' || mode === 'ccm' || mode === 'ocb' || nid === CHACHA20_POLY1305;
    if (length === 0 && ivLength !== 0) throw invalidIv();
    if (!this.#isAuthenticated && length !== 0 && length !== ivLength) throw invalidIv();
    if (nid === CHACHA20_POLY1305 && length > 12) throw invalidIv();
    if (this.#isAuthenticated) this.#prepareTag(name, nid, length, tagLength);
    const expected = this.#tagLength === UNKNOWN ? undefined : this.#tagLength;
    this.#number = cipherStart(name, this.#encrypts, secretBytes(secret), iv === null ? undefined : viewOf(iv), expected, this.#isAuthenticated);
  }

  #prepareTag(name, nid, ivLength, tagLength) {
    if (this.#mode === 'gcm') {
      if (tagLength === UNKNOWN) return;
      if (!isGcmTagLength(tagLength)) throw invalidTag(tagLength);
    } else if (tagLength === UNKNOWN) {
      if (nid !== CHACHA20_POLY1305) throw typeError('ERR_CRYPTO_INVALID_AUTH_TAG', `authTagLength required for ${name}`);
      tagLength = 16;
    }
    this.#tagLength = tagLength;
    if (this.#mode !== 'ccm') return;
    if (ivLength < 7 || ivLength > 13) throw invalidIv();
    if (ivLength === 12) this.#mayLast = 16777215;
    if (ivLength === 13) this.#mayLast = 65535;
  }

  update(data, encoding) {
    if (this.#number === undefined) throw new Error('Trying to add data in unsupported state');
    const view = decode(data, encoding);
    if (this.#mode === 'ccm') this.#checkLength(lengthOf(view));
    if (this.#isAuthenticated && !this.#encrypts) this.#handOnTag();
    if (this.#encrypts || this.#mode !== 'ccm') return bufferOver(cipherUpdate(this.#number, view));
    // CCM tells here whether the tag is right; final() is to say it.
    try {
      return bufferOver(cipherUpdate(this.#number, view));
    } catch {
      this.#hasFailed = true;
      return bufferOver(new Uint8Array(0));
    }
  }

  final() {
    if (this.#number === undefined) throw error('ERR_CRYPTO_INVALID_STATE', 'Invalid state');
    const number = this.#number;
    if (this.#isAuthenticated && !this.#encrypts) this.#handOnTag();
    this.#number = undefined;
    if (this.#mode === 'ccm' && !this.#encrypts) {
      cipherEnd(number);
      if (this.#hasFailed) throw new Error('Unsupported state or unable to authenticate data');
      return bufferOver(new Uint8Array(0));
    }
    const givesTag = this.#isAuthenticated && this.#encrypts;
    if (givesTag && this.#tagLength === UNKNOWN) this.#tagLength = 16;
    const { 0: bytes, 1: tag } = cipherFinal(number, givesTag ? this.#tagLength : undefined, this.#isAuthenticated);
    this.#tag = tag;
    return bufferOver(bytes);
  }

  setAutoPadding(isOn) {
    if (this.#number === undefined) return false;
    cipherAutoPadding(this.#number, isOn);
    return true;
  }

  getAuthTag() {
    if (this.#number !== undefined || !this.#encrypts || this.#tag === undefined) return undefined;
    return bufferOver(TypedArrayPrototypeSlice(this.#tag));
  }

  setAuthTag(tag) {
    if (this.#number === undefined || !this.#isAuthenticated || this.#encrypts || this.#hasExpected) return false;
    const length = lengthOf(tag);
    const isExpected = this.#tagLength === UNKNOWN || this.#tagLength === length;
    if (!isExpected || (this.#mode === 'gcm' && !isGcmTagLength(length))) throw invalidTag(length);
    this.#tagLength = length;
    this.#tag = copyOf(tag);
    this.#hasExpected = true;
    return true;
  }

  setAAD(data, plaintextLength) {
    if (this.#number === undefined || !this.#isAuthenticated) return false;
    if (this.#mode !== 'ccm') return cipherSetAad(this.#number, viewOf(data), undefined);
    if (plaintextLength < 0) throw typeError('ERR_MISSING_ARGS', 'options.plaintextLength required for CCM mode with AAD');
    this.#checkLength(plaintextLength);
    if (!this.#encrypts) this.#handOnTag();
    return cipherSetAad(this.#number, viewOf(data), plaintextLength);
  }

  #checkLength(length) {
    if (length > this.#mayLast) throw rangeError('ERR_CRYPTO_INVALID_MESSAGELEN', 'Invalid message length');
  }

  #handOnTag() {
    if (!this.#hasExpected || this.#tag === undefined) return;
    cipherSetTag(this.#number, this.#tag);
    this.#tag = undefined;
  }
}

function getCipherInfo(target, nameOrNid, keyLength, ivLength) {
  const info = cipherInfo(nameOrNid, keyLength, ivLength);
  return info === undefined ? undefined : ObjectAssign(target, info);
}

module.exports = { CipherBase, getCipherInfo };
