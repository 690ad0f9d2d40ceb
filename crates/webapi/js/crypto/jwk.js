// JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037) as Web Cryptography takes and gives them (section 15).

import { primordials } from "../primordials.js";
import { converters, createDictionary, createSequence } from "../webidl.js";
import { dataError } from "./key.js";
import { DOMException } from "../domexception.js";
import { op_base64url_decode, op_base64url_encode } from "skerry:ops";
const { ArrayPrototypeIncludes, ArrayPrototypePush, ReflectOwnKeys, StringPrototypeIncludes } = primordials;

const MEMBERS = ["alg", "crv", "d", "dp", "dq", "e", "k", "kty", "n", "p", "q", "qi", "use", "x", "y"];

const members = [
  { key: "ext", converter: converters.boolean },
  { key: "key_ops", converter: converters["sequence<DOMString>"] },
  { key: "oth", converter: createSequence(converters.object) },
];
for (let i = 0; i < MEMBERS.length; i++) ArrayPrototypePush(members, { key: MEMBERS[i], converter: converters.DOMString });
export const toJsonWebKey = createDictionary("JsonWebKey", members);

/**
 * Throws a DataError unless `jwk` is a key of type `kty` that may be used as asked. `use` is "sig" or "enc", `algorithms` are the
 * values that its "alg" may have; undefined where any will do.
 */
export function checkJwk(jwk, { name, kty, use, algorithms, extractable, usages }) {
  if (jwk.kty !== kty) {
    throw dataError(`${name} key import requires a JSON Web Key with Key Type parameter "kty" equal to "${kty}" (encountered "${jwk.kty}").`);
  }
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) {
    throw dataError(`${name} key import requires a JSON Web Key with Public Key Use parameter "use" equal to "${use}" (encountered "${jwk.use}").`);
  }
  if (jwk.key_ops !== undefined) checkOperations(jwk.key_ops, name, usages);
  if (jwk.ext === false && extractable) {
    throw dataError(`${name} key import of an extractable key requires a JSON Web Key that is extractable ("ext").`);
  }
  if (jwk.alg !== undefined && algorithms !== undefined && !ArrayPrototypeIncludes(algorithms, jwk.alg)) {
    throw dataError(`${name} key import requires a JSON Web Key with Algorithm parameter "alg" equal to "${algorithms[0]}" (encountered "${jwk.alg}").`);
  }
}

function checkOperations(operations, name, usages) {
  for (let i = 0; i < operations.length; i++) {
    for (let j = 0; j < i; j++) {
      if (operations[i] === operations[j]) throw dataError("A JSON Web Key's Key Operations parameter (\"key_ops\") contains duplicates.");
    }
    if (i > MAX_OPERATIONS) throw dataError("A JSON Web Key's Key Operations parameter (\"key_ops\") is too long.");
  }
  for (let i = 0; i < usages.length; i++) {
    if (!ArrayPrototypeIncludes(operations, usages[i])) {
      throw dataError(`${name} key import requires "${usages[i]}" among the Key Operations ("key_ops") of the JSON Web Key.`);
    }
  }
}

/** Every pair of operations is compared; there are eight that mean anything. */
const MAX_OPERATIONS = 64;

/** The bytes of the member `key`; a DataError when it is no base64url or isn't there. */
export function jwkBytes(jwk, key, name) {
  const bytes = jwk[key] === undefined ? undefined : op_base64url_decode(jwk[key]);
  if (bytes === undefined || StringPrototypeIncludes(jwk[key], "=")) {
    throw dataError(`${name} key import requires a base64Url encoding of the JSON Web Key's "${key}" parameter.`);
  }
  return bytes;
}

/** The bytes of several members, in their order. */
export function jwkParts(jwk, keys, name) {
  const parts = [];
  for (let i = 0; i < keys.length; i++) ArrayPrototypePush(parts, jwkBytes(jwk, keys[i], name));
  return parts;
}

/** A JSON Web Key of `material`, with `parts` as its members `keys`; without prototype, so that no setter of the Worker's sees it. */
export function newJwk(material, kty, keys, parts, more) {
  const jwk = { __proto__: null, kty };
  const extra = ReflectOwnKeys(more);
  for (let i = 0; i < extra.length; i++) if (more[extra[i]] !== undefined) jwk[extra[i]] = more[extra[i]];
  for (let i = 0; i < keys.length; i++) jwk[keys[i]] = op_base64url_encode(parts[i]);
  jwk.key_ops = [];
  for (let i = 0; i < material.usages.length; i++) ArrayPrototypePush(jwk.key_ops, material.usages[i]);
  jwk.ext = material.extractable;
  return jwk;
}

export function refuseMorePrimes(jwk) {
  if (jwk.oth !== undefined) throw new DOMException("Multi-prime RSA private keys are not supported.", "NotSupportedError");
}
