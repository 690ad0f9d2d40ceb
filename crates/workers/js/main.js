// The hooks: what native code calls. Everything else in the runtime's JavaScript is reached from here.

import { op_report_exception } from "skerry:ops";
import { forgetPrimordials, primordials } from "../webapi/primordials.js";
import { DOMException } from "../webapi/domexception.js";
import { connect } from "../webapi/sockets.js";
import { dispatch, hasListeners, PromiseRejectionEvent } from "../webapi/events.js";
import { emailModule, workersModule, workflowsModule } from "./entrypoint.js";
import { warmUp } from "./handlers.js";
import { nodeModule } from "./nodejs.js";
import { report } from "./globals.js";

export { report as uncaughtException };
export { makeObjectNamespace } from "./durable_objects.js";
export { dispatchAlarm, dispatchSocket, openObject, startObjects } from "./durable_object_state.js";
export { eventEnded } from "./context.js";
export { inspectConsole } from "../webapi/console.js";
export { actorClosed } from "./object.js";
export { dispatchAbandoned, dispatchCall, dispatchRelease, dispatchTargetCall } from "./rpc_target.js";
export { makeR2Bucket } from "./r2.js";
export { makeKvNamespace } from "./kv.js";
export { makeD1Database } from "./d1.js";
export { makeQueue } from "./queue.js";
export { makeAnalyticsEngine } from "./analytics.js";
export { makeRateLimit } from "./rate_limit.js";
export { makeHyperdrive } from "./hyperdrive.js";
export { makeFetcher } from "./service.js";
export { makeMissing } from "./missing_binding.js";
export { exportedClasses, handledEvents, prepare, start, dispatchFetch, dispatchGone, dispatchQueue, dispatchScheduled, dispatchTail } from "./handlers.js";

const { globalThis } = primordials;

/** For native errors of class DOMException. */
export function makeDOMException(message, name) {
  return new DOMException(message, name);
}

/** The exports of a module that the runtime provides, or undefined. */
export function builtinModule(name) {
  switch (name) {
    case "cloudflare:workers": return workersModule();
    case "cloudflare:workflows": return workflowsModule();
    case "cloudflare:email": return emailModule();
    case "cloudflare:sockets": return { __proto__: null, connect };
    default: return nodeModule(name);
  }
}

/** A promise was rejected and nobody listened by the time the microtasks had run (HTML section 8.1.4.7). */
export function unhandledRejection(promise, reason) {
  if (hasListeners(globalThis, "unhandledrejection")) {
    const event = new PromiseRejectionEvent("unhandledrejection", { promise, reason, cancelable: true });
    if (!dispatch(globalThis, event)) return;
  }
  op_report_exception(reason);
}

warmUp();
// Every file has taken what it needs.
forgetPrimordials();
