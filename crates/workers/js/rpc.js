// How values travel over RPC: https://developers.cloudflare.com/workers/runtime-apis/rpc/
//
// A value becomes data and slots. The data is a primitive as it is, or bytes in V8's format (../webapi/structured_clone.js) whose host objects are
// `[type, slot, ...]`. A slot is what can't be serialised but handed over, as src/rpc/payload.rs describes it: a stub, a native body, a binding.

import { op_deserialize, op_is_proxy, op_serialize } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { isAbortSignal } from "../webapi/abort.js";
import { DOMException, isDOMException } from "../webapi/domexception.js";
import { cloneableHost, readCloneable, TAGS, withHosts, withoutHosts } from "../webapi/structured_clone.js";
import { isObject } from "../webapi/webidl.js";
import { errorRecord, isNativeError, readErrorRecord } from "./rpc_error.js";
import { readHttp, writeHttp } from "./rpc_http.js";
import { readStream, writeStream } from "./rpc_stream.js";
import { faceOf, isStub, newStub, OBJECT, PROMISE, STUB } from "./rpc_stub.js";
import { addExport, dropExport, RpcTarget } from "./rpc_target.js";
import { LoopbackServiceStub, makeFetcher, serviceFace } from "./service.js";
import { makeObjectStub } from "./durable_objects.js";

const {
  ArrayIsArray, ArrayPrototypePush, Map, MapPrototypeForEach, MapPrototypeSet, ObjectDefineProperty, ObjectFreeze, ObjectGetPrototypeOf, ObjectKeys, ObjectPrototype,
  ObjectPrototypeIsPrototypeOf, SafeMap, Set, SetPrototypeAdd, SetPrototypeForEach, StringPrototypeIsWellFormed, SymbolDispose, TypeError,
} = primordials;

// The types of host objects. What rpc_http.js and rpc_stream.js write has theirs.
const TYPE_STUB = 0;
const TYPE_SERVICE = 1;
const TYPE_OBJECT = 2;
const TYPE_ERROR = 3;
/** No object of the value's: what disposing of the value is told to. */
const TYPE_DISPOSER = 4;
const TYPE_STREAM = 5;
const TYPE_HTTP = 6;

/** Stands in a value for what V8 takes for no host object: a function, a proxy. `write(packing)` is as for any other. */
class Placeholder {
  constructor(write) {
    this.write = write;
  }
}

/** One value on its way out. */
class Packing {
  slots = undefined;
  /** The stubs in it, whose own are disposed of once they have left. */
  stubs = undefined;
  /** The numbers of what it exports. */
  exported = undefined;
  /** It is what a call returns: the event lasts as long as what it exports is held. */
  isResult;

  constructor(isResult) {
    this.isResult = isResult;
  }

  /** The place of a new slot. */
  add(slot) {
    this.slots ??= [];
    ArrayPrototypePush(this.slots, slot);
    return this.slots.length - 1;
  }

  /** A slot with a stub of `value`. `own`: its own properties are its members, rather than those of its class. */
  export(value, own, options = undefined) {
    const number = addExport(value, own, this.isResult, options);
    this.exported ??= [];
    ArrayPrototypePush(this.exported, number);
    return this.add([1, number, this.isResult]);
  }

  stub(face) {
    face.check();
    if (this.isResult) {
      this.stubs ??= [];
      ArrayPrototypePush(this.stubs, face);
    }
    return [TYPE_STUB, this.add([0, face.number])];
  }
}

// === What can't be cloned ===

function notSerializable(name) {
  return new DOMException(`Could not serialize object of type "${name}". This type does not support serialization.`, "DataCloneError");
}

function className(object) {
  try {
    const { name } = object.constructor;
    if (typeof name === "string" && name !== "") return name;
  } catch {
    // Whatever its getters throw, it has no name.
  }
  return "Object";
}

