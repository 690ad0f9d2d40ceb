// Certificates: DER, and what native code tells of it, which is asked once.

'use strict';

const { ArrayIsArray, ArrayPrototypePush, Error } = primordials;
const { host } = require('internal/host');
const { bufferOver, copyOf, viewOf } = require('internal/crypto/binding/bytes');
const { KeyObjectHandle, anyKey, privateKey, publicOf } = require('internal/crypto/binding/keys');
const {
  certificateCheck, certificateInfo, certificateIsIssuedBy, certificateIsOf, certificateLegacy, certificateParse, certificateVerify,
} = host.binding('crypto/certificate');
const { spkacChallenge, spkacPublicKey, spkacVerify } = host.binding('crypto/spkac');

const PUBLIC = 1;

class X509Handle {
  #der;
  #info;

  constructor(der) {
    this.#der = der;
  }

  #of() { return this.#info ??= certificateInfo(this.#der); }

  subject() { return this.#of().subject; }
  subjectAltName() { return this.#of().subjectAltName; }
  issuer() { return this.#of().issuer; }
  getIssuerCert() { return undefined; }
  infoAccess() { return this.#of().infoAccess; }
  validFrom() { return this.#of().validFrom; }
  validTo() { return this.#of().validTo; }
  fingerprint() { return this.#of().fingerprint; }
  fingerprint256() { return this.#of().fingerprint256; }
  fingerprint512() { return this.#of().fingerprint512; }
  keyUsage() { return this.#of().keyUsage; }
  serialNumber() { return this.#of().serialNumber; }
  checkCA() { return this.#of().ca; }
  pem() { return this.#of().pem; }
  raw() { return bufferOver(copyOf(this.#der)); }

  publicKey() {
    const { publicKey } = this.#of();
    if (publicKey === undefined) throw new Error('Failed to read public key');
    return KeyObjectHandle.of(PUBLIC, publicKey);
  }

  checkHost(name, flags) { return certificateCheck(this.#der, 'host', name, flags); }
  checkEmail(email, flags) { return certificateCheck(this.#der, 'email', email, flags); }
  checkIP(ip, flags) { return certificateCheck(this.#der, 'ip', ip, flags); }
  checkIssued(other) { return certificateIsIssuedBy(this.#der, other.#der); }
  checkPrivateKey(key) { return certificateIsOf(this.#der, privateKey(key).bytes); }
  verify(key) { return certificateVerify(this.#der, publicOf(anyKey(key))); }

  toLegacy() {
    const info = this.#of();
    const { subject, issuer, modulus, bits, exponent, pubkey, asn1Curve, nistCurve } = certificateLegacy(this.#der);
    const legacy = { subject: nameObject(subject), issuer: nameObject(issuer) };
    if (info.subjectAltName !== undefined) legacy.subjectaltname = info.subjectAltName;
    if (info.infoAccess !== undefined) legacy.infoAccess = info.infoAccess;
    legacy.ca = info.ca;
    if (modulus !== undefined) {
      legacy.modulus = modulus;
      legacy.bits = bits;
      legacy.exponent = exponent;
      legacy.pubkey = bufferOver(pubkey);
    } else if (asn1Curve !== undefined) {
      legacy.bits = bits;
      legacy.pubkey = bufferOver(pubkey);
      legacy.asn1Curve = asn1Curve;
      if (nistCurve !== undefined) legacy.nistCurve = nistCurve;
    }
    legacy.valid_from = info.validFrom;
    legacy.valid_to = info.validTo;
    legacy.fingerprint = info.fingerprint;
    legacy.fingerprint256 = info.fingerprint256;
    legacy.fingerprint512 = info.fingerprint512;
    if (info.keyUsage !== undefined) legacy.ext_key_usage = info.keyUsage;
    legacy.serialNumber = info.serialNumber;
    legacy.raw = this.raw();
    return legacy;
  }
}

/** A type that is there more than once has a list of values. */
function nameObject(pairs) {
  const name = { __proto__: null };
  for (let i = 0; i < pairs.length; i++) {
    const { 0: type, 1: value } = pairs[i];
    if (name[type] === undefined) name[type] = value;
    else if (ArrayIsArray(name[type])) ArrayPrototypePush(name[type], value);
    else name[type] = [name[type], value];
  }
  return name;
}

module.exports = {
  parseX509: (data) => new X509Handle(certificateParse(viewOf(data))),
  certVerifySpkac: (data) => spkacVerify(viewOf(data)),
  certExportPublicKey: (data) => bufferOrNothing(spkacPublicKey(viewOf(data))),
  certExportChallenge: (data) => bufferOrNothing(spkacChallenge(viewOf(data))),
};

const bufferOrNothing = (bytes) => (bytes === undefined ? '' : bufferOver(bytes));
