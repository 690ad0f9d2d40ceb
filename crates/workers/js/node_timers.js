// Node.js' timers over the platform's: functions that give objects. They are globals too where the Worker has Node's modules
// (enable_nodejs_global_timers), so they are in the snapshot, unlike the rest of Node.

import { op_timer_clear, op_timer_start } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { isObject } from "../webapi/webidl.js";

const { ReflectApply, SymbolDispose, SymbolToPrimitive, globalThis } = primordials;

let isTimer, stop;

export class Timeout {
  #id;
  #run;
  #delay;
  #repeat;

  constructor(run, delay, repeat) {
    this.#run = run;
    this.#delay = delay === undefined ? 1 : +delay;
    this.#repeat = repeat;
    this.#id = op_timer_start(run, this.#delay, repeat);
  }

  ref() { return this; }
  unref() { return this; }
  hasRef() { return true; }
  close() {
    op_timer_clear(this.#id);
    return this;
  }
  refresh() {
    op_timer_clear(this.#id);
    this.#id = op_timer_start(this.#run, this.#delay, this.#repeat);
    return this;
  }
  [SymbolToPrimitive]() { return this.#id; }
  [SymbolDispose]() { op_timer_clear(this.#id); }

  static {
    isTimer = (value) => isObject(value) && #id in value;
    stop = (timer) => op_timer_clear(timer.#id);
  }
}

let isImmediate, stopImmediate;

class Immediate {
  #id;

  constructor(run) {
    this.#id = op_timer_start(run, 0, false);
  }

  ref() { return this; }
  unref() { return this; }
  hasRef() { return true; }
  close() { op_timer_clear(this.#id); }
  [SymbolDispose]() { op_timer_clear(this.#id); }

  static {
    isImmediate = (value) => isObject(value) && #id in value;
    stopImmediate = (immediate) => op_timer_clear(immediate.#id);
  }
}

let validateCallback;

/** nodejs.js brings here what throws Node's error for a callback that is none. */
export function setValidateCallback(validate) {
  validateCallback = validate;
}

function caller(callback, args) {
  if (typeof callback !== "function") validateCallback(callback);
  return () => ReflectApply(callback, globalThis, args);
}

function clear(timer) {
  if (timer === undefined || timer === null) return;
  if (isTimer(timer)) stop(timer);
  else if (isImmediate(timer)) stopImmediate(timer);
  else if (typeof timer !== "symbol" && +timer > 0) op_timer_clear(+timer);
}

export function setTimeout(callback, delay, ...args) {
  return new Timeout(caller(callback, args), delay, false);
}

export function clearTimeout(timer) {
  clear(timer);
}

export function setInterval(callback, delay, ...args) {
  return new Timeout(caller(callback, args), delay, true);
}

export function clearInterval(timer) {
  clear(timer);
}

export function setImmediate(callback, ...args) {
  return new Immediate(caller(callback, args));
}

export function clearImmediate(immediate) {
  clear(immediate);
}
