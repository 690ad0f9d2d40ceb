// `ctx`, and the life of an event: it is over when it is answered, its body is written, all that it waits for has settled, and nothing of what
// it returned over RPC is held.

import { op_async_frame_get, op_event_answered, op_event_done, op_report_exception, op_respond_error, op_rpc_return } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { defineInterface, illegalInvocation, requiredArguments } from "../webapi/webidl.js";
import { packThrown } from "./rpc_error.js";
import { tracing } from "./tracing.js";

const { Error, JSONParse, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, ObjectPrototypeIsPrototypeOf, PromisePrototypeThen, PromiseResolve, SafeMap, Symbol, TypeError } = primordials;

const events = new SafeMap();

/**
 * The record of an event. `pending` counts what it waits for: its answer, and `waitUntil` promises. `held` counts what of its results others hold,
 * `exports` are the numbers of all that stubs lead to and `calls` those that are part of it (rpc_target.js), `kept` counts stubs of others that it keeps. `props`: `ctx.props` as JSON text or bytes. `isCall`: it is one of RPC. `failure`: undefined, or where what `waitUntil` is
 * given decides how the event ended: null, or why it failed, in an array of one. `files`: its part of the file system, once it
 * has looked at any (`nodejs/js/internal/vfs/roots.js`). `dataPoints`: how many it has written (analytics.js).
 */
export function beginEvent(id, props = undefined, isCall = false) {
  const event = { id, pending: 1, held: 0, kept: 0, exports: undefined, calls: undefined, answered: false, passThrough: false, props, isCall, failure: undefined, files: undefined, dataPoints: 0 };
  MapPrototypeSet(events, id, event);
  return event;
}

/** The event has its whole answer, or nobody wants it any more. */
export function answered(event) {
  if (event.answered) return;
  event.answered = true;
  if (event.pending > 1 && event.held === 0) op_event_answered();
  settle(event);
}

/** As `answered`, of an event whose sender waits for all that it waits for. `thrown`: why it failed, in an array of one. */
export function answeredWithAll(event, thrown) {
  event.answered = true;
  event.failure ??= thrown;
  settle(event);
}

/** One thing less to wait for. */
function settle(event) {
  event.pending--;
  endWhenIdle(event);
}

function endWhenIdle(event) {
  if (event.pending > 0 || event.held > 0) return;
  eventEnded(event.id);
  if (event.failure !== undefined && event.failure !== null) op_respond_error(event.failure[0]);
  op_event_done();
}

/** Keeps the event, though it is answered, until it is let go as often. */
export function hold(event) {
  event.held++;
}

export function letGo(event) {
  if (--event.held > 0 || !event.answered) return;
  if (event.pending > 0 && event.failure === undefined) op_event_answered();
  endWhenIdle(event);
}

/** A stub outlasts the call that brought it, and with it the event that was called, as long as the caller's goes on. */
export function keep(event) {
  event.kept++;
  hold(event);
}

export function unkeep(event) {
  if (event.kept === 0) return;
  event.kept--;
  letGo(event);
}

/** Nobody is there any more whose stubs it could keep. */
export function unkeepAll(event) {
  while (event.kept > 0) unkeep(event);
}

let forgetExports;

/** rpc_target.js brings here what forgets the exports of an event that has ended. */
export function setForgetExports(forget) {
  forgetExports = forget;
}

/** Hook: the event has ended, by itself or not. */
export function eventEnded(id) {
  const event = MapPrototypeGet(events, id);
  if (event === undefined) return;
  MapPrototypeDelete(events, id);
  if (event.exports !== undefined) forgetExports(event.exports);
}

export function eventOf(id) {
  return MapPrototypeGet(events, id);
}

/** Keeps the event alive until `promise` settles. */
export function waitUntil(event, promise) {
  event.pending++;
  const done = () => settle(event);
  PromisePrototypeThen(PromiseResolve(promise), done, (reason) => {
    if (event.failure === undefined) op_report_exception(reason);
    else event.failure ??= [reason];
    done();
  });
}

/** Ends the event with an error, whatever it still waits for. */
function abort(event, reason) {
  if (currentEvent() !== event) throw new Error("ctx.abort() can only be called by the event that it ends.");
  if (event.isCall) op_rpc_return(0, true, packThrown(reason, undefined), undefined, 0, 0);
  else op_respond_error(reason);
  event.answered = true;
  eventEnded(event.id);
  op_event_done();
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

  abort(reason = undefined) {
    if (!(#event in this)) illegalInvocation();
    abort(this.#event, reason ?? new Error("Worker execution was aborted due to call to ctx.abort()."));
  }

  get props() {
    if (!(#event in this)) illegalInvocation();
    const { props } = this.#event;
    return (this.#props ??= props === undefined ? {} : typeof props === "string" ? JSONParse(props) : readProps(props));
  }

  get exports() {
    if (!(#event in this)) illegalInvocation();
    return ownExports();
  }

  get tracing() {
    if (!(#event in this)) illegalInvocation();
    return tracing;
  }
}
defineInterface(ExecutionContext);

let ownExports, readProps;

/** own_exports.js brings here what makes `ctx.exports`, and what reads props that came as bytes. */
export function setOwnExports(make, read) {
  ownExports = make;
  readProps = read;
}

export const isExecutionContext = (value) => ObjectPrototypeIsPrototypeOf(ExecutionContext.prototype, value);

export function newExecutionContext(event) {
  return new ExecutionContext(INTERNAL, event);
}
