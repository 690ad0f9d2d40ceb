// Names of algorithms (section 18.4), and the hash functions.

import { primordials } from "../primordials.js";
import { converters, createDictionary, isObject } from "../webidl.js";
import { DOMException } from "../domexception.js";
const { SafeMap, StringPrototypeToUpperCase } = primordials;

// The size of a block in bits, of a digest in bytes, and what ends the names that JSON Web Keys have for algorithms with the hash.
export const HASHES = new SafeMap()
  .set("SHA-1", { __proto__: null, block: 512, size: 20, jwk: "1" })
  .set("SHA-256", { __proto__: null, block: 512, size: 32, jwk: "256" })
  .set("SHA-384", { __proto__: null, block: 1024, size: 48, jwk: "384" })
  .set("SHA-512", { __proto__: null, block: 1024, size: 64, jwk: "512" })
  .set("MD5", { __proto__: null, block: 512, size: 16, jwk: undefined });

const toNamed = createDictionary("Algorithm", [{ key: "name", converter: converters.DOMString, required: true }]);

/** `AlgorithmIdentifier`: an object with a name, or the name. The name comes back in upper case as well. */
export function nameOf(algorithm, prefix, context) {
  const name = isObject(algorithm) ? toNamed(algorithm, prefix, context).name : converters.DOMString(algorithm, prefix, context);
  return { name: StringPrototypeToUpperCase(name), given: name };
}

function unknownDigest() {
  return new DOMException("Unrecognized or unimplemented digest algorithm requested.", "NotSupportedError");
}

/** A hash for use within another algorithm. */
export function toHash(algorithm, prefix, context) {
  const name = toDigest(algorithm, prefix, context);
  if (name === "MD5") throw unknownDigest();
  return name;
}

/** A hash by itself or in HMAC: Cloudflare has MD5 there too. */
export function toDigest(algorithm, prefix, context) {
  const { name } = nameOf(algorithm, prefix, context);
  if (!HASHES.has(name)) throw unknownDigest();
  return name;
}
