// The builtins as they were before any Worker could change them, under the names Node's internals use:
// `ArrayPrototypePush(array, x)`, `ObjectKeys(o)`, `SymbolAsyncIterator`, `TypedArrayPrototypeGetByteLength(view)`.
//
// Every module of the runtime destructures what it needs from `primordials` while the snapshot is being made. After the last module
// has been evaluated `forgetPrimordials()` drops the table, so that the snapshot keeps only what is in use.

const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf } = Object;
const { ownKeys } = Reflect;
const { bind, call, apply: functionApply } = Function.prototype;

/** `uncurryThis(f)(self, ...args)` is `f.call(self, ...args)`, whatever has become of `Function.prototype.call`. */
const uncurryThis = bind.bind(call);
/** `applyBind(f)(self, args)` is `f.apply(self, args)`. */
const applyBind = bind.bind(functionApply);

let table = { __proto__: null };

/** `push` -> `Push`, `Symbol.iterator` -> `SymbolIterator`. */
function capitalised(key) {
  if (typeof key === "symbol") {
    return `Symbol${key.description[7].toUpperCase()}${key.description.slice(8)}`;
  }
  return `${key[0].toUpperCase()}${key.slice(1)}`;
}

function addValue(name, value) {
  table[name] = value;
}

/** Statics of `original`: `ObjectKeys`, `MathMax`, and `ArrayPrototype` for the prototype object itself. */
function addStatics(original, name, self) {
  for (const key of ownKeys(original)) {
    if (key === "length" || key === "name" || key === "arguments" || key === "caller") continue;
    const { get, set, value } = getOwnPropertyDescriptor(original, key);
    const suffix = capitalised(key);
    if (get !== undefined) {
      addValue(`${name}Get${suffix}`, uncurryThis(get));
      if (set !== undefined) addValue(`${name}Set${suffix}`, uncurryThis(set));
    } else {
      addValue(`${name}${suffix}`, self !== undefined && typeof value === "function" ? bind.call(value, self) : value);
    }
  }
}

/** Methods and accessors of a prototype, taking the receiver as their first argument; `...Apply` forms take an array of arguments. */
function addPrototype(prototype, name) {
  for (const key of ownKeys(prototype)) {
    if (key === "constructor") continue;
    const { get, set, value } = getOwnPropertyDescriptor(prototype, key);
    const suffix = capitalised(key);
    if (get !== undefined) {
      addValue(`${name}Get${suffix}`, uncurryThis(get));
      if (set !== undefined) addValue(`${name}Set${suffix}`, uncurryThis(set));
    } else if (typeof value === "function") {
      addValue(`${name}${suffix}`, uncurryThis(value));
      addValue(`${name}${suffix}Apply`, applyBind(value));
    } else {
      addValue(`${name}${suffix}`, value);
    }
  }
}

for (const name of ["decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent"]) {
  addValue(name, globalThis[name]);
}

for (const name of ["Atomics", "JSON", "Math", "Reflect"]) {
  addStatics(globalThis[name], name);
}

for (const name of [
  "AggregateError", "Array", "ArrayBuffer", "BigInt", "BigInt64Array", "BigUint64Array", "Boolean", "DataView", "Date",
  "Error", "EvalError", "FinalizationRegistry", "Float16Array", "Float32Array", "Float64Array", "Function", "Int16Array", "Int32Array",
  "Int8Array", "Iterator", "Map", "Number", "Object", "RangeError", "ReferenceError", "RegExp", "Set", "SharedArrayBuffer", "String",
  "SuppressedError", "Symbol", "SyntaxError", "TypeError", "URIError", "Uint16Array", "Uint32Array", "Uint8Array",
  "Uint8ClampedArray", "WeakMap", "WeakRef", "WeakSet",
]) {
  const original = globalThis[name];
  if (original === undefined) continue;
  addValue(name, original);
  addStatics(original, name);
  addPrototype(original.prototype, `${name}Prototype`);
}
addValue("Proxy", Proxy);
addValue("globalThis", globalThis);

// The statics of Promise use their receiver as the constructor.
addValue("Promise", Promise);
addStatics(Promise, "Promise", Promise);
addValue("PromisePrototype", Promise.prototype);
addPrototype(Promise.prototype, "PromisePrototype");

// Intrinsics that have no global name.
const TypedArray = getPrototypeOf(Uint8Array);
addValue("TypedArray", TypedArray);
addStatics(TypedArray, "TypedArray");
addPrototype(TypedArray.prototype, "TypedArrayPrototype");
const AsyncGeneratorPrototype = getPrototypeOf(async function* () {}).prototype;
for (const [name, prototype] of [
  ["Iterator", getPrototypeOf(getPrototypeOf([][Symbol.iterator]()))],
  ["ArrayIterator", getPrototypeOf([][Symbol.iterator]())],
  ["StringIterator", getPrototypeOf(""[Symbol.iterator]())],
  ["MapIterator", getPrototypeOf(new Map().entries())],
  ["SetIterator", getPrototypeOf(new Set().values())],
  ["Generator", getPrototypeOf(function* () {}).prototype],
  ["AsyncGenerator", AsyncGeneratorPrototype],
  ["AsyncIterator", getPrototypeOf(AsyncGeneratorPrototype)],
]) {
  addValue(`${name}Prototype`, prototype);
  addPrototype(prototype, `${name}Prototype`);
}

addValue("uncurryThis", uncurryThis);
addValue("applyBind", applyBind);

// === Collections and iterators that no Worker can reach ===

