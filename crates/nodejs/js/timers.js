// node:timers over the platform's timers: functions that give objects.

'use strict';

const { Error, FunctionPrototypeSymbolHasInstance, ObjectDefineProperty, ReflectApply, SymbolDispose, SymbolToPrimitive } = primordials;
const { host: { clearTimer, startTimer } } = require('internal/host');
const { validateFunction } = require('internal/validators');

class Timeout {
  #id;
  #run;
  #delay;
  #repeat;

  constructor(run, delay, repeat) {
    this.#run = run;
    this.#delay = delay === undefined ? 1 : +delay;
    this.#repeat = repeat;
    this.#id = startTimer(run, this.#delay, repeat);
  }

  ref() { return this; }
  unref() { return this; }
  hasRef() { return true; }
  close() { clearTimer(this.#id); return this; }
  refresh() {
    clearTimer(this.#id);
    this.#id = startTimer(this.#run, this.#delay, this.#repeat);
    return this;
  }
  [SymbolToPrimitive]() { return this.#id; }
  [SymbolDispose]() { this.close(); }
}

class Immediate {
  #id;
  constructor(run) { this.#id = startTimer(run, 0, false); }
  ref() { return this; }
  unref() { return this; }
  hasRef() { return true; }
  close() { clearTimer(this.#id); }
  [SymbolDispose]() { this.close(); }
}

function caller(callback, args) {
  validateFunction(callback, 'callback');
  return () => ReflectApply(callback, undefined, args);
}

function clear(timer) {
  if (timer === undefined || timer === null) return;
  if (FunctionPrototypeSymbolHasInstance(Timeout, timer) || FunctionPrototypeSymbolHasInstance(Immediate, timer)) timer.close();
  else if (+timer > 0) clearTimer(+timer);
}

module.exports = {
  setTimeout: (callback, delay, ...args) => new Timeout(caller(callback, args), delay, false),
  clearTimeout: (timer) => clear(timer),
  setInterval: (callback, delay, ...args) => new Timeout(caller(callback, args), delay, true),
  clearInterval: (timer) => clear(timer),
  setImmediate: (callback, ...args) => new Immediate(caller(callback, args)),
  clearImmediate: (immediate) => clear(immediate),
  active(timer) { return timer?.refresh?.() && undefined; },
  unenroll: (timer) => clear(timer),
  enroll() { throw new Error('Not implemented. Please use setTimeout() instead.'); },
};

ObjectDefineProperty(module.exports, 'promises', { __proto__: null, get: () => require('timers/promises'), enumerable: true, configurable: true });
// By name alone.
ObjectDefineProperty(module.exports, 'Timeout', { __proto__: null, value: Timeout, writable: true, enumerable: false, configurable: true });
