// TCP sockets as the platform has them: https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/. `connect` is what `cloudflare:sockets` exports.

import {
  op_fetch_abort, op_fetch_id, op_socket_connect, op_socket_drop, op_socket_end, op_socket_read, op_socket_start_tls, op_socket_write,
} from "skerry:ops";
import { primordials } from "./primordials.js";
import { bytesOf, notBytesWritten } from "./streams/native.js";
import { Deferred, kResolved, markAsHandled } from "./streams/promises.js";
import { faceOf } from "./streams/readable.js";
import { cloneBytes, createReadableBytes } from "./streams/readable_byte.js";
import { hasReadRequests, readableCancel } from "./streams/readable_state.js";
import { CLOSED, createWritable, ERRORED, writableAbort, writableClose } from "./streams/writable_state.js";
import { writableFaceOf } from "./streams/writable.js";
import { URL } from "./url.js";
import { defineInterface, illegalConstructor, illegalInvocation, isObject } from "./webidl.js";

const {
  Error, Number, NumberIsInteger, ObjectGetOwnPropertyDescriptor, PromiseReject, PromiseResolve, RegExpPrototypeExec, StringPrototypeLastIndexOf,
  StringPrototypeSlice, Symbol, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypeError, uncurryThis,
} = primordials;

const INTERNAL = Symbol("Socket");
const hostnameOf = uncurryThis(ObjectGetOwnPropertyDescriptor(URL.prototype, "hostname").get);

/** Where the host and the port of an address end, as in a URL. */
function endOfAuthority(text) {
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "/" || text[i] === "?" || text[i] === "#") return i;
  }
  return text.length;
}

/** RFC 1035: a name has 255 octets at most. The brackets and colons are IPv6's. */
const MAX_ADDRESS = 255;
const ADDRESS = /^[-._[\]:a-zA-Z0-9]+$/;
const PORT = /^[0-9]+$/;

const BAD_ADDRESS = "Specified address is empty string, contains unsupported characters or is too long.";
const NOT_STARTTLS = "The `secureTransport` socket option must be set to 'starttls' for startTls to be used.";

/** One connection: the source of a socket's readable side and the sink of its writable one. */
class Connection {
  readable;
  writable;
  closed = new Deferred();
  opened = new Deferred();
  /** Whether the connection goes on as another socket's, under TLS. */
  isHandedOn = false;
  #rid = -1;
  /** A promise of `#rid`. */
  #connected;
  #allowHalfOpen;
  #ended = false;
  #finished = false;

  constructor(connected, info, allowHalfOpen) {
    this.#allowHalfOpen = allowHalfOpen;
    this.readable = createReadableBytes(this);
    this.writable = createWritable(this, 1, undefined, kResolved);
    markAsHandled(this.closed.promise);
    markAsHandled(this.opened.promise);
    this.#connected = this.#open(connected, info);
    markAsHandled(this.#connected);
  }

  async #open(connected, info) {
    try {
      const rid = await connected;
      if (this.#finished) {
        op_socket_drop(rid);
        return -1;
      }
      this.#rid = rid;
    } catch (error) {
      this.fail(error);
      throw error;
    }
    this.opened.resolve(info);
    return this.#rid;
  }

  // === The underlying source ===

  get pulls() {
    return !this.#finished;
  }

