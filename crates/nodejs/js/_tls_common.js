// node:_tls_common: contexts that hold nothing. Whom a connection trusts, and how it encrypts, is the platform's to decide.

'use strict';

const { ArrayPrototypePush, FunctionPrototypeSymbolHasInstance, JSONParse, ObjectAssign, RegExpPrototypeSymbolReplace, StringPrototypeStartsWith } = primordials;
const { codes: { ERR_TLS_INVALID_PROTOCOL_VERSION, ERR_TLS_PROTOCOL_VERSION_CONFLICT } } = require('internal/errors');
const { validateInteger, validateObject, validateString } = require('internal/validators');

const VERSIONS = { '__proto__': null, 'TLSv1': true, 'TLSv1.1': true, 'TLSv1.2': true, 'TLSv1.3': true };

function SecureContext(secureProtocol, secureOptions, minVersion, maxVersion) {
  if (!FunctionPrototypeSymbolHasInstance(SecureContext, this)) return new SecureContext(secureProtocol, secureOptions, minVersion, maxVersion);
  if (secureProtocol) {
    validateString(secureProtocol, 'secureProtocol');
    if (minVersion != null) throw new ERR_TLS_PROTOCOL_VERSION_CONFLICT(minVersion, secureProtocol);
    if (maxVersion != null) throw new ERR_TLS_PROTOCOL_VERSION_CONFLICT(maxVersion, secureProtocol);
  }
  if (minVersion != null && VERSIONS[minVersion] !== true) throw new ERR_TLS_INVALID_PROTOCOL_VERSION(minVersion, 'minimum');
  if (maxVersion != null && VERSIONS[maxVersion] !== true) throw new ERR_TLS_INVALID_PROTOCOL_VERSION(maxVersion, 'maximum');
  if (secureOptions) validateInteger(secureOptions, 'secureOptions');
  this.context = undefined;
}

function createSecureContext(options = {}) {
  validateObject(options, 'options');
  return new SecureContext(options.secureProtocol, options.secureOptions, options.minVersion, options.maxVersion);
}

/** As Node has it, for certificates in the form of getPeerCertificate(). */
function translatePeerCertificate(certificate) {
  if (!certificate) return null;
  if (certificate.issuerCertificate != null && certificate.issuerCertificate !== certificate) {
    certificate.issuerCertificate = translatePeerCertificate(certificate.issuerCertificate);
  }
  if (certificate.infoAccess !== undefined) certificate.infoAccess = accessOf(certificate.infoAccess);
  return certificate;
}

/** An object of the text that X509Certificate has. */
function accessOf(lines) {
  const access = { __proto__: null };
  RegExpPrototypeSymbolReplace(/([^\n:]*):([^\n]*)(?:\n|$)/g, lines, (all, key, text) => {
    const value = StringPrototypeStartsWith(text, '"') ? JSONParse(text) : text;
    if (key in access) ArrayPrototypePush(access[key], value);
    else access[key] = [value];
  });
  return access;
}

ObjectAssign(exports, { SecureContext, createSecureContext, translatePeerCertificate });
