// The caller's side of RPC: stubs, the promises that calls return, and properties of either. Each is a proxy around a function, so that any name
// is a property and all can be called; what it stands for is its handler, a face.

import { op_rpc_call, op_rpc_dispose, op_rpc_dup, op_rpc_local } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { defineInterface, illegalConstructor, illegalInvocation, isObject } from "../webapi/webidl.js";
import { packArguments, stubMembers, unpackResult } from "./rpc.js";
import { failure, unpackThrown } from "./rpc_error.js";
import { keep, unkeep } from "./context.js";
import { addExport, keepingEvent } from "./rpc_target.js";
import { serviceFace } from "./service.js";

const {
  ArrayPrototypePush, ArrayPrototypeReverse, Error, FunctionPrototypeCall, ObjectDefineProperty, ObjectHasOwn, ObjectSetPrototypeOf, PromisePrototypeThen,
  PromiseReject, Proxy, ReflectGet, ReflectHas, ReflectOwnKeys, SafePromisePrototypeFinally, SymbolDispose, SymbolToStringTag, TypeError,
} = primordials;

// What faces stand for; the first four are what op_rpc_call can be made on.
export const SERVICE = 0;
export const OBJECT = 1;
export const STUB = 2;
export const PROMISE = 3;
export const PROPERTY = 4;

/** Names in one path. */
const MAX_DEPTH = 64;

/** What all proxies are around. Nothing about it is ever seen or changed. */
const callable = () => {};

class ReturnArgument {
  constructor(object) {
    return object;
  }
}

/** Marks a proxy with its face, where nobody else can. */
class Marked extends ReturnArgument {
  #face;

  constructor(proxy, face) {
    super(proxy);
    this.#face = face;
  }

  static face(value) {
    return isObject(value) && #face in value ? value.#face : undefined;
  }
}

/** The face behind a stub, promise or property; undefined for anything else. */
export const faceOf = Marked.face;

/** Marks any proxy of the runtime's own with what faces it stands for. */
export function mark(proxy, face) {
  return new Marked(proxy, face);
}

export function isStub(value) {
  return faceOf(value)?.kind === STUB;
}

// === Faces ===

/** The handler of a proxy. `prototype` is what the proxy seems to have, `kind` one of the above. */
class Face {
  /** What a Worker has set on the proxy. */
  own = null;

  get(target, name, receiver) {
    if (this.own !== null && ObjectHasOwn(this.own, name)) return this.own[name];
    if (typeof name === "symbol" || ReflectHas(this.prototype, name)) return ReflectGet(this.prototype, name, receiver);
    // Only promises and properties are thenable, by their prototypes.
    return name === "then" ? undefined : newProperty(this, name);
  }

  has(target, name) {
    if (this.own !== null && ObjectHasOwn(this.own, name)) return true;
    return (typeof name === "string" && name !== "then") || ReflectHas(this.prototype, name);
  }

  set(target, name, value) {
    this.own ??= { __proto__: null };
    this.own[name] = value;
    return true;
  }

  deleteProperty(target, name) {
    if (this.own !== null) delete this.own[name];
    return true;
  }

  defineProperty(target, name, descriptor) {
    if (descriptor.configurable === false) return false;
    this.own ??= { __proto__: null };
    ObjectDefineProperty(this.own, name, { __proto__: null, ...descriptor, configurable: true });
    return true;
  }

  getOwnPropertyDescriptor(target, name) {
    if (this.own === null || !ObjectHasOwn(this.own, name)) return undefined;
    return { __proto__: null, value: this.own[name], writable: true, enumerable: true, configurable: true };
  }

  ownKeys() {
    return this.own === null ? [] : ReflectOwnKeys(this.own);
  }

  getPrototypeOf() {
    return this.prototype;
  }

  setPrototypeOf() {
    return false;
  }

  isExtensible() {
    return true;
  }

  preventExtensions() {
    return false;
  }

  apply(target, self, args) {
    return makeProxy(request(this, args));
  }

  /** Throws when it can't be used any more. */
  check() {}
}
// Traps that are not here are not anybody's either.
ObjectSetPrototypeOf(Face.prototype, null);

function makeProxy(face) {
  return new Marked(new Proxy(callable, face), face);
}

/** The root of a binding's methods: another Worker's entrypoint, or an object. */
export class BindingFace extends Face {
  kind;
  number;
  id;
  name;
  depth = 0;

