// SubtleCrypto (section 14). Everything happens before the first promise is returned, so no copies of the data are needed.

import { primordials } from "../primordials.js";
import { converters, createNullable, defineInterface, illegalConstructor, illegalInvocation, isBufferSource, requiredArguments } from "../webidl.js";
import { DOMException } from "../domexception.js";
import { utf8Decode, utf8Encode } from "../encoding.js";
import { toDigest } from "./hashes.js";
import { dataError, INTERNAL, keyFor, materialOf, noConstructor, operationError, toCryptoKey, toKeyFormat, toUsages, unknownFormat } from "./key.js";
import { familyOf, normalize } from "./registry.js";
import { bufferOf, copyBytes, toView, truncateBits, viewByteLength } from "./views.js";
import { op_digest, op_timing_safe_equal } from "skerry:ops";
const {
  JSONParse, JSONStringify, MathCeil, ObjectPrototype, ObjectSetPrototypeOf, StringPrototypePadEnd, StringPrototypeSlice, TypeError,
  TypedArrayPrototypeSubarray, Uint8Array,
} = primordials;

const toBitLength = createNullable((value, prefix, context) => converters["unsigned long"](value, prefix, context));

export class SubtleCrypto {
  #brand = true;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
  }

  async encrypt(algorithm, key, data) {
    const prefix = begin(#brand in this, "encrypt", 3, arguments.length);
    return transform("encrypt", algorithm, key, data, prefix);
  }

  async decrypt(algorithm, key, data) {
    const prefix = begin(#brand in this, "decrypt", 3, arguments.length);
    return transform("decrypt", algorithm, key, data, prefix);
  }

  async sign(algorithm, key, data) {
    const prefix = begin(#brand in this, "sign", 3, arguments.length);
    return transform("sign", algorithm, key, data, prefix);
  }

  async verify(algorithm, key, signature, data) {
    const prefix = begin(#brand in this, "verify", 4, arguments.length);
    toCryptoKey(key, prefix, "parameter 2");
    signature = toView(signature, prefix, "parameter 3");
    data = toView(data, prefix, "parameter 4");
    const { family, operation, params } = normalize(algorithm, ["verify"], prefix, "parameter 1");
    return operation.run(params, keyFor("verify", family.name, key), signature, data);
  }

  async digest(algorithm, data) {
    const prefix = begin(#brand in this, "digest", 2, arguments.length);
    data = toView(data, prefix, "parameter 2");
    return bufferOf(op_digest(toDigest(algorithm, prefix, "parameter 1"), data));
  }

  async generateKey(algorithm, extractable, keyUsages) {
    const prefix = begin(#brand in this, "generateKey", 3, arguments.length);
    keyUsages = toUsages(keyUsages, prefix, "parameter 3");
    const { operation, params } = normalize(algorithm, ["generateKey"], prefix, "parameter 1");
    return operation.run(params, !!extractable, keyUsages);
  }

  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    const prefix = begin(#brand in this, "deriveKey", 5, arguments.length);
    toCryptoKey(baseKey, prefix, "parameter 2");
    keyUsages = toUsages(keyUsages, prefix, "parameter 5");
    const { family, operation, params } = normalize(algorithm, ["deriveBits"], prefix, "parameter 1");
    const derived = normalize(derivedKeyType, ["importKey"], prefix, "parameter 3");
    const sized = normalize(derivedKeyType, ["keyLength"], prefix, "parameter 3");
    const material = keyFor("deriveKey", family.name, baseKey);
    const length = sized.operation.run(sized.params);
    const secret = cut(operation.run(params, material, length), length);
    return derived.operation.run(derived.params, "raw", secret, !!extractable, keyUsages);
  }

  async deriveBits(algorithm, baseKey, length = null) {
    const prefix = begin(#brand in this, "deriveBits", 2, arguments.length);
    toCryptoKey(baseKey, prefix, "parameter 2");
    length = toBitLength(length, prefix, "parameter 3");
    const { family, operation, params } = normalize(algorithm, ["deriveBits"], prefix, "parameter 1");
    const material = keyFor("deriveBits", family.name, baseKey);
    return bufferOf(cut(operation.run(params, material, length), length));
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    const prefix = begin(#brand in this, "importKey", 5, arguments.length);
    format = toKeyFormat(format, prefix, "parameter 1");
    keyUsages = toUsages(keyUsages, prefix, "parameter 5");
    const isJwk = format === "jwk";
    if (isBufferSource(keyData) === isJwk) {
      throw new TypeError(`${prefix}: key data of format "${format}" must be ${isJwk ? "a JsonWebKey" : "an ArrayBuffer or ArrayBufferView"}.`);
    }
    const data = isJwk ? keyData : toView(keyData, prefix, "parameter 2");
    const { operation, params } = normalize(algorithm, ["importKey"], prefix, "parameter 3");
    return operation.run(params, format, data, !!extractable, keyUsages);
  }

  async exportKey(format, key) {
    const prefix = begin(#brand in this, "exportKey", 2, arguments.length);
    format = toKeyFormat(format, prefix, "parameter 1");
    const data = exported(format, toCryptoKey(key, prefix, "parameter 2"));
    return format === "jwk" ? ObjectSetPrototypeOf(data, ObjectPrototype) : data;
  }

  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    const prefix = begin(#brand in this, "wrapKey", 4, arguments.length);
    format = toKeyFormat(format, prefix, "parameter 1");
    toCryptoKey(key, prefix, "parameter 2");
    toCryptoKey(wrappingKey, prefix, "parameter 3");
    const { family, operation, params } = normalize(wrapAlgorithm, ["wrapKey", "encrypt"], prefix, "parameter 4");
    const material = keyFor("wrapKey", family.name, wrappingKey);
    const data = exported(format, key);
    const bytes = format === "jwk" ? jsonBytes(data, family.name) : new Uint8Array(data);
    return operation.run(params, material, bytes);
  }

  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    const prefix = begin(#brand in this, "unwrapKey", 7, arguments.length);
    format = toKeyFormat(format, prefix, "parameter 1");
    wrappedKey = toView(wrappedKey, prefix, "parameter 2");
    toCryptoKey(unwrappingKey, prefix, "parameter 3");
    keyUsages = toUsages(keyUsages, prefix, "parameter 7");
    const { family, operation, params } = normalize(unwrapAlgorithm, ["unwrapKey", "decrypt"], prefix, "parameter 4");
    const imported = normalize(unwrappedKeyAlgorithm, ["importKey"], prefix, "parameter 5");
    const material = keyFor("unwrapKey", family.name, unwrappingKey);
    const bytes = new Uint8Array(operation.run(params, material, wrappedKey));
    const data = format === "jwk" ? parseJwk(bytes) : bytes;
    return imported.operation.run(imported.params, format, data, !!extractable, keyUsages);
  }

  /** Cloudflare's: whether two buffers hold the same bytes, in a time that doesn't tell where they differ. */
  timingSafeEqual(a, b) {
    const prefix = begin(#brand in this, "timingSafeEqual", 2, arguments.length);
    a = toView(a, prefix, "parameter 1");
    b = toView(b, prefix, "parameter 2");
    if (viewByteLength(a) !== viewByteLength(b)) throw new TypeError("Input buffers must have the same byte length.");
    return op_timing_safe_equal(a, b);
  }
}
defineInterface(SubtleCrypto);
noConstructor(SubtleCrypto);

function begin(hasBrand, method, required, given) {
  if (!hasBrand) illegalInvocation();
  const prefix = `Failed to execute '${method}' on 'SubtleCrypto'`;
  requiredArguments(given, required, prefix);
  return prefix;
}

/** encrypt, decrypt and sign: data in, bytes out. */
function transform(usage, algorithm, key, data, prefix) {
  toCryptoKey(key, prefix, "parameter 2");
  data = toView(data, prefix, "parameter 3");
  const { family, operation, params } = normalize(algorithm, [usage], prefix, "parameter 1");
  return operation.run(params, keyFor(usage, family.name, key), data);
}

/** The first `length` bits of a derived secret; all of it for null. */
function cut(secret, length) {
  if (length === null) return secret;
  if (length > secret.length * 8) {
    throw operationError(`Derived key length (${length} bits) is too long (should be at most ${secret.length * 8} bits).`);
  }
  const size = MathCeil(length / 8);
  return truncateBits(size === secret.length ? secret : copyBytes(TypedArrayPrototypeSubarray(secret, 0, size)), length);
}

function exported(format, key) {
  const material = materialOf(key);
  const { exportKey } = familyOf(material);
  if (exportKey === undefined) throw unknownFormat("export", format, material.name);
  if (!material.extractable) throw new DOMException(`Attempt to export non-extractable ${material.name} key.`, "InvalidAccessError");
  return exportKey.run(format, material);
}

/** A JSON Web Key in UTF-8. AES-KW takes multiples of 8 bytes: spaces go before the closing brace, where JSON allows them. */
function jsonBytes(jwk, name) {
  const json = JSONStringify(jwk);
  if (name !== "AES-KW" || json.length % 8 === 0) return utf8Encode(json);
  return utf8Encode(`${StringPrototypePadEnd(StringPrototypeSlice(json, 0, -1), MathCeil(json.length / 8) * 8 - 1)}}`);
}

function parseJwk(bytes) {
  let jwk;
  try {
    jwk = JSONParse(utf8Decode(bytes));
  } catch {
    throw dataError("Unwrapped data is no JSON Web Key: it can't be read as JSON.");
  }
  if (typeof jwk !== "object" || jwk === null) throw dataError("Unwrapped data is no JSON Web Key: it is no JSON object.");
  return jwk;
}
