// node:http2: names and numbers alone.

'use strict';

const { SymbolFor } = primordials;
const { Buffer } = require('buffer');
const { missing, notImplemented } = require('internal/not_implemented');

class Http2ServerRequest {
  constructor() { throw missing('http2.Http2ServerRequest'); }
}
class Http2ServerResponse {
  constructor() { throw missing('http2.Http2ServerResponse'); }
}

const method = (name) => notImplemented(`http2.${name}`, name);

module.exports = {
  constants: require('internal/http2_constants'),
  createSecureServer: method('createSecureServer'),
  createServer: method('createServer'),
  Http2ServerRequest,
  Http2ServerResponse,
  connect: method('connect'),
  getDefaultSettings: () => ({}),
  getPackedSettings: () => Buffer.alloc(0),
  getUnpackedSettings: () => ({}),
  performServerHandshake: method('performServerHandshake'),
  sensitiveHeaders: SymbolFor('nodejs.http2.sensitiveHeaders'),
};
