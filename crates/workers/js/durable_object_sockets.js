// WebSockets that a Durable Object has accepted for good: they stay open while the object is not in memory, and wake it.
// https://developers.cloudflare.com/durable-objects/best-practices/websockets/
//
// A socket is kept natively under a number, which is its own in its object; here are the objects by which the instance knows them.

import {
  op_object_auto_response, op_object_auto_response_set, op_object_event_timeout, op_object_event_timeout_set, op_object_socket,
  op_object_socket_accept, op_object_socket_answered_at, op_object_socket_attach, op_object_socket_tags, op_object_sockets,
} from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { utf8Encode } from "../webapi/encoding.js";
import { currentObject } from "./object.js";
import { hibernate, hibernationOf, isWebSocket, newHibernatable } from "../webapi/websocket.js";
import { converters, defineInterface, illegalInvocation, isObject, requiredArguments } from "../webapi/webidl.js";

const {
  ArrayIsArray, ArrayPrototypePush, Date, Error, MapPrototypeGet, MapPrototypeSet, MapPrototypeDelete, RangeError, SafeSet, TypeError,
  TypedArrayPrototypeGetByteLength,
} = primordials;

const MAX_TAGS = 10;
const MAX_TAG = 256;
/** Of an automatic answer, and of the message that it answers, in bytes. */
const MAX_AUTO = 2048;
const MAX_TIMEOUT = 4294967295;

// === Accepting and finding ===

/** `ctx.acceptWebSocket(socket, tags)` */
export function acceptSocket(socket, tags) {
  requireSocket(socket, "acceptWebSocket");
  const list = tags === undefined ? [] : tagList(tags);
  hibernate(socket, (rid, attachment) => {
    const [outlet, number] = op_object_socket_accept(rid, list, attachment);
    MapPrototypeSet(currentObject().sockets, number, socket);
    return [outlet, hibernation(number)];
  });
}

function hibernation(number) {
  return { __proto__: null, number, attach: (bytes) => op_object_socket_attach(number, bytes) };
}

function tagList(tags) {
  if (!ArrayIsArray(tags)) {
    throw new TypeError("Failed to execute 'acceptWebSocket' on 'DurableObjectState': parameter 2 is not of type 'Array'.");
  }
  const seen = new SafeSet();
  const list = [];
  for (let i = 0; i < tags.length; i++) {
    const tag = converters.USVString(tags[i]);
    if (tag.length > MAX_TAG) throw new Error(`"${tag}" is longer than the max tag length (${MAX_TAG} characters).`);
    if (seen.has(tag)) continue;
    seen.add(tag);
    ArrayPrototypePush(list, tag);
    if (list.length > MAX_TAGS) throw new Error(`a Hibernatable WebSocket cannot have more than ${MAX_TAGS} tags`);
  }
  return list;
}

/** The socket of this number; an instance that woke up makes its object. Undefined: it is gone. */
export function socketOf(number) {
  const known = currentObject().sockets;
  const socket = MapPrototypeGet(known, number);
  if (socket !== undefined) return socket;
  const facts = op_object_socket(number);
  if (facts === undefined) return undefined;
  const made = newHibernatable(facts[0], {
    hibernation: hibernation(number), attachment: facts[1], closedIncoming: facts[2], closedOutgoing: facts[3],
  });
  MapPrototypeSet(known, number, made);
  return made;
}

/** Nothing more comes on it. */
export function forgetSocket(number) {
  MapPrototypeDelete(currentObject().sockets, number);
}

/** `ctx.getWebSockets(tag)` */
export function socketsWith(tag) {
  const numbers = op_object_sockets(tag === undefined ? undefined : converters.USVString(tag));
  const sockets = [];
  for (let i = 0; i < numbers.length; i++) {
    const socket = socketOf(numbers[i]);
    if (socket !== undefined) ArrayPrototypePush(sockets, socket);
  }
  return sockets;
}

