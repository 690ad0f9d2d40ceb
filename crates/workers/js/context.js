// `ctx`, and the life of an event: it is over when it is answered, its body is written, and all that it waits for has settled.

import { op_async_frame_get, op_event_done, op_report_exception } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { defineInterface, illegalInvocation, requiredArguments } from "../webapi/webidl.js";

const { MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, PromisePrototypeThen, PromiseResolve, SafeMap, Symbol, TypeError } = primordials;

/** Events by id, kept only once something asks for the current one. */
let events = null;

/** The record of an event. `pending` counts what it waits for: its answer, a body being written, `waitUntil` promises. */
export function beginEvent(id) {
  const event = { id, pending: 1, passThrough: false };
  if (events !== null) MapPrototypeSet(events, id, event);
  return event;
}

/** One thing less to wait for; the last one ends the event. */
export function settleEvent(event) {
  if (--event.pending > 0) return;
  if (events !== null) MapPrototypeDelete(events, event.id);
  op_event_done();
}

/** Keeps the event alive until `promise` settles. */
export function waitUntil(event, promise) {
  event.pending++;
  const done = () => settleEvent(event);
  PromisePrototypeThen(PromiseResolve(promise), done, (reason) => {
    op_report_exception(reason);
    done();
  });
}

/** From now on the current event can be found, where code runs without a `ctx` at hand. */
export function trackEvents() {
  events ??= new SafeMap();
}

/** The event that the running code belongs to, or undefined. */
export function currentEvent() {
  const frame = op_async_frame_get();
  return events === null ? undefined : MapPrototypeGet(events, typeof frame === "object" && frame !== null ? frame[0] : frame);
}

const INTERNAL = Symbol("ExecutionContext");

/** `ctx`: https://developers.cloudflare.com/workers/runtime-apis/context/ */
export class ExecutionContext {
  #event;
  #props;

  constructor(key, event) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#event = event;
  }

  waitUntil(promise) {
    if (!(#event in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'ExecutionContext'");
    waitUntil(this.#event, promise);
  }

  passThroughOnException() {
    if (!(#event in this)) illegalInvocation();
    this.#event.passThrough = true;
  }

  get props() {
    if (!(#event in this)) illegalInvocation();
    return (this.#props ??= {});
  }
}
defineInterface(ExecutionContext);

export function newExecutionContext(event) {
  return new ExecutionContext(INTERNAL, event);
}
