// `internalBinding('tcp_wrap')`: handles of TCP connections for Node's net.Socket, over the platform's sockets. Numbers are libuv's.

'use strict';

const {
  ArrayPrototypePush, Error, PromisePrototypeThen, ReflectApply, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeSet, Uint8Array,
} = primordials;
const { host: { queueMicrotask, sockets } } = require('internal/host');
const { Buffer } = require('buffer');
const { symbols: { owner_symbol } } = require('internal/async_hooks');
const { UV_EBADF, UV_ECANCELED, UV_EOF, UV_ECONNRESET, UV_ENOTCONN } = internalBinding('uv');
const { kArrayBufferOffset, kBytesWritten, kLastWriteWasAsync, kReadBytesOrError, streamBaseState } = internalBinding('stream_wrap');

const SOCKET = 0;
const SERVER = 1;

class TCP {
  reading = false;
  bytesRead = 0;
  bytesWritten = 0;
  fd = -1;
  #rid = -1;
  #attempt;
  #peer;
  #closed = false;
  /** Settles when the connection has gone over to TLS. */
  #upgrade;
  #isReading = false;
  /** What came while nobody read: bytes, or a negative number. */
  #unread;
  #userBuffer;

  constructor(type) {
    if (type !== SOCKET) throw new Error('Server is not implemented');
  }

  // === Connecting ===

  connect(req, address, port) { return this.#connect(req, address, address, port, 'IPv4'); }
  connect6(req, address, port) { return this.#connect(req, address, `[${address}]`, port, 'IPv6'); }

  #connect(req, address, host, port, family) {
    this.#attempt = sockets.attempt();
    this.#peer = { __proto__: null, address, port, family };
    // 0 to 65535: the network refuses no. 0 itself.
    const connected = sockets.connect(host, port, false, this.#attempt, true);
    PromisePrototypeThen(connected, (rid) => this.#opened(req, rid), (error) => {
      // The platform allows no such connection.
      if (!this.#closed) this[owner_symbol].destroy(error);
    });
    return 0;
  }

  #opened(req, rid) {
    if (this.#closed) {
      if (rid >= 0) sockets.drop(rid);
      ReflectApply(req.oncomplete, req, [UV_ECANCELED, this, req, false, false]);
      return;
    }
    if (rid >= 0) this.#rid = rid;
    ReflectApply(req.oncomplete, req, [rid < 0 ? rid : 0, this, req, true, true]);
  }

  /** A promise of having gone over to TLS; what is written from now on waits for it. */
  startTls(servername) {
    this.#upgrade = this.#secure(servername);
    return this.#upgrade;
  }

  async #secure(servername) {
    const plain = this.#rid;
    this.#unread = undefined;
    const rid = await sockets.startTls(plain, servername);
    sockets.drop(plain);
    if (this.#closed) {
      sockets.drop(rid);
      return;
    }
    this.#rid = rid;
    this.#upgrade = undefined;
    if (this.reading) this.#read();
  }

  // === Reading ===

