// `ctx`, and the life of an event: it is over when it is answered, its body is written, and all that it waits for has settled.

import { op_async_frame_get, op_event_answered, op_event_done, op_report_exception } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { defineInterface, illegalInvocation, requiredArguments } from "../webapi/webidl.js";

const { JSONParse, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, PromisePrototypeThen, PromiseResolve, SafeMap, Symbol, TypeError } = primordials;

const events = new SafeMap();

/** The record of an event. `pending` counts what it waits for: its answer, and `waitUntil` promises. `props`: the JSON text of `ctx.props`. */
export function beginEvent(id, props = undefined) {
  const event = { id, pending: 1, answered: false, passThrough: false, props };
  MapPrototypeSet(events, id, event);
  return event;
}

/** The event has its whole answer, or nobody wants it any more. */
export function answered(event) {
  if (event.answered) return;
  event.answered = true;
  if (event.pending > 1) op_event_answered();
  settle(event);
}

/** One thing less to wait for; the last one ends the event. */
function settle(event) {
  if (--event.pending > 0) return;
  MapPrototypeDelete(events, event.id);
  op_event_done();
}

export function eventOf(id) {
  return MapPrototypeGet(events, id);
}

/** Keeps the event alive until `promise` settles. */
export function waitUntil(event, promise) {
  event.pending++;
  const done = () => settle(event);
  PromisePrototypeThen(PromiseResolve(promise), done, (reason) => {
    op_report_exception(reason);
    done();
  });
}

/** The event that the running code belongs to, or undefined. */
export function currentEvent() {
  const frame = op_async_frame_get();
  return MapPrototypeGet(events, typeof frame === "object" && frame !== null ? frame[0] : frame);
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
    const { props } = this.#event;
    return (this.#props ??= props === undefined ? {} : JSONParse(props));
  }
}
defineInterface(ExecutionContext);

export function newExecutionContext(event) {
  return new ExecutionContext(INTERNAL, event);
}
