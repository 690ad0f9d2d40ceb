// node:_tls_wrap: TLS over the platform's connections, which verifies the server by the machine's authorities and by its name, and says
// nothing else about it.

'use strict';

const {
  Error, FunctionPrototypeSymbolHasInstance, ObjectAssign, ObjectSetPrototypeOf, PromisePrototypeThen, ReflectApply, Symbol,
} = primordials;
const net = require('net');
const common = require('_tls_common');
const { codes: { ERR_TLS_HANDSHAKE_TIMEOUT, ERR_TLS_INVALID_CONTEXT }, ConnResetException } = require('internal/errors');
const { host } = require('internal/host');
const { missing, missingOption } = require('internal/not_implemented');
const { validateBuffer, validateFunction, validateInt32, validateNumber, validateObject, validateString, validateUint32 } = require('internal/validators');

const kConnectOptions = Symbol('connect-options');

/** What the platform does not let a Worker choose. */
function refuseOptions(options) {
  const names = ['enableTrace', 'isServer', 'server', 'requestCert', 'requestOCSP'];
  for (let i = 0; i < names.length; i++) {
    if (options[names[i]]) throw missingOption(`options.${names[i]}`);
  }
  if (options.rejectUnauthorized === false) throw missingOption('options.rejectUnauthorized');
  if (options.ALPNProtocols !== undefined) throw missingOption('options.ALPNProtocols');
  if (options.SNICallback !== undefined) throw missingOption('options.SNICallback');
  if (options.pskCallback !== undefined) throw missingOption('options.pskCallback');
  const { checkServerIdentity, secureContext } = options;
  if (secureContext !== undefined && !FunctionPrototypeSymbolHasInstance(common.SecureContext, secureContext)) throw new ERR_TLS_INVALID_CONTEXT('context');
  if (checkServerIdentity === undefined) return;
  validateFunction(checkServerIdentity, 'options.checkServerIdentity');
  // It would never be called.
  if (host.flags.throw_on_not_implemented_tls_options) throw missingOption('options.checkServerIdentity');
}

function TLSSocket(socket, options) {
  const own = { ...options };
  refuseOptions(own);
  if (socket !== undefined && socket !== null && !FunctionPrototypeSymbolHasInstance(net.Socket, socket)) throw missingOption('options.socket');
  this._tlsOptions = own;
  this._secureEstablished = false;
  this._hadError = false;
  this.secureConnecting = true;
  this.servername = own.servername ?? null;
  this.authorized = false;
  this.authorizationError = null;
  this.encrypted = true;
  this.alpnProtocol = null;
  ReflectApply(net.Socket, this, [{
    handle: socket?._handle ?? undefined,
    allowHalfOpen: socket ? socket.allowHalfOpen : own.allowHalfOpen,
    pauseOnCreate: own.pauseOnConnect,
    manualStart: true,
    highWaterMark: own.highWaterMark,
    onread: socket ? undefined : own.onread,
    signal: own.signal,
  }]);
  this._parentWrap = socket ?? null;
  if (own.handshakeTimeout > 0) this.setTimeout(own.handshakeTimeout, () => this.destroy(new ERR_TLS_HANDSHAKE_TIMEOUT()));
  // Before anybody else hears of the connection: what they write is to wait for its TLS.
  if (socket) takeOver(this, socket);
  else this.once('connect', () => this._start());
}
ObjectSetPrototypeOf(TLSSocket.prototype, net.Socket.prototype);
ObjectSetPrototypeOf(TLSSocket, net.Socket);
exports.TLSSocket = TLSSocket;

/** Goes on with the connection of another socket, as soon as it has one. */
function takeOver(self, socket) {
  self._host ??= socket._host;
  socket.once('close', () => self.destroy());
  self.once('close', () => socket.destroy());
  if (!socket.connecting && socket._handle) {
    self.connecting = false;
    process.nextTick(() => self._start());
    return;
  }
  self.connecting = true;
  socket.once('connect', () => {
    self._handle = socket._handle;
    self._handle[require('internal/async_hooks').symbols.owner_symbol] = self;
    self._handle.onread = require('internal/stream_base_commons').onStreamRead;
    self.connecting = false;
    self._start();
    self.emit('connect');
  });
  socket.once('error', (error) => self.destroy(error));
}

