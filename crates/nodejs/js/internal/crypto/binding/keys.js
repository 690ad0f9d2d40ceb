// Keys: a secret's bytes, or DER of an asymmetric key (PKCS #8, SPKI) that native code has read once. What a Worker does can't reach them.

'use strict';

const {
  ObjectAssign, ObjectDefineProperty, StringPrototypeToLowerCase, TypeError, TypedArrayPrototypeGetByteLength, Uint8Array,
} = primordials;
const { Buffer } = require('buffer');
const { host } = require('internal/host');
const { bufferOver, copyOf, viewOf } = require('internal/crypto/binding/bytes');
const { error, typeError } = require('internal/crypto/binding/errors');
const { setSecretOfHandle } = require('internal/crypto/binding/secret');
const { timingSafeEqual } = host.binding('crypto/hash');
const {
  keyCheck, keyDetails, keyEqual, keyExportPrivate, keyExportPublic, keyOfEcPoint, keyOfParts, keyOfRaw, keyParts, keyPublic, keyReadAny,
  keyReadPrivate, keyType,
} = host.binding('crypto/keys');

const SECRET = 0;
const PUBLIC = 1;
const PRIVATE = 2;
const PEM = 1;

const RSA_PUBLIC = ['n', 'e'];
const RSA_PRIVATE = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];
const CURVES = { __proto__: null, prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521', secp256k1: 'secp256k1' };

let isHandle;
let bytesOfSecret;
let materialOf;

class KeyObjectHandle {
  #type;
  #bytes;
  /** A CryptoKey's may be otherwise. */
  #isExtractable = true;

  static {
    isHandle = (value) => typeof value === 'object' && value !== null && #type in value;
    bytesOfSecret = (value) => (isHandle(value) && value.#type === SECRET ? value.#bytes : undefined);
    materialOf = (handle) => ({ __proto__: null, isPrivate: handle.#type === PRIVATE, bytes: handle.#bytes });
  }

  /** A secret's bytes; or `(key, format, type, passphrase)`, where the key is bytes or the handle of another one. */
  init(type, key, format, encoding, passphrase) {
    this.#type = type;
    if (type === SECRET) this.#bytes = copyOf(key);
    else if (type === PRIVATE) this.#bytes = privateKey(key, format, encoding, passphrase).bytes;
    else this.#bytes = publicOf(anyKey(key, format, encoding, passphrase));
  }

  /** DER that is known to be good. */
  static of(type, bytes, isExtractable = true) {
    const handle = new KeyObjectHandle();
    handle.#type = type;
    handle.#bytes = bytes;
    handle.#isExtractable = isExtractable;
    return handle;
  }

  getSymmetricKeySize() { return TypedArrayPrototypeGetByteLength(this.#bytes); }
  getAsymmetricKeyType() { return keyType(this.#bytes, this.#type === PRIVATE); }
  checkEcKeyData() { return keyCheck(this.#bytes, this.#type === PRIVATE); }

  equals(other) {
    const bytes = other.#bytes;
    if (this.#type !== SECRET) return keyEqual(this.#bytes, bytes, this.#type === PRIVATE);
    return TypedArrayPrototypeGetByteLength(this.#bytes) === TypedArrayPrototypeGetByteLength(bytes) && timingSafeEqual(this.#bytes, bytes);
  }

  keyDetail(target) {
    if (this.#type === SECRET) target.length = this.getSymmetricKeySize() * 8;
    else ObjectAssign(target, keyDetails(this.#bytes, this.#type === PRIVATE));
    return target;
  }

  #requireExtractable() {
    if (!this.#isExtractable) throw new TypeError('Unable to export non-extractable key');
  }

  export(format, encoding, cipher, passphrase) {
    this.#requireExtractable();
    if (this.#type === SECRET) return bufferOver(copyOf(this.#bytes));
    if (this.#type === PUBLIC) return exportPublic(this.#bytes, format, encoding);
    return exportPrivate(this.#bytes, format, encoding, cipher, passphrase);
  }

  exportJwk(target) {
    this.#requireExtractable();
    if (this.#type === SECRET) {
      target.kty = 'oct';
      target.k = base64url(this.#bytes);
      return target;
    }
    return exportJwk(target, this.#bytes, this.#type === PRIVATE);
  }

  /** Returns the type of the key. */
  initJwk(jwk) {
    const { kty } = jwk;
    if (typeof kty !== 'string') throw invalidJwk('Invalid JWK format');
    if (kty === 'oct') {
      const { k } = jwk;
      if (typeof k !== 'string') throw invalidJwk('Invalid JWK secret key format');
      this.#type = SECRET;
      this.#bytes = new Uint8Array(Buffer.from(k, 'base64url'));
    } else if (kty === 'RSA') {
      this.#type = jwk.d === undefined ? PUBLIC : PRIVATE;
      this.#bytes = ofParts('RSA', jwk, this.#type === PRIVATE ? RSA_PRIVATE : RSA_PUBLIC, 'Invalid JWK RSA key');
    } else if (kty === 'EC') {
      this.#type = jwk.d === undefined ? PUBLIC : PRIVATE;
      this.#bytes = ofParts(`${jwk.crv}`, jwk, this.#type === PRIVATE ? ['x', 'y', 'd'] : ['x', 'y'], 'Invalid JWK EC key');
    } else {
      throw invalidJwk(`${kty} is not a supported JWK key type`);
    }
    return this.#type;
  }

  initEDRaw(curve, data, type) {
    const bytes = keyOfRaw(StringPrototypeToLowerCase(curve), viewOf(data), type === PRIVATE);
    if (bytes === undefined) return false;
    this.#type = type;
    this.#bytes = bytes;
    return true;
  }

  initECRaw(curve, data) {
    const bytes = keyOfEcPoint(curve, viewOf(data));
    if (bytes === undefined) return false;
    this.#type = PUBLIC;
    this.#bytes = bytes;
    return true;
  }
}

setSecretOfHandle((value) => bytesOfSecret(value));

const base64url = (bytes) => bufferOver(copyOf(bytes)).toString('base64url');
const invalidJwk = (message) => typeError('ERR_CRYPTO_INVALID_JWK', message);

function ofParts(kind, jwk, names, message) {
  const parts = [];
  for (let i = 0; i < names.length; i++) {
    const part = jwk[names[i]];
    if (typeof part !== 'string') throw invalidJwk(message);
    parts[i] = Buffer.from(part, 'base64url');
  }
  const bytes = keyOfParts(kind, parts);
  if (bytes === undefined) throw invalidJwk(message);
  return bytes;
}

function exportJwk(target, bytes, isPrivate) {
  const type = keyType(bytes, isPrivate);
  const parts = keyParts(bytes, isPrivate);
  if (type === 'rsa') {
    target.kty = 'RSA';
    const names = isPrivate ? RSA_PRIVATE : RSA_PUBLIC;
    for (let i = 0; i < names.length; i++) target[names[i]] = base64url(parts[i]);
    return target;
  }
  if (type === 'ec') {
    target.kty = 'EC';
    const { namedCurve } = keyDetails(bytes, isPrivate);
    target.x = base64url(parts[0]);
    target.y = base64url(parts[1]);
    if (CURVES[namedCurve] === undefined) throw error('ERR_CRYPTO_JWK_UNSUPPORTED_CURVE', `Unsupported JWK EC curve: ${namedCurve}.`);
    target.crv = CURVES[namedCurve];
    if (isPrivate) target.d = base64url(parts[2]);
    return target;
  }
  const crv = { __proto__: null, ed25519: 'Ed25519', ed448: 'Ed448', x25519: 'X25519', x448: 'X448' }[type];
  if (crv === undefined) throw error('ERR_CRYPTO_JWK_UNSUPPORTED_KEY_TYPE', 'Unsupported JWK Key Type.');
  target.crv = crv;
  if (isPrivate) target.d = base64url(parts[1]);
  target.x = base64url(parts[0]);
  target.kty = 'OKP';
  return target;
}

// === Keys as Node's functions hand them in: a handle, or bytes with format, encoding and passphrase ===

/** { isPrivate: true, bytes }, where it is one. */
function privateKey(key, format, encoding, passphrase) {
  if (isHandle(key)) return materialOf(key);
  return { __proto__: null, isPrivate: true, bytes: keyReadPrivate(viewOf(key), format === PEM, encoding, viewOf(passphrase)) };
}

/** { isPrivate, bytes } */
function anyKey(key, format, encoding, passphrase) {
  if (isHandle(key)) return materialOf(key);
  const { 0: isPrivate, 1: bytes } = keyReadAny(viewOf(key), format === PEM, encoding, viewOf(passphrase));
  return { __proto__: null, isPrivate, bytes };
}

/** The DER of the public key in one or the other. */
const publicOf = ({ isPrivate, bytes }) => (isPrivate ? keyPublic(bytes) : bytes);

/** As a string where it is PEM, as a buffer where it is DER. */
function exportPublic(bytes, format, encoding) {
  const exported = keyExportPublic(bytes, format === PEM, encoding);
  return typeof exported === 'string' ? exported : bufferOver(exported);
}

function exportPrivate(bytes, format, encoding, cipher, passphrase) {
  const exported = keyExportPrivate(bytes, format === PEM, encoding, cipher, viewOf(passphrase));
  return typeof exported === 'string' ? exported : bufferOver(exported);
}

/**
 * Node's KeyObject classes over a native one, which only makes them cloneable there. What Node's modules find in a CryptoKey by the symbol
 * `kKeyObject` is found in the platform's, too.
 */
function createNativeKeyObjectClass(define) {
  const classes = define(class NativeKeyObject {});
  const { kKeyObject } = require('internal/crypto/util');
  const { 1: SecretKeyObject, 2: PublicKeyObject, 3: PrivateKeyObject } = classes;
  ObjectDefineProperty(host.CryptoKey.prototype, kKeyObject, {
    __proto__: null,
    get() {
      const material = host.keyMaterial(this);
      if (material === undefined) return undefined;
      const { type, bytes, extractable } = material;
      if (type === 'secret') return new SecretKeyObject(KeyObjectHandle.of(SECRET, bytes, extractable));
      if (type === 'public') return new PublicKeyObject(KeyObjectHandle.of(PUBLIC, bytes, extractable));
      return new PrivateKeyObject(KeyObjectHandle.of(PRIVATE, bytes, extractable));
    },
  });
  return classes;
}

module.exports = {
  binding: { __proto__: null, KeyObjectHandle, createNativeKeyObjectClass },
  KeyObjectHandle,
  anyKey,
  exportPrivate,
  exportPublic,
  privateKey,
  publicOf,
};
