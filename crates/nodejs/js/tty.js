// node:tty: there is no terminal.

'use strict';

const { ObjectSetPrototypeOf } = primordials;
const net = require('net');

function ReadStream(fd) {
  this.fd = fd;
  this.isRaw = false;
  this.isTTY = false;
}
ObjectSetPrototypeOf(ReadStream.prototype, net.Socket.prototype);
ReadStream.prototype.setRawMode = function(flag) {
  this.isRaw = !!flag;
  return this;
};

function WriteStream(fd) {
  this.fd = fd;
  this.columns = 0;
  this.rows = 0;
}
ObjectSetPrototypeOf(WriteStream.prototype, net.Socket.prototype);
WriteStream.prototype.isTTY = false;
WriteStream.prototype._refreshSize = function() {};

/** Moves no cursor, so there is nothing to wait for. */
function done(callback) {
  if (typeof callback === 'function') callback();
  return false;
}
WriteStream.prototype.clearLine = (_direction, callback) => done(callback);
WriteStream.prototype.clearScreenDown = (callback) => done(callback);
WriteStream.prototype.cursorTo = (_x, y, callback) => done(typeof y === 'function' ? y : callback);
WriteStream.prototype.moveCursor = (_dx, _dy, callback) => done(callback);
WriteStream.prototype.getColorDepth = () => 1;
WriteStream.prototype.getWindowSize = () => [0, 0];
WriteStream.prototype.hasColors = () => false;

module.exports = { isatty: () => false, ReadStream, WriteStream };
