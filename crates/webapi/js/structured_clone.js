// structuredClone (HTML section 2.7 and section 8.6.2) over V8's serializer (src/structured_clone.rs).
//
// A platform object can't be cloned unless its file says how:
//   registerCloneable({ tag, prototype, is, write, read })  `write(object)` -> data, `read(data)` -> object. The data is kept as it
//                                                           is within an isolate, and serialised (so of plain values) to leave it;
//                                                           `tag` is a number that stored data keeps: TAGS gives them out
//   registerTransferable({ prototype, is, detach, receive })  `detach(object)` -> anything, taking what the object stands for away
//                                                           from it; `receive(anything)` -> the object on the other side
// For other files: serialize(value) -> Uint8Array and deserialize(bytes) -> value, for what outlives the isolate.

import { primordials } from "./primordials.js";
import { converters, createDictionary, createSequence, interfacePrototypes, isArrayBuffer, isObject, requiredArguments } from "./webidl.js";
import { Blob, blobBytes, blobType, File, fileName, isBlob, isFile, newBlob } from "./blob.js";
import { DOMException, isDOMException } from "./domexception.js";
import { op_clone, op_deserialize, op_detach, op_serialize } from "skerry:ops";
const {
  ArrayBufferPrototypeGetDetached, ArrayPrototypePush, ObjectDefineProperty, ObjectFreeze, ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf, SafeArrayIterator, SafeMap, SafeSet, TypedArrayPrototypeSet,
  TypedArrayPrototypeSubarray, Uint8Array, uncurryThis,
} = primordials;

/** The numbers of host objects in serialised data. Never renumber: data at rest has them. */
export const TAGS = ObjectFreeze({ __proto__: null, TRANSFERRED: 0, DOMException: 1, Blob: 2, File: 3, RpcStub: 4 });

const cloneableByPrototype = new SafeMap();
const cloneableByTag = new SafeMap();
const transferableByPrototype = new SafeMap();

export function registerCloneable(entry) {
  cloneableByPrototype.set(entry.prototype, entry);
  cloneableByTag.set(entry.tag, entry);
}

export function registerTransferable(entry) {
  transferableByPrototype.set(entry.prototype, entry);
}

/** The first prototype of `object` that is an interface's; null for an object of the Worker's own. */
function interfacePrototypeOf(object) {
  for (let prototype = ObjectGetPrototypeOf(object); prototype !== null; prototype = ObjectGetPrototypeOf(prototype)) {
    if (interfacePrototypes.has(prototype)) return prototype;
  }
  return null;
}

function isHostObject(object) {
  return interfacePrototypeOf(object) !== null;
}

function uncloneable(name) {
  return new DOMException(`#<${name}> could not be cloned.`, "DataCloneError");
}

/** Serialises `value`; what stands for its host objects comes in `hosts` as { tag, data }, in the order of their numbers. */
function write(value, buffers, transferred) {
  const hosts = [];
  const bytes = op_serialize(value, buffers, isHostObject, (object) => {
    const index = transferred?.get(object);
    ArrayPrototypePush(hosts, index === undefined ? hostOf(object) : { tag: TAGS.TRANSFERRED, data: index });
    return hosts.length - 1;
  });
  return { bytes, hosts };
}

function hostOf(object) {
  const prototype = interfacePrototypeOf(object);
  const entry = cloneableByPrototype.get(prototype);
  if (entry === undefined || !entry.is(object)) throw uncloneable(prototype.constructor.name);
  return { tag: entry.tag, data: entry.write(object) };
}

function read({ bytes, hosts }, buffers, received) {
  const objects = [];
  for (let i = 0; i < hosts.length; i++) {
    const { tag, data } = hosts[i];
    if (tag === TAGS.TRANSFERRED && received !== undefined) ArrayPrototypePush(objects, received[data]);
    else ArrayPrototypePush(objects, readCloneable(tag, data));
  }
  return op_deserialize(bytes, buffers, objects);
}

// Serialised data with host objects: this byte (V8's own data begins with 255), the length of the data of the host objects
// (4 bytes, little end first), that data, and the value's.
const WITH_HOSTS = 1;

export function serialize(value) {
  const { bytes, hosts } = write(value, []);
  return withHosts(bytes, hosts);
}

/** The data of a value together with that of its host objects, { tag, data } each. */
export function withHosts(bytes, hosts) {
  if (hosts.length === 0) return bytes;
  const hostBytes = op_serialize(hosts, [], isHostObject, hostOf);
  const whole = new Uint8Array(5 + hostBytes.length + bytes.length);
  const { length } = hostBytes;
  whole[0] = WITH_HOSTS;
  for (let i = 0; i < 4; i++) whole[i + 1] = length >>> (8 * i);
  TypedArrayPrototypeSet(whole, hostBytes, 5);
  TypedArrayPrototypeSet(whole, bytes, 5 + length);
  return whole;
}

export function deserialize(bytes) {
  if (bytes[0] !== WITH_HOSTS) return op_deserialize(bytes, [], []);
  return read(withoutHosts(bytes), []);
}

/** The reverse of `withHosts`. */
export function withoutHosts(bytes) {
  if (bytes[0] !== WITH_HOSTS) return { bytes, hosts: [] };
  const length = bytes[1] | (bytes[2] << 8) | (bytes[3] << 16) | (bytes[4] << 24);
  const hosts = op_deserialize(TypedArrayPrototypeSubarray(bytes, 5, 5 + length), [], []);
  return { bytes: TypedArrayPrototypeSubarray(bytes, 5 + length), hosts };
}

