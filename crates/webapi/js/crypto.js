// Web Cryptography (https://w3c.github.io/webcrypto/): random values, digests, HMAC, and Cloudflare's DigestStream, MD5 and
// timingSafeEqual. The arithmetic is native (src/crypto.rs).

import { primordials } from "./primordials.js";
import {
  converters, createDictionary, createEnum, createInterface, createSequence, defineInterface, illegalConstructor, illegalInvocation,
  isBufferSource, isObject, requiredArguments, viewOf,
} from "./webidl.js";
import { DOMException } from "./domexception.js";
import { utf8Encode } from "./encoding.js";
import { WritableStream } from "./streams/writable.js";
import {
  op_base64url_decode, op_base64url_encode, op_digest, op_digest_finish, op_digest_start, op_digest_update, op_hmac, op_random_bytes,
  op_random_fill, op_random_uuid, op_timing_safe_equal,
} from "skerry:ops";
const {
  ArrayBufferPrototypeSlice, ArrayPrototypeIncludes, ArrayPrototypePush, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset, MathCeil, ObjectDefineProperty, Promise, PromisePrototypeThen, SafeMap,
  StringPrototypeToUpperCase, Symbol, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag, Uint8Array,
} = primordials;

const INTERNAL = Symbol("crypto");

function noConstructor(Class) {
  ObjectDefineProperty(Class, "length", { __proto__: null, configurable: true, value: 0 });
}

function toView(value, prefix, context) {
  return viewOf(converters.BufferSource(value, prefix, context));
}

function viewByteLength(view) {
  return TypedArrayPrototypeGetSymbolToStringTag(view) === undefined
    ? DataViewPrototypeGetByteLength(view)
    : TypedArrayPrototypeGetByteLength(view);
}

function copyBytes(view) {
  const isTyped = TypedArrayPrototypeGetSymbolToStringTag(view) !== undefined;
  const buffer = isTyped ? TypedArrayPrototypeGetBuffer(view) : DataViewPrototypeGetBuffer(view);
  const offset = isTyped ? TypedArrayPrototypeGetByteOffset(view) : DataViewPrototypeGetByteOffset(view);
  return new Uint8Array(ArrayBufferPrototypeSlice(buffer, offset, offset + viewByteLength(view)));
}

// === Algorithms (section 18) ===

// Block size in bits, and the name that JSON Web Keys have for HMAC with the hash.
const HASHES = new SafeMap()
  .set("SHA-1", { block: 512, jwk: "HS1" })
  .set("SHA-256", { block: 512, jwk: "HS256" })
  .set("SHA-384", { block: 1024, jwk: "HS384" })
  .set("SHA-512", { block: 1024, jwk: "HS512" })
  .set("MD5", { block: 512, jwk: undefined });

const toNamed = createDictionary("Algorithm", [{ key: "name", converter: converters.DOMString, required: true }]);

/** `AlgorithmIdentifier`: an object with a name, or the name. The name comes back in upper case. */
function nameOf(algorithm, prefix, context) {
  const name = isObject(algorithm) ? toNamed(algorithm, prefix, context).name : converters.DOMString(algorithm, prefix, context);
  return { name: StringPrototypeToUpperCase(name), given: name };
}

function toHash(algorithm, prefix, context) {
  const { name } = nameOf(algorithm, prefix, context);
  if (!HASHES.has(name)) throw new DOMException("Unrecognized or unimplemented digest algorithm requested.", "NotSupportedError");
  return name;
}

function requireHmac(algorithm, prefix, context, operation) {
  const { name, given } = nameOf(algorithm, prefix, context);
  if (name !== "HMAC") {
    throw new DOMException(`Unrecognized or unimplemented ${operation} algorithm "${given}" requested.`, "NotSupportedError");
  }
}

const toHmacParameters = createDictionary("HmacKeyGenParams", [
  { key: "hash", converter: (value, prefix, context) => toHash(value, prefix, context), required: true },
  { key: "length", converter: converters["unsigned long"], options: { __proto__: null, enforceRange: true } },
]);

// === Keys ===