  async pull() {
    let bytes;
    try {
      await this.#connected;
      if (this.#finished || this.isHandedOn) return;
      bytes = await op_socket_read(this.#rid);
    } catch (error) {
      if (!this.#finished && !this.isHandedOn) this.#break(error);
      return;
    }
    if (this.#finished || this.isHandedOn) return;
    if (bytes !== null) {
      this.readable.controller.enqueueOwned(
        bytes, TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes), TypedArrayPrototypeGetByteLength(bytes),
      );
      return;
    }
    this.#ended = true;
    this.readable.controller.end();
    if (this.writable.state === CLOSED) this.#finish();
    else if (!this.#allowHalfOpen && this.writable.state !== ERRORED) markAsHandled(writableClose(this.writable));
  }

  /** A readable side that is cancelled reads no more; the other one goes on. */
  cancel() {
    this.#ended = true;
    if (this.writable.state === CLOSED) this.#finish();
    return kResolved;
  }

  // === The underlying sink ===

  refuse(chunk) {
    return bytesOf(chunk) === undefined ? notBytesWritten(chunk) : undefined;
  }

  receiveOwned() {}

  abortStarted() {}

  write(chunk) {
    const bytes = bytesOf(chunk);
    if (bytes === undefined) return PromiseReject(notBytesWritten(chunk));
    if (this.#rid !== -1) return this.#write(bytes);
    // The writer may go on with its buffer meanwhile.
    const own = cloneBytes(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes), TypedArrayPrototypeGetByteLength(bytes));
    return this.#writeLater(own);
  }

  async #writeLater(bytes) {
    await this.#connected;
    await this.#write(bytes);
  }

  async #write(bytes) {
    try {
      await op_socket_write(this.#rid, bytes);
    } catch (error) {
      if (!this.#finished) this.#break(error);
      throw error;
    }
  }

  async close() {
    await this.#connected;
    if (this.isHandedOn) return;
    await op_socket_end(this.#rid);
    if (this.#ended || !this.#allowHalfOpen) this.#finish();
  }

  abort() {
    this.#finish();
    return kResolved;
  }

  // === Ends ===

  /** All is over as it should be. */
  #finish() {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#rid !== -1) op_socket_drop(this.#rid);
    this.readable.controller.end();
    this.closed.resolve(undefined);
  }

  /** The connection broke off. */
  #break(error) {
    this.#finished = true;
    op_socket_drop(this.#rid);
    this.closed.reject(error);
    this.readable.controller.error(error);
    markAsHandled(writableAbort(this.writable, error));
  }

  /** It never came about: there is nothing to read, and nothing can be written. */
  fail(error) {
    if (this.#finished) return;
    this.#finished = true;
    this.opened.reject(error);
    this.closed.reject(error);
    markAsHandled(readableCancel(this.readable, undefined));
    markAsHandled(writableAbort(this.writable, error));
  }

  /** Closes it now, whatever is under way. */
  destroy() {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#rid === -1) this.opened.reject(new Error("The socket was closed before the connection was established."));
    else op_socket_drop(this.#rid);
    if (hasReadRequests(this.readable)) this.readable.controller.error(new Error("Stream was cancelled."));
    else markAsHandled(readableCancel(this.readable, undefined));
    markAsHandled(writableAbort(this.writable, new TypeError("This WritableStream belongs to an object that is closing.")));
    this.closed.resolve(undefined);
  }

  /** Gives the connection up, once all that was written has left: a promise of what `op_socket_start_tls` gives. */
  async handOn(hostname) {
    this.isHandedOn = true;
    await writableClose(this.writable);
    await this.#connected;
    const secured = op_socket_start_tls(this.#rid, hostname);
    this.#finished = true;
    this.readable.controller.end();
    this.closed.resolve(undefined);
    const plain = this.#rid;
    this.#rid = -1;
    try {
      return await secured;
    } finally {
      op_socket_drop(plain);
    }
  }
}

export class Socket {
  #connection;
  #readable;
  #writable;
  #secureTransport;
  #upgraded = false;
  #hostname;
  #info;
  #allowHalfOpen;
  /** What `op_fetch_abort` ends an attempt to connect by; -1: none. */
  #attempt;

  constructor(key, connected, { info, hostname, secureTransport, allowHalfOpen, attempt }) {
    if (key !== INTERNAL) illegalConstructor();
    this.#connection = new Connection(connected, info, allowHalfOpen);
    this.#readable = faceOf(this.#connection.readable);
    this.#writable = writableFaceOf(this.#connection.writable);
    this.#info = info;
    this.#hostname = hostname;
    this.#secureTransport = secureTransport;
    this.#allowHalfOpen = allowHalfOpen;
    this.#attempt = attempt;
  }

  get readable() { return #info in this ? this.#readable : illegalInvocation(); }
  get writable() { return #info in this ? this.#writable : illegalInvocation(); }
  get closed() { return #info in this ? this.#connection.closed.promise : illegalInvocation(); }
  get opened() { return #info in this ? this.#connection.opened.promise : illegalInvocation(); }
  get upgraded() { return #info in this ? this.#upgraded : illegalInvocation(); }
  get secureTransport() { return #info in this ? this.#secureTransport : illegalInvocation(); }

  close() {
    if (!isObject(this) || !(#info in this)) return PromiseReject(new TypeError("Illegal invocation"));
    if (this.#attempt !== -1) op_fetch_abort(this.#attempt);
    this.#attempt = -1;
    this.#connection.destroy();
    return PromiseResolve(undefined);
  }

  startTls(options = undefined) {
    if (!(#info in this)) illegalInvocation();
    if (this.#secureTransport === "on") throw new TypeError("Cannot startTls on a TLS socket.");
    if (this.#upgraded) throw new TypeError("startTls can only be called once.");
    if (this.#secureTransport !== "starttls") throw new TypeError(NOT_STARTTLS);
    let hostname = this.#hostname;
    if (options !== undefined && options !== null) {
      if (!isObject(options)) throw new TypeError("Failed to execute 'startTls' on 'Socket': parameter 1 is not of type 'TlsOptions'.");
      const { expectedServerHostname } = options;
      if (expectedServerHostname !== undefined) hostname = `${expectedServerHostname}`;
    }
    this.#upgraded = true;
    return new Socket(INTERNAL, this.#connection.handOn(hostname), {
      __proto__: null, info: this.#info, hostname, secureTransport: "on", allowHalfOpen: this.#allowHalfOpen, attempt: -1,
    });
  }
}
defineInterface(Socket);

/** `{ hostname, port }` of what a Worker gave as an address. */
function readAddress(address) {
  if (isObject(address)) {
    const { hostname, port } = address;
    const number = port === undefined ? undefined : Number(port);
    if (!NumberIsInteger(number)) throw new TypeError("The value cannot be converted because it is not an integer.");
    return checked(`${hostname}`, number);
  }
  const text = `${address}`;
  let url;
  try {
    url = new URL(`https://${text}`);
  } catch {
    throw new TypeError(text === "" ? "Specified address is missing hostname." : "Specified address could not be parsed.");
  }
  const authority = StringPrototypeSlice(text, 0, endOfAuthority(text));
  const colon = StringPrototypeLastIndexOf(authority, ":");
  const port = StringPrototypeSlice(authority, colon + 1);
  // The URL itself does not tell: it leaves out the port of https.
  if (colon === -1 || RegExpPrototypeExec(PORT, port) === null) throw new TypeError("Specified address is missing port.");
  if (authority !== text) throw new TypeError(BAD_ADDRESS);
  checked(StringPrototypeSlice(text, 0, colon), Number(port));
  return { hostname: hostnameOf(url), port: Number(port) };
}

function checked(hostname, port) {
  const text = `${hostname}:${port}`;
  if (hostname === "" || text.length > MAX_ADDRESS || RegExpPrototypeExec(ADDRESS, text) === null) {
    throw new TypeError(BAD_ADDRESS);
  }
  if (port < 1 || port > 65535) throw new TypeError("Specified address could not be parsed.");
  return { hostname, port };
}

export function connect(address, options = undefined) {
  if (arguments.length < 1) throw new TypeError("Failed to execute 'connect' on 'SocketsModule': parameter 1 is not of type 'SocketAddress or string'.");
  let secureTransport = "off";
  let allowHalfOpen = false;
  if (options !== undefined && options !== null) {
    if (!isObject(options)) throw new TypeError("Failed to execute 'connect' on 'SocketsModule': parameter 2 is not of type 'SocketOptions'.");
    const { allowHalfOpen: half, secureTransport: secure } = options;
    allowHalfOpen = !!half;
    if (secure !== undefined) secureTransport = `${secure}`;
  }
  const { hostname, port } = readAddress(address);
  if (secureTransport !== "off" && secureTransport !== "on" && secureTransport !== "starttls") {
    throw new TypeError(`Unsupported value in secureTransport socket option: ${secureTransport}`);
  }
  const attempt = op_fetch_id();
  const connected = op_socket_connect(hostname, port, secureTransport === "on", attempt);
  const info = { remoteAddress: `${hostname}:${port}`, localAddress: undefined };
  return new Socket(INTERNAL, connected, { __proto__: null, info, hostname, secureTransport, allowHalfOpen, attempt });
}