/** What stubs may lead to, and how: true for own properties, false for those of its class; undefined for anything else. */
export function stubMembers(value) {
  const prototype = ObjectGetPrototypeOf(value);
  if (prototype === ObjectPrototype) return true;
  if (ObjectPrototypeIsPrototypeOf(RpcTarget.prototype, value)) return false;
  return typeof value === "function" ? true : undefined;
}

/** How an object is written that V8 would refuse; undefined for any other. */
function replacement(value) {
  const face = faceOf(value);
  if (face !== undefined) return new Placeholder(faceWriter(face));
  if (ObjectPrototypeIsPrototypeOf(LoopbackServiceStub.prototype, value)) throw notSerializable("LoopbackServiceStub");
  if (typeof value === "function") return new Placeholder((packing) => [TYPE_STUB, packing.export(value, true)]);
  if (!op_is_proxy(value)) return undefined;
  const own = stubMembers(value);
  if (own === undefined) {
    throw new DOMException(
      "Proxy could not be serialized because it is not a valid RPC receiver type. The Proxy must emulate either a plain object or an RpcTarget, " +
        "as indicated by the Proxy's prototype chain.",
      "DataCloneError",
    );
  }
  return new Placeholder((packing) => [TYPE_STUB, packing.export(value, own)]);
}

function faceWriter(face) {
  switch (face.kind) {
    case STUB: return (packing) => packing.stub(face);
    case OBJECT: return (packing) => [TYPE_OBJECT, packing.add([4, face.number, face.id, face.name])];
    case PROMISE: throw notSerializable("RpcPromise");
    default: throw notSerializable("RpcProperty");
  }
}

function errorWriter(error) {
  return () => [TYPE_ERROR, errorRecord(error)];
}

/** How a host object is written: `write(packing)` gives what stands for it. */
function hostWriter(object) {
  if (object instanceof Placeholder) return object.write;
  if (isNativeError(object)) return errorWriter(object);
  if (ObjectPrototypeIsPrototypeOf(RpcTarget.prototype, object)) return (packing) => [TYPE_STUB, packing.export(object, false)];
  const service = serviceFace(object);
  if (service !== undefined) return (packing) => [TYPE_SERVICE, packing.add([3, service.number, service.id, service.name])];
  const http = writeHttp(object);
  if (http !== undefined) return (packing) => [TYPE_HTTP, http(packing)];
  const stream = writeStream(object);
  if (stream !== undefined) {
    return (packing) => {
      const written = stream(packing);
      return [TYPE_STREAM, written[1], written[0]];
    };
  }
  if (isAbortSignal(object)) throw new DOMException("AbortSignal serialization is not enabled.", "DataCloneError");
  const cloneable = cloneableHost(object);
  if (cloneable === undefined) throw notSerializable(className(object));
  return () => cloneable;
}

const isHost = () => true;

/** The bytes of a value and the writers of its host objects. An error of ours, not V8's, is `refusal`. */
let refusal;

function serialize(value) {
  const writers = [];
  refusal = undefined;
  const bytes = op_serialize(value, [], isHost, (object) => {
    try {
      ArrayPrototypePush(writers, hostWriter(object));
    } catch (error) {
      refusal = error;
      throw error;
    }
    return writers.length - 1;
  });
  return { bytes, writers };
}

/** Serialises a value. Only when V8 refuses it are functions and proxies looked for in it: most values have none. */
function serializeAny(value) {
  try {
    return serialize(value);
  } catch (error) {
    if (error === refusal || !isDOMException(error)) throw error;
    const replaced = new Replacing();
    const copy = replaced.copy(value);
    if (!replaced.any) throw error;
    return serialize(copy);
  }
}

/** A copy of a value in which what V8 refuses is replaced. */
class Replacing {
  any = false;
  #seen = new SafeMap();

