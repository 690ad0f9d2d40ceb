// From an event to the Worker's handler and back: module syntax, entrypoint classes, service-worker syntax.

import { op_body_writer, op_queue_answered, op_report_exception, op_request_signal, op_respond, op_respond_error, op_timer_start } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { fetch } from "../webapi/fetch.js";
import { requestFromNative } from "../webapi/request.js";
import { isResponse, Response, responseParts } from "../webapi/response.js";
import { expectedLength, isReadableStream, pumpToNative } from "../webapi/streams.js";
import { connectionOf, releaseWebSocket, setHold } from "../webapi/websocket.js";
import { answered, answeredWithAll, beginEvent, currentEvent, eventOf, newExecutionContext, unkeepAll, waitUntil } from "./context.js";
import { deviate, flags } from "../webapi/compatibility.js";
import { arrangeGlobals } from "./compatibility.js";
import { isEntrypointClass } from "./entrypoint.js";
import { startNode } from "./nodejs.js";
import { prepareOwnExports } from "./own_exports.js";
import { newBatch, warn } from "./queue_event.js";
import { callFetchListeners, callQueueListeners, callScheduledListeners, callTailListeners, hasEventListeners, listensFor, ScheduledController } from "./service_worker.js";
import { traceItems } from "./tail.js";

const { Error, FunctionPrototypeCall, ObjectDefineProperty, ObjectKeys, PromisePrototypeThen, PromiseResolve, TypeError, globalThis } = primordials;

let env;
/** `(request, event) -> Response | Promise`, or undefined: the Worker has no fetch handler. */
let fetchHandler;
/** The main module's namespace; undefined for a classic script. */
let exported;
/** `(controller, event) -> any | Promise` */
let scheduledHandler;
/** `(batch, event) -> any | Promise` */
let queueHandler;
/** `(events, event) -> any | Promise` */
let tailHandler;

export function currentEnv() {
  return env;
}

/** The exports of the Worker's main module; undefined for a classic script. */
export function mainModule() {
  return exported;
}

/** `handler(request, event)` answers every request from now on. */
export function serveWith(handler) {
  fetchHandler = handler;
}

setHold((promise) => {
  const event = currentEvent();
  if (event !== undefined) waitUntil(event, promise);
});

/** Before the script runs. A classic script finds its bindings as globals. `deviations`: see `deviate`; `own`: see own_exports.js. */
export function prepare(bindings, isScript, deviations, own) {
  env = bindings;
  deviate(deviations);
  prepareOwnExports(own);
  arrangeGlobals();
  startNode(bindings);
  if (!isScript) return;
  const names = ObjectKeys(bindings);
  for (let i = 0; i < names.length; i++) {
    ObjectDefineProperty(globalThis, names[i], {
      __proto__: null, value: bindings[names[i]], writable: true, enumerable: true, configurable: true,
    });
  }
}

/** After the script has run: finds its handlers. */
export function start(namespace) {
  exported = namespace;
  if (namespace === undefined) {
    if (!hasEventListeners()) throw new Error("The script has no registered event handlers: it calls addEventListener() for no event that Workers have.");
    fetchHandler = callFetchListeners;
    scheduledHandler = callScheduledListeners;
    queueHandler = callQueueListeners;
    tailHandler = callTailListeners;
    return;
  }
  const worker = namespace.default;
  if (isEntrypointClass(worker)) {
    if (typeof worker.prototype.fetch === "function") {
      fetchHandler = (request, event) => new worker(newExecutionContext(event), env).fetch(request);
    }
    if (typeof worker.prototype.scheduled === "function") {
      scheduledHandler = (controller, event) => new worker(newExecutionContext(event), env).scheduled(controller);
    }
    if (typeof worker.prototype.queue === "function") {
      queueHandler = (batch, event) => new worker(newExecutionContext(event), env).queue(batch);
    }
    const tail = tailName(worker.prototype);
    if (tail !== undefined) tailHandler = (events, event) => new worker(newExecutionContext(event), env)[tail](events);
    return;
  }
  if (typeof worker !== "object" || worker === null) {
    if (ObjectKeys(namespace).length > 0) return;
    throw new Error("The script has no registered event handlers: its main module exports nothing. Export a default object with a fetch() function.");
  }
  if (typeof worker.fetch === "function") fetchHandler = (request, event) => FunctionPrototypeCall(worker.fetch, worker, request, env, newExecutionContext(event));
  if (typeof worker.scheduled === "function") {
    scheduledHandler = (controller, event) => FunctionPrototypeCall(worker.scheduled, worker, controller, env, newExecutionContext(event));
  }
  if (typeof worker.queue === "function") {
    queueHandler = (batch, event) => FunctionPrototypeCall(worker.queue, worker, batch, env, newExecutionContext(event));
  }
  const tail = tailName(worker);
  if (tail !== undefined) tailHandler = (events, event) => FunctionPrototypeCall(worker[tail], worker, events, env, newExecutionContext(event));
}

