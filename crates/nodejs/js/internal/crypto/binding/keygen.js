// Making keys and key pairs.

'use strict';

const { MathTrunc, Uint8Array } = primordials;
const { host } = require('internal/host');
const { bytesOf, copyOf } = require('internal/crypto/binding/bytes');
const { job } = require('internal/crypto/binding/job');
const { KeyObjectHandle, exportPrivate, exportPublic } = require('internal/crypto/binding/keys');
const { checkPssHashes, makeDh, makeEc, makeOkp, makeRsa, makeRsaPss } = host.binding('crypto/make');
const { dhFind, dhGroup } = host.binding('crypto/dh');
const { ecdhCheck } = host.binding('crypto/ecdh');
const { randomFill } = host.binding('crypto/random');

const PUBLIC = 1;
const PRIVATE = 2;
const RSA_PSS = 1;
const NAMED_CURVE = 1;
const JWK = 2;

/** A job with `count(variant)` arguments of its own, that makes a pair and gives each half as it is asked for: encoded, or as the handle of a key. */
function pairJob(prepare, count) {
  return job((isAsync, ...args) => {
    const own = [];
    for (let i = 0; i < count(args[0]); i++) own[i] = args[i];
    const { length } = own;
    const make = prepare(own);
    const passphrase = copyOf(args[length + 5]);
    return () => {
      const { 0: privateKey, 1: publicKey } = make();
      return [
        encoded(PUBLIC, publicKey, args[length], args[length + 1]),
        encoded(PRIVATE, privateKey, args[length + 2], args[length + 3], args[length + 4], passphrase),
      ];
    };
  });
}

function encoded(type, der, format, encoding, cipher, passphrase) {
  if (format === undefined) return KeyObjectHandle.of(type, der);
  if (format === JWK) return KeyObjectHandle.of(type, der).exportJwk({});
  return type === PUBLIC ? exportPublic(der, format, encoding) : exportPrivate(der, format, encoding, cipher, passphrase);
}

function notImplemented(name) {
  return class {
    constructor() {
      const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');
      throw new ERR_METHOD_NOT_IMPLEMENTED(name);
    }
  };
}

module.exports = {
  RsaKeyPairGenJob: pairJob((options) => {
    const { 0: variant, 1: bits, 2: exponent, 3: hash, 4: mgf1Hash, 5: saltLength } = options;
    if (variant !== RSA_PSS) return () => makeRsa(bits, exponent);
    checkPssHashes(hash, mgf1Hash);
    return () => makeRsaPss(bits, exponent, hash, mgf1Hash, saltLength);
  }, (variant) => (variant === RSA_PSS ? 6 : 3)),

  EcKeyPairGenJob: pairJob(({ 0: curve, 1: encoding }) => {
    ecdhCheck(curve);
    return () => makeEc(curve, encoding === NAMED_CURVE);
  }, () => 2),

  /** Of a group by its name; of a prime, or one of so many bits, and a generator. */
  DhKeyPairGenJob: pairJob(({ 0: prime, 1: generator = 2 }) => {
    if (typeof prime === 'string') prime = dhGroup(prime);
    else if (typeof prime === 'object') prime = copyOf(prime);
    return () => makeDh(typeof prime === 'number' ? dhFind(prime, generator) : prime, bytesOf(generator));
  }, (prime) => (typeof prime === 'string' ? 1 : 2)),

  NidKeyPairGenJob: pairJob(({ 0: id }) => () => makeOkp(id), () => 1),

  // The platform has none, either.
  DsaKeyPairGenJob: notImplemented('crypto.generateKeyPair'),

  SecretKeyGenJob: job((isAsync, bits) => () => {
    const bytes = new Uint8Array(MathTrunc(bits / 8));
    randomFill(bytes, 0, bytes.length);
    return KeyObjectHandle.of(0, bytes);
  }),
};