TLSSocket.prototype._start = function() {
  if (this.destroyed || this._handle === null || this._secureEstablished) return;
  const options = this[kConnectOptions] ?? this._tlsOptions;
  const name = this.servername || options.servername || options.host || this._host || this._handle.peer || 'localhost';
  this.once('end', onEarlyEnd);
  PromisePrototypeThen(this._handle.startTls(name), () => secured(this), (error) => {
    if (!this._hadError) {
      this._hadError = true;
      this.authorizationError = error.message;
      this.destroy(error);
    }
  });
};

function secured(self) {
  if (self.destroyed) return;
  self.removeListener('end', onEarlyEnd);
  self._secureEstablished = true;
  self.secureConnecting = false;
  self.authorized = true;
  if (self._tlsOptions.handshakeTimeout > 0) self.setTimeout(0);
  self.emit('secure');
  self.emit('secureConnect');
  if (self.readable && !self.isPaused()) self.read(0);
}

function onEarlyEnd() {
  if (this._hadError) return;
  this._hadError = true;
  const { host, port, localAddress } = this[kConnectOptions] ?? this._tlsOptions;
  const error = new ConnResetException('Client network socket disconnected before secure TLS connection was established');
  ObjectAssign(error, { host, port, localAddress });
  this.destroy(error);
}

// === What the platform tells nothing of ===

TLSSocket.prototype.disableRenegotiation = function() {};
TLSSocket.prototype.enableTrace = function() {};
TLSSocket.prototype.isSessionReused = () => false;
TLSSocket.prototype.getSession = () => undefined;
TLSSocket.prototype.getEphemeralKeyInfo = () => ({});
TLSSocket.prototype.getFinished = () => undefined;
TLSSocket.prototype.getPeerFinished = () => undefined;
TLSSocket.prototype.getProtocol = () => null;
TLSSocket.prototype.getSharedSigalgs = () => [];
TLSSocket.prototype.getTLSTicket = () => undefined;
TLSSocket.prototype.getCertificate = () => ({});
TLSSocket.prototype.getPeerCertificate = () => ({});
TLSSocket.prototype.getX509Certificate = () => undefined;
TLSSocket.prototype.getPeerX509Certificate = () => undefined;
TLSSocket.prototype.getCipher = () => undefined;

TLSSocket.prototype.setServername = function(name) {
  validateString(name, 'name');
  this.servername = name;
};

TLSSocket.prototype.setSession = function(session) {
  if (typeof session !== 'string') validateBuffer(session, 'session');
};

TLSSocket.prototype.setMaxSendFragment = function(size) {
  validateInt32(size, 'size');
  return false;
};

TLSSocket.prototype.renegotiate = function(options, callback) {
  validateObject(options, 'options');
  if (callback !== undefined) validateFunction(callback, 'callback');
  return false;
};

TLSSocket.prototype.exportKeyingMaterial = function(length, label, context) {
  validateUint32(length, 'length', true);
  validateString(label, 'label');
  if (context !== undefined) validateBuffer(context, 'context');
  throw missing('exportKeyingMaterial');
};

// === connect([port,] [host,] [options,] [callback]) ===

function normalized(list) {
  const { 0: options, 1: callback } = net._normalizeArgs(list);
  // Those of TLS stand behind a port and a host.
  if (list[1] !== null && typeof list[1] === 'object') ObjectAssign(options, list[1]);
  else if (list[2] !== null && typeof list[2] === 'object') ObjectAssign(options, list[2]);
  return { options, callback };
}

exports.connect = function connect(...args) {
  const { options, callback } = normalized(args);
  if (options.minDHSize !== undefined) validateNumber(options.minDHSize, 'options.minDHSize', 1);
  const { allowHalfOpen, checkServerIdentity, enableTrace, handshakeTimeout, highWaterMark, host, onread, port, pskCallback, requestOCSP, rejectUnauthorized, signal } = options;
  const socket = new TLSSocket(options.socket, {
    ALPNProtocols: options.ALPNProtocols, allowHalfOpen, checkServerIdentity, enableTrace, handshakeTimeout, highWaterMark, host, onread, port,
    pskCallback, rejectUnauthorized, requestOCSP, secureContext: options.secureContext || common.createSecureContext(options),
    servername: options.servername, signal,
  });
  socket[kConnectOptions] = options;
  if (callback) socket.once('secureConnect', callback);
  if (!options.socket) {
    if (options.timeout) socket.setTimeout(options.timeout);
    socket.connect(options);
  }
  return socket;
};

exports.Server = function Server() { throw new Error('Not implemented'); };
exports.createServer = function createServer() { throw new Error('Not implemented'); };