  copy(value) {
    if (!isObject(value)) return value;
    const seen = this.#seen.get(value);
    if (seen !== undefined) return seen;
    const replaced = replacement(value);
    if (replaced !== undefined) {
      this.any = true;
      this.#seen.set(value, replaced);
      return replaced;
    }
    if (ArrayIsArray(value)) {
      const copy = [];
      copy.length = value.length;
      return this.#members(value, copy);
    }
    if (ObjectGetPrototypeOf(value) === ObjectPrototype) return this.#members(value, {});
    return this.#collection(value) ?? value;
  }

  #members(value, copy) {
    this.#seen.set(value, copy);
    const keys = ObjectKeys(value);
    for (let i = 0; i < keys.length; i++) {
      ObjectDefineProperty(copy, keys[i], { __proto__: null, value: this.copy(value[keys[i]]), writable: true, enumerable: true, configurable: true });
    }
    return copy;
  }

  #collection(value) {
    try {
      const copy = new Map();
      MapPrototypeForEach(value, () => {});
      this.#seen.set(value, copy);
      MapPrototypeForEach(value, (item, key) => MapPrototypeSet(copy, this.copy(key), this.copy(item)));
      return copy;
    } catch (error) {
      if (this.#seen.get(value) !== undefined) throw error;
    }
    try {
      const copy = new Set();
      SetPrototypeForEach(value, () => {});
      this.#seen.set(value, copy);
      SetPrototypeForEach(value, (item) => SetPrototypeAdd(copy, this.copy(item)));
      return copy;
    } catch (error) {
      if (this.#seen.get(value) !== undefined) throw error;
    }
    return undefined;
  }
}

// === Out ===

/** Data of a value, its slots going to `packing`. `disposer`: what disposing of the value is told to. */
function pack(value, packing, disposer = undefined) {
  const { bytes, writers } = serializeAny(value);
  const hosts = [];
  try {
    for (let i = 0; i < writers.length; i++) {
      const written = writers[i](packing);
      ArrayPrototypePush(hosts, ArrayIsArray(written) ? { tag: TAGS.RpcStub, data: written } : written);
    }
    if (disposer !== undefined) ArrayPrototypePush(hosts, { tag: TAGS.RpcStub, data: [TYPE_DISPOSER, disposer(packing)] });
    return withHosts(bytes, hosts);
  } catch (error) {
    abandon(packing);
    throw error;
  }
}

/** What was exported for a value that doesn't leave. */
function abandon(packing) {
  const { exported } = packing;
  if (exported !== undefined) for (let i = 0; i < exported.length; i++) dropExport(exported[i]);
}

/** A primitive that is its own data. */
function isData(value) {
  return value === undefined || value === null || typeof value === "number" || typeof value === "boolean" ||
    (typeof value === "string" && StringPrototypeIsWellFormed(value));
}

/** The arguments of a call: `{ data, slots }`. */
export function packArguments(args) {
  if (args.length === 0) return { data: undefined, slots: undefined };
  if (args.length === 1 && args[0] !== undefined && isData(args[0])) return { data: args[0], slots: undefined };
  const list = [];
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    ArrayPrototypePush(list, typeof value === "function" ? replacement(value) : value);
  }
  const packing = new Packing(false);
  const data = pack(list, packing);
  return { data, slots: packing.slots };
}

/**
 * What a call returns: `{ data, slots, pipelines (see op_rpc_return), stubs (which were handed over, or undefined) }`. `borrowed`: the value stays the
 * caller's own.
 */
export function packResult(value, borrowed) {
  if (isData(value)) return { data: value, slots: undefined, pipelines: 0, stubs: undefined };
  const packing = new Packing(true);
  let whole = value;
  let pipelines = 0;
  let disposer;
  if (isObject(value)) {
    if (typeof value === "function") whole = replacement(value);
    if (isStub(value) || typeof value === "function" || ObjectPrototypeIsPrototypeOf(RpcTarget.prototype, value)) pipelines = 1;
    else if (!borrowed && ObjectGetPrototypeOf(value) === ObjectPrototype && value[SymbolDispose] !== undefined && !op_is_proxy(value)) disposer = takeDisposer(value);
  }
  if (disposer !== undefined) pipelines = 2;
  const data = pack(whole, packing, disposer === undefined ? undefined : (into) => into.export(value, true, { dispose: disposer, stubs: into.stubs }));
  return { data, slots: packing.slots, pipelines, stubs: borrowed || disposer !== undefined ? undefined : packing.stubs };
}