/** What stands for a host object that may leave the isolate by itself; undefined for any other. */
export function cloneableHost(object) {
  const entry = cloneableByPrototype.get(interfacePrototypeOf(object));
  return entry !== undefined && entry.is(object) ? { tag: entry.tag, data: entry.write(object) } : undefined;
}

/** The object that `cloneableHost` gave data of. */
export function readCloneable(tag, data) {
  const entry = cloneableByTag.get(tag);
  if (entry === undefined) throw new DOMException("Unable to deserialize cloned data.", "DataCloneError");
  return entry.read(data);
}

const lastModifiedOf = uncurryThis(ObjectGetOwnPropertyDescriptor(File.prototype, "lastModified").get);

const toOptions = createDictionary("StructuredSerializeOptions", [
  { key: "transfer", converter: createSequence(converters.object), defaultValue: () => [] },
]);

export function structuredClone(value, options = undefined) {
  const prefix = "Failed to execute 'structuredClone' on 'ServiceWorkerGlobalScope'";
  requiredArguments(arguments.length, 1, prefix);
  if (options !== undefined && options !== null) {
    const { transfer } = toOptions(options, prefix, "parameter 2");
    if (transfer.length > 0) return cloneWithTransfer(value, transfer);
  }
  // Primitives are their own clones; a symbol has none.
  if (!isObject(value) && typeof value !== "symbol") return value;
  const hosts = [];
  const result = op_clone(value, isHostObject, (object) => {
    ArrayPrototypePush(hosts, hostOf(object));
    return hosts.length - 1;
  });
  return hosts.length === 0 ? result : read({ bytes: result, hosts }, []);
}

function cloneWithTransfer(value, transfer) {
  return unpackTransfer(packTransfer(value, transfer)).value;
}

/** StructuredSerializeWithTransfer (HTML section 2.7.7): what `unpackTransfer` makes the value of again. What is transferred leaves its owner. */
export function packTransfer(value, transfer) {
  const buffers = [];
  const objects = [];
  const indices = new SafeMap();
  const seen = new SafeSet();
  for (let i = 0; i < transfer.length; i++) {
    const item = transfer[i];
    if (seen.has(item)) throw new DOMException(`Value at index ${i} is a duplicate of an earlier transferable.`, "DataCloneError");
    seen.add(item);
    if (isArrayBuffer(item)) {
      ArrayPrototypePush(buffers, item);
      continue;
    }
    const entry = transferableByPrototype.get(interfacePrototypeOf(item));
    if (entry === undefined || !entry.is(item)) {
      throw new DOMException(`Value at index ${i} does not have a transferable type.`, "DataCloneError");
    }
    indices.set(item, objects.length);
    ArrayPrototypePush(objects, { entry, item });
  }

  const written = write(value, buffers, indices);
  for (let i = 0; i < buffers.length; i++) {
    if (ArrayBufferPrototypeGetDetached(buffers[i])) {
      throw new DOMException("An ArrayBuffer is detached and could not be cloned.", "DataCloneError");
    }
  }
  for (let i = 0; i < buffers.length; i++) {
    buffers[i] = op_detach(buffers[i]);
    if (buffers[i] === undefined) throw new DOMException("An ArrayBuffer is not detachable and could not be cloned.", "DataCloneError");
  }
  const sent = [];
  for (let i = 0; i < objects.length; i++) {
    const { entry, item } = objects[i];
    ArrayPrototypePush(sent, { entry, data: entry.detach(item) });
  }
  return { __proto__: null, written, buffers, sent };
}

/** StructuredDeserializeWithTransfer (HTML section 2.7.8): the value, and the transferred objects that are no buffers, in their order. */
export function unpackTransfer({ written, buffers, sent }) {
  const received = [];
  for (let i = 0; i < sent.length; i++) ArrayPrototypePush(received, sent[i].entry.receive(sent[i].data));
  return { __proto__: null, value: read(written, buffers, received), received };
}

registerCloneable({
  tag: TAGS.DOMException,
  prototype: DOMException.prototype,
  is: isDOMException,
  write(exception) {
    const stack = ObjectGetOwnPropertyDescriptor(exception, "stack")?.value;
    return { name: exception.name, message: exception.message, stack: typeof stack === "string" ? stack : undefined };
  },
  read({ name, message, stack }) {
    const exception = new DOMException(message, name);
    if (stack !== undefined) {
      ObjectDefineProperty(exception, "stack", { __proto__: null, configurable: true, writable: true, value: stack });
    }
    return exception;
  },
});

registerCloneable({
  tag: TAGS.Blob,
  prototype: Blob.prototype,
  is: isBlob,
  write: (blob) => ({ bytes: blobBytes(blob), type: blobType(blob) }),
  read: ({ bytes, type }) => newBlob(bytes, type),
});

registerCloneable({
  tag: TAGS.File,
  prototype: File.prototype,
  is: isFile,
  write: (file) => ({ bytes: blobBytes(file), type: blobType(file), name: fileName(file), lastModified: lastModifiedOf(file) }),
  read: ({ bytes, type, name, lastModified }) => new File(new SafeArrayIterator([bytes]), name, { __proto__: null, type, lastModified }),
});