  /** `id`, `name`: the object's, or the entrypoint and props of a service. */
  constructor(kind, number, id = undefined, name = undefined) {
    super();
    this.kind = kind;
    this.number = number;
    this.id = id;
    this.name = name;
  }
}

class StubFace extends Face {
  number;
  depth = 0;
  disposed = false;
  /** The event that lasts as long as this. */
  keptBy = undefined;

  constructor(number) {
    super();
    this.number = number;
  }

  check() {
    if (this.disposed) throw new Error("RPC stub used after being disposed.");
  }

  dispose() {
    if (this.disposed) return;
    this.disposed = true;
    op_rpc_dispose(this.number);
    if (this.keptBy !== undefined) unkeep(this.keptBy);
  }
}

const PENDING = 0;
const RESOLVED = 1;
const REJECTED = 2;

class PromiseFace extends Face {
  /** The call's number; undefined while it has not been sent. */
  number = undefined;
  depth = 0;
  state = PENDING;
  disposed = false;
  /** The promise behind it, and what it is of. */
  inner = undefined;
  value = undefined;

  check() {
    if (this.disposed) throw new Error("RPC promise used after being disposed.");
  }

  /** Waits for what op_rpc_call gave. */
  await(promise) {
    return PromisePrototypeThen(promise, (answer) => this.answered(answer), (error) => {
      this.state = REJECTED;
      throw error;
    });
  }

  answered(answer) {
    if (answer[0] !== 0) {
      this.state = REJECTED;
      throw answer[0] === 1 ? unpackThrown(answer[1]) : failure(answer[1], answer[2], answer[3], answer[4]);
    }
    const value = unpackResult(answer[1], answer[2]);
    this.state = RESOLVED;
    if (this.disposed) disposeValue(value);
    else this.value = value;
    return value;
  }

  dispose() {
    if (this.disposed) return;
    this.disposed = true;
    disposeValue(this.value);
  }
}

function disposeValue(value) {
  if (!isObject(value)) return;
  const dispose = value[SymbolDispose];
  if (typeof dispose === "function") FunctionPrototypeCall(dispose, value);
}

class PropertyFace extends Face {
  parent;
  name;
  depth;

  constructor(parent, name) {
    super();
    this.parent = parent;
    this.name = name;
    this.depth = parent.depth + 1;
  }
}

/** What members of a binding are properties of; undefined for any other value. */
export function rootOf(value) {
  const face = faceOf(value);
  return face !== undefined && face.kind === OBJECT ? face : serviceFace(value);
}

/** A promise of what a member returns. */
export function callMember(face, name, args) {
  return request(new PropertyFace(face, name), args).inner;
}

export function newProperty(parent, name) {
  if (parent.depth >= MAX_DEPTH) throw new TypeError("RPC pipelined property path is too deep (max 64).");
  return makeProxy(new PropertyFace(parent, name));
}

export function newStub(number) {
  return makeProxy(new StubFace(number));
}

// === Calls ===

/** Calls what a face stands for with arguments, or reads it where there are none. Whatever is wrong rejects the promise. */
function request(face, args) {
  const promise = new PromiseFace();
  try {
    let root = face;
    let path = [];
    if (face.kind === PROPERTY) {
      root = face.parent;
      if (root.kind !== PROPERTY) {
        path = face.name;
      } else {
        ArrayPrototypePush(path, face.name);
        for (; root.kind === PROPERTY; root = root.parent) ArrayPrototypePush(path, root.name);
        ArrayPrototypeReverse(path);
      }
    }
    root.check();
    const calls = args !== undefined;
    const { data, slots } = calls ? packArguments(args) : { data: undefined, slots: undefined };
    promise.inner = send(promise, root, path, calls, data, slots);
  } catch (error) {
    promise.state = REJECTED;
    promise.inner = PromiseReject(error);
  }
  return promise;
}

function send(promise, root, path, calls, data, slots) {
  if (root.kind === PROMISE) {
    if (root.state === REJECTED) return root.inner;
    if (root.state === RESOLVED) return sendToValue(promise, root.value, path, calls, data, slots, false);
    const sent = root.number === undefined ? undefined : op_rpc_call(PROMISE, root.number, undefined, undefined, path, calls, data, slots);
    if (sent !== undefined) return began(promise, sent);
    // The answer is there and has only to be looked at.
    return PromisePrototypeThen(root.inner, (value) => sendToValue(promise, value, path, calls, data, slots, true));
  }
  return began(promise, op_rpc_call(root.kind, root.number, root.id, root.name, path, calls, data, slots));
}

