// node:_http_client: Node's ClientRequest, whose exchange is a fetch(), as on the platform.

'use strict';

const {
  ArrayPrototypePush, PromisePrototypeThen, StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeToLowerCase,
} = primordials;
const { host: { AbortController, Headers, fetch } } = require('internal/host');
const { Buffer } = require('buffer');
const { setTimeout, clearTimeout } = require('timers');
const { ConnResetException } = require('internal/errors');
const { IncomingMessage, headerPairs, incoming, writeTo } = require('internal/http_body');
const { missingOption } = require('internal/not_implemented');
const { getTimerDuration } = require('internal/timers');
const { URL, isURL } = require('internal/url');
const { validateFunction } = require('internal/validators');
const nodes = require('node/_http_client');

/** What fetch() has decoded already. */
const DECODED = { '__proto__': null, 'content-encoding': true, 'content-length': true };

/** Of options in any place of the arguments. */
function refuse(options) {
  if (typeof options !== 'object' || options === null || isURL(options)) return;
  const names = ['createConnection', 'lookup', 'maxHeaderSize', 'socketPath'];
  for (let i = 0; i < names.length; i++) {
    if (options[names[i]] !== undefined && options[names[i]] !== null) throw missingOption(`options.${names[i]}`);
  }
}

class ClientRequest extends nodes.ClientRequest {
  #chunks = [];
  #size = 0;
  #controller = new AbortController();
  #timer;
  #port;
  #closed = false;

  constructor(input, options, callback) {
    refuse(input);
    refuse(options);
    super(input, options, callback);
    // A request by a list of headers has made its head already.
    this.useChunkedEncodingByDefault = false;
    this.chunkedEncoding = false;
    this.#port = portOf(input, options) ?? this.agent?.defaultPort;
    writeTo(this, (bytes, written) => {
      if (bytes.length > 0) ArrayPrototypePush(this.#chunks, bytes);
      this.#size += bytes.length;
      if (typeof written === 'function') process.nextTick(written);
      return true;
    });
    if (this.timeout) this.#startTimer(this.timeout);
    this.once('finish', () => this.#exchange());
  }

  #exchange() {
    if (this.destroyed) return;
    const headers = new Headers();
    const pairs = headerPairs(this._header);
    let host = this.host;
    for (let i = 0; i < pairs.length; i++) {
      const { 0: name, 1: value } = pairs[i];
      const lower = StringPrototypeToLowerCase(name);
      if (lower === 'host') host = value;
      else if (lower !== 'content-length') headers.append(name, value);
    }
    let url;
    try {
      url = this.#url(host);
    } catch (error) {
      this.destroy(error);
      return;
    }
    const hasBody = this.method !== 'GET' && this.method !== 'HEAD';
    const body = hasBody && this.#size > 0 ? Buffer.concat(this.#chunks, this.#size) : undefined;
    this.#chunks = [];
    const answered = fetch(url, { method: this.method, headers, body, redirect: 'manual', signal: this.#controller.signal });
    PromisePrototypeThen(answered, (response) => this.#answered(response), (error) => this.destroy(error));
  }

  #url(host) {
    const url = new URL(`${this.protocol}//${host}/`);
    if (this.#port !== undefined && this.#port !== null) url.port = `${this.#port}`;
    const path = `${this.path}`;
    // A path of its own, even where it has two slashes first.
    return new URL(`${StringPrototypeSlice(url.href, 0, -1)}${StringPrototypeStartsWith(path, '/') ? '' : '/'}${path}`).href;
  }

  #answered(response) {
    if (this.destroyed) return;
    this.#stopTimer();
    const isDecoded = response.headers.has('content-encoding');
    const message = incoming(IncomingMessage, response.headers, response.body, this.protocol === 'https:', isDecoded ? DECODED : undefined);
    message.statusCode = response.status;
    message.statusMessage = response.statusText;
    message.req = this;
    message.joinDuplicateHeaders = this.joinDuplicateHeaders;
    this.res = message;
    message.once('close', () => this.#close());
    if (this.aborted || !this.emit('response', message)) message._dump();
  }

  #close() {
    if (this.#closed) return;
    this.#closed = true;
    this._closed = true;
    this.destroyed = true;
    this.#stopTimer();
    this.emit('close');
  }

  destroy(error = undefined) {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.#stopTimer();
    this.#controller.abort();
    const { res } = this;
    if (res) {
      res.destroy(error);
      return this;
    }
    if (!error && !this._ended) error = new ConnResetException('socket hang up');
    process.nextTick(() => {
      if (error) this.emit('error', error);
      this.#close();
    });
    return this;
  }

  // === Time ===

  #startTimer(duration) {
    this.#stopTimer();
    if (duration === 0) return;
    this.#timer = setTimeout(() => {
      this.emit('timeout');
      this.res?.emit('timeout');
    }, duration);
  }

  #stopTimer() {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  setTimeout(msecs, callback = undefined) {
    if (this.destroyed) return this;
    msecs = getTimerDuration(msecs, 'msecs');
    if (callback !== undefined) {
      validateFunction(callback, 'callback');
      this.once('timeout', callback);
    }
    this.timeout = msecs;
    this.#startTimer(msecs);
    return this;
  }

  clearTimeout(callback) { return this.setTimeout(0, callback); }

  // === There is no connection to be given ===

  onSocket() {}
  setNoDelay() {}
  setSocketKeepAlive() {}
}

/** The port that the arguments name. */
function portOf(input, options) {
  if (typeof options === 'object' && options !== null && options.port) return options.port;
  if (typeof input === 'string') return new URL(input).port || undefined;
  return input?.port || undefined;
}

module.exports = { ClientRequest };
