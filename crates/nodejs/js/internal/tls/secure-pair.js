// Pairs of streams with TLS between them are nothing that the platform has.

'use strict';

const { notImplemented } = require('internal/not_implemented');

module.exports = { createSecurePair: notImplemented('createSecurePair') };
