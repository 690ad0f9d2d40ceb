// `env.QUEUE`: https://developers.cloudflare.com/queues/configuration/javascript-apis/#producer

import { op_queue_metrics, op_queue_send } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { flags } from "../webapi/compatibility.js";
import { serialize } from "../webapi/structured_clone.js";
import { converters, createDictionary, defineInterface, illegalInvocation, isObject, notOfType, sequenceFrom } from "../webapi/webidl.js";

const {
  ArrayBufferIsView, ArrayPrototypePush, Date, JSONStringify, NumberIsNaN, MathTrunc, PromisePrototypeThen, PromiseReject, PromiseResolve, StringPrototypeToLowerCase, Symbol,
  SymbolIterator, TypeError,
} = primordials;

/** Whole seconds, of any number that fits 32 bits. */
export function toSeconds(value, prefix, context) {
  const seconds = MathTrunc(converters["unrestricted double"](value, prefix, context));
  if (NumberIsNaN(seconds)) return 0;
  if (seconds < -2147483648 || seconds > 2147483647) throw new TypeError("Value out of range. Must be between -2147483648 and 2147483647 (inclusive).");
  return seconds;
}

const toSendOptions = createDictionary("SendOptions", [
  { key: "contentType", converter: converters.DOMString },
  { key: "delaySeconds", converter: toSeconds },
]);

const toSendBatchOptions = createDictionary("SendBatchOptions", [{ key: "delaySeconds", converter: toSeconds }]);

const toRequest = createDictionary("MessageSendRequest", [
  { key: "body", converter: converters.any },
  { key: "contentType", converter: converters.DOMString },
  { key: "delaySeconds", converter: toSeconds },
]);

const INTERNAL = Symbol("WorkerQueue");

export class WorkerQueue {
  #number;

  constructor(key, number) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#number = number;
  }

  metrics() {
    const number = #number in this ? this.#number : illegalInvocation();
    return promised(() => PromisePrototypeThen(op_queue_metrics(number), metricsOf));
  }

  send(body = undefined, options = undefined) {
    const number = #number in this ? this.#number : illegalInvocation();
    const given = arguments.length;
    return promised(() => {
      const prefix = "Failed to execute 'send' on 'WorkerQueue'";
      if (given < 1) throw notOfType(prefix, "parameter 1", "JsValue");
      const { contentType, delaySeconds } = toSendOptions(options, prefix, "parameter 2");
      const messages = [];
      add(messages, body, contentType, delaySeconds);
      return PromisePrototypeThen(op_queue_send(number, messages, undefined, false), responseOf);
    });
  }

  sendBatch(messages = undefined, options = undefined) {
    const number = #number in this ? this.#number : illegalInvocation();
    return promised(() => {
      const prefix = "Failed to execute 'sendBatch' on 'WorkerQueue'";
      const iterate = isObject(messages) ? messages[SymbolIterator] : undefined;
      if (typeof iterate !== "function") throw notOfType(prefix, "parameter 1", "Sequence");
      const requests = sequenceFrom(messages, iterate, requestOf, prefix, "parameter 1");
      const { delaySeconds } = toSendBatchOptions(options, prefix, "parameter 2");
      if (requests.length === 0) throw new TypeError("sendBatch() requires at least one message");
      const added = [];
      for (let i = 0; i < requests.length; i++) add(added, requests[i].body, requests[i].contentType, requests[i].delaySeconds);
      return PromisePrototypeThen(op_queue_send(number, added, delaySeconds, true), responseOf);
    });
  }
}
defineInterface(WorkerQueue);

function requestOf(value, prefix, context) {
  if (value === undefined || value === null) {
    throw new TypeError("Cannot initialize MessageSendRequest with required members from an undefined or null value.");
  }
  return toRequest(value, prefix, context);
}

/** What `operation` returns or throws, as a promise. */
function promised(operation) {
  try {
    return PromiseResolve(operation());
  } catch (error) {
    return PromiseReject(error);
  }
}

/** Adds a message in the form that `op_queue_send` takes. */
function add(messages, body, contentType, delaySeconds) {
  if (body === undefined) throw new TypeError("Message body cannot be undefined");
  const type = contentType === undefined ? (flags.queues_json_messages ? "json" : "v8") : StringPrototypeToLowerCase(contentType);
  ArrayPrototypePush(messages, type, delaySeconds, bodyOf(body, type, contentType));
}

function bodyOf(body, type, contentType) {
  switch (type) {
    case "text":
      if (typeof body !== "string") throw new TypeError(`Content Type "text" requires a value of type string, but received: ${typeOf(body)}`);
      return body;
    case "bytes":
      if (!ArrayBufferIsView(body)) throw new TypeError(`Content Type "bytes" requires a value of type ArrayBufferView, but received: ${typeOf(body)}`);
      return body;
    case "json":
      // What has no JSON is sent as V8 writes it.
      return JSONStringify(body) ?? "undefined";
    case "v8":
      return serialize(body);
    default:
      throw new TypeError(`Unsupported queue message content type: ${contentType}`);
  }
}

/** As V8 names it. */
function typeOf(value) {
  return value === null ? "object" : typeof value;
}

/** What a queue tells of itself: `[messages, bytes, milliseconds | undefined]`. */
export function metricsOf({ 0: backlogCount, 1: backlogBytes, 2: oldest }) {
  return { backlogCount, backlogBytes, oldestMessageTimestamp: oldest === undefined ? undefined : new Date(oldest) };
}

const responseOf = (told) => ({ metadata: { metrics: metricsOf(told) } });

/** Hook: the face of the queue that native code knows by this number. */
export function makeQueue(number) {
  return new WorkerQueue(INTERNAL, number);
}
