// WebSocket and WebSocketPair (https://websockets.spec.whatwg.org/) as the platform has them: a pair's two ends, `accept()`, half-open closing, attachments.
//
// For other files of the runtime:
//   newWebSocket(rid)                    an end that native code knows by this number, not accepted yet
//   newHibernatable(rid, facts)          an end that native code receives for: see hibernate()
//   hibernate(socket)                    gives an end up to be received from elsewhere; returns its number
//   releaseWebSocket(socket)             gives an end up to a response; returns its number
//   connectionOf(socket)                 once released: a promise of the connection's end, when its other end is in use here; else undefined
//   hibernationOf(socket)                what hibernate() was given
//   receivedClose(socket, clean)         nothing more comes for a hibernatable end: a Close did, or (not clean) the connection broke
//   replyToClose(socket, code, reason)   answers that Close, where the Worker has not and the platform would
//   setHold(hold)                        `hold(promise)` keeps the current event until the promise settles

import {
  op_websocket_close, op_websocket_drop, op_websocket_open, op_websocket_over, op_websocket_pair, op_websocket_receive, op_websocket_send,
} from "skerry:ops";
import { primordials } from "./primordials.js";
import { withoutStores } from "./async_frame.js";
import { flags } from "./compatibility.js";
import { newBlob } from "./blob.js";
import { DOMException } from "./domexception.js";
import { utf8Encode } from "./encoding.js";
import { CloseEvent, defineEventHandler, dispatch, ErrorEvent, Event, EventTarget, MessageEvent } from "./events.js";
import { setWebSocketClass } from "./response.js";
import { deserialize, serialize } from "./structured_clone.js";
import { URL } from "./url.js";
import { converters, createSequence, defineInterface, illegalInvocation, isBufferSource, isObject, requiredArguments } from "./webidl.js";

const {
  ArrayPrototypeJoin, Error, Promise, PromisePrototypeThen, RegExpPrototypeExec, SafeSet, StringPrototypeSlice, Symbol, SymbolIterator,
  TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
} = primordials;

const INTERNAL = Symbol("WebSocket");

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** How an end stands to native code. */
const AWAITING_CONNECTION = 0;
const AWAITING_ACCEPTANCE = 1;
const ACCEPTED = 2;
const RELEASED = 3;

/** RFC 6455 section 7.4.1: stands for a Close frame without a code. */
const NO_STATUS = 1005;
const ABNORMAL = 1006;
const NO_CLOSE = "WebSocket disconnected without sending Close frame.";
/** RFC 6455 section 5.5: what a control frame holds, less the code. */
const MAX_REASON = 123;
/** https://developers.cloudflare.com/durable-objects/best-practices/websockets/ */
const MAX_ATTACHMENT = 16384;

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

let hold = () => {};

export function setHold(holder) {
  hold = holder;
}

export var isWebSocket, newWebSocket, newHibernatable, hibernate, releaseWebSocket, connectionOf, receivedClose, replyToClose, hibernationOf;
let pairUp;

/** `new WebSocketPair()[0]` and `[1]`, `fetch()`'s `response.webSocket`, and what `new WebSocket(url)` makes. */
export class WebSocket extends EventTarget {
  #rid = -1;
  #state = AWAITING_ACCEPTANCE;
  #closedIncoming = false;
  #closedOutgoing = false;
  /** Nothing that is sent can arrive any more. */
  #aborted = false;
  #failed = false;
  #halfOpen = false;
  #binaryType = flags.websocket_standard_binary_type ? "blob" : "arraybuffer";
  #url = null;
  /** Null once connected where the two sides agreed on none, as on the platform. */
  #protocol = "";
  #extensions = "";
  /** The other end, when it was made here. */
  #peer = undefined;
  /** For a hibernatable end: its `number`, and `attach(bytes)`. */
  #hibernation = undefined;
  /** What serializeAttachment() was given, serialised. */
  #attachment = undefined;

  constructor(url, protocols = undefined) {
    super();
    if (url === INTERNAL) return;
    requiredArguments(arguments.length, 1, "Failed to construct 'WebSocket'");
    this.#connect(converters.USVString(url), protocols);
  }

