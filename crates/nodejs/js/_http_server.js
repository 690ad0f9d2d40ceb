// node:_http_server: servers that listen on no port, but are found by its number: `cloudflare:node` hands them the Worker's requests.

'use strict';

const {
  FunctionPrototypeSymbolHasInstance, NumberIsInteger, ObjectSetPrototypeOf, ReflectApply, SafeMap,
} = primordials;
const EventEmitter = require('events');
const { UVExceptionWithHostPort, codes: { ERR_SERVER_ALREADY_LISTEN, ERR_SERVER_NOT_RUNNING } } = require('internal/errors');
const { validateFunction, validateObject, validatePort } = require('internal/validators');
const nodes = require('node/_http_server');
const { UV_EADDRINUSE } = internalBinding('uv');

/** By their ports. */
const listening = new SafeMap();
/** For those that want any. */
let free = 49152;

function Server(options, listener) {
  if (!FunctionPrototypeSymbolHasInstance(Server, this)) return new Server(options, listener);
  if (typeof options === 'function') {
    listener = options;
    options = {};
  } else if (options === undefined || options === null) {
    options = {};
  } else {
    validateObject(options, 'options');
  }
  ReflectApply(EventEmitter, this, []);
  ReflectApply(nodes.storeHTTPOptions, this, [options]);
  this.listening = false;
  this.timeout = 0;
  this.maxHeadersCount = null;
  this.maxRequestsPerSocket = 0;
  this._port = undefined;
  if (listener !== undefined) {
    validateFunction(listener, 'listener');
    this.on('request', listener);
  }
}
ObjectSetPrototypeOf(Server.prototype, EventEmitter.prototype);
ObjectSetPrototypeOf(Server, EventEmitter);

Server.prototype.listen = function listen(...args) {
  if (this.listening) throw new ERR_SERVER_ALREADY_LISTEN();
  const first = args[0];
  let port = typeof first === 'object' && first !== null ? first.port : first;
  if (typeof port === 'function' || port === undefined || port === null) port = 0;
  port = validatePort(port, 'options.port', true);
  if (port === 0) {
    while (listening.has(free)) free++;
    port = free;
  }
  const callback = args[args.length - 1];
  if (typeof callback === 'function') this.once('listening', callback);
  if (listening.has(port)) {
    const error = new UVExceptionWithHostPort(UV_EADDRINUSE, 'listen', '::', port);
    process.nextTick(() => this.emit('error', error));
    return this;
  }
  listening.set(port, this);
  this._port = port;
  this.listening = true;
  process.nextTick(() => this.emit('listening'));
  return this;
};

Server.prototype.address = function address() {
  return this.listening ? { port: this._port, family: 'IPv4', address: '127.0.0.1' } : null;
};

Server.prototype.close = function close(callback = undefined) {
  const wasListening = this.listening;
  if (typeof callback === 'function') {
    this.once('close', () => ReflectApply(callback, this, wasListening ? [] : [new ERR_SERVER_NOT_RUNNING()]));
  }
  if (wasListening) listening.delete(this._port);
  this.listening = false;
  process.nextTick(() => this.emit('close'));
  return this;
};

Server.prototype.closeAllConnections = function() {};
Server.prototype.closeIdleConnections = function() {};
Server.prototype.ref = function() { return this; };
Server.prototype.unref = function() { return this; };
Server.prototype.getConnections = function(callback) { process.nextTick(callback, null, 0); };
Server.prototype.setTimeout = function(msecs, callback) {
  this.timeout = msecs;
  if (typeof callback === 'function') this.on('timeout', callback);
  return this;
};

module.exports = {
  STATUS_CODES: nodes.STATUS_CODES,
  Server,
  ServerResponse: nodes.ServerResponse,
  _connectionListener: nodes._connectionListener,
  createServer: (options, listener) => new Server(options, listener),
  kConnectionsCheckingInterval: nodes.kConnectionsCheckingInterval,
  kServerResponse: nodes.kServerResponse,
  httpServerPreClose() {},
  setupConnectionsTracking() {},
  storeHTTPOptions: nodes.storeHTTPOptions,
  /** The server on this port, if there is one. */
  serverOn: (port) => (NumberIsInteger(port) ? listening.get(port) : undefined),
};