/** What the tail handler is called, which has an older name too. */
function tailName(handlers) {
  if (typeof handlers.tail === "function") return "tail";
  return typeof handlers.trace === "function" ? "trace" : undefined;
}

/** The events that a Worker may handle. */
const EVENTS = ["fetch", "scheduled", "queue", "email", "tail", "trace"];

/** The events that the Worker handles, joined by commas. */
export function handledEvents() {
  const worker = exported?.default;
  const handlers = isEntrypointClass(worker) ? worker.prototype : worker;
  let handled = "";
  for (let i = 0; i < EVENTS.length; i++) {
    const event = EVENTS[i];
    const handles = exported === undefined ? listensFor(event) : typeof handlers?.[event] === "function";
    if (handles) handled += handled === "" ? event : `,${event}`;
  }
  return handled;
}

/** The names of the classes that the main module exports, joined by commas. A name with a comma is none of a class's. */
export function exportedClasses() {
  let classes = "";
  const names = exported === undefined ? [] : ObjectKeys(exported);
  for (let i = 0; i < names.length; i++) {
    if (names[i] === "default" || typeof exported[names[i]] !== "function") continue;
    classes += classes === "" ? names[i] : `,${names[i]}`;
  }
  return classes;
}

// === fetch ===

/** `(request, event) -> Response | Promise` of an export of the main module: a class that extends WorkerEntrypoint, or an object. */
function namedHandler(name) {
  const entrypoint = exported === undefined ? undefined : exported[name];
  if (isEntrypointClass(entrypoint)) {
    if (typeof entrypoint.prototype.fetch !== "function") throw new Error(`The entrypoint "${name}" does not define a fetch() method.`);
    return (request, event) => new entrypoint(newExecutionContext(event), env).fetch(request);
  }
  if (typeof entrypoint !== "object" || entrypoint === null) {
    throw new Error(`The Worker has no entrypoint "${name}": its main module exports no class of that name that extends WorkerEntrypoint.`);
  }
  if (typeof entrypoint.fetch !== "function") throw new Error(`The entrypoint "${name}" does not define a fetch() function.`);
  return (request, event) => FunctionPrototypeCall(entrypoint.fetch, entrypoint, request, env, newExecutionContext(event));
}

/** What calls of an entrypoint are made on. `plain`: it is no class, and its methods also want env and ctx. */
export function callTarget(name, event) {
  const entrypoint = exported === undefined ? undefined : exported[name ?? "default"];
  const ctx = newExecutionContext(event);
  if (isEntrypointClass(entrypoint)) return { target: new entrypoint(ctx, env), plain: false, env, ctx };
  if (typeof entrypoint === "object" && entrypoint !== null) return { target: entrypoint, plain: true, env, ctx };
  if (name === undefined) throw new TypeError("The Worker's main module has no default export that could receive RPC: export a class that extends WorkerEntrypoint.");
  throw new Error(`The Worker has no entrypoint "${name}": its main module exports no class of that name that extends WorkerEntrypoint.`);
}

export function dispatchFetch(id, method, url, rid, entrypoint = undefined, props = undefined) {
  const event = beginEvent(id, props);
  const request = requestFromNative(method, url, rid, id);
  let result;
  try {
    const handler = entrypoint === undefined ? fetchHandler : namedHandler(entrypoint);
    if (handler === undefined) throw new Error("Handler does not export a fetch() function.");
    result = handler(request, event);
    if (isResponse(result)) return respond(event, result);
  } catch (error) {
    return fail(event, request, error);
  }
  PromisePrototypeThen(
    PromiseResolve(result),
    (response) => {
      try {
        respond(event, response);
      } catch (error) {
        fail(event, request, error);
      }
    },
    (error) => fail(event, request, error),
  );
}

