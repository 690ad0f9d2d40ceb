// AbortController and AbortSignal (DOM section 3).
//
// For other files of the runtime:
//   createAbortSignal()                      a signal that only the runtime can abort
//   signalAbort(signal, reason)              aborts it
//   addAbortAlgorithm(signal, algorithm)     `algorithm(reason)` runs once, before the event's listeners
//   removeAbortAlgorithm(signal, algorithm)
//   isAbortSignal(value) abortedReason(signal)   the reason once aborted, else undefined
//   dependentSignal(signals)                 what AbortSignal.any() returns

import { primordials } from "./primordials.js";
import {
  converters, createInterface, createSequence, defineInterface, illegalConstructor, illegalInvocation, isObject, requiredArguments,
} from "./webidl.js";
import { DOMException } from "./domexception.js";
import { abortHooks, defineEventHandler, dispatch, Event, EventTarget, hasListeners, observeListeners } from "./events.js";
import { op_timer_start } from "skerry:ops";
const { ArrayPrototypePush, ObjectDefineProperty, SafeSet, SafeWeakRef, Symbol } = primordials;

const INTERNAL = Symbol("AbortSignal");

export class AbortSignal extends EventTarget {
  #reason = undefined;
  /** Functions to run on abort, in order; null until there is one. */
  #algorithms = null;
  /** For a source: `SafeWeakRef`s of the signals that depend on it, those that someone listens to also strongly. */
  #dependents = null;
  #observed = null;
  /** For a dependent signal: its sources, which never depend on others themselves. */
  #sources = null;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
    super();
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(INTERNAL);
    signal.#reason = reason === undefined ? defaultReason() : reason;
    return signal;
  }

  static any(signals) {
    const prefix = "Failed to execute 'any' on 'AbortSignal'";
    requiredArguments(arguments.length, 1, prefix);
    return dependentSignal(toSignals(signals, prefix, "parameter 1"));
  }

  static timeout(milliseconds) {
    const prefix = "Failed to execute 'timeout' on 'AbortSignal'";
    requiredArguments(arguments.length, 1, prefix);
    milliseconds = converters["unsigned long long"](milliseconds, prefix, "parameter 1", { enforceRange: true });
    const signal = new AbortSignal(INTERNAL);
    op_timer_start(() => signalAbort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError")), milliseconds, false);
    return signal;
  }

  get aborted() { return #reason in this ? this.#reason !== undefined : illegalInvocation(); }
  get reason() { return #reason in this ? this.#reason : illegalInvocation(); }

  throwIfAborted() {
    if (!(#reason in this)) illegalInvocation();
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** DOM section 3.2.2 "signal abort": every reason is set before any algorithm or listener runs. */
  #abort(reason) {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const affected = [];
    if (this.#dependents !== null) {
      this.#dependents.forEach((reference) => {
        const dependent = reference.deref();
        if (dependent !== undefined && dependent.#reason === undefined) {
          dependent.#reason = reason;
          ArrayPrototypePush(affected, dependent);
        }
      });
    }
    this.#runSteps();
    for (let i = 0; i < affected.length; i++) affected[i].#runSteps();
  }

  #runSteps() {
    const algorithms = this.#algorithms;
    this.#algorithms = null;
    if (algorithms !== null) algorithms.forEach((algorithm) => algorithm(this.#reason));
    if (hasListeners(this, "abort")) dispatch(this, new Event("abort"));
    this.#detach();
    this.#dependents = null;
    this.#observed = null;
  }

  #detach() {
    const sources = this.#sources;
    this.#sources = null;
    if (sources === null) return;
    for (let i = 0; i < sources.length; i++) sources[i].#observed?.delete(this);
  }

  #follow(source) {
    if (source.#dependents === null) {
      source.#dependents = new SafeSet();
      source.#observed = new SafeSet();
    }
    // A long-lived source with many short-lived dependents: sweep the dead ones each time that their number doubles.
    const { size } = source.#dependents;
    if (size >= 16 && (size & (size - 1)) === 0) {
      source.#dependents.forEach((reference) => {
        if (reference.deref() === undefined) source.#dependents.delete(reference);
      });
    }
    source.#dependents.add(new SafeWeakRef(this));
    ArrayPrototypePush(this.#sources, source);
  }

  /** A dependent signal with listeners or algorithms has to live as long as a source may abort it. */
  #keepWhileObserved() {
    const sources = this.#sources;
    if (sources === null) return;
    const observed = (this.#algorithms !== null && this.#algorithms.size > 0) || hasListeners(this, "abort");
    for (let i = 0; i < sources.length; i++) {
      if (observed) sources[i].#observed.add(this);
      else sources[i].#observed.delete(this);
    }
  }

  static {
    isAbortSignal = (value) => isObject(value) && #reason in value;
    abortedReason = (signal) => signal.#reason;
    signalAbort = (signal, reason) => signal.#abort(reason === undefined ? defaultReason() : reason);
    addAbortAlgorithm = (signal, algorithm) => {
      if (signal.#reason !== undefined) return;
      if (signal.#algorithms === null) signal.#algorithms = new SafeSet();
      signal.#algorithms.add(algorithm);
      signal.#keepWhileObserved();
    };
    removeAbortAlgorithm = (signal, algorithm) => {
      if (signal.#algorithms === null) return;
      signal.#algorithms.delete(algorithm);
      signal.#keepWhileObserved();
    };
    dependentSignal = (signals) => {
      const result = new AbortSignal(INTERNAL);
      for (let i = 0; i < signals.length; i++) {
        if (signals[i].#reason !== undefined) {
          result.#reason = signals[i].#reason;
          return result;
        }
      }
      result.#sources = [];
      const seen = new SafeSet();
      const follow = (source) => {
        if (seen.has(source)) return;
        seen.add(source);
        result.#follow(source);
      };
      for (let i = 0; i < signals.length; i++) {
        const sources = signals[i].#sources;
        if (sources === null) {
          follow(signals[i]);
        } else {
          for (let j = 0; j < sources.length; j++) follow(sources[j]);
        }
      }
      observeListeners(result, (signal) => signal.#keepWhileObserved());
      return result;
    };
  }
}
export var isAbortSignal, abortedReason, signalAbort, addAbortAlgorithm, removeAbortAlgorithm, dependentSignal;

const toSignals = createSequence(createInterface("AbortSignal", (value) => isAbortSignal(value)));
defineEventHandler(AbortSignal.prototype, "abort");
defineInterface(AbortSignal);
// The token is not a parameter that anyone may see.
ObjectDefineProperty(AbortSignal, "length", { __proto__: null, configurable: true, value: 0 });

abortHooks.isSignal = isAbortSignal;
abortHooks.isAborted = (signal) => abortedReason(signal) !== undefined;
abortHooks.add = addAbortAlgorithm;
abortHooks.remove = removeAbortAlgorithm;

function defaultReason() {
  return new DOMException("The operation was aborted", "AbortError");
}

export function createAbortSignal() {
  return new AbortSignal(INTERNAL);
}

export class AbortController {
  // Most controllers that a Worker makes are used; those that the runtime makes per request are not.
  #signal = null;

  constructor() {
    // Present so that nothing is passed on.
  }

  get signal() {
    if (!(#signal in this)) illegalInvocation();
    this.#signal ??= new AbortSignal(INTERNAL);
    return this.#signal;
  }

  abort(reason = undefined) {
    if (!(#signal in this)) illegalInvocation();
    this.#signal ??= new AbortSignal(INTERNAL);
    signalAbort(this.#signal, reason);
  }
}
defineInterface(AbortController);