  readStart() {
    if (this.#closed) return UV_EBADF;
    this.reading = true;
    const unread = this.#unread;
    if (unread !== undefined) {
      this.#unread = undefined;
      // Whoever starts to read is not ready to be called.
      queueMicrotask(() => this.#deliver(unread));
      return 0;
    }
    if (this.#rid !== -1 && this.#upgrade === undefined) this.#read();
    return 0;
  }

  readStop() {
    this.reading = false;
    return 0;
  }

  async #read() {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.reading && !this.#closed && this.#upgrade === undefined) {
      const rid = this.#rid;
      let got;
      try {
        got = (await sockets.read(rid)) ?? UV_EOF;
      } catch {
        got = UV_ECONNRESET;
      }
      // The connection has gone over to TLS meanwhile, or away.
      if (rid !== this.#rid || this.#upgrade !== undefined || this.#closed) break;
      if (!this.reading) {
        this.#unread = got;
        break;
      }
      this.#deliver(got);
      if (typeof got === 'number') break;
    }
    this.#isReading = false;
  }

  #deliver(got) {
    if (this.#closed) return;
    if (!this.reading) {
      this.#unread = got;
      return;
    }
    if (typeof got === 'number') {
      streamBaseState[kReadBytesOrError] = got;
      this.onread(undefined);
      return;
    }
    const length = TypedArrayPrototypeGetByteLength(got);
    this.bytesRead += length;
    if (this.#userBuffer !== undefined) {
      this.#deliverToUser(got, length);
    } else {
      streamBaseState[kReadBytesOrError] = length;
      streamBaseState[kArrayBufferOffset] = TypedArrayPrototypeGetByteOffset(got);
      this.onread(TypedArrayPrototypeGetBuffer(got));
    }
    if (this.reading && !this.#isReading) this.#read();
  }

  useUserBuffer(buffer) { this.#userBuffer = buffer; }

  #deliverToUser(got, length) {
    for (let at = 0; at < length;) {
      const room = TypedArrayPrototypeGetByteLength(this.#userBuffer);
      const part = new Uint8Array(TypedArrayPrototypeGetBuffer(got), TypedArrayPrototypeGetByteOffset(got) + at, room < length - at ? room : length - at);
      TypedArrayPrototypeSet(this.#userBuffer, part);
      at += part.length;
      streamBaseState[kReadBytesOrError] = part.length;
      const next = this.onread(undefined);
      if (next !== undefined) this.#userBuffer = next;
    }
  }

  // === Writing ===

  writeBuffer(req, bytes) { return this.#write(req, [bytes], bytes.byteLength); }
  writeUtf8String(req, text) { return this.writeBuffer(req, Buffer.from(text, 'utf8')); }
  writeAsciiString(req, text) { return this.writeBuffer(req, Buffer.from(text, 'latin1')); }
  writeLatin1String(req, text) { return this.writeBuffer(req, Buffer.from(text, 'latin1')); }
  writeUcs2String(req, text) { return this.writeBuffer(req, Buffer.from(text, 'utf16le')); }

  writev(req, chunks, allBuffers) {
    const buffers = [];
    let length = 0;
    for (let i = 0; i < chunks.length; i += allBuffers ? 1 : 2) {
      const chunk = allBuffers || typeof chunks[i] !== 'string' ? chunks[i] : Buffer.from(chunks[i], chunks[i + 1]);
      ArrayPrototypePush(buffers, chunk);
      length += chunk.byteLength;
    }
    return this.#write(req, buffers, length);
  }

  #write(req, buffers, length) {
    if (this.#closed || this.#rid === -1) return UV_EBADF;
    streamBaseState[kBytesWritten] = length;
    streamBaseState[kLastWriteWasAsync] = 1;
    this.bytesWritten += length;
    // The native side takes them before it returns, in the order of the calls.
    const written = this.#upgrade === undefined ? this.#send(buffers) : PromisePrototypeThen(this.#upgrade, () => this.#send(buffers));
    this.#complete(req, written, UV_ECONNRESET);
    return 0;
  }

  async #send(buffers) {
    let sent;
    for (let i = 0; i < buffers.length; i++) sent = sockets.write(this.#rid, buffers[i]);
    await sent;
  }

  shutdown(req) {
    if (this.#closed || this.#rid === -1) return UV_ENOTCONN;
    const ended = this.#upgrade === undefined ? sockets.end(this.#rid) : PromisePrototypeThen(this.#upgrade, () => sockets.end(this.#rid));
    this.#complete(req, ended, 0);
    return 0;
  }

  #complete(req, done, failure) {
    const tell = (status) => ReflectApply(req.oncomplete, req, [this.#closed && status < 0 ? UV_ECANCELED : status, this, undefined]);
    PromisePrototypeThen(done, () => tell(0), () => tell(failure));
  }

  // === The rest ===

  close(callback) {
    if (!this.#closed) {
      this.#closed = true;
      this.reading = false;
      if (this.#rid !== -1) sockets.drop(this.#rid);
      else if (this.#attempt !== undefined) sockets.abort(this.#attempt);
    }
    if (typeof callback === 'function') queueMicrotask(() => ReflectApply(callback, this, []));
  }

  reset(callback) {
    this.close(callback);
    return 0;
  }

  getpeername(out) {
    if (this.#peer === undefined || this.#rid === -1) return UV_ENOTCONN;
    out.address = this.#peer.address;
    out.port = this.#peer.port;
    out.family = this.#peer.family;
    return 0;
  }

  /** The platform does not tell. */
  getsockname() { return UV_ENOTCONN; }

  getAsyncId() { return 0; }
  hasRef() { return true; }
  ref() {}
  unref() {}
  setBlocking() { return 0; }
  setKeepAlive() { return 0; }
  setNoDelay() { return 0; }
}

module.exports = (binding) => {
  binding.TCP = TCP;
  binding.TCPConnectWrap = class TCPConnectWrap {};
  binding.constants = { __proto__: null, SOCKET, SERVER, UV_TCP_IPV6ONLY: 1 };
};