const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
const toUsages = createSequence(createEnum("KeyUsage", USAGES));
const toKeyFormat = createEnum("KeyFormat", ["raw", "spki", "pkcs8", "jwk"]);

export class CryptoKey {
  #type;
  #extractable;
  #algorithm;
  #usages;
  #material;

  constructor(token, type, extractable, algorithm, usages, material) {
    if (token !== INTERNAL) illegalConstructor();
    this.#type = type;
    this.#extractable = extractable;
    this.#algorithm = algorithm;
    this.#usages = usages;
    this.#material = material;
  }

  get type() { return #type in this ? this.#type : illegalInvocation(); }
  get extractable() { return #type in this ? this.#extractable : illegalInvocation(); }
  get algorithm() { return #type in this ? this.#algorithm : illegalInvocation(); }
  get usages() { return #type in this ? this.#usages : illegalInvocation(); }

  static {
    isCryptoKey = (value) => isObject(value) && #type in value;
    // What a Worker does to `key.algorithm` and `key.usages` must not change the key.
    keyInner = (key) => key.#material;
    isExtractable = (key) => key.#extractable;
  }
}
var isCryptoKey, keyInner, isExtractable;
defineInterface(CryptoKey);
noConstructor(CryptoKey);
const toCryptoKey = createInterface("CryptoKey", (value) => isCryptoKey(value));

function newHmacKey(bytes, hash, length, extractable, usages) {
  const visible = [];
  for (let i = 0; i < USAGES.length; i++) {
    if (ArrayPrototypeIncludes(usages, USAGES[i])) ArrayPrototypePush(visible, USAGES[i]);
  }
  const material = {
    __proto__: null, name: "HMAC", bytes, hash,
    sign: ArrayPrototypeIncludes(usages, "sign"), verify: ArrayPrototypeIncludes(usages, "verify"),
  };
  return new CryptoKey(INTERNAL, "secret", extractable, { name: "HMAC", hash: { name: hash }, length }, visible, material);
}

function checkHmacUsages(usages, verb) {
  for (let i = 0; i < usages.length; i++) {
    if (usages[i] !== "sign" && usages[i] !== "verify") {
      throw new DOMException(`Attempt to ${verb} HMAC key with invalid usage "${usages[i]}".`, "SyntaxError");
    }
  }
}

function requireUsages(usages) {
  if (usages.length === 0) throw new DOMException("Secret/private CryptoKeys must have at least one usage.", "SyntaxError");
}

/** The first `length` bits of `bytes`, the rest of the last byte zeroed. */
function truncateBits(bytes, length) {
  const spare = bytes.length * 8 - length;
  if (spare > 0) bytes[bytes.length - 1] &= 0xff << spare;
  return bytes;
}

/** No key needs to be longer than a hash's block; this is far beyond. */
const MAX_KEY_BITS = 1 << 20;

function generateHmac(parameters, extractable, usages) {
  checkHmacUsages(usages, "generate");
  const { hash, length = HASHES.get(hash).block } = parameters;
  if (length === 0) throw new DOMException("HMAC key length must be a non-zero unsigned long integer.", "OperationError");
  if (length > MAX_KEY_BITS) throw new DOMException(`HMAC key length may be ${MAX_KEY_BITS} bits at most.`, "OperationError");
  requireUsages(usages);
  return newHmacKey(truncateBits(op_random_bytes(MathCeil(length / 8)), length), hash, length, extractable, usages);
}

function importHmac(bytes, parameters, extractable, usages) {
  const bits = TypedArrayPrototypeGetByteLength(bytes) * 8;
  const { hash, length = bits } = parameters;
  if (length === 0 || length > bits || length <= bits - 8) {
    throw new DOMException(
      `Imported HMAC key length (${length}) must be a non-zero value up to 7 bits less than, and no greater than, the bit length of ` +
      `the raw key data (${bits}).`,
      "DataError",
    );
  }
  requireUsages(usages);
  return newHmacKey(truncateBits(bytes, length), hash, length, extractable, usages);
}

const toJsonWebKey = createDictionary("JsonWebKey", [
  { key: "alg", converter: converters.DOMString },
  { key: "ext", converter: converters.boolean },
  { key: "k", converter: converters.DOMString },
  { key: "key_ops", converter: converters["sequence<DOMString>"] },
  { key: "kty", converter: converters.DOMString },
  { key: "use", converter: converters.DOMString },
]);

/** The bytes of a symmetric JSON Web Key (RFC 7517, RFC 7518 section 6.4) that may be used for HMAC as asked. */
function bytesOfJwk(jwk, hash, extractable, usages) {
  const invalid = (message) => new DOMException(message, "DataError");
  if (jwk.kty !== "oct") throw invalid(`HMAC key import requires a JSON Web Key with Key Type parameter "kty" equal to "oct" (encountered "${jwk.kty}").`);
  if (jwk.k === undefined) throw invalid("HMAC key import requires a base64Url encoding of the key.");
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== "sig") {
    throw invalid(`HMAC key import requires a JSON Web Key with Public Key Use parameter "use" equal to "sig" (encountered "${jwk.use}").`);
  }
  if (jwk.key_ops !== undefined) {
    for (let i = 0; i < jwk.key_ops.length; i++) {
      for (let j = 0; j < i; j++) {
        if (jwk.key_ops[i] === jwk.key_ops[j]) throw invalid("A JSON Web Key's Key Operations parameter (\"key_ops\") contains duplicates.");
      }
    }
    for (let i = 0; i < usages.length; i++) {
      if (!ArrayPrototypeIncludes(jwk.key_ops, usages[i])) {
        throw invalid(`HMAC key import requires "${usages[i]}" among the Key Operations ("key_ops") of the JSON Web Key.`);
      }
    }
  }
  if (jwk.ext === false && extractable) throw invalid("HMAC key import of an extractable key requires a JSON Web Key that is extractable (\"ext\").");
  const { jwk: expected } = HASHES.get(hash);
  if (jwk.alg !== undefined && jwk.alg !== expected) {
    throw invalid(`HMAC key import requires a JSON Web Key with Algorithm parameter "alg" equal to "${expected}" (encountered "${jwk.alg}").`);
  }
  const bytes = op_base64url_decode(jwk.k);
  if (bytes === undefined) throw invalid("HMAC key import requires a base64Url encoding of the key.");
  return bytes;
}

function hmacToJwk(key) {
  const { bytes, hash, sign, verify } = keyInner(key);
  const operations = [];
  if (sign) ArrayPrototypePush(operations, "sign");
  if (verify) ArrayPrototypePush(operations, "verify");
  return { kty: "oct", k: op_base64url_encode(bytes), alg: HASHES.get(hash).jwk, key_ops: operations, ext: isExtractable(key) };
}

/** The material of `key` when it may do what is asked. */
function keyFor(usage, key) {
  const material = keyInner(key);
  if (!material[usage]) {
    throw new DOMException(`Requested key usage "${usage}" does not match any usage listed in this CryptoKey.`, "InvalidAccessError");
  }
  return material;
}

// === SubtleCrypto (section 14) ===

export class SubtleCrypto {
  #brand = true;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
  }

  async encrypt(algorithm, key, data) {
    cipher(#brand in this, "encrypt", arguments);
  }

  async decrypt(algorithm, key, data) {
    cipher(#brand in this, "decrypt", arguments);
  }

  async sign(algorithm, key, data) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'sign' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 3, prefix);
    toCryptoKey(key, prefix, "parameter 2");
    data = toView(data, prefix, "parameter 3");
    requireHmac(algorithm, prefix, "parameter 1", "signing");
    const { hash, bytes } = keyFor("sign", key);
    return TypedArrayPrototypeGetBuffer(op_hmac(hash, bytes, data));
  }

  async verify(algorithm, key, signature, data) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'verify' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 4, prefix);
    toCryptoKey(key, prefix, "parameter 2");
    signature = toView(signature, prefix, "parameter 3");
    data = toView(data, prefix, "parameter 4");
    requireHmac(algorithm, prefix, "parameter 1", "signing");
    const { hash, bytes } = keyFor("verify", key);
    return op_timing_safe_equal(op_hmac(hash, bytes, data), signature);
  }

