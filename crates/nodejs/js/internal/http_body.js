// The bodies of HTTP messages between the platform and Node's classes.

'use strict';

const {
  ArrayPrototypePush, FunctionPrototypeCall, ObjectDefineProperty, PromisePrototypeThen, StringPrototypeIndexOf, StringPrototypeSlice,
  StringPrototypeSplit, StringPrototypeToLowerCase, StringPrototypeTrim,
} = primordials;
const { Buffer } = require('buffer');
const EventEmitter = require('events');
const { IncomingMessage } = require('_http_incoming');

/** What stands for a connection: there is none to be seen. */
class Connection extends EventEmitter {
  readable = false;
  writable = false;
  destroyed = false;
  encrypted;
  remoteAddress = undefined;
  remotePort = undefined;
  localAddress = undefined;
  localPort = undefined;
  readableHighWaterMark = 16384;

  constructor(encrypted) {
    super();
    this.encrypted = encrypted;
  }

  setTimeout() { return this; }
  setNoDelay() { return this; }
  setKeepAlive() { return this; }
  ref() { return this; }
  unref() { return this; }
  destroy() {
    this.destroyed = true;
    return this;
  }
}

/** Lets `message`, an IncomingMessage, read what `body` yields: a ReadableStream of bytes, or null. */
function readFrom(message, body) {
  let reader;
  message._read = function() {
    // As Node's own begins.
    if (!this._consuming) {
      this._readableState.readingMore = false;
      this._consuming = true;
    }
    if (body === null) {
      finish(message);
      return;
    }
    reader ??= body.getReader();
    PromisePrototypeThen(reader.read(), ({ done, value }) => {
      if (done) finish(message);
      else message.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    }, (error) => message.destroy(error));
  };
  message._destroy = function(error, done) {
    if (!this.readableEnded || !this.complete) {
      this.aborted = true;
      this.emit('aborted');
      const cancelled = reader === undefined ? body?.cancel(error) : reader.cancel(error);
      // It has failed already, then.
      if (cancelled !== undefined) PromisePrototypeThen(cancelled, undefined, () => {});
    }
    process.nextTick(done, error);
  };
}

function finish(message) {
  message.complete = true;
  message.push(null);
}

/** An IncomingMessage with the headers of a Request or a Response, but for those named in `without`. */
function incoming(Class, headers, body, encrypted, without = undefined) {
  const message = new Class(new Connection(encrypted));
  message.httpVersion = '1.1';
  message.httpVersionMajor = 1;
  message.httpVersionMinor = 1;
  const raw = [];
  const cookies = headers.getSetCookie();
  const entries = headers.entries();
  for (let entry = entries.next(); !entry.done; entry = entries.next()) {
    const { 0: name, 1: value } = entry.value;
    if (without?.[name] !== true && name !== 'set-cookie') ArrayPrototypePush(raw, name, value);
  }
  for (let i = 0; i < cookies.length; i++) ArrayPrototypePush(raw, 'set-cookie', cookies[i]);
  message._addHeaderLines(raw, raw.length);
  readFrom(message, body);
  return message;
}

/** What OutgoingMessage's `_storeHeader` has made, as `[[name, value]]`. What the connection itself needs is left out. */
function headerPairs(text) {
  const lines = StringPrototypeSplit(text, '\r\n');
  const pairs = [];
  for (let i = 1; i < lines.length; i++) {
    const colon = StringPrototypeIndexOf(lines[i], ':');
    if (colon === -1) continue;
    const name = StringPrototypeSlice(lines[i], 0, colon);
    const lower = StringPrototypeToLowerCase(name);
    if (lower === 'connection' || lower === 'keep-alive' || lower === 'transfer-encoding') continue;
    ArrayPrototypePush(pairs, [name, StringPrototypeTrim(StringPrototypeSlice(lines[i], colon + 1))]);
  }
  return pairs;
}

/** Lets `message`, an OutgoingMessage, hand its bytes to `take(bytes, callback) -> whether more is wanted`. */
function writeTo(message, take) {
  const store = message._storeHeader;
  const define = (name, value) => ObjectDefineProperty(message, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  define('_storeHeader', function(firstLine, headers) {
    FunctionPrototypeCall(store, this, firstLine, headers);
    // The platform frames what it sends.
    this.chunkedEncoding = false;
  });
  define('_send', function(data, encoding, callback) {
    if (typeof encoding === 'function') {
      callback = encoding;
      encoding = undefined;
    }
    this._headerSent = true;
    const bytes = typeof data === 'string' ? Buffer.from(data, encoding ?? 'latin1') : data;
    return take(bytes, callback);
  });
}

module.exports = { Connection, IncomingMessage, headerPairs, incoming, writeTo };
