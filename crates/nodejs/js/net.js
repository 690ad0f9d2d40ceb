// node:net: Node's own, without what listens. Nothing reaches a Worker's sockets from outside.

'use strict';

const {
  ArrayIsArray, Error, ObjectDefineProperties, ObjectGetOwnPropertyDescriptors, ReflectApply,
} = primordials;
const { codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const nodes = require('node/net');

const { _createServerHandle, _setSimultaneousAccepts, ...shown } = ObjectGetOwnPropertyDescriptors(nodes);
ObjectDefineProperties(exports, shown);

exports.Server = function Server() { throw new Error('Server is not implemented'); };
exports.createServer = function createServer() { throw new Error('createServer() is not implemented'); };

/** An address that nothing is bound to. */
exports.BoundSocket = class BoundSocket {
  #port;
  constructor({ port } = {}) { this.#port = port ?? 49152; }
  fd() { return -1; }
  address() { return { address: '0.0.0.0', family: 'IPv4', port: this.#port }; }
  close() {}
};

const { connect } = nodes.Socket.prototype;
nodes.Socket.prototype.connect = function(...args) {
  // What normalizeArgs() has made is handed on as it is.
  const { path } = ArrayIsArray(args[0]) ? args[0][0] : nodes._normalizeArgs(args)[0];
  if (path !== undefined && path !== null) throw new ERR_INVALID_ARG_VALUE('path', path, 'is not supported');
  return ReflectApply(connect, this, args);
};