/** `ctx.getTags(socket)` */
export function tagsOf(socket) {
  requireSocket(socket, "getTags");
  const accepted = hibernationOf(socket);
  if (accepted === undefined) throw new Error("you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.");
  return op_object_socket_tags(accepted.number);
}

function requireSocket(socket, method) {
  if (isWebSocket(socket)) return;
  throw new TypeError(`Failed to execute '${method}' on 'DurableObjectState': parameter 1 is not of type 'WebSocket'.`);
}

// === Automatic answers ===

/** https://developers.cloudflare.com/durable-objects/api/state/#setwebsocketautoresponse */
export class WebSocketRequestResponsePair {
  #request;
  #response;

  constructor(request, response) {
    const prefix = "Failed to construct 'WebSocketRequestResponsePair'";
    if (arguments.length < 2) throw new TypeError(`${prefix}: constructor parameter ${arguments.length + 1} is not of type 'string'.`);
    this.#request = converters.USVString(request);
    this.#response = converters.USVString(response);
  }

  get request() { return #request in this ? this.#request : illegalInvocation(); }
  get response() { return #request in this ? this.#response : illegalInvocation(); }

  static {
    pairOf = (value) => (isObject(value) && #request in value ? [value.#request, value.#response] : undefined);
  }
}
var pairOf;
defineInterface(WebSocketRequestResponsePair);

/** `ctx.setWebSocketAutoResponse(pair)` */
export function setAutoResponse(pair) {
  if (pair === undefined || pair === null) return op_object_auto_response_set(undefined, undefined);
  const texts = pairOf(pair);
  if (texts === undefined) {
    throw new TypeError(
      "Failed to execute 'setWebSocketAutoResponse' on 'DurableObjectState': parameter 1 is not of type 'WebSocketRequestResponsePair'.",
    );
  }
  boundAuto(texts[0], "Request", "request");
  boundAuto(texts[1], "Response", "response");
  op_object_auto_response_set(texts[0], texts[1]);
}

function boundAuto(text, Name, name) {
  const size = TypedArrayPrototypeGetByteLength(utf8Encode(text));
  if (size > MAX_AUTO) throw new RangeError(`${Name} cannot be larger than ${MAX_AUTO} bytes. A ${name} of size ${size} was provided.`);
}

/** `ctx.getWebSocketAutoResponse()` */
export function autoResponse() {
  const pair = op_object_auto_response();
  return pair === undefined ? null : new WebSocketRequestResponsePair(pair[0], pair[1]);
}

/** `ctx.getWebSocketAutoResponseTimestamp(socket)` */
export function autoResponseTimestamp(socket) {
  requireSocket(socket, "getWebSocketAutoResponseTimestamp");
  const accepted = hibernationOf(socket);
  const at = accepted === undefined ? undefined : op_object_socket_answered_at(accepted.number);
  return at === undefined ? null : new Date(at);
}

// === How long an event may take ===

/** `ctx.setHibernatableWebSocketEventTimeout(milliseconds)` */
export function setEventTimeout(milliseconds) {
  if (milliseconds === undefined || milliseconds === null) return op_object_event_timeout_set(undefined);
  const value = converters["unrestricted double"](milliseconds);
  if (value < 0) throw new TypeError("The value cannot be converted because it is negative and this API expects a positive number.");
  if (!(value <= MAX_TIMEOUT)) throw new TypeError(`Value out of range. Must be less than or equal to ${MAX_TIMEOUT}.`);
  // https://developers.cloudflare.com/durable-objects/api/state/#sethibernatablewebsocketeventtimeout
  if (value > 604_800_000) throw new Error("Event timeout should not exceed 604800000 ms.");
  op_object_event_timeout_set(value);
}

/** `ctx.getHibernatableWebSocketEventTimeout()` */
export function eventTimeout() {
  return op_object_event_timeout() ?? null;
}