  async digest(algorithm, data) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'digest' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 2, prefix);
    data = toView(data, prefix, "parameter 2");
    return TypedArrayPrototypeGetBuffer(op_digest(toHash(algorithm, prefix, "parameter 1"), data));
  }

  async generateKey(algorithm, extractable, keyUsages) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'generateKey' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 3, prefix);
    keyUsages = toUsages(keyUsages, prefix, "parameter 3");
    const { name, given } = nameOf(algorithm, prefix, "parameter 1");
    if (name !== "HMAC") throw new DOMException(`Unrecognized key generation algorithm "${given}" requested.`, "NotSupportedError");
    return generateHmac(toHmacParameters(algorithm, prefix, "parameter 1"), !!extractable, keyUsages);
  }

  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    derive(#brand in this, "deriveKey", 5, arguments);
  }

  async deriveBits(algorithm, baseKey, length = null) {
    derive(#brand in this, "deriveBits", 2, arguments);
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'importKey' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 5, prefix);
    format = toKeyFormat(format, prefix, "parameter 1");
    keyUsages = toUsages(keyUsages, prefix, "parameter 5");
    extractable = !!extractable;
    const isJwk = format === "jwk";
    if (isBufferSource(keyData) === isJwk) {
      throw new TypeError(`${prefix}: key data of format "${format}" must be ${isJwk ? "a JsonWebKey" : "an ArrayBuffer or ArrayBufferView"}.`);
    }
    const { name, given } = nameOf(algorithm, prefix, "parameter 3");
    if (name !== "HMAC") throw new DOMException(`Unrecognized key import algorithm "${given}" requested.`, "NotSupportedError");
    const parameters = toHmacParameters(algorithm, prefix, "parameter 3");
    checkHmacUsages(keyUsages, "import secret");
    if (isJwk) {
      const jwk = toJsonWebKey(keyData, prefix, "parameter 2");
      return importHmac(bytesOfJwk(jwk, parameters.hash, extractable, keyUsages), parameters, extractable, keyUsages);
    }
    if (format !== "raw") throw new DOMException(`Unrecognized key import format "${format}" for HMAC.`, "NotSupportedError");
    return importHmac(copyBytes(toView(keyData, prefix, "parameter 2")), parameters, extractable, keyUsages);
  }

  async exportKey(format, key) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'exportKey' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 2, prefix);
    format = toKeyFormat(format, prefix, "parameter 1");
    toCryptoKey(key, prefix, "parameter 2");
    const { name, bytes } = keyInner(key);
    if (!isExtractable(key)) throw new DOMException(`Attempt to export non-extractable ${name} key.`, "InvalidAccessError");
    switch (format) {
      case "raw": return TypedArrayPrototypeGetBuffer(copyBytes(bytes));
      case "jwk": return hmacToJwk(key);
      default: throw new DOMException(`Unrecognized or unimplemented key export format "${format}" for ${name}.`, "NotSupportedError");
    }
  }

  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'wrapKey' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 4, prefix);
    unsupported("key wrapping", wrapAlgorithm, prefix, "parameter 4");
  }

  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'unwrapKey' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 7, prefix);
    unsupported("key unwrapping", unwrapAlgorithm, prefix, "parameter 4");
  }

  /** Cloudflare's: whether two buffers hold the same bytes, in a time that doesn't tell where they differ. */
  timingSafeEqual(a, b) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'timingSafeEqual' on 'SubtleCrypto'";
    requiredArguments(arguments.length, 2, prefix);
    a = toView(a, prefix, "parameter 1");
    b = toView(b, prefix, "parameter 2");
    if (viewByteLength(a) !== viewByteLength(b)) throw new TypeError("Input buffers must have the same byte length.");
    return op_timing_safe_equal(a, b);
  }
}
defineInterface(SubtleCrypto);
noConstructor(SubtleCrypto);

