// node:test, as far as the platform has it: mocks. They are Node's own, but for what mocks properties, which Node.js 20 does not have.

'use strict';

const {
  ArrayPrototypePush, ArrayPrototypeSlice, Error, FunctionPrototypeCall, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, Proxy, ReflectApply, ReflectDeleteProperty, ReflectGet, SafeMap,
} = primordials;
const { MockTracker: NodesTracker } = require('internal/test_runner/mock/mock');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { validateInteger, validateObject } = require('internal/validators');

const MockFunctionContext = new NodesTracker().fn().mock.constructor;

class MockPropertyContext {
  #object;
  #name;
  #before;
  #original;
  #value;
  #next = new SafeMap();
  #accesses = [];

  constructor(object, name, value, isGiven) {
    this.#object = object;
    this.#name = name;
    this.#before = ObjectGetOwnPropertyDescriptor(object, name);
    const descriptor = this.#before ?? inherited(object, name);
    if (descriptor === undefined) throw new ERR_INVALID_ARG_VALUE('propertyName', name, 'is not a property of the object');
    this.#original = object[name];
    this.#value = isGiven ? value : this.#original;
    // What was there may stand on a prototype.
    const { configurable, enumerable } = descriptor;
    ObjectDefineProperty(object, name, {
      __proto__: null, configurable, enumerable, get: () => this.#access('get', this.#value),
      set: (set) => this.mockImplementation(this.#access('set', set)),
    });
  }

  get accesses() { return ArrayPrototypeSlice(this.#accesses); }
  accessCount() { return this.#accesses.length; }

  mockImplementation(value) {
    this.#value = value;
  }

  mockImplementationOnce(value, onAccess) {
    const next = this.#accesses.length;
    const access = onAccess ?? next;
    validateInteger(access, 'onAccess', next);
    MapPrototypeSet(this.#next, access, { __proto__: null, value });
  }

  resetAccesses() { this.#accesses = []; }

  restore() {
    if (this.#before === undefined) ReflectDeleteProperty(this.#object, this.#name);
    else ObjectDefineProperty(this.#object, this.#name, { __proto__: null, ...this.#before });
  }

  /** Notes an access; the value that it has. */
  #access(type, value) {
    const number = this.#accesses.length;
    const once = MapPrototypeGet(this.#next, number);
    MapPrototypeDelete(this.#next, number);
    const seen = once === undefined ? value : once.value;
    ArrayPrototypePush(this.#accesses, { __proto__: null, type, value: seen, stack: new Error() });
    return seen;
  }
}

function inherited(object, name) {
  for (let above = ObjectGetPrototypeOf(object); above !== null; above = ObjectGetPrototypeOf(above)) {
    const descriptor = ObjectGetOwnPropertyDescriptor(above, name);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}

const { fn, getter, method, reset, restoreAll, setter } = NodesTracker.prototype;

class MockTracker {
  #functions = new NodesTracker();
  #properties = [];

  fn(...args) { return ReflectApply(fn, this.#functions, args); }
  method(...args) { return ReflectApply(method, this.#functions, args); }
  getter(...args) { return ReflectApply(getter, this.#functions, args); }
  setter(...args) { return ReflectApply(setter, this.#functions, args); }

  property(object, propertyName, value) {
    validateObject(object, 'object');
    if (typeof propertyName !== 'string' && typeof propertyName !== 'symbol') throw new ERR_INVALID_ARG_TYPE('propertyName', ['string', 'symbol'], propertyName);
    const context = new MockPropertyContext(object, propertyName, value, arguments.length > 2);
    ArrayPrototypePush(this.#properties, context);
    return new Proxy(object, {
      __proto__: null,
      get: (target, name, receiver) => (name === 'mock' ? context : ReflectGet(target, name, receiver)),
    });
  }

  reset() {
    this.restoreAll();
    FunctionPrototypeCall(reset, this.#functions);
    this.#properties = [];
  }

  restoreAll() {
    FunctionPrototypeCall(restoreAll, this.#functions);
    for (let i = this.#properties.length - 1; i >= 0; i--) this.#properties[i].restore();
  }
}

module.exports = { mock: new MockTracker(), MockFunctionContext, MockTracker };
