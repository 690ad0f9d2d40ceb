// node:crypto: Node's own, and what the platform has beside it.

'use strict';

const { ObjectAssign } = primordials;
const { host: { CryptoKey } } = require('internal/host');
const { PrivateKeyObject, PublicKeyObject, SecretKeyObject } = require('internal/crypto/keys');

module.exports = ObjectAssign(require('node/crypto'), { CryptoKey, PrivateKeyObject, PublicKeyObject, SecretKeyObject });