function makeSafeIterator(createIterator, next) {
  class SafeIterator {
    #iterator;
    constructor(iterable) {
      this.#iterator = createIterator(iterable);
    }
    next() {
      return next(this.#iterator);
    }
    [Symbol.iterator]() {
      return this;
    }
  }
  setPrototypeOf(SafeIterator.prototype, null);
  freeze(SafeIterator.prototype);
  return freeze(SafeIterator);
}

addValue("SafeArrayIterator", makeSafeIterator(table.ArrayPrototypeSymbolIterator, table.ArrayIteratorPrototypeNext));
addValue("SafeStringIterator", makeSafeIterator(table.StringPrototypeSymbolIterator, table.StringIteratorPrototypeNext));

/**
 * Gives `safe`, a subclass of `unsafe`, its own frozen copy of everything that it would inherit. Iterators that it returns are safe ones:
 * `next` is the primordial that steps them.
 */
function makeSafe(unsafe, safe, next) {
  for (const key of ownKeys(unsafe.prototype)) {
    if (Object.hasOwn(safe.prototype, key)) continue;
    const descriptor = getOwnPropertyDescriptor(unsafe.prototype, key);
    const isIteration = next !== undefined && (key === "keys" || key === "values" || key === "entries" || key === Symbol.iterator);
    if (isIteration) {
      const Iterator = makeSafeIterator(uncurryThis(descriptor.value), next);
      descriptor.value = function () {
        return new Iterator(this);
      };
    }
    defineProperty(safe.prototype, key, descriptor);
  }
  for (const key of ownKeys(unsafe)) {
    if (!Object.hasOwn(safe, key)) defineProperty(safe, key, getOwnPropertyDescriptor(unsafe, key));
  }
  setPrototypeOf(safe.prototype, null);
  freeze(safe.prototype);
  return freeze(safe);
}

addValue("makeSafe", makeSafe);
addValue("SafeMap", makeSafe(Map, class SafeMap extends Map {
  constructor(entries) { super(entries); }
}, table.MapIteratorPrototypeNext));
addValue("SafeSet", makeSafe(Set, class SafeSet extends Set {
  constructor(values) { super(values); }
}, table.SetIteratorPrototypeNext));
addValue("SafeWeakMap", makeSafe(WeakMap, class SafeWeakMap extends WeakMap {
  constructor(entries) { super(entries); }
}));
addValue("SafeWeakSet", makeSafe(WeakSet, class SafeWeakSet extends WeakSet {
  constructor(values) { super(values); }
}));
addValue("SafeWeakRef", makeSafe(WeakRef, class SafeWeakRef extends WeakRef {
  constructor(target) { super(target); }
}));
addValue("SafeFinalizationRegistry", makeSafe(FinalizationRegistry, class SafeFinalizationRegistry extends FinalizationRegistry {
  constructor(cleanup) { super(cleanup); }
}));

// === Promise combinators over arrays (array-likes) of anything ===
// Unlike `Promise.all` they touch neither `Array.prototype[Symbol.iterator]` nor `Promise.resolve`.

const { PromiseResolve, PromisePrototypeThen, Promise: NativePromise } = table;

/** Calls `each(value, index)` for every promise that fulfils and `reject` for one that rejects. */
function subscribe(promises, mapFn, each, reject) {
  for (let i = 0; i < promises.length; i++) {
    const promise = mapFn === undefined ? promises[i] : mapFn(promises[i], i);
    PromisePrototypeThen(PromiseResolve(promise), (value) => each(value, i), (reason) => reject(reason, i));
  }
}

addValue("SafePromiseAll", (promises, mapFn) => new NativePromise((resolve, reject) => {
  let pending = promises.length;
  const results = new Array(pending);
  if (pending === 0) resolve(results);
  subscribe(promises, mapFn, (value, i) => {
    results[i] = value;
    if (--pending === 0) resolve(results);
  }, reject);
}));
addValue("SafePromiseAllReturnVoid", (promises, mapFn) => new NativePromise((resolve, reject) => {
  let pending = promises.length;
  if (pending === 0) resolve();
  subscribe(promises, mapFn, () => {
    if (--pending === 0) resolve();
  }, reject);
}));
addValue("SafePromiseAllSettled", (promises, mapFn) => new NativePromise((resolve) => {
  let pending = promises.length;
  const results = new Array(pending);
  if (pending === 0) resolve(results);
  const settle = (result, i) => {
    results[i] = result;
    if (--pending === 0) resolve(results);
  };
  subscribe(
    promises, mapFn,
    (value, i) => settle({ status: "fulfilled", value }, i),
    (reason, i) => settle({ status: "rejected", reason }, i),
  );
}));
addValue("SafePromiseAllSettledReturnVoid", (promises, mapFn) => new NativePromise((resolve) => {
  let pending = promises.length;
  if (pending === 0) resolve();
  const settle = () => {
    if (--pending === 0) resolve();
  };
  subscribe(promises, mapFn, settle, settle);
}));
addValue("SafePromiseRace", (promises, mapFn) => new NativePromise((resolve, reject) => {
  subscribe(promises, mapFn, resolve, reject);
}));
/** `promise.finally(onFinally)` without the lookups on the value that it goes through. */
addValue("SafePromisePrototypeFinally", (promise, onFinally) => PromisePrototypeThen(
  promise,
  (value) => PromisePrototypeThen(PromiseResolve(onFinally()), () => value),
  (reason) => PromisePrototypeThen(PromiseResolve(onFinally()), () => { throw reason; }),
));

// The methods that make new objects (`then`, `slice`, `splice`, `filter`) ask the class which one to make: what answers them stays.
for (const Class of [Promise, Array, ArrayBuffer, getPrototypeOf(Uint8Array), RegExp, Map, Set]) {
  defineProperty(Class, Symbol.species, { __proto__: null, configurable: false });
}

export let primordials = freeze(table);

/** Called once, when every module of the runtime has been evaluated. */
export function forgetPrimordials() {
  primordials = table = undefined;
}
