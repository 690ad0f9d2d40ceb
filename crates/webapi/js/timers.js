// Timers and microtasks (HTML section 8.6 and section 8.7), and Cloudflare's `scheduler`.

import { primordials } from "./primordials.js";
import { converters, createDictionary, createInterface, defineInterface, illegalConstructor, illegalInvocation, notOfType } from "./webidl.js";
import { abortedReason, addAbortAlgorithm, isAbortSignal, removeAbortAlgorithm } from "./abort.js";
import { reportException } from "./events.js";
import { op_timer_clear, op_timer_start } from "skerry:ops";
const {
  FunctionPrototypeCall, ObjectDefineProperty, Promise, PromisePrototypeThen, PromiseReject, PromiseResolve, ReflectApply, Symbol,
} = primordials;

const globalObject = globalThis;

function start(name, callback, delay, args, repeat) {
  const prefix = `Failed to execute '${name}' on 'ServiceWorkerGlobalScope'`;
  // No string handlers: that would be eval.
  if (typeof callback !== "function") throw notOfType(prefix, "parameter 1", "function");
  const run = args.length === 0
    ? () => FunctionPrototypeCall(callback, globalObject)
    : () => ReflectApply(callback, globalObject, args);
  delay = delay === undefined ? 0 : converters.long(delay, prefix, "parameter 2");
  return op_timer_start(run, delay, repeat);
}

export function setTimeout(callback, delay = undefined, ...args) {
  return start("setTimeout", callback, delay, args, false);
}

export function setInterval(callback, delay = undefined, ...args) {
  return start("setInterval", callback, delay, args, true);
}

function clear(id) {
  id = converters.long(id);
  if (id > 0) op_timer_clear(id);
}

export function clearTimeout(id = undefined) {
  if (id !== undefined && id !== null) clear(id);
}

export function clearInterval(id = undefined) {
  if (id !== undefined && id !== null) clear(id);
}

export function queueMicrotask(callback) {
  if (typeof callback !== "function") {
    throw notOfType("Failed to execute 'queueMicrotask' on 'ServiceWorkerGlobalScope'", "parameter 1", "function");
  }
  PromisePrototypeThen(PromiseResolve(undefined), () => {
    try {
      callback();
    } catch (error) {
      reportException(error);
    }
  });
}

// === scheduler ===

const INTERNAL = Symbol("Scheduler");
const toWaitOptions = createDictionary("SchedulerWaitOptions", [
  { key: "signal", converter: createInterface("AbortSignal", isAbortSignal) },
]);

export class Scheduler {
  #brand = true;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
  }

  /** A promise for `delay` milliseconds from now; rejects when `options.signal` aborts first. */
  wait(delay, options = undefined) {
    try {
      if (!(#brand in this)) illegalInvocation();
      const prefix = "Failed to execute 'wait' on 'Scheduler'";
      delay = converters["long long"](delay, prefix, "parameter 1");
      const { signal } = toWaitOptions(options, prefix, "parameter 2");
      return wait(delay, signal);
    } catch (error) {
      return PromiseReject(error);
    }
  }
}
defineInterface(Scheduler);

function wait(delay, signal) {
  if (signal === undefined) return new Promise((resolve) => op_timer_start(() => resolve(), delay, false));
  const reason = abortedReason(signal);
  if (reason !== undefined) return PromiseReject(reason);
  return new Promise((resolve, reject) => {
    const onAbort = (reason) => {
      op_timer_clear(timer);
      reject(reason);
    };
    const timer = op_timer_start(() => {
      removeAbortAlgorithm(signal, onAbort);
      resolve();
    }, delay, false);
    addAbortAlgorithm(signal, onAbort);
  });
}

export const scheduler = new Scheduler(INTERNAL);
ObjectDefineProperty(Scheduler, "length", { __proto__: null, configurable: true, value: 0 });