function unsupported(operation, algorithm, prefix, context) {
  const { given } = nameOf(algorithm, prefix, context);
  throw new DOMException(`Unrecognized or unimplemented ${operation} algorithm "${given}" requested.`, "NotSupportedError");
}

function cipher(hasBrand, method, args) {
  if (!hasBrand) illegalInvocation();
  const prefix = `Failed to execute '${method}' on 'SubtleCrypto'`;
  requiredArguments(args.length, 3, prefix);
  toCryptoKey(args[1], prefix, "parameter 2");
  converters.BufferSource(args[2], prefix, "parameter 3");
  unsupported(`${method}ion`, args[0], prefix, "parameter 1");
}

function derive(hasBrand, method, required, args) {
  if (!hasBrand) illegalInvocation();
  const prefix = `Failed to execute '${method}' on 'SubtleCrypto'`;
  requiredArguments(args.length, required, prefix);
  toCryptoKey(args[1], prefix, "parameter 2");
  unsupported("key derivation", args[0], prefix, "parameter 1");
}

// === DigestStream ===

export class DigestStream extends WritableStream {
  #state;

  constructor(algorithm) {
    const prefix = "Failed to construct 'DigestStream'";
    requiredArguments(arguments.length, 1, prefix);
    const hash = toHash(algorithm, prefix, "parameter 1");
    const state = { __proto__: null, rid: -1, written: 0, promise: undefined, resolve: undefined, reject: undefined };
    state.promise = new Promise((resolve, reject) => {
      state.resolve = resolve;
      state.reject = reject;
    });
    // A digest that nobody waits for is not an unhandled rejection.
    PromisePrototypeThen(state.promise, undefined, () => {});
    super({
      __proto__: null,
      write(chunk) {
        let view;
        if (typeof chunk === "string") {
          view = utf8Encode(chunk);
        } else if (isBufferSource(chunk)) {
          view = toView(chunk);
        } else {
          const error = new TypeError(
            "DigestStream is a byte stream but received an object of non-ArrayBuffer/ArrayBufferView/string type on its writable side.",
          );
          state.reject(error);
          throw error;
        }
        if (state.rid === -1) state.rid = op_digest_start(hash);
        op_digest_update(state.rid, view);
        state.written += viewByteLength(view);
      },
      close() {
        if (state.rid === -1) state.rid = op_digest_start(hash);
        state.resolve(TypedArrayPrototypeGetBuffer(op_digest_finish(state.rid)));
      },
      abort(reason) {
        state.reject(reason);
      },
    });
    this.#state = state;
  }

