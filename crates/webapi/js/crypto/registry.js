// Which algorithm does what (section 18.2): an entry of a family has, by operation, `params` (the converter of its parameters, none where
// it has none) and `run`.

import { primordials } from "../primordials.js";
import { DOMException } from "../domexception.js";
import { AES } from "./aes.js";
import { CURVES } from "./curves.js";
import { nameOf } from "./hashes.js";
import { HMAC } from "./hmac.js";
import { KDF } from "./kdf.js";
import { RSA } from "./rsa.js";
const { ArrayPrototypeConcat, SafeMap, StringPrototypeToUpperCase } = primordials;

const REGISTRY = new SafeMap();
const families = ArrayPrototypeConcat(AES, RSA, CURVES, KDF, [HMAC]);
for (let i = 0; i < families.length; i++) REGISTRY.set(StringPrototypeToUpperCase(families[i].name), families[i]);

const NONE = { __proto__: null };

/** What the error of an unknown algorithm calls the operation. */
const VERBS = {
  __proto__: null, encrypt: "encryption", decrypt: "decryption", sign: "signing", verify: "verification", deriveBits: "key derivation",
  wrapKey: "key wrapping", unwrapKey: "key unwrapping", generateKey: "key generation", importKey: "key import", keyLength: "key derivation",
};

/**
 * Normalises an algorithm for the first of `operations` that it knows (section 18.4.4): { family, operation, params }.
 */
export function normalize(algorithm, operations, prefix, context) {
  const { name, given } = nameOf(algorithm, prefix, context);
  const family = REGISTRY.get(name);
  for (let i = 0; family !== undefined && i < operations.length; i++) {
    const operation = family[operations[i]];
    if (operation === undefined) continue;
    const params = operation.params === undefined ? NONE : operation.params(algorithm, prefix, context);
    return { __proto__: null, family, operation, params };
  }
  const unknown = operations[0] === "generateKey" || operations[0] === "importKey" ? "Unrecognized" : "Unrecognized or unimplemented";
  throw new DOMException(`${unknown} ${VERBS[operations[0]]} algorithm "${given}" requested.`, "NotSupportedError");
}

export function familyOf(material) {
  return REGISTRY.get(StringPrototypeToUpperCase(material.name));
}