function began(promise, sent) {
  promise.number = sent[1];
  return promise.await(sent[0]);
}

/** A call on a result that has come: what stubs in it lead to stays where it is, and the rest is called as though from elsewhere. */
function sendToValue(promise, value, path, calls, data, slots, late) {
  const face = isStub(value) ? faceOf(value) : rootOf(value);
  if (face !== undefined) {
    face.check();
    return began(promise, op_rpc_call(face.kind, face.number, face.id, face.name, path, calls, data, slots));
  }
  if (!isObject(value) && !late) throw new TypeError("Can't pipeline on RPC that did not return an object.");
  const target = isObject(value) && stubMembers(value) !== undefined ? value : {};
  const stub = op_rpc_local(addExport(target, true, false, { borrowed: true }));
  try {
    return began(promise, op_rpc_call(STUB, stub, undefined, undefined, path, calls, data, slots));
  } finally {
    op_rpc_dispose(stub);
  }
}

// === What a Worker sees ===

export class RpcStub {
  constructor(target) {
    if (!isObject(target)) throw new TypeError("Failed to construct 'JsRpcStub': constructor parameter 1 is not of type 'Object'.");
    const own = stubMembers(target);
    if (own === undefined) throw new TypeError("RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.");
    return newStub(op_rpc_local(addExport(target, own, false)));
  }

  dup() {
    const face = faceOf(this);
    if (face === undefined || face.kind !== STUB) illegalInvocation();
    face.check();
    const duplicate = new StubFace(op_rpc_dup(face.number));
    duplicate.keptBy = keepingEvent();
    if (duplicate.keptBy !== undefined) keep(duplicate.keptBy);
    return makeProxy(duplicate);
  }

  [SymbolDispose]() {
    const face = faceOf(this);
    if (face === undefined || face.kind !== STUB) illegalInvocation();
    face.dispose();
  }
}

/** The promise behind a thenable of RPC. Reading a property is done anew each time that somebody waits for it. */
function innerOf(thenable, kind) {
  const face = faceOf(thenable);
  if (face === undefined || face.kind !== kind) illegalInvocation();
  return kind === PROMISE ? face.inner : request(face, undefined).inner;
}

export class RpcPromise {
  constructor() {
    illegalConstructor();
  }

  then(onFulfilled, onRejected) {
    return PromisePrototypeThen(innerOf(this, PROMISE), onFulfilled, onRejected);
  }

  catch(onRejected) {
    return PromisePrototypeThen(innerOf(this, PROMISE), undefined, onRejected);
  }

  finally(onFinally) {
    return SafePromisePrototypeFinally(innerOf(this, PROMISE), onFinally);
  }

  [SymbolDispose]() {
    const face = faceOf(this);
    if (face === undefined || face.kind !== PROMISE) illegalInvocation();
    face.dispose();
  }
}

export class RpcProperty {
  constructor() {
    illegalConstructor();
  }

  then(onFulfilled, onRejected) {
    return PromisePrototypeThen(innerOf(this, PROPERTY), onFulfilled, onRejected);
  }

  catch(onRejected) {
    return PromisePrototypeThen(innerOf(this, PROPERTY), undefined, onRejected);
  }

  finally(onFinally) {
    return SafePromisePrototypeFinally(innerOf(this, PROPERTY), onFinally);
  }
}

const FACES = [[StubFace, STUB, RpcStub, "JsRpcStub"], [PromiseFace, PROMISE, RpcPromise, "JsRpcPromise"], [PropertyFace, PROPERTY, RpcProperty, "JsRpcProperty"]];
for (let i = 0; i < FACES.length; i++) {
  const [Faces, kind, Class, tag] = FACES[i];
  Faces.prototype.kind = kind;
  Faces.prototype.prototype = Class.prototype;
  defineInterface(Class);
  ObjectDefineProperty(Class.prototype, SymbolToStringTag, { __proto__: null, configurable: true, value: tag });
}
ObjectDefineProperty(RpcStub, "length", { __proto__: null, configurable: true, value: 0 });
