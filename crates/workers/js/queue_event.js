// The batch that a `queue` handler is given: https://developers.cloudflare.com/queues/configuration/javascript-apis/#consumer

import { op_console, op_queue_decide, op_trace } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { parse } from "../webapi/json.js";
import { deserialize } from "../webapi/structured_clone.js";
import { createDictionary, defineInterface, illegalInvocation } from "../webapi/webidl.js";
import { metricsOf, toSeconds } from "./queue.js";

const { ArrayPrototypePush, Date, ObjectDefineProperty, SafeSet, Symbol, TypeError, TypedArrayPrototypeGetBuffer } = primordials;

const WARN = 2;

const toRetryOptions = createDictionary("QueueRetryOptions", [{ key: "delaySeconds", converter: toSeconds }]);

const INTERNAL = Symbol("QueueController");

/** What has been decided on the batch that native code knows by the number `batch`. */
function newDecisions(batch) {
  return { __proto__: null, batch, ackAll: false, retryAll: false, acked: new SafeSet(), retried: new SafeSet() };
}

export function warn(text) {
  if (op_console(WARN, text)) op_trace(WARN, [text]);
}

/** Warns that `late` has no effect after `first`. */
function tooLate(late, subject, first) {
  warn(`Received a call to ${late}${subject} after ${first} was already called. Calling ${late}${subject === "" ? "" : " on a message"} after calling ${first} has no effect.`);
}

function show(object, name, value) {
  ObjectDefineProperty(object, name, { __proto__: null, value, enumerable: true, configurable: true });
}

class QueueMessage {
  #place;
  #decisions;

  constructor(key, place, decisions, id, timestamp, body, attempts) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#place = place;
    this.#decisions = decisions;
    show(this, "attempts", attempts);
    show(this, "body", body);
    show(this, "timestamp", timestamp);
    show(this, "id", id);
  }

  retry(options = undefined) {
    const decisions = #decisions in this ? this.#decisions : illegalInvocation();
    const { delaySeconds } = toRetryOptions(options, "Failed to execute 'retry' on 'QueueMessage'", "parameter 1");
    if (decisions.retryAll) return;
    const subject = ` on message ${this.id}`;
    if (decisions.ackAll) return tooLate("retry()", subject, "ackAll()");
    if (decisions.acked.has(this.#place)) return tooLate("retry()", subject, "ack()");
    decisions.retried.add(this.#place);
    op_queue_decide(decisions.batch, "retry", this.#place, delaySeconds);
  }

  ack() {
    const decisions = #decisions in this ? this.#decisions : illegalInvocation();
    if (decisions.ackAll) return;
    const subject = ` on message ${this.id}`;
    if (decisions.retryAll) return tooLate("ack()", subject, "retryAll()");
    if (decisions.retried.has(this.#place)) return tooLate("ack()", subject, "retry()");
    decisions.acked.add(this.#place);
    op_queue_decide(decisions.batch, "ack", this.#place);
  }
}
defineInterface(QueueMessage);

export class QueueController {
  #decisions;

  constructor(key, decisions, queue, messages, metadata) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#decisions = decisions;
    show(this, "metadata", metadata);
    show(this, "queue", queue);
    show(this, "messages", messages);
  }

  retryAll(options = undefined) {
    const decisions = #decisions in this ? this.#decisions : illegalInvocation();
    const { delaySeconds } = toRetryOptions(options, "Failed to execute 'retryAll' on 'QueueController'", "parameter 1");
    if (decisions.ackAll) return tooLate("retryAll()", "", "ackAll()");
    decisions.retryAll = true;
    op_queue_decide(decisions.batch, "retryAll", 0, delaySeconds);
  }

  ackAll() {
    const decisions = #decisions in this ? this.#decisions : illegalInvocation();
    if (decisions.retryAll) return tooLate("ackAll()", "", "retryAll()");
    decisions.ackAll = true;
    op_queue_decide(decisions.batch, "ackAll", 0);
  }
}
defineInterface(QueueController);

function bodyOf(type, body) {
  switch (type) {
    case "json": return parse(body);
    case "bytes": return TypedArrayPrototypeGetBuffer(body);
    case "v8": return deserialize(body);
    default: return body;
  }
}

/** `flat`: `[id, milliseconds, attempts, contentType, body, ...]`; `metrics`: see `metricsOf`. */
export function newBatch(batch, queue, flat, metrics) {
  const decisions = newDecisions(batch);
  const messages = [];
  for (let i = 0; i < flat.length; i += 5) {
    const body = bodyOf(flat[i + 3], flat[i + 4]);
    ArrayPrototypePush(messages, new QueueMessage(INTERNAL, i / 5, decisions, flat[i], new Date(flat[i + 1]), body, flat[i + 2]));
  }
  return new QueueController(INTERNAL, decisions, queue, messages, { metrics: metricsOf(metrics) });
}