  #connect(url, protocols) {
    const { href, protocol, hash } = parse(url);
    if (protocol !== "ws:" && protocol !== "wss:") throw syntaxError("The url scheme must be ws or wss.");
    if (hash !== "") throw syntaxError("The url fragment must be empty.");
    const asked = protocols === undefined ? undefined : protocolHeader(protocols);
    this.#state = AWAITING_CONNECTION;
    this.#url = href;
    const opened = op_websocket_open(`http${StringPrototypeSlice(href, 2)}`, asked);
    const established = PromisePrototypeThen(
      opened,
      (parts) => {
        if (this.#state !== AWAITING_CONNECTION) return op_websocket_drop(parts[0]);
        this.#rid = parts[0];
        this.#protocol = parts[1];
        this.#extensions = parts[2];
        this.#state = ACCEPTED;
        this.#receive();
        dispatch(this, new Event("open"));
      },
      (error) => {
        if (this.#state !== AWAITING_CONNECTION) return;
        this.#closedIncoming = true;
        this.#fail(error);
        dispatch(this, new CloseEvent("close", { code: ABNORMAL, reason: "Failed to establish websocket connection", wasClean: false }));
      },
    );
    hold(established);
  }

  accept(options = undefined) {
    if (!(#rid in this)) illegalInvocation();
    if (this.#state === AWAITING_CONNECTION) throw new TypeError("Websockets obtained from the 'new WebSocket()' constructor cannot call accept");
    if (this.#state === RELEASED) throw new TypeError("Can't accept() WebSocket that was already used in a response.");
    if (this.#hibernation !== undefined) throw new TypeError("Can't accept() WebSocket after enabling hibernation.");
    if (this.#state === ACCEPTED) return;
    this.#halfOpen = isObject(options) && !!options.allowHalfOpen;
    this.#state = ACCEPTED;
    this.#receive();
  }

  /** Dispatches what comes, one thing after the other, in the event that accepted this end, and without the stores of whoever did. */
  #receive() {
    withoutStores(() => this.#receiveAll());
  }

  #receiveAll() {
    const over = new Promise((resolve) => {
      const next = () => {
        const peer = this.#peer;
        // What only this isolate could send keeps no event from being found to hang.
        const waits = peer === undefined || peer.#state !== ACCEPTED;
        PromisePrototypeThen(
          op_websocket_receive(this.#rid, waits),
          (incoming) => (this.#take(incoming) ? next() : resolve()),
          (error) => {
            this.#closedIncoming = true;
            this.#fail(error);
            resolve();
          },
        );
      };
      next();
    });
    hold(over);
  }

  /** Whether more may come. */
  #take(incoming) {
    if (typeof incoming === "string") {
      dispatch(this, new MessageEvent("message", { data: incoming }));
      return true;
    }
    if (incoming === null) {
      if (!this.#closedIncoming) {
        this.#closedIncoming = true;
        this.#aborted = true;
        dispatch(this, new CloseEvent("close", { code: ABNORMAL, reason: NO_CLOSE, wasClean: false }));
      }
      return false;
    }
    if (isBufferSource(incoming)) {
      dispatch(this, new MessageEvent("message", { data: this.#binary(incoming) }));
      return true;
    }
    this.#closed(incoming[0], incoming[1]);
    return false;
  }

  #binary(bytes) {
    return this.#binaryType === "blob" ? newBlob(bytes, "") : TypedArrayPrototypeGetBuffer(bytes);
  }

  #closed(code, reason) {
    this.#closedIncoming = true;
    this.#reply(code, reason);
    dispatch(this, new CloseEvent("close", { code, reason, wasClean: true }));
  }

  /** The flag web_socket_auto_reply_to_close: the other side's Close is answered before the Worker learns of it. */
  #reply(code, reason) {
    if (!flags.web_socket_auto_reply_to_close || this.#halfOpen || this.#closedOutgoing || this.#aborted) return;
    this.#closedOutgoing = true;
    op_websocket_close(this.#rid, code, reason);
  }

  #fail(error) {
    if (this.#failed) return;
    this.#failed = true;
    this.#aborted = true;
    dispatch(this, new ErrorEvent("error", { message: messageOf(error), error }));
  }

  send(message) {
    if (!(#rid in this)) illegalInvocation();
    if (arguments.length < 1) {
      throw new TypeError("Failed to execute 'send' on 'WebSocket': parameter 1 is not of type 'ArrayBuffer or ArrayBufferView or string'.");
    }
    const data = isBufferSource(message) ? message : converters.USVString(message);
    if (this.#closedOutgoing) throw new TypeError("Can't call WebSocket send() after close().");
    // What can't arrive any more is dropped in silence, as the standard says.
    if (this.#aborted || this.#state === RELEASED) return;
    if (this.#state !== ACCEPTED) throw new TypeError(NOT_ACCEPTED);
    op_websocket_send(this.#rid, data);
  }

  close(code = undefined, reason = undefined) {
    if (!(#rid in this)) illegalInvocation();
    if (code !== undefined) code = converters.long(code);
    if (reason !== undefined) reason = converters.USVString(reason);
    if (this.#state === AWAITING_CONNECTION) {
      this.#state = RELEASED;
      this.#closedIncoming = true;
      this.#closedOutgoing = true;
      return;
    }
    if (this.#closedOutgoing || this.#aborted || this.#state === RELEASED) return;
    if (this.#state !== ACCEPTED) throw new TypeError(NOT_ACCEPTED);
    if (code !== undefined && (code < 1000 || code >= 5000 || code === 1004 || code === 1005 || code === 1006 || code === 1015)) {
      throw new DOMException(`Invalid WebSocket close code: ${code}.`, "InvalidAccessError");
    }
    if (reason !== undefined) {
      if (code === undefined) throw new DOMException("If you specify a WebSocket close reason, you must also specify a code.", "InvalidAccessError");
      if (flags.websocket_close_reason_byte_limit && TypedArrayPrototypeGetByteLength(utf8Encode(reason)) > MAX_REASON) {
        throw new DOMException("WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.", "SyntaxError");
      }
    }
    this.#closedOutgoing = true;
    op_websocket_close(this.#rid, code ?? NO_STATUS, reason ?? "");
  }

  get readyState() {
    if (!(#rid in this)) illegalInvocation();
    if ((this.#closedIncoming && this.#closedOutgoing) || this.#failed) return CLOSED;
    if (this.#closedIncoming || this.#closedOutgoing) return CLOSING;
    return this.#state === AWAITING_CONNECTION ? CONNECTING : OPEN;
  }

  get url() { return #rid in this ? this.#url : illegalInvocation(); }
  get protocol() { return #rid in this ? this.#protocol : illegalInvocation(); }
  get extensions() { return #rid in this ? this.#extensions : illegalInvocation(); }
  get binaryType() { return #rid in this ? this.#binaryType : illegalInvocation(); }

  set binaryType(type) {
    if (!(#rid in this)) illegalInvocation();
    type = converters.DOMString(type);
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  /** https://developers.cloudflare.com/durable-objects/best-practices/websockets/ */
  serializeAttachment(attachment) {
    if (!(#rid in this)) illegalInvocation();
    if (arguments.length < 1) throw new TypeError("Failed to execute 'serializeAttachment' on 'WebSocket': parameter 1 is not of type 'JsValue'.");
    const bytes = serialize(attachment);
    const length = TypedArrayPrototypeGetByteLength(bytes);
    if (length > MAX_ATTACHMENT) {
      throw new Error(`A WebSocket 'attachment' cannot be larger than ${MAX_ATTACHMENT} bytes.'attachment' was ${length} bytes.`);
    }
    this.#attachment = bytes;
    this.#hibernation?.attach(bytes);
  }

  deserializeAttachment() {
    if (!(#rid in this)) illegalInvocation();
    return this.#attachment === undefined ? null : deserialize(this.#attachment);
  }

  static {
    isWebSocket = (value) => isObject(value) && #rid in value;

    newWebSocket = (rid) => {
      const socket = new WebSocket(INTERNAL);
      socket.#rid = rid;
      return socket;
    };

    newHibernatable = (rid, { hibernation, attachment, closedIncoming, closedOutgoing }) => {
      const socket = newWebSocket(rid);
      socket.#state = ACCEPTED;
      socket.#hibernation = hibernation;
      socket.#attachment = attachment;
      socket.#closedIncoming = closedIncoming;
      socket.#closedOutgoing = closedOutgoing;
      return socket;
    };

    hibernationOf = (socket) => socket.#hibernation;

    /** `adopt(rid, attachment)` takes the end over and returns `[rid, hibernation]`: where to send to, and see newHibernatable. */
    hibernate = (socket, adopt) => {
      if (socket.#state === ACCEPTED && socket.#hibernation === undefined) {
        throw new Error("Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`");
      }
      if (socket.#state !== AWAITING_ACCEPTANCE) {
        throw new TypeError("Tried to make an api::WebSocket hibernatable when it was in an incompatible state.");
      }
      const peer = socket.#peer;
      if (peer !== undefined && peer.#state !== AWAITING_ACCEPTANCE) {
        throw new Error("Cannot call `acceptWebSocket()` on this WebSocket because its pair has already been accepted or used in a Response.");
      }
      const [rid, hibernation] = adopt(socket.#rid, socket.#attachment);
      socket.#rid = rid;
      socket.#hibernation = hibernation;
      socket.#state = ACCEPTED;
    };

    releaseWebSocket = (socket) => {
      if (socket.#state === AWAITING_CONNECTION || socket.#url !== null) {
        throw new TypeError("Can't return WebSocket in a Response if it was created with `new WebSocket()`");
      }
      if (socket.#state === RELEASED) throw new TypeError("Can't return WebSocket that was already used in a response.");
      if (socket.#hibernation !== undefined) throw new TypeError("Can't return WebSocket in a Response after calling acceptWebSocket().");
      if (socket.#state === ACCEPTED) throw new TypeError("Can't return WebSocket in a Response after calling accept().");
      socket.#state = RELEASED;
      return socket.#rid;
    };

    connectionOf = (socket) => {
      const peer = socket.#peer;
      return peer === undefined || peer.#hibernation !== undefined || peer.#state === RELEASED ? undefined : op_websocket_over(peer.#rid);
    };

    receivedClose = (socket, clean) => {
      socket.#closedIncoming = true;
      if (!clean) socket.#aborted = true;
    };

    replyToClose = (socket, code, reason) => socket.#reply(code, reason);

    pairUp = () => {
      const numbers = op_websocket_pair();
      const one = newWebSocket(numbers[0]);
      const other = newWebSocket(numbers[1]);
      one.#peer = other;
      other.#peer = one;
      return [one, other];
    };
  }
}
const READY = { __proto__: null, READY_STATE_CONNECTING: CONNECTING, CONNECTING, READY_STATE_OPEN: OPEN, OPEN, READY_STATE_CLOSING: CLOSING, CLOSING, READY_STATE_CLOSED: CLOSED, CLOSED };
defineInterface(WebSocket, { __proto__: null, name: "WebSocket", hidden: [], constants: READY });
defineEventHandler(WebSocket.prototype, "open");
defineEventHandler(WebSocket.prototype, "message");
defineEventHandler(WebSocket.prototype, "close");
defineEventHandler(WebSocket.prototype, "error");
setWebSocketClass(isWebSocket, newWebSocket);

const toProtocols = createSequence(converters.USVString);

const NOT_ACCEPTED = "You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.";

function syntaxError(message) {
  return new DOMException(`WebSocket Constructor: ${message}`, "SyntaxError");
}

function parse(url) {
  try {
    return new URL(url);
  } catch {
    throw syntaxError("The url is invalid.");
  }
}

function protocolHeader(protocols) {
  if (typeof protocols === "string" || !isObject(protocols)) {
    const text = converters.DOMString(protocols);
    if (RegExpPrototypeExec(TOKEN, text) === null) throw syntaxError("The protocol header token is invalid.");
    return text;
  }
  const list = toProtocols(protocols, "Failed to construct 'WebSocket'", "constructor parameter 2");
  if (list.length === 0) return undefined;
  const seen = new SafeSet();
  for (let i = 0; i < list.length; i++) {
    if (RegExpPrototypeExec(TOKEN, list[i]) === null) throw syntaxError("One of the protocol header tokens is invalid.");
    if (seen.has(list[i])) throw syntaxError("The protocols header cannot have repeating values.");
    seen.add(list[i]);
  }
  return ArrayPrototypeJoin(list, ", ");
}

function messageOf(error) {
  return isObject(error) && typeof error.message === "string" ? error.message : `${error}`;
}

/** https://developers.cloudflare.com/workers/runtime-apis/websockets/ */
export class WebSocketPair {
  constructor() {
    const ends = pairUp();
    this[0] = ends[0];
    this[1] = ends[1];
  }

  *[SymbolIterator]() {
    yield this[0];
    yield this[1];
  }
}