function respond(event, response) {
  if (!isResponse(response)) throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
  const { status, statusText, headers, body, encodeBody, webSocket } = responseParts(response);
  const manual = encodeBody === "manual";
  if (webSocket !== null) {
    // A Worker that is itself the other end goes on for as long as the connection does.
    const connection = connectionOf(webSocket);
    op_respond(status, statusText, headers, null, manual, connection !== undefined, releaseWebSocket(webSocket));
    if (connection === undefined) return answered(event);
    const done = () => answered(event);
    PromisePrototypeThen(connection, done, done);
    return;
  }
  if (!isReadableStream(body)) {
    op_respond(status, statusText, headers, body, manual, false);
    return answered(event);
  }
  const ends = op_body_writer(expectedLength(body) ?? -1);
  op_respond(status, statusText, headers, ends[1], manual, true);
  const done = () => answered(event);
  PromisePrototypeThen(pumpToNative(body, ends[0]), done, (error) => {
    op_report_exception(error);
    done();
  });
}

function fail(event, request, error) {
  if (!event.passThrough) {
    op_respond_error(error);
    return answered(event);
  }
  // ctx.passThroughOnException(): the origin answers, once; when it can't, the Worker's own error stands.
  event.passThrough = false;
  op_report_exception(error);
  let passed;
  try {
    passed = fetch(request);
  } catch {
    return fail(event, request, error);
  }
  const giveUp = () => fail(event, request, error);
  PromisePrototypeThen(
    passed,
    (response) => {
      try {
        respond(event, response);
      } catch {
        giveUp();
      }
    },
    giveUp,
  );
}

/** Handles a request while the snapshot is made: what is compiled for it then, no isolate compiles at its first one. */
export function warmUp() {
  const answer = () => new Response("", { status: 200, headers: { "content-type": "text/plain" } });
  start({ __proto__: null, default: { fetch: answer } });
  dispatchFetch(0, "GET", "http://localhost/", -1);
  start({ __proto__: null, default: { fetch: async () => answer() } });
  dispatchFetch(0, "GET", "http://localhost/", -1);
  fetchHandler = undefined;
  exported = undefined;
}

/** The client went away before it had an answer. Listeners of `request.signal` still run, and may ask for more time. */
export function dispatchGone(id) {
  const event = eventOf(id);
  if (event === undefined) return;
  if (event.isCall) {
    answered(event);
    return unkeepAll(event);
  }
  PromisePrototypeThen(op_request_signal(id), () => op_timer_start(() => answered(event), 0, false));
}

// === events without an answer ===

/** `begin(event)` calls the handler; the event ends with what that returns. */
function dispatchPlain(id, begin) {
  const event = beginEvent(id);
  let result;
  try {
    result = begin(event);
  } catch (error) {
    op_respond_error(error);
    return answered(event);
  }
  PromisePrototypeThen(
    PromiseResolve(result),
    () => answered(event),
    (error) => {
      op_respond_error(error);
      answered(event);
    },
  );
}

export function dispatchScheduled(id, cron, scheduledTime) {
  dispatchPlain(id, (event) => {
    if (scheduledHandler === undefined) throw new Error("Handler does not export a scheduled() function.");
    return scheduledHandler(new ScheduledController(cron, scheduledTime), event);
  });
}

/** `items`: see `traceItems`. */
export function dispatchTail(id, items) {
  dispatchPlain(id, (event) => {
    if (tailHandler === undefined) throw new Error("Handler does not export a tail() function.");
    return tailHandler(traceItems(items), event);
  });
}

// === queue ===

/** `batch`, `flat`, `metrics`: see queue_event.js. The event ends well if what it gave to `waitUntil` does too, unless a flag says otherwise. */
export function dispatchQueue(id, queue, batch, flat, metrics) {
  const event = beginEvent(id);
  const waits = !flags.queue_consumer_no_wait_for_wait_until;
  if (waits) event.failure = null;
  const end = (thrown) => {
    if (waits) return answeredWithAll(event, thrown);
    if (thrown === null) op_queue_answered();
    else op_respond_error(thrown[0]);
    answered(event);
  };
  let result;
  try {
    if (queueHandler === undefined) {
      warn("Received a QueueEvent but we lack a handler for QueueEvents. Did you remember to export a queue() function?");
      throw new Error("Handler does not export a queue() function.");
    }
    result = queueHandler(newBatch(batch, queue, flat, metrics), event);
  } catch (error) {
    return end([error]);
  }
  PromisePrototypeThen(PromiseResolve(result), () => end(null), (error) => end([error]));
}
