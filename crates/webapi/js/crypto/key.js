// CryptoKey (section 13), and the checks that every family makes of its keys.

import { primordials } from "../primordials.js";
import { createEnum, createInterface, createSequence, defineInterface, illegalConstructor, illegalInvocation, isObject } from "../webidl.js";
import { DOMException } from "../domexception.js";
const { ArrayPrototypeIncludes, ArrayPrototypePush, ObjectDefineProperty, Symbol } = primordials;

export const INTERNAL = Symbol("crypto");

export function noConstructor(Class) {
  ObjectDefineProperty(Class, "length", { __proto__: null, configurable: true, value: 0 });
}

const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
export const toUsages = createSequence(createEnum("KeyUsage", USAGES));
export const toKeyFormat = createEnum("KeyFormat", ["raw", "spki", "pkcs8", "jwk"]);

export class CryptoKey {
  #material;
  #algorithm;
  #usages;

  constructor(token, material, algorithm, usages) {
    if (token !== INTERNAL) illegalConstructor();
    this.#material = material;
    this.#algorithm = algorithm;
    this.#usages = usages;
  }

  get type() { return #material in this ? this.#material.type : illegalInvocation(); }
  get extractable() { return #material in this ? this.#material.extractable : illegalInvocation(); }
  get algorithm() { return #material in this ? this.#algorithm : illegalInvocation(); }
  get usages() { return #material in this ? this.#usages : illegalInvocation(); }

  static {
    isCryptoKey = (value) => isObject(value) && #material in value;
    materialOf = (key) => key.#material;
  }
}
var isCryptoKey;
/**
 * What a key is: { type, extractable, name, usages, bytes } and what its family adds. `bytes` are the secret itself, or the key in DER.
 * What a Worker does to `key.algorithm` and `key.usages` doesn't change it.
 */
export var materialOf;
/** The same of a value that may be no key: undefined then. */
export const keyMaterial = (value) => (isCryptoKey(value) ? materialOf(value) : undefined);
defineInterface(CryptoKey);
noConstructor(CryptoKey);
export const toCryptoKey = createInterface("CryptoKey", (value) => isCryptoKey(value));

/** A key from { type, extractable, name, usages, bytes, ... } and the `algorithm` that Workers see. */
export function newKey(material, algorithm) {
  material.usages = inOrder(material.usages);
  return new CryptoKey(INTERNAL, material, algorithm, inOrder(material.usages));
}

/** The usages once each, in the order of the standard. */
function inOrder(usages) {
  const ordered = [];
  for (let i = 0; i < USAGES.length; i++) {
    if (ArrayPrototypeIncludes(usages, USAGES[i])) ArrayPrototypePush(ordered, USAGES[i]);
  }
  return ordered;
}

/** Those of `usages` that `allowed` has. */
export function commonUsages(usages, allowed) {
  const common = [];
  for (let i = 0; i < usages.length; i++) {
    if (ArrayPrototypeIncludes(allowed, usages[i])) ArrayPrototypePush(common, usages[i]);
  }
  return common;
}

/** `verb` is "generate", "import secret", ... */
export function checkUsages(usages, allowed, verb, name) {
  for (let i = 0; i < usages.length; i++) {
    if (!ArrayPrototypeIncludes(allowed, usages[i])) {
      throw new DOMException(`Attempt to ${verb} ${name} key with invalid usage "${usages[i]}".`, "SyntaxError");
    }
  }
}

export function requireUsages(usages) {
  if (usages.length === 0) throw new DOMException("Secret/private CryptoKeys must have at least one usage.", "SyntaxError");
}

/** The material of `key` when it is one of the algorithm and may be used as asked. */
export function keyFor(usage, name, key) {
  const material = materialOf(key);
  if (material.name !== name) {
    throw new DOMException(`Requested algorithm "${name}" does not match this CryptoKey's algorithm "${material.name}".`, "InvalidAccessError");
  }
  if (!ArrayPrototypeIncludes(material.usages, usage)) {
    throw new DOMException(`Requested key usage "${usage}" does not match any usage listed in this CryptoKey.`, "InvalidAccessError");
  }
  return material;
}

export function unknownFormat(verb, format, name) {
  const message = verb === "import" ? `Unrecognized key import format "${format}".` : `Unrecognized or unimplemented key ${verb} format "${format}" for ${name}.`;
  return new DOMException(message, "NotSupportedError");
}

export function operationError(message) {
  return new DOMException(message, "OperationError");
}

export function dataError(message) {
  return new DOMException(message, "DataError");
}
