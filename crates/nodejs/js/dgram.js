// node:dgram: sockets that send nothing.

'use strict';

const { FunctionPrototypeSymbolHasInstance, ObjectSetPrototypeOf, ReflectApply } = primordials;
const EventEmitter = require('events');
const { codes: { ERR_SOCKET_BAD_TYPE } } = require('internal/errors');
const { notImplemented } = require('internal/not_implemented');
const { validateFunction, validateObject } = require('internal/validators');

function Socket(type, listener) {
  if (!FunctionPrototypeSymbolHasInstance(Socket, this)) return new Socket(type, listener);
  ReflectApply(EventEmitter, this, []);
  if (typeof type !== 'string') {
    validateObject(type, 'type');
    ({ type } = type);
  }
  if (type !== 'udp4' && type !== 'udp6') throw new ERR_SOCKET_BAD_TYPE();
  if (listener !== undefined) {
    validateFunction(listener, 'listener');
    this.on('message', listener);
  }
  this.type = type;
}
ObjectSetPrototypeOf(Socket.prototype, EventEmitter.prototype);
ObjectSetPrototypeOf(Socket, EventEmitter);

const METHODS = [
  'addMembership', 'addSourceSpecificMembership', 'bind', 'connect', 'disconnect', 'dropMembership', 'dropSourceSpecificMembership', 'remoteAddress', 'send',
  'setBroadcast', 'setMulticastInterface', 'setMulticastLoopback', 'setMulticastTTL', 'setTTL', 'address', 'getRecvBufferSize', 'getSendBufferSize',
  'getSendQueueCount', 'getSendQueueSize', 'sendto', 'setRecvBufferSize', 'setSendBufferSize',
];
for (let i = 0; i < METHODS.length; i++) Socket.prototype[METHODS[i]] = notImplemented(`dgram.Socket.${METHODS[i]}`, METHODS[i]);
Socket.prototype.close = function(callback) {
  if (typeof callback === 'function') this.on('close', callback);
  process.nextTick(() => this.emit('close'));
  return this;
};
Socket.prototype.ref = function() { return this; };
Socket.prototype.unref = function() { return this; };

module.exports = { createSocket: (type, listener) => new Socket(type, listener), Socket };