/** The disposer of a plain object, which is taken from it: there, it gets one that leads back to this. */
function takeDisposer(object) {
  const dispose = object[SymbolDispose];
  if (dispose === undefined) return undefined;
  delete object[SymbolDispose];
  return typeof dispose === "function" ? dispose : undefined;
}

/** The bytes of an object that entrypoints are to find as `ctx.props`: nothing but data can be in it. */
export function packProps(props) {
  const packing = new Packing(false);
  const data = pack(typeof props === "function" ? replacement(props) : props, packing);
  if (packing.slots === undefined) return data;
  abandon(packing);
  throw new DOMException("ctx.props can hold no functions, stubs or streams.", "DataCloneError");
}

// === In ===

/** The stubs that came with one value. */
export class Group {
  stubs = undefined;
  disposer = undefined;

  add(face) {
    this.stubs ??= [];
    ArrayPrototypePush(this.stubs, face);
  }

  dispose() {
    const { stubs, disposer } = this;
    this.stubs = undefined;
    this.disposer = undefined;
    if (stubs !== undefined) for (let i = 0; i < stubs.length; i++) stubs[i].dispose();
    if (disposer !== undefined) disposer.dispose();
  }
}

function malformed() {
  return new TypeError("This RPC message is malformed.");
}

function readHost(data, slots, group) {
  const place = data[1];
  switch (data[0]) {
    case TYPE_STUB: {
      const stub = newStub(slots[place][1]);
      group.add(faceOf(stub));
      return stub;
    }
    case TYPE_SERVICE: return makeFetcher(slots[place][1], slots[place][2], slots[place][3]);
    case TYPE_OBJECT: return makeObjectStub(slots[place][1], slots[place][2], slots[place][3]);
    case TYPE_ERROR: return readErrorRecord(place);
    case TYPE_STREAM: return readStream(data[2], slots, place);
    case TYPE_HTTP: return readHttp(place, slots);
    case TYPE_DISPOSER:
      group.disposer = faceOf(newStub(slots[place][1]));
      return {};
    default: throw malformed();
  }
}

/** The value of data and slots. Its stubs go to `group`. */
export function unpack(data, slots, group) {
  if (!isObject(data)) return data;
  const { bytes, hosts } = withoutHosts(data);
  const objects = [];
  for (let i = 0; i < hosts.length; i++) {
    const { tag, data: host } = hosts[i];
    ArrayPrototypePush(objects, tag === TAGS.RpcStub ? readHost(host, slots, group) : readCloneable(tag, host));
  }
  return op_deserialize(bytes, [], objects);
}

/** What `packProps` was given. */
export function unpackProps(data) {
  return unpack(data, undefined, undefined);
}

/** The arguments of a call. */
export function unpackArguments(data, slots, group) {
  if (data === undefined) return [];
  return isObject(data) ? unpack(data, slots, group) : [data];
}

/** The disposer of what has no stubs. */
const disposeNothing = ObjectFreeze(() => {});

/** What a call returned. All of its stubs can be disposed of with it. */
export function unpackResult(data, slots) {
  if (!isObject(data)) return data;
  const group = slots === undefined ? undefined : new Group();
  const value = unpack(data, slots, group);
  if (isObject(value) && !isStub(value)) {
    const dispose = group === undefined ? disposeNothing : () => group.dispose();
    ObjectDefineProperty(value, SymbolDispose, { __proto__: null, value: dispose, writable: true, enumerable: false, configurable: true });
  }
  return value;
}

