// node:tls: what Node has in JavaScript, over connections of the platform, whose TLS has no parameters.

'use strict';

const { Error, ObjectDefineProperties, ObjectFreeze, ObjectGetOwnPropertyDescriptors } = primordials;
const { notImplemented } = require('internal/not_implemented');

// _tls_wrap and _tls_common take of this what is there by then, as Node's do.
const { rootCertificates, ...shown } = ObjectGetOwnPropertyDescriptors(require('node/tls'));
ObjectDefineProperties(exports, shown);
ObjectDefineProperties(exports, {
  DEFAULT_CIPHERS: { __proto__: null, value: '', writable: true, enumerable: true, configurable: true },
  createSecurePair: { __proto__: null, value: notImplemented('createSecurePair'), writable: true, enumerable: true, configurable: true },
  getCiphers: { __proto__: null, value: function getCiphers() { throw new Error('Not implemented'); }, writable: true, enumerable: true, configurable: true },
  // The certificates that are trusted are the machine's.
  rootCertificates: { __proto__: null, value: ObjectFreeze([]), writable: false, enumerable: true, configurable: false },
});