  get digest() { return #state in this ? this.#state.promise : illegalInvocation(); }
  get bytesWritten() { return #state in this ? this.#state.written : illegalInvocation(); }
}
defineInterface(DigestStream);

// === Crypto (section 10) ===

const subtle = new SubtleCrypto(INTERNAL);

export class Crypto {
  #brand = true;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
  }

  get subtle() { return #brand in this ? subtle : illegalInvocation(); }

  getRandomValues(array) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'getRandomValues' on 'Crypto'";
    requiredArguments(arguments.length, 1, prefix);
    converters.ArrayBufferView(array, prefix, "parameter 1");
    switch (TypedArrayPrototypeGetSymbolToStringTag(array)) {
      case undefined: case "Float16Array": case "Float32Array": case "Float64Array":
        throw new DOMException("ArrayBufferView argument to getRandomValues() must be an integer-typed view.", "TypeMismatchError");
    }
    const length = TypedArrayPrototypeGetByteLength(array);
    if (length > 65536) {
      throw new DOMException(`getRandomValues() only accepts buffers of size <= 64K but provided ${length} bytes.`, "QuotaExceededError");
    }
    op_random_fill(array);
    return array;
  }

  randomUUID() {
    if (!(#brand in this)) illegalInvocation();
    return op_random_uuid();
  }
}
defineInterface(Crypto);
noConstructor(Crypto);
ObjectDefineProperty(Crypto.prototype, "DigestStream", { __proto__: null, configurable: true, writable: true, value: DigestStream });

export const crypto = new Crypto(INTERNAL);
