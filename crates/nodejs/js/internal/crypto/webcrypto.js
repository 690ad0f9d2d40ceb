// Web Cryptography is the platform's.

'use strict';

const { host: { CryptoKey, crypto } } = require('internal/host');

module.exports = { CryptoKey, crypto };
